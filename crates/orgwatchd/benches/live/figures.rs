//! What the system, and the metrics of the services, tell.

use prometheus::Registry;
use prometheus::proto::Metric;
use std::fs;

/// The part of a histogram that came since an earlier look at it.
pub(crate) struct Histogram {
    pub(crate) count: u64,
    pub(crate) sum: f64,
    /// Upper bound, and how many are at most as much.
    buckets: Vec<(f64, u64)>,
}

impl Histogram {
    /// All series of a metric that have this label, together; zero where there are none.
    pub(crate) fn read(registry: &Registry, name: &str, label: Option<(&str, &str)>) -> Self {
        let mut all = Self { count: 0, sum: 0.0, buckets: Vec::new() };
        let has = |metric: &&Metric| {
            label.is_none_or(|(key, value)| {
                metric.get_label().iter().any(|pair| pair.name() == key && pair.value() == value)
            })
        };
        for family in registry.gather().iter().filter(|family| family.name() == name) {
            for histogram in family.get_metric().iter().filter(has).map(Metric::get_histogram) {
                all.count += histogram.get_sample_count();
                all.sum += histogram.get_sample_sum();
                for (place, bucket) in histogram.get_bucket().iter().enumerate() {
                    match all.buckets.get_mut(place) {
                        Some((_, count)) => *count += bucket.cumulative_count(),
                        None => all.buckets.push((bucket.upper_bound(), bucket.cumulative_count())),
                    }
                }
            }
        }
        all
    }

    pub(crate) fn since(mut self, earlier: &Self) -> Self {
        self.count -= earlier.count;
        self.sum -= earlier.sum;
        for ((_, count), (_, before)) in self.buckets.iter_mut().zip(&earlier.buckets) {
            *count -= before;
        }
        self
    }

    /// The bounds of the bucket in which the quantile lies.
    pub(crate) fn quantile(&self, quantile: f64) -> (f64, f64) {
        let rank = self.count as f64 * quantile;
        let mut lower = 0.0;
        for (upper, count) in &self.buckets {
            if *count as f64 >= rank {
                return (lower, *upper);
            }
            lower = *upper;
        }
        (lower, f64::INFINITY)
    }
}

/// Of values in any order; zero where there are none.
pub(crate) fn quantile(values: &mut [i64], quantile: f64) -> i64 {
    values.sort_unstable();
    let place = ((values.len() as f64 * quantile).ceil() as usize).max(1) - 1;
    values.get(place).copied().unwrap_or(0)
}

/// MiB of memory that this process has; `field` is such as `VmRSS` or `VmHWM`. Zero where the system does not tell.
pub(crate) fn memory(field: &str) -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).map_or(0.0, |kib: f64| kib / 1_024.0)
}

/// Seconds that all threads of this process have worked.
pub(crate) fn worked() -> f64 {
    const TICKS: f64 = 100.0;
    let status = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // After the name, which may hold anything; user and system time are the 12th and 13th from there.
    let after = status.rsplit(')').next().unwrap_or_default();
    let ticks: f64 = after.split_whitespace().skip(11).take(2).filter_map(|word| word.parse::<f64>().ok()).sum();
    ticks / TICKS
}

/// Load averages of 1, 5 and 15 minutes.
pub(crate) fn load() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split_whitespace().take(3).collect::<Vec<_>>().join(" ")
}
