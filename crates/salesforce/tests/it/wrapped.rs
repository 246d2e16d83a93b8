//! Records in the envelopes of other tools: the same activities as without.

use crate::support::{context, read, read_as, row, stored};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use model::{Activity, OrgId, Timestamp};
use proptest::prelude::*;
use salesforce::{ColumnUse, Context, Format, Parsed, TypeNames, TypeSource, detect};
use serde_json::{Map, Value, json};
use std::io::Write;

/// A row of the log file of logins, as an object.
pub(crate) fn login() -> Value {
    json!({
        "EVENT_TYPE": "Login", "TIMESTAMP": "20260302090000.250", "REQUEST_ID": "r1",
        "ORGANIZATION_ID": "00Dhn0000018hrc", "USER_ID": "005hn00000EmmaM", "URI": "/index.jsp",
        "USER_NAME": "emma@example.test", "TIMESTAMP_DERIVED": "2026-03-02T09:00:00.250Z",
        "USER_ID_DERIVED": "005hn00000EmmaMAAR", "CLIENT_IP": "203.0.113.10", "LOGIN_STATUS": "LOGIN_NO_ERROR",
        "LOGIN_TYPE": "A", "SOURCE_IP": "203.0.113.10",
    })
}

/// A stored list view, without its type.
pub(crate) fn list_view() -> Value {
    json!({
        "EventIdentifier": "7d0c2b1e-4f6a-4c1e-9a70-000000000001", "EventDate": "2026-03-02T09:00:00.000Z",
        "UserId": "005hn00000EmmaMAAR", "Username": "emma@example.test", "QueriedEntities": "Account,Contact",
        "DeveloperName": "AllAccounts", "Scope": "everything", "RowsProcessed": 2000.0, "Sequence": 1,
        "SourceIp": "203.0.113.10", "ListViewId": "00Bhn000000abcd",
    })
}

pub(crate) fn typed(mut event: Value, name: &str) -> Value {
    event["attributes"] = json!({ "type": name });
    event
}

/// Returns the single activity of a JSON document of any form.
pub(crate) fn activity(document: &Value) -> Activity {
    only(read(&document.to_string()))
}

fn only(mut parsed: Parsed) -> Activity {
    assert_eq!((parsed.activities.len(), parsed.rejects.as_slice()), (1, [].as_slice()), "{parsed:?}");
    parsed.activities.remove(0)
}

fn gzip(text: &str) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(text.as_bytes()).unwrap();
    packed.finish().unwrap()
}

fn read_with(text: &str, context: &Context) -> Parsed {
    read_in_chunks(text, 512 << 10, context)
}

fn read_in_chunks(text: &str, size: usize, context: &Context) -> Parsed {
    let format = detect(text.as_bytes()).unwrap_or(Format::JsonLines);
    let mut chunks = salesforce::Chunks::new(text.as_bytes(), format).with_size(size);
    let mut all = Parsed::default();
    while let Some(chunk) = chunks.next_chunk().unwrap() {
        all.append(salesforce::parse(&chunk, context));
    }
    all
}

#[test]
fn what_is_packed_is_unpacked_once_and_within_bounds() {
    let count = |text: &str| {
        read_with(&json!({ "data": STANDARD.encode(gzip(text)) }).to_string(), &context()).activities.len()
    };
    let record = login().to_string();
    assert_eq!(count(&record), 1);
    let again = json!({ "data": STANDARD.encode(gzip(&record)) }).to_string();
    assert_eq!(count(&again), 0, "packed twice");
    assert_eq!(count(&format!("{}{record}", " ".repeat(1 << 20))), 0, "a bomb");
}

