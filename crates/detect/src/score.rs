//! From surprise to scores, and what is combined on the way.

use model::Usual;
use profile::tail;

/// ApiAnomalyEvent's scale from 0 to 1: 1 − 2^(−(s − 2)/2) above s = 2. So p = 1e-4 scores 0.5, 1e-8 0.875.
pub fn anomaly_score(surprise: f64) -> f64 {
    1.0 - (-(surprise - 2.0).max(0.0) / 2.0).exp2()
}

/// The surprise that [`anomaly_score`] maps to `score`, for scores that others give.
pub fn surprise_of(score: f64) -> f64 {
    let most = anomaly_score(tail::MOST_SURPRISE);
    2.0 - 2.0 * (1.0 - score.clamp(0.0, most)).log2()
}

/// How sure a baseline of so many days can be: n/(n + 5).
pub fn confidence(days: f64) -> f64 {
    days / (days + 5.0)
}

/// P(own) with a part of its weight on the peers: an account may change its role any day, and then behaves as
/// others do. `mix` is that part.
pub fn with_peers(own: f64, peers: f64, mix: f64) -> f64 {
    (1.0 - mix) * own + mix * peers
}

/// P(X ≥ `value`) among the user's own values, or `None` if nothing is known of them.
pub fn own_tail(usual: &Usual, value: f64) -> Option<f64> {
    (usual.evidence > 0.0 || usual.prior_weight > 0.0).then(|| tail::at_least(usual, value))
}

/// Least p-value of what is new on a day that has little else: people who start in another role open nothing of the
/// old one, while ordinary work goes on beside a theft.
pub fn change_of_role(known_share: f64) -> f64 {
    /// Changes of role a day and account, and the share of known work at which one is out of the question.
    const A_DAY: f64 = 2e-3;
    const KNOWN: f64 = 0.3;
    A_DAY * (1.0 - known_share / KNOWN).clamp(0.0, 1.0)
}

/// Least p-value of a batch that came before, weeks ago: its rank among the account's days (conformal p-value,
/// Vovk, Gammerman and Shafer 2005). 0 if it never came.
pub fn recurrence(earlier: u32, days: f64) -> f64 {
    if earlier == 0 { 0.0 } else { (f64::from(earlier + 1) / (days + 1.0)).min(1.0) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_anchors_of_the_scale() {
        let check = |surprise, expect: f64| assert!((anomaly_score(surprise) - expect).abs() < 1e-12);
        check(0.0, 0.0);
        check(2.0, 0.0);
        check(4.0, 0.5);
        check(6.0, 0.75);
        check(8.0, 0.875);
    }

    proptest! {
        #[test]
        fn scores_are_ordered_and_invert(a in 2.0..40.0, b in 2.0..40.0) {
            prop_assert!(a <= b || anomaly_score(a) >= anomaly_score(b));
            prop_assert!((0.0..=1.0).contains(&anomaly_score(a)));
            prop_assert!((surprise_of(anomaly_score(a)) - a).abs() < 0.05);
        }
    }
}
