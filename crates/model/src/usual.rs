//! What is usual, as the parameters of a predictive distribution. The tails are computed in `profile::tail`.

/// What a usual value of a heavy-tailed quantity x is: Student t on ln(1 + x).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Usual {
    pub location: f64,
    pub scale: f64,
    pub degrees: f64,
    /// The organization's factor of the day, added to `location` (natural logarithm, at least 0).
    pub shift: f64,
    /// Plain mean and sample standard deviation of x, for the reader.
    pub mean: f64,
    pub deviation: f64,
    /// Days (or requests) of own evidence.
    pub evidence: f64,
    /// Share of the location that comes from the population, 0 to 1.
    pub prior_weight: f64,
}

impl Usual {
    /// Scales above the usual, on ln(1 + x); what a z-score is on the plain scale.
    pub fn standardized(&self, value: f64) -> f64 {
        (value.max(0.0).ln_1p() - self.shift - self.location) / self.scale
    }

    /// The founding article's z-score, on the plain scale; 0 without deviation.
    pub fn plain_z(&self, value: f64) -> f64 {
        if self.deviation > 0.0 { (value - self.mean) / self.deviation } else { 0.0 }
    }
}

/// What a usual daily count is: Poisson with a Gamma(`shape`, `rate`) mixed mean, `rate` in days.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rate {
    pub shape: f64,
    pub rate: f64,
    /// Days of own evidence.
    pub evidence: f64,
    /// Share of the mean that comes from the population, 0 to 1.
    pub prior_weight: f64,
}

impl Rate {
    /// Expected count a day.
    pub fn mean(&self) -> f64 {
        self.shape / self.rate
    }
}
