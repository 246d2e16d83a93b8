//! Lower confidence while kinds of events are missing that could change a finding.

use crate::{Detector, text};
use model::{Family, Kind, Text};

/// Names those of the missing kinds that could change what a detector finds, in words: `list view`.
pub(crate) fn missing(detector: &dyn Detector, blind: &[Kind]) -> Vec<Text> {
    let matters = blind.iter().filter(|kind| matters(detector, **kind));
    matters.map(|kind| Text::from(kind.as_str().replace('_', " "))).collect()
}

/// Begins the remark at the end of a summary.
const REMARK: &str = "; less certain while events are missing: ";

/// Words a remark for the end of a summary; empty if nothing is missing.
pub(crate) fn remark(missing: &[Text]) -> String {
    if missing.is_empty() {
        return String::new();
    }
    format!("{REMARK}{}", text::list(missing, missing.len()))
}

/// Returns the kinds of events that were missing when a finding was made, as far as its summary names them. Names in the
/// summary are never taken for kinds.
pub fn missing_of(summary: &str) -> Vec<Kind> {
    let missing = summary.rsplit_once(REMARK).map(|(_, missing)| missing);
    let names = missing.into_iter().flat_map(|missing| missing.split(", ")).flat_map(|names| names.split(" and "));
    let kind = |name: &str| Kind::ALL.iter().copied().find(|kind| kind.as_str().replace('_', " ") == name);
    names.filter_map(kind).collect()
}

/// Whether events of the kind feed a feature of the detector, as `crates/profile/src/org` computes them. Most detectors of
/// a family read the same kinds.
fn matters(detector: &dyn Detector, kind: Kind) -> bool {
    let family = detector.family();
    if matches!(detector.name(), "rights_raised" | "app_authorized" | "controls_loosened") {
        return matches!(kind, Kind::SetupChange | Kind::PermissionSet);
    }
    if detector.name() == "new_app" {
        return matches!(kind, Kind::Login | Kind::Api | Kind::ApiUsage | Kind::BulkApi | Kind::BulkApiResult);
    }
    if detector.name() == "page_crawl" {
        return matches!(kind, Kind::LightningUri | Kind::Uri);
    }
    let is_of = |families: &[Family]| families.contains(&family);
    match kind {
        Kind::Api => family != Family::Native,
        Kind::ListView
        | Kind::Report
        | Kind::ReportExport
        | Kind::BulkApi
        | Kind::BulkApiResult
        | Kind::File
        | Kind::Attachment
        | Kind::AnalyticsDownload
        | Kind::AuraRequest => is_of(&[Family::Volume, Family::Novelty, Family::Identity, Family::Time]),
        // Pages, and calls in the log of all calls, have objects and no rows.
        Kind::LightningUri | Kind::Uri => is_of(&[Family::Novelty, Family::Identity, Family::Time]),
        Kind::ApiUsage => is_of(&[Family::Novelty, Family::Identity, Family::Time, Family::Reconnaissance]),
        Kind::Login | Kind::LoginAs | Kind::Search => is_of(&[Family::Identity, Family::Time]),
        // Work at an unusual hour, too.
        Kind::SetupChange | Kind::PermissionSet => family == Family::Time,
        Kind::Logout => false,
        // Salesforce computes its findings from its own, complete records.
        Kind::ApiAnomaly
        | Kind::ReportAnomaly
        | Kind::SessionHijacking
        | Kind::CredentialStuffing
        | Kind::GuestUserAnomaly
        | Kind::LoginAnomaly
        | Kind::TenantSecurityApiAnomaly => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DETECTORS;

    fn remark_of(detector: &str, blind: &[Kind]) -> String {
        let detector = DETECTORS.iter().find(|known| known.name() == detector).unwrap();
        remark(&missing(*detector, blind))
    }

    #[test]
    fn missing_kinds_matter_to_the_detectors_that_read_them() {
        let check = |detector, blind: &[Kind], expect: &str| assert_eq!(remark_of(detector, blind), expect);
        check("row_spike", &[], "");
        check("row_spike", &[Kind::ListView, Kind::Login], "; less certain while events are missing: list view");
        check("new_access", &[Kind::Login, Kind::Logout, Kind::PermissionSet], "");
        check("rare_network", &[Kind::LoginAs, Kind::Uri], "; less certain while events are missing: login as and uri");
        check("off_hours", Kind::ALL, "; less certain while events are missing: list view, api and 16 more");
        check("api_recon", Kind::ALL, "; less certain while events are missing: api and api usage");
        check("view_burst", &[Kind::AuraRequest], "; less certain while events are missing: aura request");
        check("threat_detection", Kind::ALL, "");
    }

    #[test]
    fn changes_in_setup_matter_to_their_detectors_alone() {
        let of_setup = "; less certain while events are missing: permission set and setup change";
        for detector in ["rights_raised", "app_authorized", "controls_loosened"] {
            assert_eq!(remark_of(detector, Kind::ALL), of_setup, "{detector}");
        }
        assert_eq!(remark_of("rare_network", &[Kind::PermissionSet, Kind::SetupChange]), "");
    }

    /// Without this test a new detector of another family's kinds, or a new kind, would be certain while it is blind.
    #[test]
    fn every_detector_but_salesforces_own_is_blind_without_some_kind() {
        for detector in DETECTORS.iter().filter(|detector| detector.family() != Family::Native) {
            assert!(!missing(*detector, Kind::ALL).is_empty(), "{}", detector.name());
        }
    }
}
