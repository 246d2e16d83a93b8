//! The metric of columns of log files.

use opentelemetry::metrics::Counter;
use opentelemetry::{KeyValue, global};

/// The instrument. Make it after telemetry has started.
pub(super) struct Meter {
    columns: Counter<u64>,
}

impl Meter {
    pub(super) fn new() -> Self {
        let meter = global::meter("orgwatch");
        let columns = meter.u64_counter("orgwatch.log_files.columns").with_unit("{column}");
        Self { columns: columns.with_description("Columns of log files that appeared or disappeared").build() }
    }

    /// Counts columns that appeared or disappeared.
    pub(super) fn columns_changed(&self, event_type: &str, new: usize, gone: usize) {
        for (change, count) in [("new", new), ("gone", gone)].into_iter().filter(|(_, count)| *count > 0) {
            let labels = [KeyValue::new("event_type", event_type.to_owned()), KeyValue::new("change", change)];
            self.columns.add(count as u64, &labels);
        }
    }
}
