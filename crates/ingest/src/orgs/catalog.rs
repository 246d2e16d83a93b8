//! The events that are watched, and the names under which each channel has them.

use model::Kind;

/// One kind of event.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Watched {
    pub(crate) kind: Kind,
    /// The streamed object; its topic is `/event/<name>`.
    pub(crate) stream: Option<&'static str>,
    /// The object that keeps it for SOQL.
    pub(crate) stored: Option<&'static str>,
    /// `EventType`s of the log files that have rows for the same actions.
    pub(crate) log_files: &'static [&'static str],
    /// The same as objects for SOQL.
    pub(crate) log_objects: &'static [&'static str],
}

const fn event(kind: Kind, stream: &'static str, stored: &'static str, log_files: &'static [&'static str]) -> Watched {
    Watched { kind, stream: Some(stream), stored: Some(stored), log_files, log_objects: &[] }
}

/// All of them.
pub(crate) const CATALOG: &[Watched] = &[
    event(Kind::Login, "LoginEventStream", "LoginEvent", &["Login"]),
    event(Kind::LoginAs, "LoginAsEventStream", "LoginAsEvent", &["LoginAs"]),
    event(Kind::Logout, "LogoutEventStream", "LogoutEvent", &["Logout"]),
    Watched {
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
    // Bulk jobs have their rows in log files alone.
    Watched {
        kind: Kind::BulkApi,
        stream: None,
        stored: None,
        log_files: &["BulkApi", "BulkApi2"],
        log_objects: &["BulkApiEventLog", "BulkApi2EventLog"],
    },
];

/// The kind of events that a stored object keeps.
pub fn kind_of_stored(object: &str) -> Option<Kind> {
    CATALOG.iter().find(|watched| watched.stored == Some(object)).map(|watched| watched.kind)
}

/// Under which kind of the catalog an activity counts.
pub(crate) fn category(kind: Kind) -> Kind {
    match kind {
        Kind::ReportExport => Kind::Report,
        kind => kind,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_name_stands_for_one_kind() {
        let mut names = BTreeSet::new();
        for watched in CATALOG {
            for name in watched.stream.iter().chain(&watched.stored).chain(watched.log_files).chain(watched.log_objects)
            {
                assert!(names.insert(*name), "{name}");
            }
        }
        let kinds: BTreeSet<Kind> = CATALOG.iter().map(|watched| category(watched.kind)).collect();
        assert_eq!(kinds.len(), CATALOG.len());
    }
}
