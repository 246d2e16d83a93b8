//! What anomalies and metrics are called: a fixed table of the detectors.

use model::{Surface, words};

words! {
    /// What kind of anomaly an incident is, by its leading finding. The first is the document's; Salesforce has most of
    /// the others as names of its own anomaly events.
    EventName {
        /// Reading through the APIs.
        Api = "Api Anomaly",
        /// Running and exporting reports.
        Report = "Report Anomaly",
        /// List views.
        ListView = "List View Anomaly",
        /// Downloads of files.
        File = "File Anomaly",
        /// Record pages.
        RecordPage = "Record Page Anomaly",
        /// Reading through several surfaces, or through one that is not known.
        DataAccess = "Data Access Anomaly",
        /// Creating, changing and deleting records.
        DataChange = "Data Change Anomaly",
        /// Who works, from where, with what and when.
        Login = "Login Anomaly",
        /// One session that continues elsewhere.
        Session = "Session Hijacking",
        /// Work in the name of another user.
        LoginAs = "Login As Anomaly",
        /// Connected apps.
        App = "Connected App Anomaly",
        /// Rights of users.
        Permission = "Permission Anomaly",
        /// Settings that protect the org.
        Setup = "Setup Anomaly",
        /// What Salesforce's Threat Detection reports.
        ThreatDetection = "Threat Detection Anomaly",
        /// A kind of event that no longer arrives.
        Source = "Event Source Anomaly",
    }
}

words! {
    /// The type of data behind a metric: the family of the detector. The picklist of `MetricsType`.
    MetricsType {
        /// Rows, requests, downloads and writes.
        Volume = "Volume",
        /// First uses of objects, scopes and report exports.
        Novelty = "Novelty",
        /// Clients, apps, networks, failed logins, sessions, delegation, long silences and changes in Setup.
        Identity = "Identity",
        /// Hours of the week.
        Time = "Time",
        /// Objects probed over the API.
        Reconnaissance = "Reconnaissance",
        /// Salesforce's Threat Detection.
        Native = "Native",
        /// Events that are missing.
        Coverage = "Coverage",
        /// A detector that this version does not know.
        Other = "Other",
    }
}

/// One row of [`DETECTORS`].
struct Row {
    detector: &'static str,
    name: Named,
    metrics: MetricsType,
}

/// How a detector's findings are called.
enum Named {
    /// Always the same.
    As(EventName),
    /// After the surface through which the rows were read.
    BySurface,
}

/// The names of each detector's findings, and of `blind_source`, which ingest raises.
const DETECTORS: &[Row] = {
    use EventName as E;
    use MetricsType as M;
    use Named::{As, BySurface};
    const fn row(detector: &'static str, name: Named, metrics: MetricsType) -> Row {
        Row { detector, name, metrics }
    }
    &[
        row("row_spike", BySurface, M::Volume),
        row("view_burst", As(E::ListView), M::Volume),
        row("scope_increase", BySurface, M::Novelty),
        row("new_access", As(E::DataAccess), M::Novelty),
        row("new_report_export", As(E::Report), M::Novelty),
        row("unlike_self", As(E::DataAccess), M::Novelty),
        row("rare_user_agent", As(E::Login), M::Identity),
        row("rare_network", As(E::Login), M::Identity),
        row("new_app", As(E::App), M::Identity),
        row("dormant_account", As(E::Login), M::Identity),
        row("failed_then_success", As(E::Login), M::Identity),
        row("session_hijack", As(E::Session), M::Identity),
        row("login_as_export", As(E::LoginAs), M::Identity),
        row("off_hours", As(E::Login), M::Time),
        row("api_recon", As(E::Api), M::Reconnaissance),
        row("bulk_export", As(E::DataAccess), M::Volume),
        row("slow_drain", BySurface, M::Volume),
        row("large_request", BySurface, M::Volume),
        row("page_crawl", As(E::RecordPage), M::Volume),
        row("mass_change", As(E::DataChange), M::Volume),
        row("mass_deletion", As(E::DataChange), M::Volume),
        row("rights_raised", As(E::Permission), M::Identity),
        row("app_authorized", As(E::App), M::Identity),
        row("controls_loosened", As(E::Setup), M::Identity),
        row("threat_detection", As(E::ThreatDetection), M::Native),
        row("blind_source", As(E::Source), M::Coverage),
    ]
};

impl EventName {
    /// Returns the name of a detector's findings on a surface; `None` for a detector that this version does not know.
    pub fn of(detector: &str, surface: Option<Surface>) -> Option<Self> {
        match row(detector)?.name {
            Named::As(name) => Some(name),
            Named::BySurface => Some(match surface {
                Some(Surface::Api | Surface::Bulk) => Self::Api,
                Some(Surface::Report) => Self::Report,
                Some(Surface::ListView) => Self::ListView,
                Some(Surface::File) => Self::File,
                None => Self::DataAccess,
            }),
        }
    }
}

impl MetricsType {
    /// Returns the type of a detector's metric.
    pub fn of(detector: &str) -> Self {
        row(detector).map_or(Self::Other, |row| row.metrics)
    }
}

/// Returns a detector's name as a person reads it: "Row spike".
pub(crate) fn title(detector: &str) -> String {
    let spaced = detector.replace('_', " ");
    let mut letters = spaced.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn row(detector: &str) -> Option<&'static Row> {
    DETECTORS.iter().find(|row| row.detector == detector)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_detector_has_a_name_and_its_family() {
        for detector in detect::DETECTORS {
            let name = detector.name();
            assert!(EventName::of(name, None).is_some(), "{name} is in no row of DETECTORS");
            assert_eq!(MetricsType::of(name).as_str().to_lowercase(), detector.family().as_str(), "{name}");
        }
        assert_eq!(DETECTORS.len(), detect::DETECTORS.len() + 1);
    }

    #[test]
    fn rows_are_named_after_their_surface() {
        assert_eq!(EventName::of("row_spike", Some(Surface::Bulk)), Some(EventName::Api));
        assert_eq!(EventName::of("row_spike", Some(Surface::Report)), Some(EventName::Report));
        assert_eq!(EventName::of("row_spike", None), Some(EventName::DataAccess));
    }

    #[test]
    fn a_detector_of_a_later_version_has_no_name() {
        assert_eq!(EventName::of("from_the_future", Some(Surface::Api)), None);
        assert_eq!(MetricsType::of("from_the_future"), MetricsType::Other);
    }

    #[test]
    fn titles_are_read_by_people() {
        assert_eq!(title("row_spike"), "Row spike");
        assert_eq!(title(""), "");
    }
}
