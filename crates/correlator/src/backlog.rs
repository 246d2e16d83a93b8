//! Measures the outbox. Independent of the relay, so that the backlog shows even if nothing can be published.

use crate::meter::Meter;
use runtime::error::chain;
use std::time::Duration;
use store::{Store, StoreError};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

/// Time between two measurements: below the scrape intervals that are usual for Prometheus (15 to 60 s).
const PERIOD: Duration = Duration::from_secs(10);

/// Measures until `shutdown`; failed measurements are logged and skipped.
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

/// Records how many changes wait in the outbox, and since when.
pub(crate) async fn measure(store: &Store, meter: &Meter) -> Result<(), StoreError> {
    let (messages, oldest) = store.outbox_backlog().await?;
    // The database's clock wrote the time of the oldest change, so it also measures its age.
    let age = match oldest {
        Some(oldest) => store.clock().await?.since(oldest),
        None => 0,
    };
    meter.outbox(messages, Duration::from_millis(u64::try_from(age).unwrap_or(0)));
    Ok(())
}
