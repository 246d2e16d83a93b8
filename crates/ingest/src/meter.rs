//! The metrics of ingest.

use model::Activity;
use opentelemetry::metrics::{Counter, Histogram};
use opentelemetry::{KeyValue, global};
use std::time::Duration;

/// To be made once telemetry has started.
#[derive(Clone, Debug)]
pub(crate) struct Meter {
    records: Counter<u64>,
    bytes: Counter<u64>,
    requests: Histogram<f64>,
    latency: Histogram<f64>,
}

/// Where records came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Origin {
    Push,
    Files,
    Stream,
    Stored,
    LogFiles,
    LogObjects,
}

/// Records, by what became of them.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    /// Acknowledged by JetStream.
    pub(crate) accepted: usize,
    pub(crate) rejected: usize,
    /// Of kinds that are not watched.
    pub(crate) ignored: u64,
    /// Before or after the time that was asked for.
    pub(crate) outside: usize,
}

impl Meter {
    pub(crate) fn new() -> Self {
        let meter = global::meter("orgwatch");
        let requests = meter
            .f64_histogram("http.server.request.duration")
            .with_unit("s")
            .with_description("Until JetStream has acknowledged, or the request is refused")
            .with_boundaries(runtime::latency::BUCKETS.to_vec());
        let latency = meter
            .f64_histogram(runtime::latency::SOURCE)
            .with_unit("s")
            .with_description("From an event to its arrival at ingest")
            .with_boundaries(runtime::latency::BUCKETS.to_vec());
        let records = meter.u64_counter("orgwatch.ingest.records").with_unit("{record}");
        let bytes = meter.u64_counter("orgwatch.ingest.received").with_unit("By");
        Self {
            records: records.with_description("Records by source and by what became of them").build(),
            bytes: bytes.with_description("Bytes read from each source, packed").build(),
            requests: requests.build(),
            latency: latency.build(),
        }
    }

    pub(crate) fn records(&self, origin: Origin, counts: Counts) {
        let Counts { accepted, rejected, ignored, outside } = counts;
        let outcomes = [
            ("accepted", accepted as u64),
            ("rejected", rejected as u64),
            ("ignored", ignored),
            ("outside", outside as u64),
        ];
        for (outcome, count) in outcomes.into_iter().filter(|(_, count)| *count > 0) {
            self.records.add(count, &[origin.label(), KeyValue::new("outcome", outcome)]);
        }
    }

    pub(crate) fn bytes(&self, origin: Origin, bytes: u64) {
        self.bytes.add(bytes, &[origin.label()]);
    }

    pub(crate) fn request(&self, status: u16, took: Duration) {
        let labels = [
            KeyValue::new("http.request.method", "POST"),
            KeyValue::new("http.route", crate::http::ROUTE),
            KeyValue::new("http.response.status_code", i64::from(status)),
        ];
        self.requests.record(took.as_secs_f64(), &labels);
    }

    /// How long after the event an activity was received.
    pub(crate) fn latency(&self, origin: Origin, activity: &Activity) {
        if let Some(received) = activity.received_at {
            // Clocks that disagree give zero.
            let milliseconds = received.since(activity.event_time).max(0);
            self.latency.record(milliseconds as f64 / 1_000.0, &[origin.label()]);
        }
    }
}

impl Origin {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Push => "push",
            Self::Files => "files",
            Self::Stream => "stream",
            Self::Stored => "stored",
            Self::LogFiles => "log_files",
            Self::LogObjects => "log_objects",
        }
    }

    fn label(self) -> KeyValue {
        KeyValue::new("source", self.as_str())
    }
}
