//! How often tests are as surprised as they say: the largest surprises of user-days, and the curve of their p-values.

use crate::tail::MOST_SURPRISE;
use model::Calibration;
use serde::{Deserialize, Serialize};

/// The largest surprises of a test on user-days, by size; those of user-days without any are not kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Surprises {
    /// Weight of the user-days by number of the bin, in ascending order.
    bins: Vec<(u16, f32)>,
}

/// What surprises are worth, without the name of the test: see [`Calibration`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Curve {
    /// Weight of the user-days that it was learned from.
    pub days: u32,
    /// See [`Calibration::knots`].
    pub knots: Vec<u32>,
    /// See [`Calibration::slope`].
    pub slope: u32,
}

impl Surprises {
    /// Width of a bin. A choice: a twentieth of a power of ten.
    const BIN: f64 = 0.05;
    /// Share of the user-days that makes the tail, and its least weight. Choices: a tail of fewer days varies too much, and
    /// an attack in a thousand days would be most of it; more are no tail.
    const TAIL: f64 = 0.01;
    const LEAST_TAIL: f64 = 20.0;
    /// Excess over the start of the tail that counts at most, so that attacks do not make it heavy. A choice, looked at on
    /// simulated orgs with and without attacks.
    const MOST_EXCESS: f64 = 1.5;
    /// Excesses that the prior mean weighs: 1/ln 10, that of surprises that say the truth. A choice.
    const PRIOR: f64 = 10.0;
    /// Weight below which a bin is dropped. A choice.
    const LEAST_WEIGHT: f32 = 0.01;

    /// Learns the largest surprise of a user-day. A negative weight takes it out again.
    pub fn add(&mut self, surprise: f64, weight: f32) {
        let bin = (surprise.clamp(0.0, MOST_SURPRISE) / Self::BIN).round() as u16;
        if bin > 0 {
            self.add_to(bin, weight);
        }
    }

    /// Whether no user-day had a surprise.
    pub fn is_empty(&self) -> bool {
        self.bins.is_empty()
    }

    /// Adds the user-days of `other`, which weigh `share` each.
    pub fn merge(&mut self, other: &Self, share: f32) {
        other.bins.iter().for_each(|(bin, weight)| self.add_to(*bin, weight * share));
    }

    /// Multiplies all weights by `share`, from 0 to 1.
    pub fn discount(&mut self, share: f32) {
        self.bins.iter_mut().for_each(|(_, weight)| *weight *= share);
        self.bins.retain(|(_, weight)| *weight >= Self::LEAST_WEIGHT);
    }

    /// Returns what surprises are worth, given the weight N of all user-days, those without a surprise among them: their
    /// share p̂(s) = (#{sᵢ ≥ s} + ½)/(N + 1) down to the value u that one in a hundred reaches, and beyond it
    /// p̂(u)·exp(−(s − u)/β) with the mean excess β = (Σ min(sᵢ − u, 1.5) + 10/ln 10)/(#{sᵢ − u < 1.5} + 10): that of an
    /// exponential tail of which what is beyond 1.5 is censored (Lawless, Statistical Models and Methods for Lifetime Data,
    /// section 4.1), with ten excesses as its prior. Where 2,000 user-days are not reached, those that are missing count as
    /// days that keep the promise, p = 10^(−s).
    pub fn curve(&self, days: f64) -> Curve {
        let last = self.tail_start(days);
        let start = f64::from(last) * Calibration::STEP;
        let missing = (f64::from(Calibration::LEAST_DAYS) - days).max(0.0);
        let honest = |surprise: f64| missing * 10f64.powf(-surprise);
        let prior = Self::PRIOR + honest(start);
        let (mut sum, mut seen) = (prior / std::f64::consts::LN_10, prior);
        for (excess, weight) in self.values().map(|(value, weight)| (value - start, weight)).filter(|(e, _)| *e > 0.0) {
            sum += excess.min(Self::MOST_EXCESS) * weight;
            seen += if excess < Self::MOST_EXCESS { weight } else { 0.0 };
        }
        let worth = |knot: u32| {
            let surprise = f64::from(knot) * Calibration::STEP;
            let at_least = self.weight_from(surprise).min(days) + honest(surprise);
            if knot == 0 { 0.0 } else { -((at_least + 0.5) / (days + missing + 1.0)).min(1.0).log10() }
        };
        let thousandths = |value: f64| (value * 1_000.0).round() as u32;
        Curve {
            days: days.round() as u32,
            knots: (0..=last).map(|knot| thousandths(worth(knot))).collect(),
            slope: thousandths(std::f64::consts::LOG10_E * seen / sum),
        }
    }

    /// Returns the number of the knot at which the tail starts, or before the least surprise where there are too few; at
    /// least 1.
    fn tail_start(&self, days: f64) -> u32 {
        let (mut weight, mut start) = (0.0, 0.0);
        for (value, of_bin) in self.values().rev() {
            weight += of_bin;
            start = value;
            if weight >= Self::LEAST_TAIL.max(days * Self::TAIL) {
                break;
            }
        }
        ((start / Calibration::STEP) as u32).max(1)
    }

