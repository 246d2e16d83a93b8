//! The service: reads changes from the incident stream, and retries deliveries that are due.

use crate::deliveries::{Deliveries, StoredDeliveries};
use crate::dispatcher::{Dispatcher, Sender};
use crate::message::Frame;
use crate::sink::{AnySink, Sink};
use crate::{NotifierError, Settings};
use bus::{Bus, Consumer, Delivery, Failure, Handler, SharedSettings};
use model::{Change, Timestamp};
use runtime::error::chain;
use std::sync::Arc;
use std::time::Duration;
use store::{Store, StoreError};
use tokio::time::{Interval, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

/// Runs until `shutdown`, then waits for messages in flight, at most for the longest `timeout_ms` of a destination.
///
/// Install a TLS provider and start telemetry before.
///
/// # Errors
/// If the settings are invalid, a destination cannot be opened, or the loop that reads the stream fails.
pub async fn run(settings: Settings, bus: Bus, store: Store, shutdown: CancellationToken) -> Result<(), NotifierError> {
    let mut senders = Vec::new();
    for destination in settings.resolve().map_err(NotifierError::Settings)? {
        let sink = AnySink::open(&destination).await?;
        senders.push(Sender::new(destination, sink));
    }
    let dispatcher = Dispatcher::new(StoredDeliveries { store, bus: bus.clone() }, senders, Frame::of(&settings));
    let mut handler = ChangeHandler(Arc::clone(&dispatcher));
    let reading_ended = CancellationToken::new();
    let reading = async {
        let outcome = bus::shared(&bus, &Consumer::notifier(), &mut handler, SharedSettings::default(), shutdown).await;
        reading_ended.cancel();
        outcome
    };
    let (outcome, (), ()) =
        tokio::join!(reading, close_windows(&dispatcher, &reading_ended), retry_due(&dispatcher, &reading_ended));
    dispatcher.finish().await;
    Ok(outcome?)
}

/// Time between two checks for windows that have ended: digests are late by at most this.
const WINDOWS: Duration = Duration::from_millis(250);
/// Time between two checks for deliveries that are due.
const DUE: Duration = Duration::from_secs(1);

/// Hands changes from the bus to the dispatcher.
pub(crate) struct ChangeHandler<D, S>(pub(crate) Arc<Dispatcher<D, S>>);

impl<D: Deliveries, S: Sink> Handler for ChangeHandler<D, S> {
    type Item = Change;

    async fn handle(&mut self, deliveries: Vec<Delivery<Change>>) -> Result<(), Failure> {
        for delivery in deliveries {
            for item in delivery.items {
                self.0.accept(item, Timestamp(delivery.published_ms)).await.map_err(failure)?;
            }
        }
        Ok(())
    }
}

/// A transient error means that the database is away: that does not count as an attempt of the message.
fn failure(error: StoreError) -> Failure {
    let reason = chain(&error);
    if error.is_transient() { Failure::Unavailable(reason) } else { Failure::Retry(reason) }
}

async fn close_windows<D: Deliveries, S: Sink>(dispatcher: &Arc<Dispatcher<D, S>>, stop: &CancellationToken) {
    let mut ticker = ticker(WINDOWS);
    while next(&mut ticker, stop).await {
        dispatcher.close_windows();
    }
}

async fn retry_due<D: Deliveries, S: Sink>(dispatcher: &Arc<Dispatcher<D, S>>, stop: &CancellationToken) {
    let mut ticker = ticker(DUE);
    let mut is_failing = false;
    while next(&mut ticker, stop).await {
        match dispatcher.retry_due().await {
            Ok(()) => is_failing = false,
            Err(error) if is_failing => tracing::debug!(error = chain(&error), "deliveries still cannot be retried"),
            Err(error) => {
                is_failing = true;
                tracing::warn!(error = chain(&error), "deliveries cannot be retried for now");
            }
        }
    }
}

fn ticker(period: Duration) -> Interval {
    let mut ticker = tokio::time::interval(period);
    ticker.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticker
}

/// Waits for the next tick. Returns `false` once stopped.
async fn next(ticker: &mut Interval, stop: &CancellationToken) -> bool {
    tokio::select! {
        () = stop.cancelled() => false,
        _ = ticker.tick() => true,
    }
}
