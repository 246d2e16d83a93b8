//! Events worth watching: each is logged and counted in one call.

use model::Timestamp;
use opentelemetry::metrics::{Counter, Histogram};
use opentelemetry::{KeyValue, global};
use risk::notify::FilterReason;
use std::time::Duration;
use store::DeliveryKey;

/// Names of the metrics. Their label `channel` is the name of a destination.
const DELIVERIES: &str = "orgwatch.notifier.deliveries";
const FILTERED: &str = "orgwatch.notifier.filtered";
const DELAY: &str = "orgwatch.notifier.delay";

/// The instruments. Create it after telemetry has started.
#[derive(Clone, Debug)]
pub(crate) struct Events {
    deliveries: Counter<u64>,
    filtered: Counter<u64>,
    delay: Histogram<f64>,
}

/// Why a destination is not notified of a change. Intentional.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Filtered {
    /// The destination's filter excludes the change.
    Skipped(FilterReason),
    /// The incident ended, resumed low or closed, and the destination was never notified of it.
    NeverNotified,
}

impl Events {
    pub(crate) fn new() -> Self {
        let meter = global::meter("orgwatch");
        Self {
            deliveries: meter
                .u64_counter(DELIVERIES)
                .with_description(
                    "Deliveries: confirmed, counted, gathered, waiting, snoozed, suppressed, retried, failed",
                )
                .build(),
            filtered: meter
                .u64_counter(FILTERED)
                .with_description("Changes that a destination is not notified of, by reason; intentional")
                .build(),
            delay: meter
                .f64_histogram(DELAY)
                .with_unit("s")
                .with_description("From a change to the receiver's confirmation")
                .with_boundaries(vec![0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0, 1_800.0, 7_200.0])
                .build(),
        }
    }

    /// A destination is not notified of a change.
    pub(crate) fn filtered(&self, destination: &str, reason: Filtered) {
        let reason = match reason {
            Filtered::Skipped(reason) => reason.as_str(),
            // The label's value is part of the interface since 0.1.
            Filtered::NeverNotified => "untold",
        };
        self.filtered.add(1, &[KeyValue::new("channel", destination.to_owned()), KeyValue::new("reason", reason)]);
    }

    /// A delivery is confirmed; its change was published at `published_at`.
    pub(crate) fn confirmed(&self, key: &DeliveryKey, attempt: u32, published_at: Timestamp, now: Timestamp) {
        self.count(&key.destination, "confirmed");
        let delay = Duration::from_millis(u64::try_from(now.since(published_at)).unwrap_or(0));
        self.delay.record(delay.as_secs_f64(), &[KeyValue::new("channel", key.destination.clone())]);
        let DeliveryKey { incident_id, revision, destination: channel } = key;
        tracing::info!(%incident_id, revision, channel, attempt, ?delay, "notification delivered");
    }

    /// A digest was confirmed that counts the delivery without naming its incident.
    pub(crate) fn counted(&self, key: &DeliveryKey) {
        self.count(&key.destination, "counted");
        let DeliveryKey { incident_id, revision, destination: channel } = key;
        tracing::debug!(%incident_id, revision, channel, "counted in a digest");
    }

    /// A delivery of a critical incident waits, because the rate of the destination is used up.
    pub(crate) fn waiting(&self, key: &DeliveryKey, wait: Duration) {
        self.count(&key.destination, "waiting");
        let DeliveryKey { incident_id, revision, destination: channel } = key;
        tracing::debug!(%incident_id, revision, channel, ?wait, "waits for its turn");
    }

    /// A delivery waits because its incident is snoozed.
    pub(crate) fn snoozed(&self, key: &DeliveryKey, wait: Duration) {
        self.count(&key.destination, "snoozed");
        let DeliveryKey { incident_id, revision, destination: channel } = key;
        tracing::debug!(%incident_id, revision, channel, ?wait, "held back while the incident is snoozed");
    }

    /// A delivery is never sent: its incident was snoozed when it changed, and is settled. Intentional.
    pub(crate) fn suppressed(&self, key: &DeliveryKey) {
        self.count(&key.destination, "suppressed");
        let DeliveryKey { incident_id, revision, destination: channel } = key;
        tracing::info!(%incident_id, revision, channel, "not delivered: settled while it was snoozed");
    }

    /// A delivery waits for a digest.
    pub(crate) fn gathered(&self, destination: &str) {
        self.count(destination, "gathered");
    }

    /// An attempt failed; the next one comes `after` this time.
    pub(crate) fn retried(&self, key: &DeliveryKey, attempt: u32, after: Duration, reason: &str) {
        self.count(&key.destination, "retried");
        let DeliveryKey { incident_id, revision, destination: channel } = key;
        tracing::warn!(%incident_id, revision, channel, attempt, ?after, reason, "not delivered, trying again");
    }

    /// A delivery is given up.
    pub(crate) fn failed(&self, key: &DeliveryKey, attempt: u32, reason: &str) {
        self.count(&key.destination, "failed");
        let DeliveryKey { incident_id, revision, destination: channel } = key;
        tracing::error!(%incident_id, revision, channel, attempt, reason, "not delivered, given up");
    }

    /// A delivery would be given up, but its dead letter cannot be written: it stays pending.
    pub(crate) fn kept(&self, key: &DeliveryKey, attempt: u32, reason: &str) {
        self.count(&key.destination, "retried");
        let DeliveryKey { incident_id, revision, destination: channel } = key;
        tracing::warn!(
            %incident_id, revision, channel, attempt, reason,
            "not delivered, and the dead letter cannot be written, trying again"
        );
    }

    fn count(&self, destination: &str, outcome: &'static str) {
        self.deliveries.add(1, &[KeyValue::new("channel", destination.to_owned()), KeyValue::new("outcome", outcome)]);
    }
}