#[test]
fn what_a_page_says_holds_for_its_records() {
    let other = || OrgId::new("00D000000000009EAA");
    let record = |n: u32| {
        json!({
            "EventDate": format!("2026-03-02T09:{:02}:{:02}.000Z", n / 60, n % 60), "UserId": "005hn00000EmmaMAAR",
            "Username": "emma", "SourceIp": "203.0.113.10", "RowsProcessed": n,
        })
    };
    let page = |name: &str, from: u32| json!({ "type": name, "rows": [record(from), record(from + 1)] });
    let (reports, calls) = (page("ReportEvent", 1), page("ApiEvent", 3));
    let read = |text: &str, context: &Context| {
        let parsed = read_with(text, context);
        for size in [1, 100, 500] {
            assert_eq!(read_in_chunks(text, size, context).activities, parsed.activities, "{text} {size}");
        }
        assert_eq!(parsed.rejects, [], "{text}");
        parsed.activities.into_iter().map(|activity| (activity.kind.as_str(), activity.org_id)).collect::<Vec<_>>()
    };
    let check = |text: &str, expect: &[(&str, OrgId)]| {
        assert_eq!(read(text, &context()), expect, "{text}");
        let named = expect.iter().filter(|(_, org)| *org == other()).count();
        if named == expect.len() {
            assert_eq!(read(text, &Context { org: None, ..context() }), expect, "{text}");
        }
    };
    let own = || context().org.unwrap();
    let both = [("report", own()), ("report", own()), ("api", own()), ("api", own())];
    check(&reports.to_string(), &both[..2]);
    check(&format!("{reports}\n{calls}\n"), &both);
    check(&format!("{reports}{calls}"), &both);
    check(&json!([reports, calls]).to_string(), &both);
    check(&json!({ "results": [reports, calls], "type": "LoginEvent" }).to_string(), &both);
    // Names are in the order of the alphabet, so the type stands behind the records.
    let named = |rows: &[Value]| {
        let data = json!({ "data": { "rows": rows, "sobject": "ApiEvent" }, "org_id": other().as_str() });
        data.to_string()
    };
    check(&named(&[record(1)]), &[("api", other())]);
    // A page that says nothing is as before; what a record says comes first.
    let typed = |n: u32| typed(record(n), "ReportEvent");
    check(&json!({ "records": [typed(1)], "type": "LoginEvent" }).to_string(), &[("report", own())]);
    let mixed = format!("{}{}", named(&[record(1), typed(2)]), json!({ "records": [typed(3)] }));
    check(&mixed, &[("api", other()), ("report", other()), ("report", own())]);
    // Behind more records than that it is too far away.
    let many: Vec<Value> = (0..3_000).map(record).collect();
    let far = read_with(&named(&many), &context());
    assert_eq!((far.activities.len(), far.rejects.len()), (0, 3_000));
    let near = named(&many).replacen("{\"data\":{", "{\"data\":{\"sobject\":\"ReportEvent\",", 1);
    assert_eq!(read_with(&near, &context()).activities.len(), 3_000);
}

