//! The model of rows through one surface: days, clock hours, requests, recurring peaks and slow drains.

use crate::estimate::{Moments, Prior, usual};
use crate::state::exact;
use model::{Timestamp, Usual};
use serde::{Deserialize, Serialize};

/// What was learned of one account's rows through one surface. All moments but `plain` are of ln(1 + rows).
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct RowModel {
    /// Rows of each active day.
    pub(crate) day: Moments,
    /// Rows of the largest clock hour of each day.
    pub(crate) hour: Moments,
    /// Rows of single requests.
    pub(crate) request: Moments,
    /// Rows a request, averaged over each day. It varies less than their sum, since people look at the same things on
    /// busy and on calm days.
    pub(crate) intensity: Moments,
    /// Rows of each active day, not their logarithm: what summaries and the z-score show.
    pub(crate) plain: Moments,
    pub(crate) peaks: Peaks,
    pub(crate) drain: DrainState,
}

/// The last four days far above the usual, so that a month-end batch is known by its second or third time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Peaks([Option<Peak>; 4]);

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Peak {
    day: i32,
    /// ln(1 + rows), or ln(1 + count).
    log_rows: f32,
}

/// Page's CUSUM (Continuous inspection schemes, 1954) of the log-likelihood ratio of a shift by one deviation:
/// S = max(0, S + z − 1/2).
///
/// Its exponential is an e-process that restarts, an e-detector (Shin, Ramdas and Rinaldo, E-detectors: a nonparametric
/// framework for sequential change detection, 2022): by chance e^S reaches L about once in L days.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct DrainState {
    /// S / ln 10, the logarithm of the e-process.
    pub(crate) log10_e: f64,
    /// Active days of the run: since S was last 0.
    pub(crate) days: u32,
    /// Start of the day on which the run began.
    #[serde(with = "exact")]
    pub(crate) since: Timestamp,
    /// Rows of the run.
    pub(crate) rows: f64,
    /// Rows that would have been usual on its days.
    pub(crate) usual_rows: f64,
}

impl RowModel {
    /// Returns the distribution of the rows of a day.
    pub(crate) fn usual_day(&self, prior: Option<&Prior>, shift: f64) -> Option<Usual> {
        usual(&self.day, &self.plain, prior, shift)
    }

    /// Returns the distribution of the rows of a day's largest clock hour.
    pub(crate) fn usual_hour(&self, prior: Option<&Prior>, shift: f64) -> Option<Usual> {
        usual(&self.hour, &Moments::default(), prior, shift)
    }

    /// Returns the distribution of the rows a request, averaged over a day.
    pub(crate) fn usual_intensity(&self, prior: Option<&Prior>) -> Option<Usual> {
        usual(&self.intensity, &Moments::default(), prior, 0.0)
    }

    /// Returns the distribution of the rows of one request.
    pub(crate) fn usual_request(&self, prior: Option<&Prior>) -> Option<Usual> {
        usual(&self.request, &Moments::default(), prior, 0.0)
    }
}

impl Peaks {
    /// Days after which a peak counts as recurring: before, it may be a continuing attack. A choice: just under two
    /// weeks, so that biweekly batches recur.
    const LEAST_AGE: i32 = 13;

    /// Remembers a peak in place of an earlier one of the same day, or of the oldest.
    pub(crate) fn remember(&mut self, day: i32, log_rows: f64) {
        let peak = Peak { day, log_rows: log_rows as f32 };
        let of_day = self.0.iter().position(|slot| slot.is_some_and(|peak| peak.day == day));
        let oldest = || self.0.iter().enumerate().min_by_key(|(_, slot)| slot.map_or(i32::MIN, |peak| peak.day));
        let index = of_day.or_else(|| oldest().map(|(index, _)| index));
        if let Some(slot) = index.and_then(|index| self.0.get_mut(index)) {
            *slot = Some(peak);
        }
    }

    /// Whether a peak of about as much as `log_rows`, or more, is old enough to recur.
    pub(crate) fn has_recurred(&self, day: i32, log_rows: f64) -> bool {
        self.at_least(day, log_rows) > 0
    }

    /// Returns how many peaks at least [`Peaks::LEAST_AGE`] days old had about as much as `log_rows`, or more.
    pub(crate) fn at_least(&self, day: i32, log_rows: f64) -> usize {
        /// Distance in ln(1 + rows) that counts as about as much: a factor of 1.6. A choice, wide enough for month-end
        /// batches that vary; a factor of 1.25 was tried first.
        const NEARLY: f64 = 0.47;
        let is_old = |peak: &&Peak| day - peak.day >= Self::LEAST_AGE;
        self.0.iter().flatten().filter(is_old).filter(|peak| f64::from(peak.log_rows) + NEARLY >= log_rows).count()
    }
}

impl DrainState {
    /// Deviations that one day counts for at most: a larger day is a spike, not a drain. A choice: three days at least
    /// until the e-process reaches 100.
    const MOST_A_DAY: f64 = 2.5;
    /// Shift in deviations against which the likelihood ratio tests. A choice: a CUSUM is most sensitive to shifts of
    /// this size and finds larger ones, too.
    pub(crate) const SHIFT: f64 = 1.0;
    /// Active days after which a higher level is the account's new usual, and the run ends: a working month. A choice.
    const LONGEST: u32 = 20;

    /// Learns a day of `rows`, which was `z` deviations above the usual of `usual_rows`.
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
    fn a_drain_takes_several_days() {
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
