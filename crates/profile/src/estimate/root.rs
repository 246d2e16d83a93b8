//! The predictive distribution of a quantity by its cube root.

use super::{Moments, Prior};
use serde::{Deserialize, Serialize};

/// Predictive distribution of x ≥ 0: the cube root of 1 + x, less `location`, over `scale`, has Student's t distribution.
///
/// The cube root makes a Gamma distribution nearly normal (Wilson and Hilferty, The distribution of chi-square, 1931). It
/// lies between plain values, with which heavy-tailed accounts are never usual, and logarithms, on which an account's
/// many small values look like a wide spread and hide a fivefold one. On a public set of simulated card transactions the
/// largest amount of a day had an average precision of 0.89 by plain values, 0.88 by cube roots and 0.85 by logarithms;
/// on simulated orgs with heavy tails cube roots ranked at least as well as logarithms, and plain values worst.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Root {
    /// Location of the cube root of 1 + x, at least 1.
    pub location: f64,
    /// Scale of the cube root of 1 + x.
    pub scale: f64,
    /// Days of the account's own evidence.
    pub evidence: f64,
    /// Share of the location that comes from the population, 0 to 1.
    pub prior_weight: f64,
}

impl Root {
    /// Days that the expected variance weighs. A choice: two working weeks; six days were tried and rank a little worse.
    const STRENGTH: f64 = 12.0;
    /// Variance of ln(1 + x) where there is no population: a factor of two, up or down, is one deviation. A choice.
    const VARIANCE: f64 = 0.49;
    /// Least variance of ln(1 + x), a deviation of 10 %: a constant series can spike, and is not certain. A choice.
    const LEAST_VARIANCE: f64 = 0.01;

    /// Returns the distribution for the next value, with `own` moments of [`cube_root`] and the population as prior
    /// (Gelman et al., Bayesian Data Analysis, 3rd edition, section 3.3). Returns `None` if neither has taught anything.
    ///
    /// The deviation that a population suggests is in proportion to the account's own location, as are the constants: by
    /// the delta method the cube root's variance is that of the logarithm times (location/3)².
    pub fn new(own: &Moments, prior: Option<&Prior>) -> Option<Self> {
        let (prior_mean, strength) = prior.map_or((0.0, 0.0), |p| (p.mean, p.strength));
        let weight = own.weight + strength;
        if weight <= 0.0 {
            return None;
        }
        let location = (own.weight * own.mean + strength * prior_mean) / weight;
        let of_logarithm = (location / 3.0).powi(2);
        let expected = prior.map_or(Self::VARIANCE * of_logarithm, |p| {
            p.within * location.powi(2) / (p.mean.powi(2) + p.within / p.strength)
        });
        let degrees = Self::STRENGTH + (own.weight - 1.0).max(0.0);
        let variance = (Self::STRENGTH * expected + own.squares) / degrees;
        let scale = (variance.max(Self::LEAST_VARIANCE * of_logarithm) * (1.0 + 1.0 / weight)).sqrt();
        Some(Self { location, scale, evidence: own.weight, prior_weight: strength / weight })
    }

    /// Returns the distribution for a random member of a population: its variance is that within members plus that
    /// between them.
    pub fn of_member(prior: &Prior) -> Self {
        let variance = prior.within + prior.within / prior.strength;
        let least = Self::LEAST_VARIANCE * (prior.mean / 3.0).powi(2);
        Self { location: prior.mean, scale: variance.max(least).sqrt(), evidence: 0.0, prior_weight: 1.0 }
    }

    /// Returns how many scales `value` lies above the location on a day that has e^`shift` times the usual.
    pub fn deviations(&self, value: f64, shift: f64) -> f64 {
        (((1.0 + value.max(0.0)) * (-shift).exp()).cbrt() - self.location) / self.scale
    }

    /// Returns the value at the location.
    pub fn typical(&self) -> f64 {
        (self.location.powi(3) - 1.0).max(0.0)
    }
}

/// Returns the cube root of 1 + `value`, at least 1.
pub fn cube_root(value: f64) -> f64 {
    (1.0 + value.max(0.0)).cbrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tail;
    use proptest::prelude::*;

    fn learned(values: &[f64]) -> Moments {
        let mut moments = Moments::default();
        values.iter().for_each(|value| moments.add(cube_root(*value), 120.0));
        moments
    }

    #[test]
    fn without_any_evidence_nothing_is_usual() {
        assert_eq!(Root::new(&Moments::default(), None), None);
    }

    #[test]
    fn five_times_the_usual_stands_out_among_small_values() {
        // The largest of a day's card payments: mostly 60 to 160, at times a small one.
        let days: Vec<f64> = (0..90).map(|day| [95.0, 130.0, 8.0, 110.0, 160.0, 60.0][day % 6]).collect();
        let usual = Root::new(&learned(&days), None).unwrap();
        assert!(usual.deviations(500.0, 0.0) > 3.0, "{}", usual.deviations(500.0, 0.0));
        assert!(usual.deviations(180.0, 0.0) < 1.5);
    }

    #[test]
    fn a_population_has_a_relative_spread() {
        let prior = Prior { mean: 10.0, within: 4.0, strength: 4.0, members: 50.0 };
        let small = Root::new(&learned(&[26.0; 60]), Some(&prior)).unwrap();
        let large = Root::new(&learned(&[26_999.0; 60]), Some(&prior)).unwrap();
        assert!((small.location - 3.4375).abs() < 1e-9 && (large.location - 28.75).abs() < 1e-9);
        // The own squares are near 0, so the ratio is that of the locations.
        assert!((large.scale / small.scale - large.location / small.location).abs() < 1e-6);
        assert!(Root::of_member(&prior).scale > 2.0);
    }

    #[test]
    fn a_busy_day_of_the_org_makes_a_value_less_unusual() {
        let usual = Root::new(&learned(&[100.0; 30]), None).unwrap();
        assert!((usual.deviations(201.0, 2.0_f64.ln())).abs() < 0.01);
        assert!((usual.typical() - 100.0).abs() < 1e-9);
    }

    proptest! {
        #[test]
        fn distributions_are_proper(values in prop::collection::vec(0.0..1e6, 1..80), mean in 1.0..100.0, within in 0.0..50.0) {
            let prior = Prior { mean, within, strength: 3.0, members: 9.0 };
            for prior in [None, Some(&prior)] {
                let usual = Root::new(&learned(&values), prior).unwrap();
                prop_assert!(usual.scale > 0.0 && usual.location >= 1.0 && usual.scale.is_finite());
            }
        }

        #[test]
        fn more_is_never_less_surprising(values in prop::collection::vec(0.0..1e6, 1..80), x in 0.0..1e7, more in 0.0..1e7) {
            let usual = Root::new(&learned(&values), None).unwrap();
            let p = |value: f64| tail::student_t(usual.deviations(value, 0.0), 5.0);
            prop_assert!(p(x + more) <= p(x) + 1e-12);
        }
    }
}