#[test]
fn rows_in_envelopes_are_the_rows() {
    let (plain, row) = (activity(&login()), login());
    let text = row.to_string();
    let pairs: String =
        row.as_object().unwrap().iter().map(|(k, v)| format!(r#", {k}="{}""#, v.as_str().unwrap())).collect();
    let envelopes = [
        json!({ "time": 1772442000.25, "host": "h", "event": row }),
        json!({ "time": 1772442000.25, "event": text }),
        json!({ "detail-type": "x", "source": "app", "detail": row }),
        json!({ "detail": { "payload": row, "id": "0" } }),
        json!({ "_airbyte_raw_id": "r0", "_airbyte_emitted_at": 1772442000000_i64, "_airbyte_data": row }),
        json!({ "_airbyte_data": text }),
        json!({ "@timestamp": "2026-03-02T09:00:01Z", "message": text, "event": { "kind": "event" } }),
        json!({ "event": { "original": text }, "user": { "name": "x" }, "salesforce": { "login": { "event_type": "Login" } } }),
        json!({ "hits": { "total": { "value": 1 }, "hits": [{ "_id": "a", "_source": row }] } }),
        json!({ "preview": false, "result": row }),
        json!({ "preview": false, "result": { "_raw": format!("2026-03-02T09:00:00Z{pairs}") } }),
        json!({ "attributes": row, "date": "2026-03-02T09:00:01Z", "status": "info" }),
        json!([{ "common": {}, "logs": [{ "message": "row 0", "timestamp": 1772442000000_i64, "attributes": row }] }]),
        json!({ "topic": "t", "key": null, "value": text }),
        json!({ "messageType": "DATA_MESSAGE", "logEvents": [{ "id": "1", "timestamp": 1, "message": text }] }),
        json!({ "Records": [{ "kinesis": { "data": STANDARD.encode(&text) } }] }),
        json!({ "awslogs": { "data": STANDARD.encode(gzip(&json!({ "logEvents": [{ "message": text }] }).to_string())) } }),
        json!({ "value": [row] }),
        json!({ "a": { "b": { "c": { "d": row } } } }),
    ];
    for envelope in envelopes {
        assert_eq!(activity(&envelope), plain, "{envelope}");
    }
    for line in [format!("<134>Mar  2 09:00:00 host sfdc: {text}"), format!("2026-03-02T09:00:00Z{pairs}")] {
        assert_eq!(only(read_as(line.as_bytes(), Format::JsonLines)), plain, "{line}");
    }
}

#[test]
fn what_an_envelope_says_of_type_and_org_is_used_and_its_times_are_not() {
    let source = "aws.partner/salesforce.com/00Dhn0000099zzzEAA/0YLhn0000000001";
    let relayed = activity(&json!({
        "detail-type": "ListViewEventStream", "source": source, "time": "2026-04-01T00:00:00Z",
        "detail": { "payload": list_view() },
    }));
    let plain = activity(&typed(list_view(), "ListViewEvent"));
    assert_eq!(relayed.org_id, OrgId::new("00Dhn0000099zzzEAA"));
    assert_eq!((relayed.kind, relayed.event_time, relayed.rows), (plain.kind, plain.event_time, plain.rows));
    let of = |envelope: Value| activity(&envelope).kind;
    assert_eq!(of(json!({ "sourcetype": "sfdc:listviewevent", "event": list_view() })), plain.kind);
    assert_eq!(
        of(json!({ "type": "RECORD", "record": { "stream": "ListViewEvent", "data": list_view() } })),
        plain.kind
    );
}

#[test]
fn the_type_comes_from_the_file_or_the_columns_or_the_caller() {
    let untyped =
        |names: TypeNames, event: &Value| read_with(&event.to_string(), &Context { types: names, ..context() });
    let mut few = list_view();
    for name in ["DeveloperName", "ListViewId"] {
        few.as_object_mut().unwrap().remove(name);
    }
    let source = |parsed: &Parsed| parsed.counts.suggested.keys().copied().collect::<Vec<_>>();
    let file = TypeNames::default().with_file("x/ListViewEvent-2026-03.ndjson");
    assert_eq!(source(&untyped(file, &few)), [("ListViewEvent", TypeSource::FileName)]);
    assert_eq!(source(&untyped(TypeNames::default(), &list_view())), [("ListViewEvent", TypeSource::Columns)]);
    let asked = TypeNames::asked("listviewevent").unwrap();
    assert_eq!(source(&untyped(asked, &few)), [("ListViewEvent", TypeSource::Asked)]);
    let none = untyped(TypeNames::default(), &few);
    assert!(
        none.activities.is_empty() && none.rejects[0].reason.to_string().ends_with("give it with --type"),
        "{none:?}"
    );
    assert_eq!(TypeNames::asked("Account"), None);
}

#[test]
fn a_collectors_fields_displace_nothing() {
    let plain = activity(&login());
    let added = [
        ("status", json!("info")),
        ("tenant", json!("acme")),
        ("channel", json!("logs")),
        ("username", json!("collector")),
        ("user_id", json!("u-1")),
        ("timestamp", json!(1772500000000_i64)),
        ("event_date", json!("2026-04-01T00:00:00Z")),
        ("country", json!("US")),
        ("platform", json!("aws")),
        ("name", json!("sf-login")),
        ("Status", json!("ok")),
    ];
    for (name, value) in added {
        let mut with = Map::from_iter([(name.to_owned(), value.clone())]);
        with.extend(login().as_object().unwrap().clone());
        for event in [Value::Object(with), json!({ name: value, "event": login() })] {
            let mut read = activity(&event);
            read.attributes.clear();
            assert_eq!(Activity { id: plain.id, ..read }, plain, "{event}");
        }
    }
    let mut stored = typed(list_view(), "ListViewEvent");
    stored["username"] = json!("collector");
    stored["timestamp"] = json!(1772500000000_i64);
    let read = activity(&stored);
    assert_eq!(read.username.as_deref(), Some("emma@example.test"));
    assert_eq!(read.event_time, Timestamp::parse("2026-03-02T09:00:00Z").unwrap());
    assert_eq!(read.attributes.len(), 2, "{:?}", read.attributes);
}

#[test]
fn names_that_tools_rewrite_are_recognized() {
    let plain = activity(&login());
    let lower = |suffix: &str| rename(&login(), |name| format!("{}{suffix}", name.to_lowercase()));
    let spaced = rename(&login(), |name| name.replace('_', " "));
    for event in [lower(""), lower("_s"), spaced, rename(&login(), |name| format!("_source.{name}"))] {
        assert_eq!(activity(&event), plain, "{event}");
    }
    let sentinel = json!({
        "EventType": "LoginEvent", "EventDate [UTC]": "3/2/2026, 9:00:00.250 AM", "TimeGenerated": "2026-05-01T00:00:00Z",
        "UserId": "005hn00000EmmaMAAR", "UserNameDetail": "emma@example.test", "Status": "Success",
    });
    let read = activity(&sentinel);
    assert_eq!((read.event_time, read.username.as_deref()), (plain.event_time, Some("emma@example.test")));
}

fn rename(event: &Value, name: impl Fn(&str) -> String) -> Value {
    event.as_object().unwrap().iter().map(|(key, value)| (name(key), value.clone())).collect::<Map<_, _>>().into()
}

#[test]
fn wrapped_values_are_read() {
    let plain = activity(&typed(list_view(), "ListViewEvent"));
    let with = |name: &str, value: Value| {
        let mut event = typed(list_view(), "ListViewEvent");
        event[name] = value;
        activity(&event)
    };
    assert_eq!(with("RowsProcessed", json!({ "double": 2000.0 })), plain);
    assert_eq!(with("RowsProcessed", json!({ "$numberDouble": "2000.0" })), plain);
    assert_eq!(with("RowsProcessed", json!("2,000")), plain);
    assert_eq!(with("QueriedEntities", json!(["Account", "Contact"])), plain);
    assert_eq!(with("EventDate", json!({ "$date": { "$numberLong": "1772442000000" } })), plain);
    assert_eq!(with("EventDate", json!({ "long": 1772442000000_i64 })), plain);
    assert_eq!(with("UserId", json!({ "string": "005hn00000EmmaMAAR" })), plain);
}

#[test]
fn values_that_cannot_be_read_are_counted_by_field() {
    let mut event = typed(list_view(), "ListViewEvent");
    event["RowsProcessed"] = json!("50 rows");
    event["QueriedEntities"] = json!({ "a": 1, "b": 2 });
    let parsed = read(&event.to_string());
    assert_eq!(parsed.activities.len(), 1);
    assert_eq!(parsed.counts.unread.into_iter().collect::<Vec<_>>(), [("QueriedEntities", 1), ("RowsProcessed", 1)]);
}

#[test]
fn faults_of_other_programs_do_not_cost_the_record() {
    let plain = stored("ListViewEvent", r#""RowsProcessed":5"#);
    let odd = [
        plain.replace("\"RowsProcessed\":5", "\"RowsProcessed\":5,\"ElapsedTime\":NaN"),
        plain.replace("\"RowsProcessed\":5", "\"RowsProcessed\":5,\"Query\":\"cut \\ud83d\""),
        plain.replace("\"RowsProcessed\":5", "\"RowsProcessed\":5,\"Query\":\"a\tb\""),
    ];
    for text in odd {
        assert_eq!(only(read(&format!("{text}\n"))).rows, Some(5), "{text}");
    }
    let mut latin = format!("{plain}\n").replace("\"RowsProcessed\"", "\"Name\":\"?\",\"RowsProcessed\"").into_bytes();
    let at = latin.iter().position(|byte| *byte == b'?').unwrap();
    latin[at] = 0xe9;
    assert_eq!(only(crate::support::read_bytes(&latin)).rows, Some(5));
}

#[test]
fn a_line_may_hold_many_records() {
    let event = |number| typed(list_view(), "ListViewEvent").to_string().replace("0001\",", &format!("{number:04}\","));
    let line = format!("{}\n{}{} {}\n", event(1), event(2), event(3), event(4));
    let parsed = read_as(line.as_bytes(), Format::JsonLines);
    assert_eq!((parsed.activities.len(), parsed.rejects.len()), (4, 0));
    let broken = format!("{}{}{{\n", event(1), event(2));
    let parsed = read_as(broken.as_bytes(), Format::JsonLines);
    assert_eq!((parsed.activities.len(), parsed.rejects.len()), (2, 1));
}

#[test]
fn envelopes_beyond_the_limit_are_set_aside_with_that_reason() {
    let nested = |depth| (0..depth).fold(login(), |inner, _| json!({ "x": inner }));
    let parsed = |depth| read(&nested(depth).to_string());
    assert_eq!(parsed(salesforce::MAX_ENVELOPES).activities.len(), 1);
    let deep = parsed(salesforce::MAX_ENVELOPES + 1);
    assert_eq!(deep.rejects[0].reason.to_string(), "more than 8 envelopes around the record");
}

#[test]
fn a_shape_says_what_becomes_of_each_column() {
    let mut event = login();
    event["status"] = json!("info");
    event["CPU_TIME"] = json!("12");
    let text = json!({ "detail": { "payload": event } }).to_string();
    let mut chunks = salesforce::Chunks::new(text.as_bytes(), Format::JsonLines);
    let shape = salesforce::shape(&chunks.next_chunk().unwrap().unwrap(), &context()).unwrap();
    assert_eq!(shape.envelope, ["detail", "payload"]);
    let of = |name: &str| shape.columns.iter().find(|(column, _)| column == name).unwrap().1;
    assert_eq!(of("LOGIN_STATUS"), ColumnUse::Field("LOGIN_STATUS"));
    assert_eq!(of("status"), ColumnUse::Attribute);
    assert_eq!(of("CPU_TIME"), ColumnUse::Passed);
}

#[test]
fn types_in_another_case_are_recognized_and_others_are_listed() {
    let log = |name: &str| read(&row(&[("EVENT_TYPE", name), ("ENTITY_NAME", "Account"), ("ROWS_PROCESSED", "50")]));
    assert_eq!(only(log("RestAPI")).rows, Some(50));
    let parsed = log("AuraRequests");
    assert_eq!(parsed.counts.not_watched.into_iter().collect::<Vec<_>>(), [("AuraRequests".into(), 1)]);
}

proptest! {
    /// Any nesting of envelopes, as objects, arrays and texts, gives the same activity.
    #[test]
    fn any_nesting_of_envelopes_gives_the_same_activity(
        wraps in prop::collection::vec((0..4_u8, "x[a-z]{1,8}"), 0..4),
        is_stored in any::<bool>(),
    ) {
        let event = if is_stored { typed(list_view(), "ListViewEvent") } else { login() };
        let plain = activity(&event);
        let wrapped = wraps.into_iter().fold(event, |inner, (way, name)| match way {
            0 => json!({ name: inner, "id": 7 }),
            1 => json!({ name: [inner] }),
            2 => json!({ name: inner.to_string(), "other": "text" }),
            _ => json!([inner]),
        });
        prop_assert_eq!(activity(&wrapped), plain);
    }

    /// Nothing makes the reader panic, and nothing is read twice.
    #[test]
    fn hostile_texts_are_set_aside(text in "[\\[{}\\]\",:=a0\\\\ \\.-]{0,60}") {
        let parsed = read_as(text.as_bytes(), Format::JsonLines);
        prop_assert!(parsed.activities.is_empty());
    }
}
