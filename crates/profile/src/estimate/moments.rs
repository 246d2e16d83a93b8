//! Weight, mean and spread of a series, with a bounded memory of the past.

use serde::{Deserialize, Serialize};

/// Running mean and variance by Welford's method (Knuth, The Art of Computer Programming, volume 2, section 4.2.2).
///
/// The weight of the past is held at a cap, which makes both exponentially weighted from there on (Finch, Incremental
/// calculation of weighted mean and variance, 2009, section 9).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Moments {
    /// Weight of the values learned: their number, at most the cap.
    pub weight: f64,
    /// Weighted mean of the values.
    pub mean: f64,
    /// Sum of squared deviations from the mean.
    pub squares: f64,
}

impl Moments {
    /// Learns `value` with weight 1 and scales the past down so that the total weight stays within `cap`, or within 1
    /// if the cap is less. Ignores values that are not finite.
    pub fn add(&mut self, value: f64, cap: f64) {
        if !value.is_finite() {
            return;
        }
        let past = self.weight.min((cap - 1.0).max(0.0));
        if self.weight > 0.0 {
            self.squares *= past / self.weight;
        }
        self.weight = past + 1.0;
        let difference = value - self.mean;
        self.mean += difference / self.weight;
        self.squares += difference * (value - self.mean);
    }

    /// Takes out a value that was learned lately, so that its weight is still about 1. Ignores values that are not
    /// finite.
    pub fn unlearn(&mut self, value: f64) {
        if !value.is_finite() {
            return;
        }
        let weight = self.weight - 1.0;
        if weight <= 0.0 {
            *self = Self::default();
            return;
        }
        let mean = self.mean - (value - self.mean) / weight;
        self.squares = (self.squares - (value - self.mean) * (value - mean)).max(0.0);
        (self.weight, self.mean) = (weight, mean);
    }

    /// Returns the moments of the values of both, in any order (Chan, Golub and LeVeque, Updating formulae and a
    /// pairwise algorithm for computing sample variances, 1979, equation 2.1).
    pub fn merge(&self, other: &Self) -> Self {
        let weight = self.weight + other.weight;
        if weight <= 0.0 {
            return Self::default();
        }
        let difference = other.mean - self.mean;
        Self {
            weight,
            mean: self.mean + difference * other.weight / weight,
            squares: self.squares + other.squares + difference * difference * self.weight * other.weight / weight,
        }
    }

    /// Multiplies the weight by `share`, from 0 to 1, and keeps mean and variance: later values count for more.
    pub fn discount(&mut self, share: f64) {
        let share = share.clamp(0.0, 1.0);
        self.weight *= share;
        self.squares *= share;
    }

    /// Returns the sample variance; 0 for a weight of up to 1.
    pub fn variance(&self) -> f64 {
        if self.weight > 1.0 { (self.squares / (self.weight - 1.0)).max(0.0) } else { 0.0 }
    }

    /// Returns the sample standard deviation; 0 for a weight of up to 1.
    pub fn deviation(&self) -> f64 {
        self.variance().sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(values: &[f64]) -> Moments {
        let mut moments = Moments::default();
        for value in values {
            moments.add(*value, f64::MAX);
        }
        moments
    }

    fn near(a: f64, b: f64) -> bool {
        (a - b).abs() <= 1e-6 * (1.0 + a.abs().max(b.abs()))
    }

    #[test]
    fn mean_and_variance_agree_with_their_definitions() {
        let moments = of(&[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]);
        assert_eq!(moments.mean, 5.0);
        assert!(near(moments.variance(), 32.0 / 7.0));
    }

    #[test]
    fn the_past_is_forgotten_at_the_cap() {
        let mut moments = Moments::default();
        (0..1_000).for_each(|_| moments.add(0.0, 60.0));
        (0..60).for_each(|_| moments.add(1.0, 60.0));
        assert!(moments.weight == 60.0 && (0.6..0.68).contains(&moments.mean), "{moments:?}");
    }

    proptest! {
        #[test]
        fn merging_is_learning_both(a in prop::collection::vec(-1e6..1e6, 0..40), b in prop::collection::vec(-1e6..1e6, 0..40)) {
            let merged = of(&a).merge(&of(&b));
            let together = of(&[a, b].concat());
            prop_assert!(near(merged.mean, together.mean) && near(merged.variance(), together.variance()));
        }

        #[test]
        fn what_is_unlearned_was_never_learned(values in prop::collection::vec(-1e3..1e3, 1..40)) {
            let mut less = of(&values);
            less.unlearn(values[0]);
            let other = of(&values[1..]);
            prop_assert!(near(less.mean, other.mean) && near(less.variance(), other.variance()));
            prop_assert!((less.weight - other.weight).abs() < 1e-9);
        }

        #[test]
        fn order_does_not_matter(mut values in prop::collection::vec(-1e3..1e3, 1..40)) {
            let forward = of(&values);
            values.reverse();
            let backward = of(&values);
            prop_assert!(near(forward.mean, backward.mean) && near(forward.variance(), backward.variance()));
        }

        #[test]
        fn weight_and_variance_stay_in_range(values in prop::collection::vec(prop_oneof![Just(f64::NAN), Just(f64::INFINITY), Just(1e12), -1.0..1.0], 0..80), cap in 0.0..20.0) {
            let mut moments = Moments::default();
            for value in values {
                moments.add(value, cap);
                prop_assert!(moments.weight <= cap.max(1.0) && moments.variance() >= 0.0 && moments.mean.is_finite());
            }
        }
    }
}
