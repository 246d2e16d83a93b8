//! Parameters of predictive distributions: what a baseline expects. `profile::tail` computes their tails.

use serde::Serialize;

/// Predictive distribution of a heavy-tailed quantity x: ln(1 + x) is distributed as Student's t.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Usual {
    /// Location of ln(1 + x).
    pub location: f64,
    /// Scale of ln(1 + x).
    pub scale: f64,
    /// Degrees of freedom.
    pub degrees: f64,
    /// Natural logarithm of the org's factor of the day, at least 0. It is added to `location`.
    pub shift: f64,
    /// Plain mean of x, for display.
    pub mean: f64,
    /// Plain sample standard deviation of x, for display.
    pub deviation: f64,
    /// Days (or requests) of the account's own evidence.
    pub evidence: f64,
    /// Share of the location that comes from the population, 0 to 1.
    pub prior_weight: f64,
}

impl Usual {
    /// Returns how many scales `value` lies above the location, on ln(1 + x).
    pub fn standardized(&self, value: f64) -> f64 {
        (value.max(0.0).ln_1p() - self.shift - self.location) / self.scale
    }

    /// Returns the founding article's z-score: plain deviations above the plain mean; 0 if the deviation is 0.
    pub fn plain_z(&self, value: f64) -> f64 {
        if self.deviation > 0.0 { (value - self.mean) / self.deviation } else { 0.0 }
    }
}

/// Predictive distribution of a daily count: Poisson with a mean distributed as Gamma(`shape`, `rate`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Rate {
    /// Shape of the Gamma distribution: a count.
    pub shape: f64,
    /// Rate of the Gamma distribution: days.
    pub rate: f64,
    /// Days of the account's own evidence.
    pub evidence: f64,
    /// Share of the mean that comes from the population, 0 to 1.
    pub prior_weight: f64,
}

impl Rate {
    /// Returns the expected count per day.
    pub fn mean(&self) -> f64 {
        self.shape / self.rate
    }
}
