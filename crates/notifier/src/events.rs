//! What is worth watching: each fact is logged and counted at once.

use crate::decide::Reason;
use model::Timestamp;
use opentelemetry::metrics::{Counter, Histogram};
use opentelemetry::{KeyValue, global};
use std::time::Duration;
use store::DeliveryKey;

/// Names of the metrics.
const DELIVERIES: &str = "orgwatch.notifier.deliveries";
const FILTERED: &str = "orgwatch.notifier.filtered";
const DELAY: &str = "orgwatch.notifier.delay";

/// To be made once telemetry has started.
#[derive(Clone, Debug)]
pub(crate) struct Events {
    deliveries: Counter<u64>,
    filtered: Counter<u64>,
    delay: Histogram<f64>,
}

impl Events {
    pub(crate) fn new() -> Self {
        let meter = global::meter("orgwatch");
        Self {
            deliveries: meter
                .u64_counter(DELIVERIES)
                .with_description("What became of deliveries: confirmed, gathered, retried, failed")
                .build(),
            filtered: meter
                .u64_counter(FILTERED)
                .with_description("Changes that a channel is not told of, by reason; intentional")
                .build(),
            delay: meter
                .f64_histogram(DELAY)
                .with_unit("s")
                .with_description("From a change to the receiver's confirmation")
                .with_boundaries(vec![0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0, 1_800.0, 7_200.0])
                .build(),
        }
    }

    pub(crate) fn filtered(&self, channel: &str, reason: Filtered) {
        let reason = match reason {
            Filtered::Decided(reason) => reason.as_str(),
            Filtered::Untold => "untold",
        };
        self.filtered.add(1, &[KeyValue::new("channel", channel.to_owned()), KeyValue::new("reason", reason)]);
    }

    /// `since` is when the change was recorded.
    pub(crate) fn confirmed(&self, key: &DeliveryKey, attempt: u32, since: Timestamp, now: Timestamp) {
        self.count(&key.destination, "confirmed");
        let delay = Duration::from_millis(u64::try_from(now.since(since)).unwrap_or(0));
        self.delay.record(delay.as_secs_f64(), &[KeyValue::new("channel", key.destination.clone())]);
        let DeliveryKey { incident_id, revision, destination: channel } = key;
        tracing::debug!(%incident_id, revision, channel, attempt, ?delay, "delivered");
    }

    pub(crate) fn gathered(&self, channel: &str) {
        self.count(channel, "gathered");
    }

    pub(crate) fn retried(&self, key: &DeliveryKey, attempt: u32, after: Duration, reason: &str) {
        self.count(&key.destination, "retried");
        let DeliveryKey { incident_id, revision, destination: channel } = key;
        tracing::warn!(%incident_id, revision, channel, attempt, ?after, reason, "not delivered, trying again");
    }

    pub(crate) fn failed(&self, key: &DeliveryKey, attempt: u32, reason: &str) {
        self.count(&key.destination, "failed");
        let DeliveryKey { incident_id, revision, destination: channel } = key;
        tracing::error!(%incident_id, revision, channel, attempt, reason, "not delivered, given up");
    }

    /// To be given up, and could not be set aside.
    pub(crate) fn kept(&self, key: &DeliveryKey, attempt: u32, reason: &str) {
        self.count(&key.destination, "retried");
        let DeliveryKey { incident_id, revision, destination: channel } = key;
        tracing::warn!(%incident_id, revision, channel, attempt, reason, "not delivered, and cannot be set aside now");
    }

    fn count(&self, channel: &str, outcome: &'static str) {
        self.deliveries.add(1, &[KeyValue::new("channel", channel.to_owned()), KeyValue::new("outcome", outcome)]);
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Filtered {
    Decided(Reason),
    /// It closed, and nobody on the channel had been told of it.
    Untold,
}
