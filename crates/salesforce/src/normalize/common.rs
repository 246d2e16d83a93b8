//! Normalizes the fields that most kinds share.

use super::address;
use crate::client::{Clients, Hints};
use crate::field::Field;
use crate::record::Record;
use model::activity::Objects;
use model::{Activity, Effect, Kind, Outcome, SourceIp, Text};

/// Most objects of one record; the rest are dropped. A choice, to bound an activity's size.
const MAX_OBJECTS: usize = 64;

/// Fills the fields that most kinds share.
pub(super) fn fill(record: &Record<'_>, clients: &mut Clients, activity: &mut Activity) {
    activity.received_at = crate::time::read(record.get(Field::CreatedDate)).ok();
    activity.operation = record.first(&[
        Field::Operation,
        Field::MethodName,
        Field::Method,
        Field::FileAction,
        Field::TransactionType,
        Field::Origin,
    ]);
    activity.effect = Effect::of(activity.kind, activity.operation.as_deref());
    activity.objects = objects(record, &[Field::QueriedEntities, Field::RequestedEntities, Field::PageEntityType]);
    activity.rows = record.count(Field::Rows);
    activity.rows_returned = record.count(Field::RowsReturned);
    activity.columns = record.count(Field::Columns).and_then(|columns| u32::try_from(columns).ok());
    activity.bytes = record.count(Field::ContentSize).or_else(|| record.count(Field::ResponseSize)).or_else(|| {
        let megabytes = record.number(Field::ResultSizeMb).filter(|megabytes| (0.0..1e9).contains(megabytes))?;
        Some((megabytes * 1_048_576.0) as u64)
    });
    activity.source_ip = source_ip(record, activity.kind);
    activity.country = record.first(&[Field::CountryIso, Field::CountryCode, Field::Country]);
    activity.user_agent =
        record.first(&[Field::UserAgent, Field::CurrentUserAgent]).or_else(|| full_user_agent(record));
    activity.application = meaningful(record, Field::Application);
    activity.connected_app = record.id(&[Field::ConnectedApp]);
    activity.api_type = meaningful(record, Field::ApiType).map(|api| soap_api(&api).map_or(api, Text::const_new));
    activity.session_key = record.key(Field::SessionKey);
    activity.login_key = record.key(Field::LoginKey);
    activity.request_id = record.key(Field::RequestId);
    activity.status = record.first(&[
        Field::Status,
        Field::LoginStatus,
        Field::JobStatus,
        Field::OperationStatus,
        Field::StatusCode,
        Field::RequestStatus,
    ]);
    activity.outcome = outcome(record);
    activity.login_type = record.text(Field::LoginType);
    activity.user_type = record.text(Field::UserType);
    activity.profile_id = record.id(&[Field::ProfileId]);
    activity.role_id = record.id(&[Field::RoleId]);
    activity.client = clients.recognize(&Hints {
        user_agent: activity.user_agent.as_deref(),
        browser: record.str(Field::Browser),
        platform: record.str(Field::Platform).or_else(|| record.str(Field::CurrentPlatform)),
        client: record.str(Field::Client).or_else(|| record.str(Field::ClientInfo)),
        application: record.str(Field::Application),
    });
    activity.attributes = record.attributes();
}

/// Returns the text of a field, unless it is a placeholder.
fn meaningful(record: &Record<'_>, field: Field) -> Option<Text> {
    record.text(field).filter(|text| !matches!(text.as_str(), "N/A" | "Unknown"))
}

/// Returns the user agent from the browser column, where log files of logins have it.
fn full_user_agent(record: &Record<'_>) -> Option<Text> {
    record.text(Field::Browser).filter(|browser| browser.contains('/'))
}

/// Returns the name of an API that log files write as a letter (API_TYPE in the reference of the API event type).
fn soap_api(letter: &str) -> Option<&'static str> {
    Some(match letter {
        "D" => "Apex Class",
        "E" => "SOAP Enterprise",
        "M" => "SOAP Metadata",
        "P" => "SOAP Partner",
        "S" => "SOAP Apex",
        "T" => "SOAP Tooling",
        "f" => "Feed",
        "l" => "Live Agent",
        "p" => "SOAP ClientSync",
        _ => return None,
    })
}

/// Returns the names in the first of the fields that has a value, each once.
fn objects(record: &Record<'_>, fields: &[Field]) -> Objects {
    let mut objects = Objects::new();
    let Some(list) = fields.iter().find_map(|field| record.str(*field)) else { return objects };
    for name in list.split(',') {
        // Some lists are JSON arrays.
        let name = name.trim_matches(|c: char| c.is_whitespace() || matches!(c, '[' | ']' | '"'));
        push_object(&mut objects, name);
    }
    objects
}

/// Adds the name of an object, unless it is empty or there.
pub(super) fn push_object(objects: &mut Objects, name: &str) {
    if !name.is_empty() && objects.len() < MAX_OBJECTS && objects.iter().all(|known| known != name) {
        objects.push(Text::new(crate::record::cut(name, 256)));
    }
}

/// Returns the address: for hijacked sessions, the new one.
fn source_ip(record: &Record<'_>, kind: Kind) -> Option<SourceIp> {
    let fields = match kind {
        Kind::SessionHijacking => [Field::CurrentIp, Field::SourceIp],
        _ => [Field::SourceIp, Field::ClientIp],
    };
    fields.iter().find_map(|field| record.str(*field)).map(address::read)
}

/// Returns the outcome from the fields that all kinds share.
fn outcome(record: &Record<'_>) -> Outcome {
    // A transaction security policy blocked the request.
    if record.str(Field::PolicyOutcome) == Some("Block") {
        return Outcome::Failure;
    }
    if let Some(status) = record.str(Field::OperationStatus) {
        return match status {
            "Success" => Outcome::Success,
            "Failure" => Outcome::Failure,
            "Initiated" => Outcome::Initiated,
            _ => Outcome::Unknown,
        };
    }
    if let Some(code) = record.number(Field::StatusCode) {
        return if code >= 400.0 { Outcome::Failure } else { Outcome::Success };
    }
    match record.text(Field::Success).as_deref() {
        Some("1" | "true") => return Outcome::Success,
        Some("0" | "false") => return Outcome::Failure,
        _ => {}
    }
    match record.str(Field::RequestStatus) {
        Some("S" | "Success") => Outcome::Success,
        Some("F" | "Failure") => Outcome::Failure,
        _ => Outcome::Unknown,
    }
}
