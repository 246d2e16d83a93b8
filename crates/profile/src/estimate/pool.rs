//! What the members of a population have in common: the prior that a thin baseline leans on.

use super::Moments;
use model::{Rate, Usual};
use serde::{Deserialize, Serialize};

/// Between-user and within-user statistics of one quantity over a population (empirical Bayes, one-way
/// random effects by the method of moments: Searle, Casella and McCulloch, Variance Components, section 3.6).
///
/// A member's part is a function of its [`Moments`], so it can be replaced when they change.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Pool {
    members: f64,
    means: f64,
    squared_means: f64,
    inverse_weights: f64,
    squares: f64,
    degrees: f64,
}

/// What is believed of a member before anything of it is seen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prior {
    pub mean: f64,
    /// Variance of a member's values around its own mean.
    pub within: f64,
    /// Days of own evidence that weigh as much as the prior mean; 0 where nothing is known of others.
    pub strength: f64,
    /// Members behind it.
    pub members: f64,
}

impl Pool {
    /// A member counts from this weight on: below it, its mean says little.
    const LEAST_WEIGHT: f64 = 3.0;
    /// Strength of the prior mean, in days.
    const STRENGTH: (f64, f64) = (0.5, 8.0);

    /// Replaces a member's part.
    pub fn replace(&mut self, before: &Moments, after: &Moments) {
        self.shift(before, -1.0);
        self.shift(after, 1.0);
    }

    /// The prior of this population, or `None` below five members.
    pub fn prior(&self) -> Option<Prior> {
        if self.members < 5.0 || self.degrees < 5.0 {
            return None;
        }
        let mean = self.means / self.members;
        let within = (self.squares / self.degrees).max(0.0);
        let spread = (self.squared_means / self.members - mean * mean).max(0.0) * self.members / (self.members - 1.0);
        let between = (spread - within * self.inverse_weights / self.members).max(0.0);
        let (least, most) = Self::STRENGTH;
        let strength = if between > 0.0 { (within / between).clamp(least, most) } else { most };
        Some(Prior { mean, within, strength, members: self.members })
    }

    fn shift(&mut self, moments: &Moments, sign: f64) {
        if moments.weight < Self::LEAST_WEIGHT {
            return;
        }
        self.members += sign;
        self.means += sign * moments.mean;
        self.squared_means += sign * moments.mean * moments.mean;
        self.inverse_weights += sign / moments.weight;
        self.squares += sign * moments.squares;
        self.degrees += sign * (moments.weight - 1.0);
    }
}

/// Predictive Student t of ln(1 + x) for the next value: normal-inverse-chi-squared with the population as prior
/// (Gelman et al., Bayesian Data Analysis, section 3.3).
///
/// `own` are the moments of ln(1 + x), `plain` those of x. `None` if neither the user nor the population says anything.
pub fn usual(own: &Moments, plain: &Moments, prior: Option<&Prior>, shift: f64) -> Option<Usual> {
    /// Degrees of freedom and deviation of the prior where there is no population.
    const DEGREES: f64 = 6.0;
    const VARIANCE: f64 = 0.49;
    /// A series without variance can still spike: no logarithm is trusted closer than this.
    const LEAST_VARIANCE: f64 = 0.01;

    let (prior_mean, within, strength) = prior.map_or((0.0, VARIANCE, 0.0), |p| (p.mean, p.within, p.strength));
    let weight = own.weight + strength;
    if weight <= 0.0 {
        return None;
    }
    let degrees = DEGREES + (own.weight - 1.0).max(0.0);
    let variance = (DEGREES * within + own.squares) / degrees;
    Some(Usual {
        location: (own.weight * own.mean + strength * prior_mean) / weight,
        scale: (variance.max(LEAST_VARIANCE) * (1.0 + 1.0 / weight)).sqrt(),
        degrees,
        shift,
        mean: plain.mean,
        deviation: plain.deviation(),
        evidence: own.weight,
        prior_weight: strength / weight,
    })
}

