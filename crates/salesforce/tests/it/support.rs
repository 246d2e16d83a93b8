//! Helpers that parse whole inputs and format activities as text.

use model::{Activity, OrgId, SourceIp};
use salesforce::{Chunks, Context, Format, Occurrences, Parsed, detect, parse};
use std::fmt::Write;
use std::io::Read;

pub(crate) fn context() -> Context {
    Context { org: Some(OrgId::new("00Dhn0000018hrc")), ..Context::default() }
}

pub(crate) fn read(text: &str) -> Parsed {
    read_bytes(text.as_bytes())
}

pub(crate) fn read_bytes(bytes: &[u8]) -> Parsed {
    read_as(bytes, detect(bytes).unwrap_or(Format::JsonLines))
}

pub(crate) fn read_as(reader: impl Read, format: Format) -> Parsed {
    let mut chunks = Chunks::new(reader, format);
    let mut occurrences = Occurrences::new();
    let mut all = Parsed::default();
    while let Some(chunk) = chunks.next_chunk().unwrap() {
        let mut parsed = parse(&chunk, &context());
        parsed.activities.iter_mut().for_each(|activity| occurrences.number(activity));
        all.append(parsed);
    }
    all
}

/// Returns the single activity of `text`, and fails if there is anything else.
pub(crate) fn one(text: &str) -> Activity {
    let mut parsed = read(text);
    assert_eq!((parsed.activities.len(), parsed.rejects.as_slice(), parsed.ignored()), (1, [].as_slice(), 0));
    parsed.activities.remove(0)
}

/// Returns the single reject of `text`, as `line: reason`.
pub(crate) fn rejected(text: &str) -> String {
    let parsed = read(text);
    assert_eq!((parsed.activities.len(), parsed.rejects.len()), (0, 1), "{:?}", parsed.rejects);
    format!("{}: {}", parsed.rejects[0].line, parsed.rejects[0].reason)
}

/// Returns a stored event with `fields`, which are JSON members.
pub(crate) fn stored(kind: &str, fields: &str) -> String {
    let fields = if fields.is_empty() { String::new() } else { format!(",{fields}") };
    format!(
        r#"{{"attributes":{{"type":"{kind}"}},"EventIdentifier":"7d0c2b1e-4f6a-4c1e-9a70-000000000001","EventDate":"2026-03-02T14:31:52.867+0000","UserId":"005hn00000EmmaMAAR"{fields}}}"#
    )
}

/// Returns a log file with one row.
pub(crate) fn row(columns: &[(&str, &str)]) -> String {
    let base =
        [("ORGANIZATION_ID", "00Dhn0000018hrc"), ("USER_ID", "005hn00000EmmaM"), ("TIMESTAMP", "20260302143152.867")];
    let missing = base.iter().filter(|(name, _)| columns.iter().all(|(known, _)| known != name));
    let all: Vec<_> = columns.iter().chain(missing).collect();
    let line = |values: Vec<&str>| {
        values.iter().map(|v| format!("\"{}\"", v.replace('"', "\"\""))).collect::<Vec<_>>().join(",")
    };
    format!("{}\n{}\n", line(all.iter().map(|c| c.0).collect()), line(all.iter().map(|c| c.1).collect()))
}

/// Formats an activity: one line of required fields, then one line for each other field that has a value.
pub(crate) fn show(activity: &Activity) -> String {
    let a = activity;
    let mut text = format!("{} {} {} {} {} {}", a.kind, a.channel, a.outcome, a.event_time, a.user_id, a.id);
    if a.org_id.as_str() != "00Dhn0000018hrcEAA" {
        write!(text, " org={}", a.org_id).unwrap();
    }
    let objects = (!a.objects.is_empty()).then(|| a.objects.join("+"));
    let ip = a.source_ip.as_ref().map(|ip| match ip {
        SourceIp::Address(address) => address.to_string(),
        SourceIp::Salesforce => "salesforce".to_owned(),
        SourceIp::Other(text) => format!("{text:?}"),
    });
    let delegate = a.delegate.as_ref().map(|d| format!("{:?}/{:?}/{:?}", d.username, d.user_id, d.org_id));
    let attributes = a.attributes.iter().map(|x| format!("{}={}", x.name, x.value)).collect::<Vec<_>>().join("; ");
    let string = |value: &Option<model::Text>| value.as_ref().map(ToString::to_string);
    let number = |value: Option<u64>| value.map(|n| n.to_string());
    let fields = [
        ("username", string(&a.username)),
        ("received_at", a.received_at.map(|t| t.to_string())),
        ("operation", string(&a.operation)),
        ("objects", objects),
        ("resource_id", string(&a.resource_id)),
        ("resource_name", string(&a.resource_name)),
        ("scope", a.scope.map(|s| s.to_string())),
        ("run", a.run.map(|run| format!("{run:x}"))),
        ("rows", number(a.rows)),
        ("rows_returned", number(a.rows_returned)),
        ("columns", number(a.columns.map(u64::from))),
        ("bytes", number(a.bytes)),
        ("ip", ip),
        ("country", string(&a.country)),
        ("user_agent", string(&a.user_agent)),
        ("client", string(&a.client)),
        ("application", string(&a.application)),
        ("connected_app", string(&a.connected_app)),
        ("api_type", string(&a.api_type)),
        ("session_key", string(&a.session_key)),
        ("login_key", string(&a.login_key)),
        ("request_id", string(&a.request_id)),
        ("status", string(&a.status)),
        ("login_type", string(&a.login_type)),
        ("user_type", string(&a.user_type)),
        ("profile_id", string(&a.profile_id)),
        ("role_id", string(&a.role_id)),
        ("delegate", delegate),
        ("native", a.native.as_ref().map(|native| format!("{native:?}"))),
        ("attributes", (!attributes.is_empty()).then_some(attributes)),
    ];
    for (name, value) in fields.into_iter().filter_map(|(name, value)| Some((name, value?))) {
        write!(text, "\n    {name}: {value}").unwrap();
    }
    text
}
