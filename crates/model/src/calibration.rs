//! What a surprise is worth: how often user-days of the past had as much.

use crate::{Observation, Text};
use serde::Serialize;

/// The calibration of one test for one class of accounts, as of the last closed day of the org.
///
/// Between knots the calibrated surprise is interpolated. Beyond the last one the tail is exponential.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Calibration {
    /// The detector of the test.
    pub detector: Text,
    /// What of the account the test is about, such as a surface; empty if a detector has one test only.
    pub subject: Text,
    /// User-days that it was learned from; more recent ones weigh more.
    pub days: u32,
    /// Calibrated surprises at multiples of [`Calibration::STEP`], from 0 on, in thousandths.
    pub knots: Vec<u32>,
    /// How much of a surprise beyond the last knot counts, in thousandths.
    pub slope: u32,
}

impl Calibration {
    /// Distance of two knots.
    pub const STEP: f64 = 0.25;
    /// User-days from which on their share is the p-value. With fewer it only makes a surprise less. A choice: ten days
    /// of two hundred accounts.
    pub const LEAST_DAYS: u32 = 2_000;
    /// What a surprise of any test gains at most: a factor of ten in p.
    pub const MOST_GAIN: f64 = 1.0;
    /// What a surprise gains at most, except where [`Calibration::most_gain`] says otherwise: a factor of 2.5 in p.
    const USUAL_GAIN: f64 = 0.4;

    /// Returns what a surprise of this test gains at most. Tests that promise too much and tests that promise too little are
    /// then closer to one scale, by which days can be ranked.
    ///
    /// The usual gain was chosen among 0.2, 0.4 and 0.7 on simulated worlds: that a test has never said as much is little
    /// evidence, and a tail that is light near its start may be heavy far out. `large_request` promises far too little where
    /// accounts differ more than their days do. Its gain was chosen among 0.4, 1.0 and 1.6 on the public set of takeovers; on
    /// simulated worlds, where it promises too much, 1.0 finds what 0.4 does.
    pub fn most_gain(&self) -> f64 {
        if self.detector == "large_request" { Self::MOST_GAIN } else { Self::USUAL_GAIN }
    }

    /// Returns the calibrated surprise, −log10 of how often user-days have at least this surprise.
    pub fn surprise(&self, surprise: f64) -> f64 {
        let of_knot = |index: usize| self.knots.get(index).map(|knot| f64::from(*knot) / 1_000.0);
        let Some(last) = self.knots.len().checked_sub(1) else { return surprise };
        let at = (surprise / Self::STEP).max(0.0);
        let low = at as usize;
        let calibrated = match (of_knot(low), of_knot(low + 1)) {
            (Some(here), Some(next)) => here + (next - here) * at.fract(),
            _ => {
                let beyond = surprise - last as f64 * Self::STEP;
                of_knot(last).unwrap_or_default() + f64::from(self.slope) / 1_000.0 * beyond
            }
        };
        let gain = if self.days < Self::LEAST_DAYS { 0.0 } else { self.most_gain().min(surprise) };
        let most = surprise + gain;
        calibrated.clamp(0.0, most.max(0.0))
    }
}

impl Observation {
    /// Returns what a surprise of a test is worth: see [`Calibration::surprise`].
    pub fn calibrated(&self, detector: &str, subject: &str, surprise: f64) -> f64 {
        self.calibration(detector, subject).map_or(surprise, |calibration| calibration.surprise(surprise))
    }

    /// Returns the calibration of a test, if the observation has it.
    pub fn calibration(&self, detector: &str, subject: &str) -> Option<&Calibration> {
        self.calibrations.iter().find(|known| known.detector == detector && known.subject == subject)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn calibration(days: u32) -> Calibration {
        Calibration { days, knots: vec![0, 500, 2_000], slope: 250, ..Calibration::default() }
    }

    #[test]
    fn a_surprise_is_read_between_and_beyond_the_knots() {
        let surprise = |at| calibration(5_000).surprise(at);
        assert_eq!([0.0, 0.25, 0.3, 4.5].map(surprise), [0.0, 0.5, 0.6, 3.0]);
        assert_eq!(surprise(0.5), 0.9, "no more than 0.4 is gained");
        let large = Calibration { detector: "large_request".into(), ..calibration(5_000) };
        assert_eq!([0.5, 1.0].map(|at| large.surprise(at)), [1.0, 2.0], "no more than 1, and no more than there was");
        assert_eq!(Calibration::default().surprise(3.0), 3.0);
    }

    #[test]
    fn with_few_days_it_is_worth_no_more_than_it_says() {
        assert_eq!(calibration(100).surprise(0.5), 0.5);
        assert_eq!(calibration(100).surprise(4.5), 3.0);
    }

    proptest! {
        #[test]
        fn more_is_never_worth_less(days in 0..5_000u32, a in 0.0..40.0, more in 0.0..40.0) {
            let calibration = calibration(days);
            prop_assert!(calibration.surprise(a + more) >= calibration.surprise(a) - 1e-9);
        }
    }
}
