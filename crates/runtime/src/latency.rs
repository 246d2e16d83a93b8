//! How long it takes from an event to the incident that tells of it, in two parts: the source's and ours.

use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Histogram, Meter};

pub const SOURCE: &str = "orgwatch.latency.source";
pub const PIPELINE: &str = "orgwatch.latency.pipeline";

/// Upper bounds in seconds: a stream's events take milliseconds here and seconds in Salesforce.
pub const BUCKETS: [f64; 18] =
    [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0];

/// The two histograms. To be made once telemetry has started: a global meter taken earlier counts nothing, ever.
#[derive(Clone, Debug)]
pub struct Latency {
    source: Histogram<f64>,
    pipeline: Histogram<f64>,
}

impl Latency {
    pub fn new(meter: &Meter) -> Self {
        let histogram = |name, description| {
            meter
                .f64_histogram(name)
                .with_unit("s")
                .with_description(description)
                .with_boundaries(BUCKETS.to_vec())
                .build()
        };
        Self {
            source: histogram(SOURCE, "From an event to its arrival at ingest"),
            pipeline: histogram(PIPELINE, "From an event's arrival at ingest to the incident that tells of it"),
        }
    }

    /// The source's part, in milliseconds since 1970: when it happened, when ingest received it. Clocks that disagree
    /// give zero. Labels must be few: no users, and orgs only where they are.
    pub fn source(&self, happened: i64, received: i64, labels: &[KeyValue]) {
        self.source.record(between(happened, received).as_secs_f64(), labels);
    }

    /// Ours: when ingest received it, when the incident that tells of it was stored.
    pub fn pipeline(&self, received: i64, told: i64, labels: &[KeyValue]) {
        self.pipeline.record(between(received, told).as_secs_f64(), labels);
    }
}

fn between(start: i64, end: i64) -> Duration {
    Duration::from_millis(u64::try_from(end.saturating_sub(start)).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use opentelemetry::metrics::MeterProvider as _;
    use opentelemetry_sdk::metrics::SdkMeterProvider;
    use prometheus::{Registry, TextEncoder};

    use super::*;

    #[test]
    fn the_two_parts_are_told_in_seconds() {
        let registry = Registry::new();
        let exporter = opentelemetry_prometheus::exporter().with_registry(registry.clone()).build().unwrap();
        let provider = SdkMeterProvider::builder().with_reader(exporter).build();
        let latency = Latency::new(&provider.meter("orgwatch"));
        let labels = [KeyValue::new("source", "stream")];
        for (happened, told) in [(1_000, 3_504), (5_000, 3_501)] {
            latency.source(happened, 3_500, &labels);
            latency.pipeline(3_500, told, &labels);
        }
        let text = TextEncoder::new().encode_to_string(&registry.gather()).unwrap();
        let lines: Vec<&str> = text
            .lines()
            .filter(|line| line.contains("_sum") || line.contains("le=\"0.001\"") || line.contains("le=\"300\""))
            .collect();
        insta::assert_snapshot!(lines.join("\n"));
    }
}
