//! One-sided predictive p-values, and the surprise −log10 p from which detectors compute all scores.

use model::{Rate, Usual};
use statrs::function::beta::checked_beta_reg;

/// The largest surprise: smaller p-values than 1e-40 count as that. A choice, far beyond any threshold, which keeps
/// sums and products of surprises finite.
pub const MOST_SURPRISE: f64 = 40.0;

/// Returns P(X ≥ `value`) for a quantity with a Student t distribution of ln(1 + X): the predictive distribution of the
/// conjugate normal model with unknown mean and variance (Gelman et al., Bayesian Data Analysis, 3rd edition,
/// section 3.3).
pub fn at_least(usual: &Usual, value: f64) -> f64 {
    student_t(usual.standardized(value), usual.degrees)
}

/// Returns P(T ≥ `t`) for Student t with `degrees` of freedom: I(ν/(ν+t²); ν/2, 1/2)/2 for t ≥ 0
/// (Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.1). 1 if `t` is not a number.
pub fn student_t(t: f64, degrees: f64) -> f64 {
    if t.is_nan() {
        return 1.0;
    }
    let half = 0.5 * incomplete_beta(degrees / 2.0, 0.5, degrees / (degrees + t * t));
    if t >= 0.0 { half } else { 1.0 - half }
}

/// Returns P(K ≥ `count`) for a Gamma-mixed Poisson, that is a negative binomial: I(1/(rate+1); count, shape)
/// (Abramowitz and Stegun, 26.5.26). 1 for a count of 0 or less.
pub fn count_at_least(usual: &Rate, count: f64) -> f64 {
    if count <= 0.0 { 1.0 } else { incomplete_beta(count, usual.shape, 1.0 / (usual.rate + 1.0)) }
}

/// Combines two independent p-values by Fisher's method: the probability that their product is at most q = `a`·`b`,
/// q(1 − ln q) (Fisher, Statistical Methods for Research Workers, section 21.1).
pub fn both(a: f64, b: f64) -> f64 {
    let product = (a * b).clamp(f64::MIN_POSITIVE, 1.0);
    product * (1.0 - product.ln())
}

/// Corrects the least p-value of `trials` independent tests (Šidák): 1 − (1 − p)^trials.
pub fn any_of(p: f64, trials: f64) -> f64 {
    -(trials.max(1.0) * (-p.clamp(0.0, 1.0)).ln_1p()).exp_m1()
}

/// Returns −log10 p, from 0 to [`MOST_SURPRISE`]; 0 if `p` is not a number.
pub fn surprise(p: f64) -> f64 {
    if p.is_nan() { 0.0 } else { (-p.max(1e-300).log10()).clamp(0.0, MOST_SURPRISE) }
}

/// Returns the regularized incomplete beta function I(x; a, b), or 1, which is no evidence, for parameters that no
/// distribution has.
fn incomplete_beta(a: f64, b: f64, x: f64) -> f64 {
    checked_beta_reg(a, b, x.clamp(0.0, 1.0)).unwrap_or(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(p: f64, expect: f64) {
        assert!((p / expect - 1.0).abs() < 1e-6, "{p} is not {expect}");
    }

    #[test]
    fn tails_agree_with_the_tables() {
        check(student_t(2.0, 10.0), 0.036_694_017);
        check(student_t(0.0, 3.0), 0.5);
        check(student_t(-2.0, 10.0), 1.0 - 0.036_694_017);
        // Geometric: shape 1, success probability 1/2.
        check(count_at_least(&Rate { shape: 1.0, rate: 1.0, ..Rate::default() }, 5.0), 0.031_25);
        check(any_of(0.1, 2.0), 0.19);
        check(both(0.1, 0.1), 0.01 * (1.0 + 4.605_170_186));
    }

    #[test]
    fn far_tails_are_exact() {
        // I_x(a, 1/2)/2 far out, computed with 50 digits.
        check(student_t(100.0, 35.0).log10(), -44.178_871_34);
    }

    proptest! {
        #[test]
        fn more_is_never_less_surprising(loc in 0.0..10.0, scale in 0.05..3.0, degrees in 1.0..80.0, x in 0.0..1e7, more in 0.0..1e7) {
            let usual = Usual { location: loc, scale, degrees, ..Usual::default() };
            prop_assert!(at_least(&usual, x + more) <= at_least(&usual, x) + 1e-12);
        }

        #[test]
        fn counts_are_ordered(shape in 0.01..100.0, rate in 0.01..100.0, k in 0.0..500.0) {
            let usual = Rate { shape, rate, ..Rate::default() };
            let (p, next) = (count_at_least(&usual, k), count_at_least(&usual, k + 1.0));
            prop_assert!((0.0..=1.0).contains(&p) && next <= p + 1e-12);
        }

        #[test]
        fn surprise_is_finite(p in prop_oneof![Just(f64::NAN), Just(0.0), Just(-1.0), 0.0..1.0]) {
            prop_assert!((0.0..=MOST_SURPRISE).contains(&surprise(p)));
        }
    }
}