/// Predictive rate of a daily count: Gamma-Poisson with the population as prior, its shape held at the moment
/// estimate m²/(v − m) so that over-dispersion is admitted (Cameron and Trivedi, Regression Analysis of Count
/// Data, section 3.3).
///
/// `default` is the mean count a day where there is no population.
pub fn rate(own: &Moments, prior: Option<&Prior>, default: f64) -> Rate {
    /// Days that the prior mean weighs, and days that the prior dispersion weighs.
    const STRENGTH: f64 = 6.0;
    const DISPERSION_STRENGTH: f64 = 20.0;
    /// Variance over mean where there is no population.
    const DISPERSION: f64 = 1.2;
    const LEAST_MEAN: f64 = 1e-3;

    let dispersion = |variance: f64, mean: f64| if mean > LEAST_MEAN { (variance / mean).max(1.0) } else { 1.0 };
    let prior_mean = prior.map_or(default, |p| p.mean).max(LEAST_MEAN);
    let prior_dispersion = prior.map_or(DISPERSION, |p| dispersion(p.within, p.mean));
    let shape = own.weight * own.mean + STRENGTH * prior_mean;
    let days = own.weight + STRENGTH;
    let mean = shape / days;
    let phi = (own.weight * dispersion(own.variance(), own.mean) + DISPERSION_STRENGTH * prior_dispersion)
        / (own.weight + DISPERSION_STRENGTH);
    let shape = if phi > 1.0 { shape.min(mean / (phi - 1.0)) } else { shape };
    Rate { shape, rate: shape / mean, evidence: own.weight, prior_weight: STRENGTH / days }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tail;
    use proptest::prelude::*;

    fn learned(values: &[f64]) -> Moments {
        let mut moments = Moments::default();
        values.iter().for_each(|v| moments.add(*v, 60.0));
        moments
    }

    #[test]
    fn nothing_known_is_no_expectation() {
        assert_eq!(usual(&Moments::default(), &Moments::default(), None, 0.0), None);
    }

    #[test]
    fn zero_variance_can_still_spike() {
        let own = learned(&[100f64.ln_1p(); 30]);
        let usual = usual(&own, &Moments::default(), None, 0.0).unwrap();
        assert!(tail::surprise(tail::at_least(&usual, 5_000.0)) > 6.0);
        assert!(tail::surprise(tail::at_least(&usual, 110.0)) < 1.0);
    }

    #[test]
    fn a_thin_baseline_leans_on_its_population() {
        let prior = Prior { mean: 5.0, within: 0.3, strength: 4.0, members: 50.0 };
        let thin = usual(&learned(&[3.0]), &Moments::default(), Some(&prior), 0.0).unwrap();
        assert!((thin.location - 4.6).abs() < 1e-9 && thin.prior_weight == 0.8);
        let thick = usual(&learned(&[3.0; 60]), &Moments::default(), Some(&prior), 0.0).unwrap();
        assert!(thick.location < 3.2 && thick.prior_weight < 0.1);
    }

    #[test]
    fn a_rare_count_is_rare() {
        let rate = rate(&learned(&[0.0; 40]), None, 0.05);
        assert!(rate.mean() < 0.01);
        assert!(tail::surprise(tail::count_at_least(&rate, 3.0)) > 4.0);
    }

    proptest! {
        #[test]
        fn replacing_leaves_no_trace(values in prop::collection::vec(prop::collection::vec(0.0..10.0, 3..20), 5..12)) {
            let members: Vec<Moments> = values.iter().map(|v| learned(v)).collect();
            let mut once = Pool::default();
            let mut again = Pool::default();
            for member in &members {
                once.replace(&Moments::default(), member);
                again.replace(&Moments::default(), &members[0]);
                again.replace(&members[0], member);
            }
            let (once, again) = (once.prior().unwrap(), again.prior().unwrap());
            prop_assert!((once.mean - again.mean).abs() < 1e-6 && (once.within - again.within).abs() < 1e-6);
            prop_assert!(once.within >= 0.0 && (0.5..=8.0).contains(&once.strength));
        }

        #[test]
        fn expectations_are_proper(values in prop::collection::vec(0.0..20.0, 1..80), mean in 0.0..20.0, within in 0.0..5.0) {
            let prior = Prior { mean, within, strength: 3.0, members: 9.0 };
            let usual = usual(&learned(&values), &Moments::default(), Some(&prior), 0.0).unwrap();
            prop_assert!(usual.scale > 0.0 && usual.degrees >= 1.0 && (0.0..=1.0).contains(&usual.prior_weight));
            let rate = rate(&learned(&values), Some(&prior), 0.1);
            prop_assert!(rate.shape > 0.0 && rate.rate > 0.0 && rate.mean().is_finite());
        }
    }
}
