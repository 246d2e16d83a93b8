//! The one list of detectors.

use crate::detectors::{
    api_recon, bulk_export, failed_then_success, login_as_export, native, new_access, new_report_export, off_hours,
    rare_network, rare_user_agent, row_spike, scope_increase, session_hijack, slow_drain, view_burst,
};
use crate::{Settings, Verdict};
use model::{Family, Observation};

/// A pure function from an observation and settings to verdicts.
pub trait Detector: Sync {
    /// The name in findings, settings and weights.
    fn name(&self) -> &'static str;

    /// A deployment may run a family apart: only the features of its family reach a detector there.
    fn family(&self) -> Family;

    /// The highest score it gives, 0 to 10.
    fn ceiling(&self) -> f64;

    /// One verdict for each feature that concerns it; nothing for an observation that does not.
    fn judge(&self, observation: &Observation, settings: &Settings) -> Vec<Verdict>;
}

pub static DETECTORS: [&dyn Detector; 15] = [
    &row_spike::RowSpike,
    &view_burst::ViewBurst,
    &scope_increase::ScopeIncrease,
    &new_access::NewAccess,
    &new_report_export::NewReportExport,
    &rare_user_agent::RareUserAgent,
    &rare_network::RareNetwork,
    &failed_then_success::FailedThenSuccess,
    &session_hijack::SessionHijack,
    &login_as_export::LoginAsExport,
    &off_hours::OffHours,
    &api_recon::ApiRecon,
    &bulk_export::BulkExport,
    &slow_drain::SlowDrain,
    &native::Native,
];

/// What all enabled detectors say of an observation.
pub fn judge<'a>(
    observation: &'a Observation,
    settings: &'a Settings,
) -> impl Iterator<Item = (&'static str, Verdict)> + 'a {
    let enabled = DETECTORS.iter().filter(|detector| settings.is_enabled(detector.name()));
    enabled.flat_map(|detector| {
        detector.judge(observation, settings).into_iter().map(|verdict| (detector.name(), verdict))
    })
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
}