    /// Returns the weight of the user-days with at least this surprise.
    fn weight_from(&self, surprise: f64) -> f64 {
        // Half a bin, because the value of a bin is its middle.
        let above = self.values().rev().take_while(|(value, _)| *value >= surprise - Self::BIN / 2.0);
        above.map(|(_, weight)| weight).sum()
    }

    /// Returns value and weight of each bin, in ascending order.
    fn values(&self) -> impl DoubleEndedIterator<Item = (f64, f64)> {
        self.bins.iter().map(|(bin, weight)| (f64::from(*bin) * Self::BIN, f64::from(*weight)))
    }

    fn add_to(&mut self, bin: u16, weight: f32) {
        match self.bins.binary_search_by_key(&bin, |(bin, _)| *bin) {
            Ok(index) => {
                let Some((_, known)) = self.bins.get_mut(index) else { return };
                *known += weight;
                if *known < Self::LEAST_WEIGHT {
                    self.bins.remove(index);
                }
            }
            Err(index) if weight > 0.0 => self.bins.insert(index, (bin, weight)),
            Err(_) => {}
        }
    }
}

impl Curve {
    /// Returns the curve as that of a test.
    pub fn of(&self, detector: &str, subject: &str) -> Calibration {
        let Self { days, knots, slope } = self.clone();
        Calibration { detector: detector.into(), subject: subject.into(), days, knots, slope }
    }

    /// Returns the surprise at which the tail starts.
    pub fn tail_start(&self) -> f64 {
        self.knots.len().saturating_sub(1) as f64 * Calibration::STEP
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Returns the calibration by so many days with surprises that say the truth, times `factor`, and by `attacks` with 30.
    fn by(days: u32, factor: f64, attacks: u32) -> Calibration {
        let mut surprises = Surprises::default();
        for day in 0..days {
            let p = (f64::from(day) + 0.5) / f64::from(days);
            surprises.add(-p.log10() * factor, 1.0);
        }
        (0..attacks).for_each(|_| surprises.add(30.0, 1.0));
        surprises.curve(f64::from(days + attacks)).of("row_spike", "")
    }

    #[test]
    fn surprises_that_say_the_truth_are_worth_what_they_say() {
        for surprise in [1.0, 2.0, 3.0, 4.0, 6.0] {
            let found = by(20_000, 1.0, 0).surprise(surprise);
            assert!((found - surprise).abs() < 0.35, "{surprise} {found}");
        }
    }

    #[test]
    fn those_that_exaggerate_are_worth_less_and_those_that_understate_more() {
        for (said, true_one) in [(3.0, 1.0), (6.0, 2.0), (9.0, 3.0)] {
            let found = by(20_000, 3.0, 0).surprise(said);
            assert!((found - true_one).abs() < 0.35, "{said} {found}");
        }
        assert_eq!(by(20_000, 0.5, 0).surprise(1.5), 1.9);
    }

    #[test]
    fn some_attacks_do_not_make_the_tail_heavy() {
        let found = by(20_000, 1.0, 10).surprise(8.0);
        assert!(found > 3.5, "{found}");
        assert!(by(20_000, 1.0, 10).surprise(30.0) > 6.0);
    }

    #[test]
    fn what_no_day_has_had_is_worth_as_much_as_that() {
        let never = Surprises::default().curve(9_999.0);
        assert_eq!(never.knots, [0, 4_301]);
        assert!(never.of("mass_deletion", "").surprise(4.0) > 4.0);
    }

    #[test]
    fn one_surprise_of_a_new_org_is_no_habit_and_many_are() {
        let after = |cases: u32| {
            let mut surprises = Surprises::default();
            (0..cases).for_each(|_| surprises.add(8.0, 1.0));
            surprises.curve(300.0).of("", "").surprise(8.0)
        };
        assert!(after(1) > 3.0 && after(25) < 2.5, "{} {}", after(1), after(25));
    }

    proptest! {
        #[test]
        fn more_is_never_worth_less(values in prop::collection::vec(0.0..40.0, 0..300), a in 0.0..40.0, more in 0.0..40.0) {
            let mut surprises = Surprises::default();
            values.iter().for_each(|value| surprises.add(*value, 1.0));
            let calibration = surprises.curve(values.len() as f64 * 2.0).of("", "");
            prop_assert!(calibration.surprise(a + more) >= calibration.surprise(a) - 1e-9);
        }

        #[test]
        fn what_is_taken_out_was_never_there(values in prop::collection::vec(0.0..40.0, 1..100), other in 0.0..40.0) {
            let mut surprises = Surprises::default();
            values.iter().for_each(|value| surprises.add(*value, 1.0));
            let before = surprises.clone();
            surprises.add(other, 1.0);
            surprises.add(other, -1.0);
            prop_assert_eq!(surprises, before);
        }
    }
}
