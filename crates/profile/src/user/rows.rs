//! Rows through one source: days, clock hours, single requests, peaks that recur, and slow drains.

use crate::estimate::{Moments, Prior, usual};
use model::Usual;

/// What is learned of one user's rows through one source. All but `plain` are of ln(1 + rows).
#[derive(Clone, Debug, Default)]
pub(crate) struct RowModel {
    pub(crate) day: Moments,
    /// Largest clock hour of each day.
    pub(crate) hour: Moments,
    pub(crate) request: Moments,
    pub(crate) plain: Moments,
    pub(crate) peaks: Peaks,
    pub(crate) drain: DrainState,
    /// Requests a day.
    pub(crate) requests: Moments,
}

/// Days far above the usual, remembered so that a month-end batch is known by its second or third time.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Peaks([Option<Peak>; 4]);

#[derive(Clone, Copy, Debug)]
struct Peak {
    day: i32,
    log_rows: f32,
}

/// E-process over daily p-values: M = max(M, 1)·e with e = κ·p^(κ−1), κ = 1/2 (Vovk and Wang 2021; restarts as in
/// Shin, Ramdas and Rinaldo 2022). A run of M ≥ L happens by chance about once in L days.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct DrainState {
    pub(crate) log10_e: f64,
    pub(crate) days: u32,
    pub(crate) rows: f64,
    pub(crate) usual_rows: f64,
}

impl RowModel {
    pub(crate) fn usual_day(&self, prior: Option<&Prior>, shift: f64) -> Option<Usual> {
        usual(&self.day, &self.plain, prior, shift)
    }

    pub(crate) fn usual_hour(&self, prior: Option<&Prior>, shift: f64) -> Option<Usual> {
        usual(&self.hour, &Moments::default(), prior, shift)
    }

    pub(crate) fn usual_request(&self, prior: Option<&Prior>) -> Option<Usual> {
        usual(&self.request, &Moments::default(), prior, 0.0)
    }
}

impl Peaks {
    /// A peak is believed to recur after this many days: before, it may be an attack that goes on.
    const LEAST_AGE: i32 = 13;

    pub(crate) fn remember(&mut self, day: i32, log_rows: f64) {
        let peak = Peak { day, log_rows: log_rows as f32 };
        let oldest = self.0.iter_mut().min_by_key(|slot| slot.map_or(i32::MIN, |peak| peak.day));
        if let Some(slot) = oldest {
            *slot = Some(peak);
        }
    }

    /// Earlier days, old enough to be believed, that brought about as much as `log_rows` or more.
    pub(crate) fn at_least(&self, day: i32, log_rows: f64) -> usize {
        /// A factor of 1.25 in rows.
        const NEARLY: f64 = 0.223;
        let believed = |peak: &&Peak| day - peak.day >= Self::LEAST_AGE;
        self.0.iter().flatten().filter(believed).filter(|peak| f64::from(peak.log_rows) + NEARLY >= log_rows).count()
    }
}

impl DrainState {
    /// One day alone is a spike, not a drain: no day counts for more than this.
    const MOST_A_DAY: f64 = 4.0;

    /// Learns the p-value of a day of `rows` where `usual_rows` were usual.
    pub(crate) fn add(&mut self, p: f64, rows: f64, usual_rows: f64) {
        let e = (0.5 / p.max(1e-12).sqrt()).min(Self::MOST_A_DAY);
        self.log10_e += e.log10();
        self.days += 1;
        self.rows += rows;
        self.usual_rows += usual_rows;
        if self.log10_e <= 0.0 {
            *self = Self::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_drain_needs_several_days() {
        let mut drain = DrainState::default();
        drain.add(1e-12, 4_000.0, 100.0);
        assert!(drain.log10_e < 1.0);
        (0..7).for_each(|_| drain.add(0.01, 300.0, 100.0));
        assert!(drain.log10_e > 4.0 && drain.days == 8, "{drain:?}");
        (0..30).for_each(|_| drain.add(0.6, 90.0, 100.0));
        assert_eq!(drain.days, 0);
    }

    #[test]
    fn a_peak_recurs_only_after_two_weeks() {
        let mut peaks = Peaks::default();
        peaks.remember(10, 8.0);
        assert_eq!(peaks.at_least(12, 7.5), 0);
        assert_eq!(peaks.at_least(40, 7.5), 1);
        assert_eq!(peaks.at_least(40, 9.0), 0);
    }

    proptest! {
        /// By Markov's inequality on an e-value: the mean over uniform p-values is at most 1.
        #[test]
        fn an_e_value_does_not_gain_on_average(n in 100usize..400) {
            let mean = (0..n).map(|i| {
                let p = (i as f64 + 0.5) / n as f64;
                (0.5 / p.sqrt()).min(DrainState::MOST_A_DAY)
            }).sum::<f64>() / n as f64;
            prop_assert!(mean <= 1.0, "{}", mean);
        }
    }
}
