//! How often tests are as surprised as they say: the p-value of a surprise among the largest surprises of user-days.

use crate::tail::MOST_SURPRISE;
use serde::{Deserialize, Serialize};

/// The largest surprises of a test on user-days, by size.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Surprises {
    /// Weight of all user-days, those without a surprise among them.
    days: f64,
    /// Weight of those with a surprise, by number of its bin, in ascending order.
    bins: Vec<(u16, f64)>,
}

/// What a surprise of a test is worth, from how often user-days had as much.
///
/// Between knots the surprise is interpolated. Beyond the last one the tail is exponential.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Calibration {
    /// Weight of the user-days that it was learned from.
    pub days: f64,
    /// The calibrated surprises at multiples of [`Calibration::STEP`], from 0 on.
    pub knots: Vec<f64>,
    /// How much of a surprise beyond the last knot counts.
    pub slope: f64,
}

impl Surprises {
    /// Width of a bin. A choice: a twentieth of a power of ten.
    const BIN: f64 = 0.05;
    /// Weight of the largest surprises that make the tail. A choice: fewer vary too much, more are no tail.
    const TAIL: f64 = 20.0;
    /// Excess over the start of the tail that counts at most, so that a few attacks do not make it heavy. A choice.
    const MOST_EXCESS: f64 = 3.0;
    /// Excesses that the prior mean weighs: 1/ln 10, that of surprises that say the truth. A choice.
    const PRIOR: f64 = 5.0;

    /// Learns a user-day with its largest surprise, 0 if it has none. A negative weight takes it out again.
    pub fn add(&mut self, surprise: f64, weight: f64) {
        self.days = (self.days + weight).max(0.0);
        let bin = (surprise.clamp(0.0, MOST_SURPRISE) / Self::BIN) as u16;
        if bin == 0 {
            return;
        }
        match self.bins.binary_search_by_key(&bin, |(bin, _)| *bin) {
            Ok(index) => {
                let Some((_, known)) = self.bins.get_mut(index) else { return };
                *known += weight;
                if *known <= 0.0 {
                    self.bins.remove(index);
                }
            }
            Err(index) if weight > 0.0 => self.bins.insert(index, (bin, weight)),
            Err(_) => {}
        }
    }

    /// Multiplies all weights by `share`, from 0 to 1.
    pub fn discount(&mut self, share: f64) {
        self.days *= share;
        self.bins.iter_mut().for_each(|(_, weight)| *weight *= share);
    }

    /// Returns the weight of the user-days.
    pub fn days(&self) -> f64 {
        self.days
    }

    /// Returns these user-days and those of `other`, which weigh `share` each.
    #[must_use]
    pub fn with(&self, other: &Self, share: f64) -> Self {
        let mut both = self.clone();
        both.days += other.days * share;
        for (bin, weight) in &other.bins {
            match both.bins.binary_search_by_key(bin, |(bin, _)| *bin) {
                Ok(index) => {
                    if let Some((_, known)) = both.bins.get_mut(index) {
                        *known += weight * share;
                    }
                }
                Err(index) => both.bins.insert(index, (*bin, weight * share)),
            }
        }
        both
    }

    /// Returns what surprises are worth: the share of user-days with as much, p̂(s) = (#{sᵢ ≥ s} + ½)/(N + 1), down to the
    /// 20th largest value u, and beyond it p̂(u)·exp(−(s − u)/β) with the mean excess
    /// β = (Σ min(sᵢ − u, 3) + 5/ln 10)/(#{sᵢ − u < 3} + 5): that of an exponential tail of which what is beyond 3 is
    /// censored (Lawless, Statistical Models and Methods for Lifetime Data, section 4.1), with five excesses as its prior.
    pub fn calibration(&self) -> Calibration {
        let start_of = |bin: u16| f64::from(bin) * Self::BIN;
        // The tail starts at the 20th largest, or at 0 where there are fewer.
        let mut weight = 0.0;
        let mut start = 0.0;
        for (bin, of_bin) in self.bins.iter().rev() {
            weight += of_bin;
            if weight >= Self::TAIL {
                start = start_of(*bin);
                break;
            }
        }
        // On a knot, so that the last knot is the start.
        let last = (start / Calibration::STEP).floor();
        let start = last * Calibration::STEP;
        let excesses = || {
            let above = self.bins.iter().map(|(bin, weight)| (start_of(*bin) + Self::BIN / 2.0 - start, *weight));
            above.filter(|(excess, _)| *excess > 0.0)
        };
        let sum: f64 = excesses().map(|(excess, weight)| excess.min(Self::MOST_EXCESS) * weight).sum();
        let seen: f64 = excesses().filter(|(excess, _)| *excess < Self::MOST_EXCESS).map(|(_, weight)| weight).sum();
        let mean = (sum + Self::PRIOR / std::f64::consts::LN_10) / (seen + Self::PRIOR);
        let at_least = |surprise: f64| {
            if surprise <= 0.0 {
                return self.days;
            }
            let above = self.bins.iter().rev().take_while(|(bin, _)| start_of(*bin) + Self::BIN / 2.0 > surprise);
            above.map(|(_, weight)| weight).sum()
        };
        let knots = (0..=last as u32).map(|knot| {
            let surprise = f64::from(knot) * Calibration::STEP;
            -((at_least(surprise) + 0.5) / (self.days + 1.0)).min(1.0).log10()
        });
        Calibration { days: self.days, knots: knots.collect(), slope: std::f64::consts::LOG10_E / mean }
    }
}

