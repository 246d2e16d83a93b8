//! Rows of a report execution in chunks or of a paged query, counted once.

use crate::state::exact;
use model::Timestamp;
use model::time::MINUTE;
use serde::{Deserialize, Serialize};

/// Report executions and queries that may still have chunks to come. Salesforce repeats the total of rows on each
/// chunk, so only rows beyond the counted ones are new.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Runs {
    recent: Vec<Run>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Run {
    #[serde(with = "postcard::fixint::le")]
    key: u64,
    /// Event time of the latest chunk.
    #[serde(with = "exact")]
    last: Timestamp,
    /// Rows counted so far.
    rows: u64,
}

/// What one chunk adds to its run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ChunkIncrement {
    /// Rows that no earlier chunk counted.
    pub(crate) rows: u64,
    /// Whether this chunk begins a run, and so counts as a request.
    pub(crate) is_new: bool,
}

impl Runs {
    /// Runs remembered at once, the least recent dropped. A choice: an account runs few reports at a time.
    const CAPACITY: usize = 16;
    /// Milliseconds without a chunk after which a run is over, and the same query begins another. A choice: longer than
    /// Salesforce takes between chunks, shorter than people take to repeat a report.
    const GAP: i64 = 10 * MINUTE;

    /// Counts a chunk of the run `key`, which gives `total` as the rows of the whole run.
    pub(crate) fn add(&mut self, key: u64, total: u64, at: Timestamp) -> ChunkIncrement {
        if let Some(run) = self.recent.iter_mut().find(|run| run.key == key) {
            let goes_on = at.since(run.last).abs() <= Self::GAP;
            let rows = if goes_on { total.saturating_sub(run.rows) } else { total };
            run.rows = if goes_on { run.rows.max(total) } else { total };
            run.last = run.last.max(at);
            return ChunkIncrement { rows, is_new: !goes_on };
        }
        let run = Run { key, last: at, rows: total };
        if self.recent.len() < Self::CAPACITY {
            self.recent.push(run);
        } else if let Some(oldest) = self.recent.iter_mut().min_by_key(|run| run.last) {
            *oldest = run;
        }
        ChunkIncrement { rows: total, is_new: true }
    }

    /// Returns the bytes held on the heap.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.recent.capacity() * size_of::<Run>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_total_repeated_on_chunks_counts_once() {
        let mut runs = Runs::default();
        let chunks: Vec<ChunkIncrement> = (0..51).map(|i| runs.add(9, 20_680, Timestamp(i * 200))).collect();
        assert_eq!(chunks.iter().map(|added| added.rows).sum::<u64>(), 20_680);
        assert_eq!(chunks.iter().filter(|added| added.is_new).count(), 1);
    }

    #[test]
    fn the_same_query_an_hour_later_is_another_run() {
        let mut runs = Runs::default();
        runs.add(9, 100, Timestamp(0));
        assert_eq!(runs.add(9, 100, Timestamp(60 * MINUTE)), ChunkIncrement { rows: 100, is_new: true });
    }

    proptest! {
        #[test]
        fn chunks_in_any_order_add_up_to_the_largest_total(mut totals in prop::collection::vec(0u64..1_000, 1..30)) {
            let mut runs = Runs::default();
            let sum: u64 = totals.iter().map(|total| runs.add(1, *total, Timestamp(0)).rows).sum();
            totals.sort_unstable();
            prop_assert_eq!(Some(&sum), totals.last());
        }
    }
}
