//! Identifies the kind and channel of a record.

use crate::field::Field;
use crate::record::Record;
use crate::reject::RejectReason;
use model::{Channel, Kind, Text};

/// The type of a record.
pub(super) enum Identified {
    /// An event that orgwatch watches, with its name in the table.
    Watched(&'static str, Channel, Kind),
    /// An event that orgwatch does not watch.
    NotWatched,
}

/// Declares `watched`, which looks up an event type by name.
macro_rules! table {
    ($($channel:ident { $($name:literal => $kind:ident),+ $(,)? })+) => {
        fn watched(name: &str) -> Option<(&'static str, Channel, Kind)> {
            match name {
                $($($name => Some(($name, Channel::$channel, Kind::$kind)),)+)+
                _ => None,
            }
        }
    };
}

// The ending of a name does not determine the channel: `ApiEvent` is stored, and `ApiAnomalyEvent` is streamed.
table! {
    Stream {
        "ApiEventStream" => Api,
        "ListViewEventStream" => ListView,
        "ReportEventStream" => Report,
        "LoginEventStream" => Login,
        "LoginAsEventStream" => LoginAs,
        "LogoutEventStream" => Logout,
        "LightningUriEventStream" => LightningUri,
        "UriEventStream" => Uri,
        "BulkApiResultEvent" => BulkApiResult,
        "FileEvent" => File,
        "PermissionSetEvent" => PermissionSet,
        "ApiAnomalyEvent" => ApiAnomaly,
        "ReportAnomalyEvent" => ReportAnomaly,
        "SessionHijackingEvent" => SessionHijacking,
        "CredentialStuffingEvent" => CredentialStuffing,
        "GuestUserAnomalyEvent" => GuestUserAnomaly,
        "LoginAnomalyEvent" => LoginAnomaly,
    }
    Stored {
        "ApiEvent" => Api,
        "ListViewEvent" => ListView,
        "ReportEvent" => Report,
        "LoginEvent" => Login,
        "LoginAsEvent" => LoginAs,
        "LogoutEvent" => Logout,
        "LightningUriEvent" => LightningUri,
        "UriEvent" => Uri,
        "BulkApiResultEventStore" => BulkApiResult,
        "FileEventStore" => File,
        "PermissionSetEventStore" => PermissionSet,
        "ApiAnomalyEventStore" => ApiAnomaly,
        "ReportAnomalyEventStore" => ReportAnomaly,
        "SessionHijackingEventStore" => SessionHijacking,
        "CredentialStuffingEventStore" => CredentialStuffing,
        "GuestUserAnomalyEventStore" => GuestUserAnomaly,
        "LoginAnomalyEventStore" => LoginAnomaly,
    }
    SecurityCenter {
        "TenantSecurityApiAnomaly" => TenantSecurityApiAnomaly,
        "TenantSecurityApiAnomalyChangeEvent" => TenantSecurityApiAnomaly,
    }
    LogFile {
        "API" => Api,
        "RestApi" => Api,
        "ApexRestApi" => Api,
        "BulkApi" => BulkApi,
        "BulkApi2" => BulkApi,
        "Report" => Report,
        "AsyncReportRun" => Report,
        "ReportExport" => ReportExport,
        "Login" => Login,
        "LoginAs" => LoginAs,
        "Logout" => Logout,
        "URI" => Uri,
        "LightningPageView" => LightningUri,
        "ContentTransfer" => File,
    }
}

/// Endings of names that mark events, watched or not.
const EVENT_ENDINGS: [&str; 4] = ["Event", "EventStream", "EventStore", "EventLog"];
/// Records that count as events although their names have no such ending.
const NOT_WATCHED: [&str; 4] = ["SetupAuditTrail", "EventLogFile", "LoginHistory", "ThreatDetectionFeedback"];

/// Identifies a record by the channel of its envelope, else by `attributes.type`, else by `EVENT_TYPE`.
pub(super) fn identify(record: &Record<'_>) -> Result<Identified, RejectReason> {
    // The channel comes first: a streamed event may carry the type of its stored copy.
    let streamed = record.str(Field::Channel).and_then(|channel| channel.rsplit('/').next());
    let object = record.str(Field::ObjectType);
    let logged = record.str(Field::EventType);
    let name = [streamed, object].into_iter().flatten().find(|name| !name.is_empty());
    match (name, logged) {
        (Some(name), _) => {
            match watched(name).filter(|(_, channel, _)| *channel != Channel::LogFile).or_else(|| log_object(name)) {
                Some((name, channel, kind)) => Ok(Identified::Watched(name, channel, kind)),
                None if is_event(name) => Ok(Identified::NotWatched),
                None => Err(RejectReason::NotAnEvent(Text::new(crate::record::cut(name, 80)))),
            }
        }
        (None, Some(logged)) => Ok(match watched(logged) {
            Some((name, channel, kind)) => Identified::Watched(name, channel, kind),
            None => Identified::NotWatched,
        }),
        (None, None) => Err(RejectReason::NoEventType),
    }
}

/// Looks up an event log object, which is named after its log file: `RestApiEventLog`.
fn log_object(name: &str) -> Option<(&'static str, Channel, Kind)> {
    let file = name.strip_suffix("EventLog")?;
    let renamed = match file {
        "Api" => "API",
        "Uri" => "URI",
        same => same,
    };
    let (name, channel, kind) = watched(renamed)?;
    (channel == Channel::LogFile).then_some((name, Channel::LogObject, kind))
}

fn is_event(name: &str) -> bool {
    EVENT_ENDINGS.iter().any(|ending| name.ends_with(ending))
        || NOT_WATCHED.contains(&name)
        || name.starts_with("TenantSecurity")
}
