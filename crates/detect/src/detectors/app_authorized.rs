//! `app_authorized`: a connected app added, or its rules loosened, by an account that usually does neither.

use super::{detector, setup};
use crate::judgement::Judgement;
use crate::{Settings, Unscoreable};
use model::{Observation, Setup, SetupTopic};

detector! {
    /// Judges connected apps that an account installs, creates or unblocks, and rules for apps that it loosens, by how often
    /// it does so. An app that the org knows weighs less.
    AppAuthorized = "app_authorized", Identity, ceiling 8.0,
    next "Ask who needs the app, and block it in Setup, under Connected Apps OAuth Usage, until somebody answers.",
    Setup => change
}

fn change<'a>(change: &'a Setup, _: &'a Observation, _: &'a Settings) -> Result<Judgement<'a>, Unscoreable> {
    setup::judge(SetupTopic::Apps, change)
}

#[cfg(test)]
mod tests {
    use super::super::setup::tests::{check_history, first};
    use super::super::testing::{finding, verdict};
    use super::*;
    use crate::Verdict;
    use model::{Feature, SetupCase, Severity};

    #[test]
    fn who_never_did_raises_and_who_does_it_daily_does_not() {
        check_history(&AppAuthorized, &[SetupCase::App, SetupCase::AppRules]);
    }

    #[test]
    fn a_new_app_is_medium_and_a_known_one_is_normal() {
        let new = first(SetupCase::App, "Installed Connected App Night Loader to Acme");
        let finding = finding(&AppAuthorized, Feature::Setup(new.clone()));
        assert_eq!(finding.severity, Severity::Medium);
        insta::assert_snapshot!(finding.summary, @"Added a connected app: “Installed Connected App Night Loader to Acme”; none such in its 40 days of history");
        assert_eq!(verdict(&AppAuthorized, Feature::Setup(Setup { known_app: true, ..new })), Verdict::Normal);
    }
}