impl Calibration {
    /// Distance of two knots.
    pub const STEP: f64 = 0.25;
    /// User-days from which on the share of user-days is the p-value. With fewer it only makes a surprise less. A choice:
    /// two weeks of two hundred accounts.
    pub const LEAST_DAYS: f64 = 2_000.0;

    /// Returns the calibrated surprise.
    pub fn surprise(&self, surprise: f64) -> f64 {
        let Some((last, before)) = self.knots.split_last() else { return surprise };
        let at = (surprise / Self::STEP).max(0.0);
        let low = at.floor();
        let calibrated = match (before.get(low as usize), self.knots.get(low as usize + 1)) {
            (Some(low_knot), Some(high_knot)) => low_knot + (high_knot - low_knot) * (at - low),
            _ => last + self.slope * (surprise - before.len() as f64 * Self::STEP),
        };
        let calibrated = calibrated.clamp(0.0, MOST_SURPRISE);
        if self.days < Self::LEAST_DAYS { calibrated.min(surprise) } else { calibrated }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Surprises of so many days that say the truth, times `factor`.
    fn of(days: u32, factor: f64) -> Surprises {
        let mut surprises = Surprises::default();
        for day in 0..days {
            let p = (f64::from(day) + 0.5) / f64::from(days);
            surprises.add(-p.log10() * factor, 1.0);
        }
        surprises
    }

    #[test]
    fn surprises_that_say_the_truth_are_worth_what_they_say() {
        let calibration = of(20_000, 1.0).calibration();
        for surprise in [1.0, 2.0, 3.0, 4.0, 6.0] {
            let found = calibration.surprise(surprise);
            assert!((found - surprise).abs() < 0.35, "{surprise} {found}");
        }
    }

    #[test]
    fn those_that_exaggerate_are_worth_less_and_those_that_understate_more() {
        let [much, little] = [3.0, 0.5].map(|factor| of(20_000, factor).calibration());
        for (said, true_one) in [(3.0, 1.0), (6.0, 2.0), (9.0, 3.0)] {
            assert!((much.surprise(said) - true_one).abs() < 0.35, "{said} {}", much.surprise(said));
        }
        assert!(little.surprise(1.5) > 2.5, "{}", little.surprise(1.5));
    }

    #[test]
    fn a_few_days_only_make_a_surprise_less() {
        assert_eq!(Surprises::default().calibration().surprise(5.0), 5.0);
        let few = of(200, 0.5).calibration();
        assert_eq!(few.surprise(1.0), 1.0);
        assert!(of(200, 4.0).calibration().surprise(6.0) < 3.0);
    }

    #[test]
    fn some_attacks_do_not_make_the_tail_heavy() {
        let mut surprises = of(20_000, 1.0);
        (0..10).for_each(|_| surprises.add(30.0, 1.0));
        assert!(surprises.calibration().surprise(8.0) > 3.5, "{}", surprises.calibration().surprise(8.0));
    }

    proptest! {
        #[test]
        fn more_is_never_worth_less(values in prop::collection::vec(0.0..40.0, 0..300), a in 0.0..40.0, more in 0.0..40.0) {
            let mut surprises = Surprises::default();
            values.iter().for_each(|value| surprises.add(*value, 1.0));
            let calibration = surprises.calibration();
            prop_assert!(calibration.surprise(a + more) >= calibration.surprise(a) - 1e-9);
            prop_assert!((0.0..=MOST_SURPRISE).contains(&calibration.surprise(a)));
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
