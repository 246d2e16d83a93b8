//! Rows through one source: days, clock hours, single requests, peaks that recur, and slow drains.

use crate::estimate::{Moments, Prior, usual};
use crate::state::exact;
use model::{Timestamp, Usual};
use serde::{Deserialize, Serialize};

/// What is learned of one user's rows through one source. All but `plain` are of ln(1 + rows).
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct RowModel {
    pub(crate) day: Moments,
    /// Largest clock hour of each day.
    pub(crate) hour: Moments,
    pub(crate) request: Moments,
    /// Rows a request, averaged over each day: steadier than their sum, since people look at the same things.
    pub(crate) intensity: Moments,
    pub(crate) plain: Moments,
    pub(crate) peaks: Peaks,
    pub(crate) drain: DrainState,
}

/// Days far above the usual, remembered so that a month-end batch is known by its second or third time.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Peaks([Option<Peak>; 4]);

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Peak {
    day: i32,
    log_rows: f32,
}

/// Page's CUSUM of the log-likelihood ratio of a shift by one deviation: S = max(0, S + z − 1/2). Its exponential
/// is an e-process that restarts (Shin, Ramdas and Rinaldo 2022): a run of e^S ≥ L comes by chance about once in L
/// days.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct DrainState {
    pub(crate) log10_e: f64,
    pub(crate) days: u32,
    /// The day on which the run began.
    #[serde(with = "exact")]
    pub(crate) since: Timestamp,
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

    pub(crate) fn usual_intensity(&self, prior: Option<&Prior>) -> Option<Usual> {
        usual(&self.intensity, &Moments::default(), prior, 0.0)
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
        /// A factor of 1.6 in rows.
        const NEARLY: f64 = 0.47;
        let believed = |peak: &&Peak| day - peak.day >= Self::LEAST_AGE;
        self.0.iter().flatten().filter(believed).filter(|peak| f64::from(peak.log_rows) + NEARLY >= log_rows).count()
    }
}

impl DrainState {
    /// One day alone is a spike, not a drain: no day counts for more than so many deviations.
    const MOST_A_DAY: f64 = 2.5;
    const SHIFT: f64 = 1.0;

    /// Active days after which a higher level is the account's own.
    const LONGEST: u32 = 20;

    /// Learns a day of `rows` that was `z` deviations above the usual, where `usual_rows` were usual.
    pub(crate) fn add(&mut self, day: Timestamp, z: f64, rows: f64, usual_rows: f64) {
        let z = z.clamp(-Self::MOST_A_DAY, Self::MOST_A_DAY);
        self.log10_e += Self::SHIFT * (z - Self::SHIFT / 2.0) * std::f64::consts::LOG10_E;
        if self.days == 0 {
            self.since = day;
        }
        self.days += 1;
        self.rows += rows;
        self.usual_rows += usual_rows;
        if self.log10_e <= 0.0 || self.days > Self::LONGEST {
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
        drain.add(Timestamp(0), 40.0, 4_000.0, 100.0);
        assert!(drain.log10_e < 1.0);
        (0..7).for_each(|_| drain.add(Timestamp(1), 1.6, 300.0, 100.0));
        assert!(drain.log10_e > 4.0 && drain.days == 8 && drain.since == Timestamp(0), "{drain:?}");
        (0..30).for_each(|_| drain.add(Timestamp(2), -0.2, 90.0, 100.0));
        assert_eq!(drain.days, 0);
        (0..21).for_each(|_| drain.add(Timestamp(3), 1.6, 300.0, 100.0));
        assert_eq!(drain.days, 0, "a level that stays is the account's own");
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
        /// E[exp(z − 1/2)] = 1 for a standard normal z: what makes it an e-value.
        #[test]
        fn an_e_value_does_not_gain_on_average(n in 400usize..800) {
            let (mut mean, mut weight) = (0.0, 0.0);
            for i in 0..n {
                let z = -6.0 + 12.0 * (i as f64 + 0.5) / n as f64;
                let density = (-z * z / 2.0).exp();
                let mut drain = DrainState { log10_e: 100.0, ..DrainState::default() };
                drain.add(Timestamp(0), z, 0.0, 0.0);
                mean += density * 10f64.powf(drain.log10_e - 100.0);
                weight += density;
            }
            prop_assert!(mean / weight <= 1.001, "{}", mean / weight);
        }
    }
}
