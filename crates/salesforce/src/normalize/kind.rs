//! Identifies the kind and channel of a record.

use crate::field::Field;
use crate::record::{Record, Scalar, cut};
use crate::reject::RejectReason;
use crate::types::{Suggested, TypeSource};
use model::{Channel, Kind, Text};

/// The type of a record.
pub(super) enum Identified {
    /// An event that orgwatch watches, with its name in the table, and what said so.
    Watched(&'static str, Channel, Kind, TypeSource),
    /// An event that orgwatch does not watch, with its name.
    NotWatched(Text),
}

/// A name in the table.
type Entry = (&'static str, Channel, Kind);

/// Declares `watched`, which looks up an event type by name.
macro_rules! table {
    ($($channel:ident { $($name:literal => $kind:ident),+ $(,)? })+) => {
        fn watched(name: &str) -> Option<Entry> {
            match name {
                $($($name => Some(($name, Channel::$channel, Kind::$kind)),)+)+
                _ => None,
            }
        }

        /// All names in the table.
        const NAMES: &[(&str, Channel, Kind)] = &[$($(($name, Channel::$channel, Kind::$kind)),+),+];
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
        "DocumentAttachmentDownloads" => Attachment,
        "WaveDownload" => AnalyticsDownload,
        "ApiTotalUsage" => ApiUsage,
        "AuraRequest" => AuraRequest,
        "Search" => Search,
    }
    Setup {
        "LoginHistory" => Login,
        "SetupAuditTrail" => SetupChange,
    }
}

/// Endings of names that mark events, watched or not.
const EVENT_ENDINGS: [&str; 4] = ["Event", "EventStream", "EventStore", "EventLog"];
/// Records that count as events although their names have no such ending.
const NOT_WATCHED: [&str; 2] = ["EventLogFile", "ThreatDetectionFeedback"];

/// Identifies a record by the channel of its envelope, else by `attributes.type`, else by `EVENT_TYPE`, else by what is
/// suggested.
pub(super) fn identify(record: &Record<'_>, suggested: &Suggested) -> Result<Identified, RejectReason> {
    // The channel comes first: a streamed event may carry the type of its stored copy. A collector's own channels and
    // attributes count for nothing.
    let last = |path: &'_ str| path.rsplit('/').next().filter(|name| is_event(name)).is_some();
    let is_of_salesforce =
        |path: &&str| path.starts_with("/event/") || path.starts_with("/data/") || !path.contains('/');
    let channel = record.str(Field::Channel).filter(is_of_salesforce).filter(|path| last(path));
    let streamed = channel.and_then(|path| path.rsplit('/').next());
    let object = record.str(Field::ObjectType).filter(|name| !name.is_empty());
    let logged = record.str(Field::EventType);
    let is_logged = || logged.is_some_and(|name| watched(name).is_some());
    let is_type =
        |name: &&str| watched(name).is_some() || is_event(name) && (log_object(name).is_some() || !is_logged());
    if let Some(name) = streamed.or(object.filter(is_type)) {
        return match watched(name).filter(|(_, channel, _)| *channel != Channel::LogFile).or_else(|| log_object(name)) {
            Some((name, channel, kind)) => Ok(Identified::Watched(name, channel, kind, TypeSource::Record)),
            None if is_event(name) => Ok(Identified::NotWatched(short(name))),
            None => Err(RejectReason::NotAnEvent(short(name))),
        };
    }
    let is_log = *record.get(Field::EventDate) == Scalar::Null;
    match logged.map(|name| watched(name).or_else(|| in_any_case(name))) {
        Some(Some((name, channel, kind))) => {
            return Ok(Identified::Watched(name, channel, kind, TypeSource::Record));
        }
        // An event that is no row of a log file has this name from somewhere else.
        Some(None) if is_log || suggested.in_order().next().is_none() => {
            return Ok(Identified::NotWatched(short(logged.unwrap_or_default())));
        }
        _ => {}
    }
    let mut names = suggested.in_order();
    match names.find_map(|(name, source)| Some((in_any_case(name)?, source))) {
        Some(((name, channel, kind), source)) => {
            let (name, channel, kind) = twin(name, channel, kind, is_log);
            Ok(Identified::Watched(name, channel, kind, source))
        }
        None => match (suggested.in_order().next(), object) {
            (Some((name, _)), _) => Ok(Identified::NotWatched(short(name))),
            (None, Some(object)) => Err(RejectReason::NotAnEvent(short(object))),
            (None, None) => Err(RejectReason::NoEventType),
        },
    }
}

/// Returns the channel of a record; `None` if its type is not known, or not watched.
pub(crate) fn channel_of(record: &Record<'_>, suggested: &Suggested) -> Option<Channel> {
    match identify(record, suggested) {
        Ok(Identified::Watched(_, channel, ..)) => Some(channel),
        Ok(Identified::NotWatched(_)) | Err(_) => None,
    }
}

/// Returns the name of an event type, watched or not, that `text` is in any case; `None` if it is none that is known.
pub(crate) fn known(text: &str) -> Option<&'static str> {
    let other = || NOT_WATCHED.iter().copied().find(|name| name.eq_ignore_ascii_case(text));
    in_any_case(text).map(|(name, ..)| name).or_else(other)
}

/// Looks up a name in any case. Log files come first: only their names are written in other cases by tools.
fn in_any_case(text: &str) -> Option<Entry> {
    let log_first = NAMES.iter().rev();
    log_first.copied().find(|(name, ..)| name.eq_ignore_ascii_case(text)).or_else(|| log_object(text))
}

/// Returns the type of the same kind that a record is: suggestions do not always say whether it is a row of a log file,
/// which has no `EventDate`, or a stored event.
fn twin(name: &'static str, channel: Channel, kind: Kind, is_log: bool) -> Entry {
    let fits = |channel: Channel| match channel {
        Channel::LogFile | Channel::LogObject => is_log,
        Channel::Stream | Channel::Stored => !is_log,
        Channel::SecurityCenter | Channel::Setup => true,
    };
    if fits(channel) {
        return (name, channel, kind);
    }
    let other = if is_log { Channel::LogFile } else { Channel::Stored };
    let mut twins = NAMES.iter().copied().filter(|entry| entry.1 == other && entry.2 == kind);
    twins.next().unwrap_or((name, channel, kind))
}

/// Looks up an event log object, which is named after its log file: `RestApiEventLog`.
fn log_object(name: &str) -> Option<Entry> {
    let file = name.strip_suffix("EventLog")?;
    let renamed = match file {
        "Api" => "API",
        "Uri" => "URI",
        "AnalyticsDownload" => "WaveDownload",
        same => same,
    };
    let (name, channel, kind) = watched(renamed)?;
    (channel == Channel::LogFile).then_some((name, Channel::LogObject, kind))
}

/// Returns whether a name is that of an event type, watched or not.
pub(crate) fn is_event(name: &str) -> bool {
    EVENT_ENDINGS.iter().any(|ending| name.ends_with(ending))
        || NOT_WATCHED.contains(&name)
        || watched(name).is_some_and(|(_, channel, _)| channel == Channel::Setup)
        || name.starts_with("TenantSecurity")
}

fn short(name: &str) -> Text {
    Text::new(cut(name, 80))
}
