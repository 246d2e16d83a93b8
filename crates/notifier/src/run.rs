//! The service: reads changes from the incident stream, and sends again what is due.

use crate::courier::{Courier, Route};
use crate::deliveries::{Deliveries, Records};
use crate::error::chain;
use crate::sink::{AnySink, Sink};
use crate::{NotifierError, Settings};
use bus::{Bus, Consumer, Delivery, Failure, Handler, SharedSettings};
use model::{Change, Timestamp};
use std::sync::Arc;
use std::time::Duration;
use store::{Store, StoreError};
use tokio::time::{Interval, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

/// Until `shutdown`, after which messages under way are waited for, for as long as a channel's `timeout_ms` at most.
///
/// A TLS provider must have been installed, and telemetry started.
///
/// # Errors
/// If the settings are wrong, a sink cannot be opened, or the loop that reads the stream ends before its time.
pub async fn run(settings: Settings, bus: Bus, store: Store, shutdown: CancellationToken) -> Result<(), NotifierError> {
    let mut routes = Vec::new();
    for channel in settings.resolve().map_err(NotifierError::Settings)? {
        let sink = AnySink::open(&channel).await?;
        routes.push(Route::new(channel, sink));
    }
    let courier = Courier::new(Records { store, bus: bus.clone() }, routes, settings.console_url);
    let mut intake = Intake(Arc::clone(&courier));
    let reading_ended = CancellationToken::new();
    let reading = async {
        let outcome = bus::shared(&bus, &Consumer::notifier(), &mut intake, SharedSettings::default(), shutdown).await;
        reading_ended.cancel();
        outcome
    };
    let (outcome, (), ()) =
        tokio::join!(reading, close_windows(&courier, &reading_ended), retry_due(&courier, &reading_ended));
    courier.finish().await;
    Ok(outcome?)
}

/// How often windows are closed, and how often deliveries that are due are looked for.
const WINDOWS: Duration = Duration::from_millis(250);
const DUE: Duration = Duration::from_secs(1);

pub(crate) struct Intake<D, S>(pub(crate) Arc<Courier<D, S>>);

impl<D: Deliveries, S: Sink> Handler for Intake<D, S> {
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

fn failure(error: StoreError) -> Failure {
    let reason = chain(&error);
    if error.is_transient() { Failure::Unavailable(reason) } else { Failure::Retry(reason) }
}

/// Tells what was gathered, until `end`.
async fn close_windows<D: Deliveries, S: Sink>(courier: &Arc<Courier<D, S>>, end: &CancellationToken) {
    let mut ticker = ticker(WINDOWS);
    while next(&mut ticker, end).await {
        courier.close_windows();
    }
}

/// Tries again what is due, until `end`.
async fn retry_due<D: Deliveries, S: Sink>(courier: &Arc<Courier<D, S>>, end: &CancellationToken) {
    let mut ticker = ticker(DUE);
    let mut is_failing = false;
    while next(&mut ticker, end).await {
        match courier.retry_due().await {
            Ok(()) => is_failing = false,
            Err(error) if is_failing => tracing::debug!(error = chain(&error), "deliveries cannot be tried again yet"),
            Err(error) => {
                is_failing = true;
                tracing::warn!(error = chain(&error), "deliveries cannot be tried again for now");
            }
        }
    }
}

fn ticker(period: Duration) -> Interval {
    let mut ticker = tokio::time::interval(period);
    ticker.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticker
}

/// False at the end.
async fn next(ticker: &mut Interval, end: &CancellationToken) -> bool {
    tokio::select! {
        () = end.cancelled() => false,
        _ = ticker.tick() => true,
    }
}
