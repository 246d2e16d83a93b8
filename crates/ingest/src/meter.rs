//! The metrics that all sources share.

use model::{Activity, Channel};
use opentelemetry::metrics::{Counter, Histogram};
use opentelemetry::{KeyValue, global};
use std::time::Duration;

/// The instruments. Make it after telemetry has started.
#[derive(Clone, Debug)]
pub struct Meter {
    records: Counter<u64>,
    unread: Counter<u64>,
    bytes: Counter<u64>,
    requests: Histogram<f64>,
    refused: Counter<u64>,
    latency: Histogram<f64>,
}

/// The kind of source that delivered a record: the label `source`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceKind {
    /// Pushed to `POST /v1/events`.
    Push,
    /// Read from files.
    Files,
    /// Read at Salesforce, by a channel.
    Salesforce(Channel),
}

/// Numbers of records by outcome.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// Acknowledged by JetStream, and neither too old nor anything below.
    pub accepted: usize,
    /// Of the accepted, those that teach and raise nothing because of their age.
    pub backfill: usize,
    /// Acknowledged by JetStream, and so far behind the latest event of the org that the baseline sets them aside.
    pub too_old: usize,
    /// Acknowledged by JetStream, and dated so far ahead that the baseline sets them aside.
    pub ahead: usize,
    /// Unreadable.
    pub rejected: usize,
    /// Of kinds that orgwatch does not watch.
    pub ignored: u64,
    /// Left out: outside the requested time, or of a kind for which another channel leads.
    pub outside: usize,
}

impl Meter {
    /// Makes the instruments.
    #[expect(clippy::new_without_default, reason = "it registers instruments")]
    pub fn new() -> Self {
        Self::of(&global::meter("orgwatch"))
    }

    /// Makes the instruments of a meter.
    pub fn of(meter: &opentelemetry::metrics::Meter) -> Self {
        let latency = meter
            .f64_histogram(runtime::latency::SOURCE)
            .with_unit("s")
            .with_description("From an event to its arrival at ingest")
            .with_boundaries(runtime::latency::BUCKETS.to_vec());
        let records = meter.u64_counter("orgwatch.ingest.records").with_unit("{record}");
        let unread = meter.u64_counter("orgwatch.ingest.values.unread").with_unit("{value}");
        let bytes = meter.u64_counter("orgwatch.ingest.received").with_unit("By");
        let refused = meter.u64_counter("orgwatch.ingest.refused").with_unit("{request}");
        Self {
            records: records.with_description("Records by source and outcome").build(),
            unread: unread.with_description("Values of accepted events that could not be read, by field").build(),
            bytes: bytes
                .with_description("Bytes received: of push and files before decompression, of Salesforce after it")
                .build(),
            requests: runtime::latency::requests(meter),
            refused: refused.with_description("Pushes and connections that were refused, by reason").build(),
            latency: latency.build(),
        }
    }

    /// Counts records.
    pub fn records(&self, source: SourceKind, counts: Counts) {
        let Counts { accepted, backfill: _, too_old, ahead, rejected, ignored, outside } = counts;
        let outcomes = [
            ("accepted", accepted as u64),
            ("too_old", too_old as u64),
            ("ahead", ahead as u64),
            ("rejected", rejected as u64),
            ("ignored", ignored),
            ("outside", outside as u64),
        ];
        for (outcome, count) in outcomes.into_iter().filter(|(_, count)| *count > 0) {
            self.records.add(count, &[source.label(), KeyValue::new("outcome", outcome)]);
        }
    }

    /// Counts and logs the values that could not be read, and logs which types are not watched.
    pub fn unread(&self, source: SourceKind, read: &salesforce::Counts) {
        for (field, count) in &read.unread {
            self.unread.add(*count, &[source.label(), KeyValue::new("field", *field)]);
            tracing::warn!(source = source.as_str(), field, values = count, "values could not be read");
        }
        for (name, events) in &read.not_watched {
            tracing::debug!(source = source.as_str(), event.r#type = %name, events, "events of a type that is not watched");
        }
    }

    /// Counts received bytes.
    pub fn bytes(&self, source: SourceKind, bytes: u64) {
        self.bytes.add(bytes, &[source.label()]);
    }

    /// Records a request to [`crate::http::router`].
    pub(crate) fn request(&self, status: u16, took: Duration) {
        let labels = [
            KeyValue::new("http.request.method", "POST"),
            KeyValue::new("http.route", crate::http::ROUTE),
            KeyValue::new("http.response.status_code", i64::from(status)),
        ];
        self.requests.record(took.as_secs_f64(), &labels);
    }

    /// Counts a push or a connection that was refused.
    pub(crate) fn refused(&self, reason: &'static str) {
        self.refused.add(1, &[KeyValue::new("reason", reason)]);
    }

    /// Records how long after its event an activity was received.
    pub fn latency(&self, source: SourceKind, activity: &Activity) {
        if let Some(received) = activity.received_at {
            // With clocks that disagree the difference may be negative.
            let milliseconds = received.since(activity.event_time).max(0);
            self.latency.record(milliseconds as f64 / 1_000.0, &[source.label()]);
        }
    }
}

impl SourceKind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Push => "push",
            Self::Files => "files",
            Self::Salesforce(channel) => salesforce::reading::source_name(channel),
        }
    }

    fn label(self) -> KeyValue {
        KeyValue::new("source", self.as_str())
    }
}
