//! The metrics of the bus. The README lists the instruments.

use crate::{Consumer, Failure};
use opentelemetry::metrics::{Counter, Gauge, Histogram};
use opentelemetry::{KeyValue, global};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The instruments of one connection. Created on connecting, so telemetry must have started before.
#[derive(Clone, Debug)]
pub(crate) struct Meter {
    denied: Counter<u64>,
    denied_total: Arc<AtomicU64>,
    sent: Counter<u64>,
    sending: Histogram<f64>,
    consumed: Counter<u64>,
    processing: Histogram<f64>,
    pending: Gauge<u64>,
    gaps: Counter<u64>,
    gaps_total: Arc<AtomicU64>,
    dead: Counter<u64>,
}

/// Upper bounds in seconds. A message takes milliseconds to be acknowledged or processed, unless a server is slow.
const BUCKETS: [f64; 14] = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0];

impl Meter {
    pub(crate) fn new() -> Self {
        Self::of(&global::meter("orgwatch"))
    }

    fn of(meter: &opentelemetry::metrics::Meter) -> Self {
        let messages = |name, what| meter.u64_counter(name).with_unit("{message}").with_description(what).build();
        let seconds = |name, what| {
            let histogram = meter.f64_histogram(name).with_unit("s").with_description(what);
            histogram.with_boundaries(BUCKETS.to_vec()).build()
        };
        let denied = meter.u64_counter("orgwatch.nats.denied");
        let pending = meter.u64_gauge("orgwatch.consumer.pending").with_unit("{message}");
        let gaps = meter.u64_counter("orgwatch.cursor.gap");
        Self {
            denied: denied.with_description("Publishes and subscriptions that permissions refused").build(),
            denied_total: Arc::default(),
            sent: messages("messaging.client.sent.messages", "Messages that JetStream acknowledged"),
            sending: seconds("messaging.client.operation.duration", "Until JetStream has acknowledged a message"),
            consumed: messages("messaging.client.consumed.messages", "Messages that a handler took"),
            processing: seconds("messaging.process.duration", "Until a handler has processed a batch of messages"),
            pending: pending.with_description("Messages that waited when the last one was delivered").build(),
            gaps: gaps.with_description("Starts of a partition after messages were lost").build(),
            gaps_total: Arc::default(),
            dead: messages("orgwatch.dead.messages", "Messages set aside in the dead stream, by stage"),
        }
    }

    pub(crate) fn denied(&self) {
        self.denied.add(1, &[]);
        self.denied_total.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn denied_total(&self) -> u64 {
        self.denied_total.load(Ordering::Relaxed)
    }

    /// Counts a message that was acknowledged. `word` is that of its subject, see [`crate::subject`].
    pub(crate) fn sent(&self, word: &str, took: Duration) {
        let attributes = [
            KeyValue::new("messaging.system", "nats"),
            KeyValue::new("messaging.operation.name", "send"),
            KeyValue::new("messaging.destination.name", word.to_owned()),
        ];
        self.sent.add(1, &attributes);
        self.sending.record(took.as_secs_f64(), &attributes);
    }

    /// Counts messages that a handler processed, or failed to process.
    pub(crate) fn processed(
        &self,
        consumer: &Consumer,
        messages: usize,
        took: Duration,
        outcome: &Result<(), Failure>,
    ) {
        let mut attributes = attributes(consumer, "process");
        if outcome.is_err() {
            attributes.push(KeyValue::new("error.type", "handler"));
        }
        self.processing.record(took.as_secs_f64(), &attributes);
        self.consumed.add(u64::try_from(messages).unwrap_or(u64::MAX), &attributes);
    }

    /// Records the messages that are not delivered yet.
    pub(crate) fn pending(&self, consumer: &Consumer, pending: u64) {
        self.pending.record(pending, &attributes(consumer, "receive"));
    }

    pub(crate) fn gap(&self, consumer: &Consumer) {
        self.gaps.add(1, &attributes(consumer, "receive"));
        self.gaps_total.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn gaps_total(&self) -> u64 {
        self.gaps_total.load(Ordering::Relaxed)
    }

    pub(crate) fn dead(&self, stage: &str) {
        self.dead.add(1, &[KeyValue::new("stage", stage.to_owned())]);
    }
}

fn attributes(consumer: &Consumer, operation: &'static str) -> Vec<KeyValue> {
    vec![
        KeyValue::new("messaging.system", "nats"),
        KeyValue::new("messaging.operation.name", operation),
        KeyValue::new("messaging.destination.name", consumer.stream.word()),
        KeyValue::new("messaging.consumer.group.name", consumer.consumer.clone()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use opentelemetry::metrics::MeterProvider;
    use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData};
    use opentelemetry_sdk::metrics::{InMemoryMetricExporter, PeriodicReader, SdkMeterProvider};

    #[test]
    fn milliseconds_can_be_told_apart() {
        let exporter = InMemoryMetricExporter::default();
        let reader = PeriodicReader::builder(exporter.clone()).build();
        let provider = SdkMeterProvider::builder().with_reader(reader).build();
        let meter = Meter::of(&provider.meter("orgwatch"));
        for milliseconds in [1, 4, 4, 40_000] {
            meter.sent("finding", Duration::from_millis(milliseconds));
            meter.processed(&Consumer::correlator(), 1, Duration::from_millis(milliseconds), &Ok(()));
        }
        provider.force_flush().unwrap();
        let mut counts = Vec::new();
        for resource in exporter.get_finished_metrics().unwrap() {
            for metric in resource.scope_metrics().flat_map(|scope| scope.metrics()) {
                if let AggregatedMetrics::F64(MetricData::Histogram(histogram)) = metric.data() {
                    let point = histogram.data_points().next().unwrap();
                    counts.push((metric.name().to_owned(), point.bucket_counts().collect::<Vec<_>>()));
                }
            }
        }
        counts.sort();
        let expected = vec![1, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
        let names = ["messaging.client.operation.duration", "messaging.process.duration"];
        assert_eq!(counts, names.map(|name| (name.to_owned(), expected.clone())));
    }
}
