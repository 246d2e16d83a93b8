//! What the detectors of changes in Setup share.

use crate::judgement::{Explanation, Judgement};
use crate::{Unscoreable, score, text};
use model::{Setup, SetupCase, SetupTopic};
use profile::tail;

/// Days that the chance of a case weighs against the account's own days. A choice.
const WEIGHT: f64 = 10.0;
/// Closed days of all accounts of an org below which nothing is judged: everything is new. A choice.
const LEAST_ORG_DAYS: f64 = 10.0;
/// Least p-value of an app that the org knows. A choice: it is updated, or installed by a second person.
const OF_KNOWN_APP: f64 = 0.05;
/// Characters of Salesforce's sentence that a summary quotes. A choice.
const MOST_QUOTED: usize = 160;

/// Judges a change by the share of the account's days that have one of its case:
/// p = (days with such changes + chance · 10)/(active days + 10), with the [`chance`] of the case.
///
/// Other topics than `topic` are another detector's, and normal here.
pub(super) fn judge(topic: SetupTopic, setup: &Setup) -> Result<Judgement<'_>, Unscoreable> {
    if setup.case.topic() != topic {
        return Ok(Judgement::none());
    }
    if setup.org_days < LEAST_ORG_DAYS {
        return Err(Unscoreable::NoBaseline);
    }
    let chance = chance(setup.case);
    let own = (setup.seen + chance * WEIGHT) / (setup.days + WEIGHT);
    let least = if setup.known_app { OF_KNOWN_APP } else { 0.0 };
    let surprise = tail::surprise(own.clamp(least, 1.0));
    Ok(Judgement::new(surprise, setup.case.as_str(), move || {
        let by_itself = tail::surprise(chance);
        Explanation {
            confidence: score::confidence(setup.days),
            summary: format!("{}: {}; {}", title(setup.case), quoted(&setup.what), history(setup)),
            features: vec![
                ("change", quoted(&setup.what), by_itself),
                ("daysWithSuchChanges", text::quantity(setup.seen), (surprise - by_itself).max(0.0)),
            ],
            measures: vec![
                ("days_with_such_changes", setup.seen),
                ("baseline_days", setup.days),
                ("peer_share", setup.peer_share),
            ],
            ..Explanation::default()
        }
    }))
}

/// Returns the probability of such a change on a day of an account of which nothing is known. Choices, by how often
/// harmless administrators need it: rights are given weekly in a large org, and nobody gives them to himself or switches
/// off what watches him without being asked to.
fn chance(case: SetupCase) -> f64 {
    match case {
        SetupCase::Rights => 0.012,
        SetupCase::AppRules | SetupCase::Sessions | SetupCase::Passwords => 0.005,
        SetupCase::LoginHours | SetupCase::Sharing => 0.005,
        SetupCase::BroadRights | SetupCase::App | SetupCase::Networks => 0.003,
        SetupCase::SecondFactor => 0.002,
        SetupCase::OwnRights | SetupCase::Policies | SetupCase::Monitoring => 0.001,
    }
}

fn title(case: SetupCase) -> &'static str {
    match case {
        SetupCase::Rights => "Gave rights to an account",
        SetupCase::BroadRights => "Gave broad rights",
        SetupCase::OwnRights => "Gave rights to itself",
        SetupCase::App => "Added a connected app",
        SetupCase::AppRules => "Loosened the rules for a connected app",
        SetupCase::SecondFactor => "Removed a second factor",
        SetupCase::Sessions => "Loosened the settings of sessions",
        SetupCase::Networks => "Allowed logins from further addresses",
        SetupCase::Policies => "Switched off a transaction security policy",
        SetupCase::Passwords => "Loosened the password policy",
        SetupCase::LoginHours => "Changed login hours",
        SetupCase::Monitoring => "Switched off event monitoring",
        SetupCase::Sharing => "Shared more records by default",
    }
}

fn quoted(what: &str) -> String {
    let short: String = what.chars().take(MOST_QUOTED).collect();
    if short.len() < what.len() { format!("“{short}…”") } else { format!("“{short}”") }
}

fn history(setup: &Setup) -> String {
    if setup.seen > 0.0 {
        format!("it made such changes on {} of its {} of history", text::quantity(setup.seen), text::days(setup.days))
    } else {
        text::none(" such", setup.days)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::detectors::testing::verdict;
    use crate::{Detector, Verdict};
    use model::Feature;

    /// Returns a change of an account that has made none such in 40 days, in an org of ten accounts.
    pub(crate) fn first(case: SetupCase, what: &str) -> Setup {
        Setup { case, what: what.into(), seen: 0.0, days: 40.0, org_days: 400.0, peer_share: 0.05, known_app: false }
    }

    /// Checks what holds for every case of a detector: somebody who never did raises, somebody who does it daily does
    /// not, and neither does anybody in an org that is new.
    pub(crate) fn check_history(detector: &dyn Detector, cases: &[SetupCase]) {
        for case in cases {
            let new = first(*case, "x");
            assert!(matches!(verdict(detector, Feature::Setup(new.clone())), Verdict::Anomalous(_)), "{case}");
            let daily = Setup { seen: 20.0, ..new.clone() };
            assert_eq!(verdict(detector, Feature::Setup(daily)), Verdict::Normal, "{case}");
            let once = Setup { seen: 1.0, ..new.clone() };
            assert_eq!(verdict(detector, Feature::Setup(once)), Verdict::Normal, "{case}");
            let young = Setup { org_days: 9.0, days: 1.0, ..new };
            let expect = Verdict::Unscoreable(Unscoreable::NoBaseline);
            assert_eq!(verdict(detector, Feature::Setup(young)), expect, "{case}");
        }
        for case in SetupCase::ALL.iter().filter(|case| !cases.contains(case)) {
            assert_eq!(verdict(detector, Feature::Setup(first(*case, "x"))), Verdict::Normal, "{case}");
        }
    }

    #[test]
    fn the_longer_the_history_the_higher_the_surprise() {
        let surprise = |days| {
            let setup = Setup { days, ..first(SetupCase::Policies, "x") };
            judge(SetupTopic::Controls, &setup).ok().unwrap().surprise
        };
        let surprises = [0.0, 5.0, 40.0, 200.0].map(surprise);
        assert!(surprises.is_sorted() && surprises[0] >= 2.9 && surprises[3] < 4.5, "{surprises:?}");
    }

    #[test]
    fn long_sentences_are_cut() {
        assert_eq!(quoted("short"), "“short”");
        assert_eq!(quoted(&"é".repeat(200)).chars().count(), MOST_QUOTED + 3);
    }
}
