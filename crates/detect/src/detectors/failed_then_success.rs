//! Failed logins, and then one that works.

use super::detector;
use crate::judgement::Judgement;
use crate::{Settings, Unscoreable, score, text};
use model::{Failures, Observation};
use profile::tail;

detector! {
    /// Failures shortly before a success, against what the account usually mistypes in a day.
    FailedThenSuccess = "failed_then_success", Identity, ceiling 7.0,
    Failures => guessed
}

/// Fewer failures than this are typing.
const FLOOR: f64 = 3.0;
/// How much likelier a run of failures is than as many on their own.
const RUNS: f64 = 3.0;

fn guessed(failures: &Failures, _: &Observation, _: &Settings) -> Result<Judgement, Unscoreable> {
    let count = failures.recent.max(0.0);
    let typing = tail::count_at_least(&failures.usual, count.ceil());
    let typing = if f64::from(failures.count) < FLOOR { typing.max(0.05) } else { typing };
    // Whoever mistypes once goes on mistyping: failures come in runs.
    let typing = (RUNS * typing).min(1.0);
    // Typing errors are made where the account is at home.
    let elsewhere = if failures.new_network { 0.1 } else { 1.0 };
    let place = if failures.new_network { " from a new network" } else { "" };
    let mut features = vec![("failedLogins", failures.count.to_string(), tail::surprise(typing))];
    if failures.new_network {
        features.push(("network", "new".to_owned(), tail::surprise(elsewhere)));
    }
    Ok(Judgement {
        surprise: tail::surprise(typing * elsewhere),
        confidence: score::confidence(failures.usual.evidence),
        summary: format!(
            "{} and then a successful one{place}; a usual day has {:.1} failures",
            text::number_of(failures.count, "failed login"),
            failures.usual.mean(),
        ),
        features,
        measures: vec![
            ("failures", f64::from(failures.count)),
            ("decayed_failures", failures.recent),
            ("failures_a_day", failures.usual.mean()),
        ],
        evidence: failures.evidence.clone(),
        ..Judgement::default()
    })
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
    fn a_guessed_password() {
        let finding = finding(&FailedThenSuccess, failures(8, true));
        assert_eq!(finding.score, 7.0);
        insta::assert_snapshot!(finding.summary, @"8 failed logins and then a successful one from a new network; a usual day has 0.1 failures");
    }

    #[test]
    fn two_typing_errors_are_normal() {
        assert_eq!(verdict(&FailedThenSuccess, failures(2, false)), Verdict::Normal);
        assert_eq!(verdict(&FailedThenSuccess, failures(2, true)), Verdict::Normal);
    }
}
