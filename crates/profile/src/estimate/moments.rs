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

    /// Takes out a value that was learned with weight 1, of a series without values below `least`. Ignores values that
    /// are not finite.
    ///
    /// Later values and a [discount](Self::discount) may have left less of its weight, so no more is taken than there
    /// can be: among values of the total weight W, the mean m and the squares S, a value v weighs at most
    /// S·W/(S + W·(v − m)²), because the squares of the others are not negative, and W·(m − least)/(v − least), because
    /// the mean of the others is not below `least`.
    pub fn unlearn(&mut self, value: f64, least: f64) {
        /// Squared distance from the mean, and weight, that may be rounding.
        const NOTHING: f64 = 1e-9;
        if !value.is_finite() {
            return;
        }
        let Self { weight: all, mean, squares } = *self;
        let distance = all * (value - mean).powi(2);
        let by_squares = if distance > NOTHING { all * squares / (squares + distance) } else { 1.0 };
        let by_mean = if value > least { all * (mean - least).max(0.0) / (value - least) } else { 1.0 };
        // Weights near 1 are 1, and unknown ones (of a series that has no least value) do not count.
        let taken = [by_squares, by_mean].into_iter().filter(|most| *most < 1.0 - NOTHING).fold(1.0, f64::min);
        let weight = all - taken;
        if weight <= NOTHING {
            *self = Self::default();
            return;
        }
        self.weight = weight;
        self.mean = (mean - (value - mean) * taken / weight).max(least);
        self.squares = (squares - taken * (value - mean) * (value - self.mean)).max(0.0);
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
            less.unlearn(values[0], f64::NEG_INFINITY);
            let other = of(&values[1..]);
            prop_assert!(near(less.mean, other.mean) && near(less.variance(), other.variance()));
            prop_assert!((less.weight - other.weight).abs() < 1e-9);
        }

        /// What a day is learned as once more replaces it, however little of it is left.
        #[test]
        fn a_replaced_value_moves_the_mean_within_the_values(
            values in prop::collection::vec(0.0..1e3, 1..80),
            late in prop::collection::vec((0usize..8, 0.0..1e3, any::<bool>()), 1..8),
            cap in 2.0..60.0,
            shares in prop::collection::vec(0.01..1.0, 0..4),
        ) {
            let mut moments = Moments::default();
            let mut values = values;
            values.iter().for_each(|value| moments.add(*value, cap));
            shares.iter().for_each(|share| moments.discount(*share));
            for (back, value, is_discounted) in late {
                let Some(index) = values.len().checked_sub(back + 1) else { continue };
                moments.unlearn(values[index], 0.0);
                prop_assert!(moments.weight >= 0.0 && moments.mean >= 0.0 && moments.squares >= 0.0, "{moments:?}");
                prop_assert!(moments.mean.is_finite() && moments.variance().is_finite(), "{moments:?}");
                moments.add(value, cap);
                values[index] = value;
                prop_assert!((0.0..=1.5e3).contains(&moments.mean), "{moments:?}");
                if is_discounted {
                    moments.discount(0.1);
                }
            }
        }

        /// The share of days on which something happens stays a share.
        #[test]
        fn a_replaced_share_is_a_share(
            days in prop::collection::vec(any::<bool>(), 1..80),
            back in 0usize..8,
            share in 0.01..1.0,
            cap in 2.0..60.0,
        ) {
            let of = |day: bool| f64::from(u8::from(day));
            let mut moments = Moments::default();
            days.iter().for_each(|day| moments.add(of(*day), cap));
            moments.discount(share);
            let Some(index) = days.len().checked_sub(back + 1) else { return Ok(()) };
            moments.unlearn(of(days[index]), 0.0);
            prop_assert!((-1e-9..=1.0 + 1e-9).contains(&moments.mean), "{moments:?}");
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
