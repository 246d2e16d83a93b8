//! Figures from the metrics of the services and from `/proc`.

use prometheus::Registry;
use prometheus::proto::Metric;
use std::fs;

/// A histogram, or its increment since an earlier reading.
pub(crate) struct Histogram {
    pub(crate) count: u64,
    pub(crate) sum: f64,
    /// Upper bounds, each with the number of values up to it.
    buckets: Vec<(f64, u64)>,
}

impl Histogram {
    /// Returns the sum of all series of a metric with this label; zero if there are none.
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
                for (index, bucket) in histogram.get_bucket().iter().enumerate() {
                    match all.buckets.get_mut(index) {
                        Some((_, count)) => *count += bucket.cumulative_count(),
                        None => all.buckets.push((bucket.upper_bound(), bucket.cumulative_count())),
                    }
                }
            }
        }
        all
    }

    /// Returns the increment since an earlier reading.
    pub(crate) fn since(mut self, earlier: &Self) -> Self {
        self.count -= earlier.count;
        self.sum -= earlier.sum;
        for ((_, count), (_, before)) in self.buckets.iter_mut().zip(&earlier.buckets) {
            *count -= before;
        }
        self
    }

    /// Returns the bounds of the bucket that holds the quantile.
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

/// Returns a quantile of values in any order; zero if there are none.
pub(crate) fn quantile(values: &mut [i64], quantile: f64) -> i64 {
    values.sort_unstable();
    let index = ((values.len() as f64 * quantile).ceil() as usize).max(1) - 1;
    values.get(index).copied().unwrap_or(0)
}

/// Returns the memory of this process in MiB, from a field such as `VmRSS` or `VmHWM`; zero without `/proc`.
pub(crate) fn memory(field: &str) -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).map_or(0.0, |kib: f64| kib / 1_024.0)
}

/// Returns the CPU time of this process in seconds.
pub(crate) fn cpu() -> f64 {
    const TICKS: f64 = 100.0;
    let status = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // User and system time are the 12th and 13th field after the name of the command, which may hold any characters.
    let after = status.rsplit(')').next().unwrap_or_default();
    let ticks: f64 = after.split_whitespace().skip(11).take(2).filter_map(|word| word.parse::<f64>().ok()).sum();
    ticks / TICKS
}

/// Returns the load averages of 1, 5 and 15 minutes.
pub(crate) fn load() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split_whitespace().take(3).collect::<Vec<_>>().join(" ")
}
