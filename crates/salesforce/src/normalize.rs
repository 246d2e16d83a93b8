//! Converts records to activities.
//!
//! The id is `EventIdentifier`, which a stored event shares with its streamed copy. Log files and log objects have
//! none. Their id is derived from event type, request, time, user and the content of the whole row, so that a file that
//! Salesforce issues again gives the same ids. [`crate::Occurrences`] distinguishes identical rows.

mod address;
mod changes;
mod common;
mod effect;
mod kind;
mod login;
mod native;
mod rows;
mod setup;

use crate::Context;
use crate::client::Clients;
use crate::field::Field;
use crate::record::{Record, Scalar, is_nothing};
use crate::reject::RejectReason;
use crate::time::TimeError;
use crate::types::{Suggested, TypeSource};
use kind::Identified;
pub(crate) use kind::{channel_of, is_event as is_event_type, known as known_type};
use model::{Activity, Channel, Kind, OrgId, Text, Timestamp, UserId, id};

/// The outcome for a record that could be read.
#[derive(Debug)]
pub(crate) enum Normalized {
    Activity(Activity, Origin),
    /// The record is an event of a type that orgwatch does not watch.
    NotWatched(Text),
    /// Names of the record are in several styles, or of several channels: [`crate::envelope`] has to choose.
    Mixed,
}

/// Where the type and the org of an activity come from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin {
    pub(crate) event_type: &'static str,
    pub(crate) type_source: TypeSource,
    /// Whether the record names no org, so that the activity's is that of the context.
    pub(crate) is_unnamed: bool,
}

/// Converts a record to an activity.
///
/// `fingerprint` hashes the record's content. It is called only if the record has no identifier.
pub(crate) fn normalize(
    record: &Record<'_>,
    clients: &mut Clients,
    context: &Context,
    suggested: &Suggested,
    fingerprint: impl FnOnce() -> u64,
) -> Result<Normalized, RejectReason> {
    let (name, channel, kind, type_source) = match kind::identify(record, suggested)? {
        Identified::Watched(name, channel, kind, source) => (name, channel, kind, source),
        // A collector may have a type of its own.
        Identified::NotWatched(_) if !record.marks().are_in_one_style() => return Ok(Normalized::Mixed),
        Identified::NotWatched(name) => return Ok(Normalized::NotWatched(name)),
    };
    if !record.marks().are_plain(channel) {
        return Ok(Normalized::Mixed);
    }
    if kind == Kind::AuraRequest && !rows::is_by_guest(record) {
        return Ok(Normalized::NotWatched(Text::const_new(name)));
    }
    let event_time = event_time(record, channel)?;
    let (user_id, username) = user(record, channel)?;
    let named = record.key(Field::OrgId).map(|org| OrgId::new(&org));
    let is_unnamed = named.is_none();
    let org_id = named.or_else(|| context.org.clone()).ok_or(RejectReason::NoOrg)?;
    if org_id.as_str().len() > id::MAX_BYTES {
        return Err(RejectReason::LongId("org"));
    }
    let id = match record.key(Field::EventIdentifier) {
        Some(identifier) => id::activity_id(&identifier),
        None => {
            let request = record.key(Field::RequestId).unwrap_or_default();
            let (time, content) = (event_time.0.to_string(), fingerprint().to_string());
            id::derive(&["row", name, &request, &time, user_id.as_str(), &content])
        }
    };
    let mut activity = Activity::new(id, org_id, user_id, event_time, channel, kind);
    if context.received.is_some_and(|received| activity.is_ahead_of(received)) {
        return Err(RejectReason::FutureTime(event_time));
    }
    activity.username = username;
    common::fill(record, clients, &mut activity);
    match kind {
        Kind::ListView => rows::list_view(record, &mut activity),
        Kind::Report => rows::report(record, &mut activity),
        Kind::ReportExport => rows::report_export(record, &mut activity),
        Kind::Api => rows::api(record, name, &mut activity),
        Kind::BulkApi => rows::bulk_api(record, &mut activity),
        Kind::BulkApiResult => rows::query(record, &mut activity),
        Kind::Search => {}
        Kind::File => rows::file(record, &mut activity),
        Kind::LightningUri | Kind::Uri => rows::uri(record, &mut activity),
        Kind::Login => login::login(record, &mut activity),
        Kind::LoginAs => login::login_as(record, &mut activity),
        Kind::Logout => {}
        Kind::PermissionSet => changes::permission_set(record, &mut activity),
        Kind::SetupChange => setup::change(record, &mut activity),
        Kind::Attachment => rows::attachment(record, &mut activity),
        Kind::AnalyticsDownload => rows::analytics_download(record, &mut activity),
        Kind::ApiUsage => rows::api_usage(record, &mut activity),
        Kind::AuraRequest => rows::aura_request(record, &mut activity),
        Kind::ApiAnomaly
        | Kind::ReportAnomaly
        | Kind::SessionHijacking
        | Kind::CredentialStuffing
        | Kind::GuestUserAnomaly
        | Kind::LoginAnomaly
        | Kind::TenantSecurityApiAnomaly => native::anomaly(record, &mut activity),
    }
    Ok(Normalized::Activity(activity, Origin { event_type: name, type_source, is_unnamed }))
}

