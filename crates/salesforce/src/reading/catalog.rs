//! The kinds of events that orgwatch reads, and their names on each channel.

use model::Kind;

/// The names of one kind of events. Names are Salesforce's, from its Object Reference and its list of event log file
/// types.
#[derive(Clone, Copy, Debug)]
pub struct CatalogEntry {
    /// The kind of the activities.
    pub kind: Kind,
    /// The streamed object; its topic is `/event/<name>`.
    pub stream: Option<&'static str>,
    /// The object that stores the events for SOQL.
    pub stored: Option<&'static str>,
    /// `EventType`s of the log files that have rows for the same actions.
    pub log_files: &'static [&'static str],
    /// Event log objects, for SOQL, that have rows for the same actions.
    pub log_objects: &'static [&'static str],
}

/// Every kind that orgwatch reads.
pub const CATALOG: &[CatalogEntry] = &[
    event(Kind::Login, "LoginEventStream", "LoginEvent", &["Login"]),
    event(Kind::LoginAs, "LoginAsEventStream", "LoginAsEvent", &["LoginAs"]),
    event(Kind::Logout, "LogoutEventStream", "LogoutEvent", &["Logout"]),
    CatalogEntry {
        log_objects: &["RestApiEventLog", "ApexRestApiEventLog"],
        ..event(Kind::Api, "ApiEventStream", "ApiEvent", &["API", "RestApi", "ApexRestApi"])
    },
    event(Kind::ListView, "ListViewEventStream", "ListViewEvent", &[]),
    event(Kind::Report, "ReportEventStream", "ReportEvent", &["Report", "AsyncReportRun", "ReportExport"]),
    event(Kind::LightningUri, "LightningUriEventStream", "LightningUriEvent", &["LightningPageView"]),
    event(Kind::Uri, "UriEventStream", "UriEvent", &["URI"]),
    event(Kind::BulkApiResult, "BulkApiResultEvent", "BulkApiResultEventStore", &[]),
    event(Kind::File, "FileEvent", "FileEventStore", &["ContentTransfer"]),
    event(Kind::PermissionSet, "PermissionSetEvent", "PermissionSetEventStore", &[]),
    event(Kind::ApiAnomaly, "ApiAnomalyEvent", "ApiAnomalyEventStore", &[]),
    event(Kind::ReportAnomaly, "ReportAnomalyEvent", "ReportAnomalyEventStore", &[]),
    event(Kind::SessionHijacking, "SessionHijackingEvent", "SessionHijackingEventStore", &[]),
    event(Kind::CredentialStuffing, "CredentialStuffingEvent", "CredentialStuffingEventStore", &[]),
    event(Kind::GuestUserAnomaly, "GuestUserAnomalyEvent", "GuestUserAnomalyEventStore", &[]),
    event(Kind::LoginAnomaly, "LoginAnomalyEvent", "LoginAnomalyEventStore", &[]),
    // Only log files and log objects have rows for bulk jobs.
    logged(Kind::BulkApi, &["BulkApi", "BulkApi2"], &["BulkApiEventLog", "BulkApi2EventLog"]),
    // The same holds for these. Log files of Aura requests are not fetched, as nearly all their rows
    // are of signed-in users, nor are those of searches, which are many and say little.
    logged(Kind::Attachment, &["DocumentAttachmentDownloads"], &[]),
    logged(Kind::AnalyticsDownload, &["WaveDownload"], &["AnalyticsDownloadEventLog"]),
    logged(Kind::ApiUsage, &["ApiTotalUsage"], &["ApiTotalUsageEventLog"]),
];

/// Returns the kind of the events that a stored object holds.
pub fn kind_of_stored(object: &str) -> Option<Kind> {
    CATALOG.iter().find(|entry| entry.stored == Some(object)).map(|entry| entry.kind)
}

/// Returns the kind in the catalog under which activities of a kind are read: report exports are rows of reports.
pub fn category(kind: Kind) -> Kind {
    match kind {
        Kind::ReportExport => Kind::Report,
        kind => kind,
    }
}

const fn event(
    kind: Kind,
    stream: &'static str,
    stored: &'static str,
    log_files: &'static [&'static str],
) -> CatalogEntry {
    CatalogEntry { kind, stream: Some(stream), stored: Some(stored), log_files, log_objects: &[] }
}

const fn logged(kind: Kind, log_files: &'static [&'static str], log_objects: &'static [&'static str]) -> CatalogEntry {
    CatalogEntry { kind, stream: None, stored: None, log_files, log_objects }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_name_belongs_to_one_kind() {
        let mut names = BTreeSet::new();
        for entry in CATALOG {
            for name in entry.stream.iter().chain(&entry.stored).chain(entry.log_files).chain(entry.log_objects) {
                assert!(names.insert(*name), "{name}");
            }
        }
        let kinds: BTreeSet<Kind> = CATALOG.iter().map(|entry| category(entry.kind)).collect();
        assert_eq!(kinds.len(), CATALOG.len());
    }
}
