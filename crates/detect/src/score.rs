//! Formulas that detectors share: from p-values to surprise and scores. `docs/scoring.md` explains them together.

use model::Usual;
use profile::tail;

/// Maps a surprise to the scale of Salesforce's ApiAnomalyEvent, 0 to 1: 1 − 2^(−(s − 2)/2) above s = 2, else 0.
///
/// The form is a choice: it starts where findings are raised by default (p = 0.01), and each factor of 100 in p halves
/// the distance to 1. So p = 1e-4 scores 0.5, 1e-6 0.75 and 1e-8 0.875.
pub fn anomaly_score(surprise: f64) -> f64 {
    1.0 - (-(surprise - 2.0).max(0.0) / 2.0).exp2()
}

/// Inverts [`anomaly_score`], for scores that Salesforce gives: the surprise that it maps to `score`. A score of 1
/// gives [`tail::MOST_SURPRISE`].
pub fn surprise_of(score: f64) -> f64 {
    let most = anomaly_score(tail::MOST_SURPRISE);
    2.0 - 2.0 * (1.0 - score.clamp(0.0, most)).log2()
}

/// Returns the confidence of a baseline of n days (or sessions): n/(n + 5), from 0 to 1.
///
/// Five days, one working week, give 0.5: a choice. It is shown beside the score and does not change it.
pub fn confidence(days: f64) -> f64 {
    days / (days + 5.0)
}

/// Mixes the p-value among the account's own days with that among its peers' days: (1 − mix)·own + mix·peers.
///
/// An account may change its role any day and then behaves as its peers do; `mix` is the probability of that. The
/// mixture keeps the surprise from exceeding −log10(mix · peers).
pub fn with_peers(own: f64, peers: f64, mix: f64) -> f64 {
    (1.0 - mix) * own + mix * peers
}

/// Returns P(X ≥ `value`) by `usual`, or `None` if neither the account nor its population has taught it anything.
pub fn own_tail(usual: &Usual, value: f64) -> Option<f64> {
    (usual.evidence > 0.0 || usual.prior_weight > 0.0).then(|| tail::at_least(usual, value))
}

/// Returns the least p-value that something new can have on a day with this share of known work: 0.002 if the account
/// does nothing that it knows, falling to 0 at a share of 0.3.
///
/// Somebody who starts in another role opens nothing of the old one, while a thief's account goes on with its ordinary
/// work.
pub fn change_of_role(known_share: f64) -> f64 {
    /// Changes of role an account and day: about one in two years. A choice: a larger value hides attacks on
    /// accounts with little other work, a smaller one raises findings for changes of role.
    const A_DAY: f64 = 2e-3;
    /// Share of known work from which on a change of role explains nothing: a choice with the same trade.
    const KNOWN: f64 = 0.3;
    A_DAY * (1.0 - known_share / KNOWN).clamp(0.0, 1.0)
}

/// Returns the least p-value of a day that equals `earlier` of the account's `days`, such as a month-end batch:
/// (earlier + 1)/(days + 1), the conformal p-value of its rank (Vovk, Gammerman and Shafer, Algorithmic Learning in a
/// Random World, 2005, section 2.2). 0 if no earlier day equals it.
pub fn recurrence(earlier: u32, days: f64) -> f64 {
    if earlier == 0 { 0.0 } else { (f64::from(earlier + 1) / (days + 1.0)).min(1.0) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_scale_has_its_anchors() {
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