/// Returns the event time. Log files have it in two columns, of which the derived one is exact.
fn event_time(record: &Record<'_>, channel: Channel) -> Result<Timestamp, RejectReason> {
    const OF_EVENTS: &[(Field, &str)] = &[
        (Field::EventDate, "EventDate"),
        (Field::TimestampDerived, "TIMESTAMP_DERIVED"),
        (Field::Timestamp, "TIMESTAMP"),
    ];
    let fields = if channel == Channel::Setup { setup::TIMES } else { OF_EVENTS };
    let mut bad = None;
    for (field, name) in fields.iter().copied() {
        let value = record.get(field);
        match crate::time::read(value) {
            Ok(time) => return Ok(time),
            Err(error) if *value != Scalar::Null => {
                bad = bad.or_else(|| Some((error, name, value.to_text(40)?)));
            }
            Err(_) => {}
        }
    }
    Err(match bad {
        Some((TimeError::Form, field, value)) => RejectReason::BadTime { field, value },
        Some((TimeError::DateOnly, field, value)) => RejectReason::DateOnly { field, value },
        Some((TimeError::Implausible, field, value)) => RejectReason::ImplausibleTime { field, value },
        None => RejectReason::NoTime,
    })
}

/// Returns the account, by its id or else by its username, and the username.
fn user(record: &Record<'_>, channel: Channel) -> Result<(UserId, Option<Text>), RejectReason> {
    let mut username = record.key(Field::Username);
    let ids = match channel {
        Channel::Setup => {
            username = username.or_else(|| setup::username(record));
            [Field::UserId, Field::CreatedById]
        }
        // Only objects call it so; elsewhere a collector does.
        Channel::LogObject | Channel::SecurityCenter => [Field::UserId, Field::UserIdentifier],
        Channel::Stream | Channel::Stored | Channel::LogFile => [Field::UserIdDerived, Field::UserId],
    };
    let id = ids.into_iter().find_map(|field| record.str(field).filter(|id| !is_null_id(id) && !is_nothing(id)));
    let user = match (id, &username) {
        (Some(id), _) => UserId::new(id),
        (None, Some(name)) => UserId::from_username(name),
        (None, None) => return Err(RejectReason::NoUser),
    };
    if user.as_str().len() > id::MAX_BYTES {
        return Err(RejectReason::LongId("user"));
    }
    Ok((user, username))
}

/// Returns whether the id is `000000000000000AAA`, which Salesforce writes for none.
fn is_null_id(id: &str) -> bool {
    id.trim_end_matches("AAA").bytes().all(|b| b == b'0')
}
