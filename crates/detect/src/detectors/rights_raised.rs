//! `rights_raised`: rights given by an account that usually gives none.

use super::{detector, setup};
use crate::judgement::Judgement;
use crate::{Settings, Unscoreable};
use model::{Observation, Setup, SetupTopic};

detector! {
    /// Judges permission sets and profiles that an account gives, and rights that it adds to them, by how often it does so.
    /// Broad rights, and those that it gives to itself, weigh more.
    RightsRaised = "rights_raised", Identity, ceiling 8.0,
    next "Ask the account and the one that got the rights what they are for, and take them away unless somebody planned it.",
    Setup => change
}

fn change<'a>(change: &'a Setup, _: &'a Observation, _: &'a Settings) -> Result<Judgement<'a>, Unscoreable> {
    setup::judge(SetupTopic::Rights, change)
}

#[cfg(test)]
mod tests {
    use super::super::setup::tests::{check_history, first};
    use super::super::testing::finding;
    use super::*;
    use model::{Feature, SetupCase, Severity};

    #[test]
    fn who_never_did_raises_and_who_does_it_daily_does_not() {
        check_history(&RightsRaised, &[SetupCase::Rights, SetupCase::BroadRights, SetupCase::OwnRights]);
    }

    #[test]
    fn rights_for_itself_score_highest() {
        let score = |case| finding(&RightsRaised, Feature::Setup(first(case, "x"))).score;
        let scores = [SetupCase::Rights, SetupCase::BroadRights, SetupCase::OwnRights].map(score);
        assert!(scores.is_sorted() && scores[0] < 4.0, "{scores:?}");
    }

    #[test]
    fn broad_rights_are_medium() {
        let what = "Permission set View All Data: assigned to user Lee Roe";
        let finding = finding(&RightsRaised, Feature::Setup(first(SetupCase::BroadRights, what)));
        assert_eq!(finding.severity, Severity::Medium);
        insta::assert_snapshot!(finding.summary, @"Gave broad rights: “Permission set View All Data: assigned to user Lee Roe”; none such in its 40 days of history");
    }
}
