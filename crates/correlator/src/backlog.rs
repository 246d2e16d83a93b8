//! Measures what waits in the outbox: beside the relay, so that it is told also where none gets on.

use crate::error::chain;
use crate::meter::Meter;
use std::time::Duration;
use store::{Store, StoreError};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

const PERIOD: Duration = Duration::from_secs(10);

/// Until `shutdown`; what cannot be measured is measured later.
pub(crate) async fn run(store: &Store, meter: &Meter, shutdown: &CancellationToken) {
    let mut ticks = interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            _ = ticks.tick() => {}
        }
        if let Err(error) = measure(store, meter).await {
            tracing::warn!(error = chain(&error), "the outbox cannot be measured, trying again later");
        }
    }
}

pub(crate) async fn measure(store: &Store, meter: &Meter) -> Result<(), StoreError> {
    let (messages, oldest) = store.outbox_backlog().await?;
    // By the clock that wrote the time of the oldest.
    let age = match oldest {
        Some(oldest) => store.clock().await?.since(oldest),
        None => 0,
    };
    meter.outbox(messages, Duration::from_millis(u64::try_from(age).unwrap_or(0)));
    Ok(())
}
