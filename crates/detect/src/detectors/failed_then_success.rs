//! `failed_then_success`: failed logins shortly before a successful one.

use super::detector;
use crate::judgement::{Explanation, Judgement};
use crate::{Settings, Unscoreable, score, text};
use model::{Failures, Observation};
use profile::tail;

detector! {
    /// Judges the failed logins shortly before a success, against those of the account's days.
    FailedThenSuccess = "failed_then_success", Identity, ceiling 7.0,
    next "Ask the user whether the failed logins were theirs; if not, reset the password and look for more accounts from that network.",
    Failures => guessed
}

/// Failures below which nothing is raised from a known network: two typing errors in a row are ordinary. A choice.
const FLOOR: f64 = 3.0;
/// Least p-value of fewer failures than [`FLOOR`]: above the p-value of 0.01 at which findings are raised.
const TYPING: f64 = 0.05;
/// Factor on the p-value because failures come in runs: whoever mistypes once goes on mistyping. The Poisson model
/// takes them as independent. A choice that trades short guessing runs for fewer false findings.
const RUNS: f64 = 3.0;
/// Factor on the p-value of a login from a network that is not established: about one honest typing error in ten is
/// made there. A choice.
const ELSEWHERE: f64 = 0.1;

fn guessed<'a>(failures: &'a Failures, _: &'a Observation, _: &'a Settings) -> Result<Judgement<'a>, Unscoreable> {
    let count = failures.recent.max(0.0);
    let typing = tail::count_at_least(&failures.usual, count.ceil());
    let typing = if f64::from(failures.count) < FLOOR { typing.max(TYPING) } else { typing };
    let typing = (RUNS * typing).min(1.0);
    let elsewhere = if failures.new_network { ELSEWHERE } else { 1.0 };
    let network = if failures.new_network { " from a new network" } else { "" };
    let mut features = vec![("failedLogins", failures.count.to_string(), tail::surprise(typing))];
    if failures.new_network {
        features.push(("network", "new".to_owned(), tail::surprise(elsewhere)));
    }
    Ok(Judgement::new(tail::surprise(typing * elsewhere), "", move || Explanation {
        confidence: score::confidence(failures.usual.evidence),
        summary: format!(
            "{}, then a successful one{network}; failed logins usually come {}",
            text::number_of(failures.count, "failed login"),
            text::how_often(failures.usual.mean()),
        ),
        features,
        measures: vec![
            ("failures", f64::from(failures.count)),
            ("decayed_failures", failures.recent),
            ("failures_a_day", failures.usual.mean()),
        ],
        evidence: failures.evidence.clone(),
        ..Explanation::default()
    }))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{finding, usually, verdict};
    use super::*;
    use crate::Verdict;
    use model::Feature;

    fn failures(count: u32, new_network: bool) -> Feature {
        let recent = f64::from(count) * 0.95;
        Feature::Failures(Failures { recent, count, usual: usually(0.1), new_network, evidence: vec![] })
    }

    #[test]
    fn a_guessed_password_is_anomalous() {
        let finding = finding(&FailedThenSuccess, failures(8, true));
        assert_eq!(finding.score, 7.0);
        insta::assert_snapshot!(finding.summary, @"8 failed logins, then a successful one from a new network; failed logins usually come once in 10 days");
    }

    #[test]
    fn two_typing_errors_are_normal() {
        assert_eq!(verdict(&FailedThenSuccess, failures(2, false)), Verdict::Normal);
        assert_eq!(verdict(&FailedThenSuccess, failures(2, true)), Verdict::Normal);
    }
}
