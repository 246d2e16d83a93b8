//! The latency from an event to its incident, in two parts: that of the source, and that of the pipeline. Also that of
//! requests to a server.

use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Histogram, Meter};

/// Name of the histogram from an event to its arrival at ingest.
pub const SOURCE: &str = "orgwatch.latency.source";
/// Name of the histogram from an event's arrival at ingest to its incident.
pub const PIPELINE: &str = "orgwatch.latency.pipeline";

/// Upper bounds in seconds. Events of a stream take seconds in Salesforce and milliseconds in the pipeline.
pub const BUCKETS: [f64; 18] =
    [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0];

/// The two histograms. Create them after telemetry has started: a global meter taken before never records anything.
#[derive(Clone, Debug)]
pub struct Latency {
    source: Histogram<f64>,
    pipeline: Histogram<f64>,
}

impl Latency {
    /// Creates the histograms.
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
            pipeline: histogram(PIPELINE, "From an event's arrival at ingest to its incident"),
        }
    }

    /// Records the part of the source, from the time of the event to that of its arrival at ingest, in milliseconds
    /// since 1970. A negative difference, of clocks that disagree, counts as zero. Labels must have few values: no
    /// users, and orgs only where they are few.
    pub fn source(&self, happened: i64, received: i64, labels: &[KeyValue]) {
        self.source.record(between(happened, received).as_secs_f64(), labels);
    }

    /// Records the part of the pipeline, from the arrival at ingest to the time at which the incident was stored.
    pub fn pipeline(&self, received: i64, stored: i64, labels: &[KeyValue]) {
        self.pipeline.record(between(received, stored).as_secs_f64(), labels);
    }
}

/// Returns the histogram of requests to a server. All servers of a process have it in common, so that it is declared once.
pub fn requests(meter: &Meter) -> Histogram<f64> {
    meter
        .f64_histogram("http.server.request.duration")
        .with_unit("s")
        .with_description("From the head of a request to that of its answer")
        .with_boundaries(BUCKETS.to_vec())
        .build()
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
    fn the_two_parts_are_recorded_in_seconds() {
        let registry = Registry::new();
        let exporter = opentelemetry_prometheus::exporter().with_registry(registry.clone()).build().unwrap();
        let provider = SdkMeterProvider::builder().with_reader(exporter).build();
        let latency = Latency::new(&provider.meter("orgwatch"));
        let labels = [KeyValue::new("source", "stream")];
        for (happened, stored) in [(1_000, 3_504), (5_000, 3_501)] {
            latency.source(happened, 3_500, &labels);
            latency.pipeline(3_500, stored, &labels);
        }
        let text = TextEncoder::new().encode_to_string(&registry.gather()).unwrap();
        let lines: Vec<&str> = text
            .lines()
            .filter(|line| line.contains("_sum") || line.contains("le=\"0.001\"") || line.contains("le=\"300\""))
            .collect();
        insta::assert_snapshot!(lines.join("\n"));
    }
}
