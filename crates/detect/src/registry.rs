//! The one list of detectors.

use crate::detectors::{
    api_recon, app_authorized, bulk_export, controls_loosened, dormant_account, failed_then_success, large_request,
    login_as_export, mass_change, mass_deletion, native, new_access, new_app, new_report_export, off_hours, page_crawl,
    rare_network, rare_user_agent, rights_raised, row_spike, scope_increase, session_hijack, slow_drain, unlike_self,
    view_burst,
};
use crate::judgement::Judgement;
use crate::{Settings, Unscoreable, Verdict};
use model::{Family, Observation};
use profile::Tested;

/// Judges observations: a pure function from an observation and settings to verdicts.
pub trait Detector: Sync {
    /// The name in findings, settings and weights. It is permanent.
    fn name(&self) -> &'static str;

    /// The family of its features. A deployment may run each family in a process of its own, and a detector then gets
    /// observations with the features of its family only.
    fn family(&self) -> Family;

    /// The highest score it gives, 0 to 10, unless the settings say otherwise.
    fn ceiling(&self) -> f64;

    /// What to do first about its findings, in a sentence. Its page in `docs/detectors/` says more.
    fn next_step(&self) -> &'static str;

    /// Returns what the detector finds out of each feature that it judges; nothing if the observation has no such feature.
    fn measure<'a>(
        &self,
        observation: &'a Observation,
        settings: &'a Settings,
    ) -> Vec<Result<Judgement<'a>, Unscoreable>>;
}

impl dyn Detector + '_ {
    /// Returns one verdict for each feature that the detector judges.
    pub fn judge(&self, observation: &Observation, settings: &Settings) -> Vec<Verdict> {
        let measured = self.measure(observation, settings).into_iter();
        let verdict = |measured: Result<Judgement<'_>, Unscoreable>| match measured {
            Ok(judgement) => judgement.verdict(self, observation, settings),
            Err(reason) => Verdict::Unscoreable(reason),
        };
        measured.map(verdict).collect()
    }
}

/// Every detector, in the order in which they judge. Each has a page in `docs/detectors/`.
pub static DETECTORS: [&dyn Detector; 25] = [
    &row_spike::RowSpike,
    &view_burst::ViewBurst,
    &scope_increase::ScopeIncrease,
    &new_access::NewAccess,
    &new_report_export::NewReportExport,
    &unlike_self::UnlikeSelf,
    &rare_user_agent::RareUserAgent,
    &rare_network::RareNetwork,
    &new_app::NewApp,
    &dormant_account::DormantAccount,
    &failed_then_success::FailedThenSuccess,
    &session_hijack::SessionHijack,
    &login_as_export::LoginAsExport,
    &off_hours::OffHours,
    &api_recon::ApiRecon,
    &bulk_export::BulkExport,
    &slow_drain::SlowDrain,
    &large_request::LargeRequest,
    &page_crawl::PageCrawl,
    &mass_change::MassChange,
    &mass_deletion::MassDeletion,
    &rights_raised::RightsRaised,
    &app_authorized::AppAuthorized,
    &controls_loosened::ControlsLoosened,
    &native::Native,
];

/// Returns what the enabled detectors find out of an observation, not calibrated. Each that cannot judge a feature goes to
/// `unjudged` with the reason.
pub fn tests(
    observation: &Observation,
    settings: &Settings,
    mut unjudged: impl FnMut(&'static str, Unscoreable),
) -> Vec<Tested> {
    let mut tests = Vec::new();
    for detector in DETECTORS.iter().filter(|detector| settings.is_enabled(detector.name())) {
        for measured in detector.measure(observation, settings) {
            match measured {
                Ok(Judgement { subject, surprise, .. }) => {
                    tests.push(Tested { detector: detector.name(), subject, surprise });
                }
                Err(reason) => unjudged(detector.name(), reason),
            }
        }
    }
    tests
}

/// Returns what to do first about the findings of a detector, or of `blind_source`, which is none; `None` for another
/// name.
pub fn next_step(name: &str) -> Option<&'static str> {
    if name == "blind_source" {
        return Some(
            "Run `orgwatchd sources status`, and restore the source: until then nothing of this kind is seen.",
        );
    }
    DETECTORS.iter().find(|detector| detector.name() == name).map(|detector| detector.next_step())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_unique_and_ceilings_in_range() {
        let names: BTreeSet<&str> = DETECTORS.iter().map(|detector| detector.name()).collect();
        assert_eq!(names.len(), DETECTORS.len());
        assert!(DETECTORS.iter().all(|detector| (1.0..=10.0).contains(&detector.ceiling())));
    }

    #[test]
    fn every_detector_has_its_page() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/detectors");
        let index = std::fs::read_to_string(format!("{folder}/README.md")).unwrap();
        for detector in DETECTORS {
            let name = detector.name();
            let page = std::fs::read_to_string(format!("{folder}/{name}.md")).unwrap_or_default();
            assert!(
                page.starts_with(&format!("# {name}\n")),
                "docs/detectors/{name}.md is missing or has another title"
            );
            assert!(index.contains(&format!("({name}.md)")), "docs/detectors/README.md does not link {name}.md");
        }
    }

    #[test]
    fn every_page_says_what_to_check_and_do() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/detectors");
        for name in DETECTORS.iter().map(|detector| detector.name()).chain(["blind_source"]) {
            let page = std::fs::read_to_string(format!("{folder}/{name}.md")).unwrap_or_default();
            let section = page.split_once("\n## What to check and do\n").unwrap_or_default().1;
            assert!(section.contains(next_step(name).unwrap()), "docs/detectors/{name}.md does not say the next step");
        }
        assert_eq!(next_step("none"), None);
    }
}
