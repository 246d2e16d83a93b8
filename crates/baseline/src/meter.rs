//! What this service counts.

use model::{Entry, Item};
use opentelemetry::metrics::{Counter, Gauge, Histogram};
use opentelemetry::{KeyValue, global};
use std::time::Duration;

#[derive(Clone, Debug)]
pub(crate) struct Meter {
    entries: Counter<u64>,
    checkpoint_bytes: Counter<u64>,
    checkpoint_seconds: Histogram<f64>,
    profiles: Gauge<u64>,
    partitions: Gauge<u64>,
}

impl Meter {
    pub(crate) fn new() -> Self {
        let meter = global::meter("orgwatch");
        Self {
            entries: meter.u64_counter("orgwatch.baseline.entries").build(),
            checkpoint_bytes: meter.u64_counter("orgwatch.baseline.checkpoint.size").with_unit("By").build(),
            checkpoint_seconds: meter.f64_histogram("orgwatch.baseline.checkpoint.duration").with_unit("s").build(),
            profiles: meter.u64_gauge("orgwatch.baseline.profiles").build(),
            partitions: meter.u64_gauge("orgwatch.baseline.partitions").build(),
        }
    }

    /// Counted together, for what was delivered together: this is done for every activity there is.
    pub(crate) fn applied(&self, items: &[Item<Entry>]) {
        let (mut activities, mut lessons, mut controls) = (0, 0, 0);
        for item in items {
            match item.value {
                Entry::Activity(_) => activities += 1,
                Entry::Lesson(_) => lessons += 1,
                Entry::Control(_) => controls += 1,
            }
        }
        for (kind, count) in [("activity", activities), ("lesson", lessons), ("control", controls)] {
            if count > 0 {
                self.entries.add(count, &[KeyValue::new("kind", kind)]);
            }
        }
    }

    pub(crate) fn checkpoint(&self, bytes: usize, took: Duration, profiles: usize) {
        self.checkpoint_bytes.add(bytes as u64, &[]);
        self.checkpoint_seconds.record(took.as_secs_f64(), &[]);
        self.profiles.record(profiles as u64, &[]);
    }

    pub(crate) fn partitions(&self, owned: usize) {
        self.partitions.record(owned as u64, &[]);
    }
}
