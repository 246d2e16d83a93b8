//! `controls_loosened`: a setting that protects the org, loosened by an account that usually changes none.

use super::{detector, setup};
use crate::judgement::Judgement;
use crate::{Settings, Unscoreable};
use model::{Observation, Setup, SetupTopic};

detector! {
    /// Judges settings that an account loosens by how often it does so: second factors, sessions, addresses and hours of
    /// logins, transaction security policies, passwords, monitoring and sharing.
    ControlsLoosened = "controls_loosened", Identity, ceiling 8.0,
    next "Restore the setting unless a change request names it, and look at what the account did since.",
    Setup => change
}

fn change<'a>(change: &'a Setup, _: &'a Observation, _: &'a Settings) -> Result<Judgement<'a>, Unscoreable> {
    setup::judge(SetupTopic::Controls, change)
}

#[cfg(test)]
mod tests {
    use super::super::setup::tests::{check_history, first};
    use super::super::testing::finding;
    use super::*;
    use model::{Feature, SetupCase, Severity};

    #[test]
    fn who_never_did_raises_and_who_does_it_daily_does_not() {
        check_history(
            &ControlsLoosened,
            &[
                SetupCase::SecondFactor,
                SetupCase::Sessions,
                SetupCase::Networks,
                SetupCase::Policies,
                SetupCase::Passwords,
                SetupCase::LoginHours,
                SetupCase::Monitoring,
                SetupCase::Sharing,
            ],
        );
    }

    #[test]
    fn a_policy_that_is_switched_off_is_medium() {
        let what = "Emma Roe disabled transaction security policy \"Block Exports\".";
        let finding = finding(&ControlsLoosened, Feature::Setup(first(SetupCase::Policies, what)));
        assert_eq!(finding.severity, Severity::Medium);
        insta::assert_snapshot!(finding.summary, @r#"Switched off a transaction security policy: “Emma Roe disabled transaction security policy "Block Exports".”; none such in its 40 days of history"#);
    }

    #[test]
    fn each_setting_is_a_finding_of_its_own() {
        let id = |case| finding(&ControlsLoosened, Feature::Setup(first(case, "x"))).finding_id;
        assert_ne!(id(SetupCase::Sessions), id(SetupCase::Networks));
    }
}
