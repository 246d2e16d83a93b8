//! What stands around or within a record and is not Salesforce's displaces nothing, and makes nothing count twice.

use crate::support::{read, read_as};
use crate::wrapped::{activity, list_view, login, typed};
use proptest::prelude::*;
use salesforce::{Format, RejectReason};
use serde_json::{Map, Value, json};

#[test]
fn a_type_of_a_collector_is_no_type_of_an_event() {
    let plain = activity(&login());
    for (name, value) in [
        ("event_type", json!("audit")),
        ("eventType", json!("audit")),
        ("channel", json!("x/SalesforceEvent")),
        ("attributes", json!({ "type": "log", "service": "x" })),
    ] {
        for is_first in [true, false] {
            let mut event = Map::new();
            if is_first {
                event.insert(name.to_owned(), value.clone());
            }
            event.extend(login().as_object().unwrap().clone());
            event.entry(name).or_insert(value.clone());
            let event = Value::Object(event);
            assert_eq!(
                (activity(&event).kind, activity(&event).user_id),
                (plain.kind, plain.user_id.clone()),
                "{event}"
            );
        }
    }
}

#[test]
fn a_record_that_an_envelope_holds_twice_counts_once() {
    let (row, text) = (login(), login().to_string());
    for envelope in [
        json!({ "message": text, "event": { "original": text } }),
        json!({ "message": text, "attributes": row }),
        json!({ "_raw": text, "result": row }),
    ] {
        assert_eq!(activity(&envelope), activity(&login()), "{envelope}");
    }
    let twice = read(&json!({ "value": [row, row] }).to_string());
    assert_eq!(twice.activities.len(), 2, "identical rows of one list are two");
}

#[test]
fn columns_of_a_collector_do_not_change_what_identifies_a_row() {
    let plain = activity(&login());
    for (name, value) in [("@timestamp", json!("x")), ("_id", json!("7")), ("host", json!("h")), ("source", json!("s"))]
    {
        let mut event = login();
        event[name] = value;
        assert_eq!(activity(&event).id, plain.id, "{name}");
        assert_eq!(activity(&json!({ "event": event })).id, plain.id, "{name}");
    }
    let mut newer = login();
    newer["NEW_COLUMN"] = json!("x");
    assert_ne!(activity(&newer).id, plain.id, "a column of Salesforce's");
}

#[test]
fn words_for_nothing_are_no_ids() {
    for word in ["null", "-", "\\N", "N/A", "nan", "None"] {
        let mut event = typed(list_view(), "ListViewEvent");
        event["EventIdentifier"] = json!(word);
        let other = {
            let mut other = event.clone();
            other["RowsProcessed"] = json!(7);
            activity(&other).id
        };
        assert_ne!(activity(&event).id, other, "{word}");
        event["UserId"] = json!(word);
        assert_eq!(activity(&event).user_id, model::UserId::from_username("emma@example.test"), "{word}");
    }
}

#[test]
fn what_only_salesforce_names_so_counts_in_any_style() {
    let mut event = typed(list_view(), "ListViewEvent");
    event.as_object_mut().unwrap().remove("RowsProcessed");
    event["rows_processed"] = json!(2000);
    assert_eq!(activity(&event).rows, Some(2000));
    let few = json!({
        "attributes": { "type": "ListViewEvent" }, "EventDate": "2026-03-02T09:00:00Z", "Username": "emma@example.test",
        "RowsProcessed": 5, "user_id": "u", "source_ip": "10.0.0.1", "org_id": "o", "session_key": "s", "request_id": "r",
    });
    let read = activity(&few);
    assert_eq!((read.rows, read.username.as_deref(), read.session_key), (Some(5), Some("emma@example.test"), None));
}

#[test]
fn a_word_in_an_envelope_says_less_than_columns() {
    let of = |envelope: Value| activity(&envelope).kind;
    for (name, word) in [("stream", "salesforce-login-prod"), ("source", "http:api-login"), ("type", "report")] {
        assert_eq!(of(json!({ name: word, "record": list_view() })), model::Kind::ListView, "{word}");
    }
    let bare = json!({ "EventDate": "2026-03-02T09:00:00Z", "Username": "emma@example.test", "Operation": "Query" });
    assert_eq!(of(json!({ "detail-type": "ApiEvent", "detail": bare })), model::Kind::Api);
}

#[test]
fn a_record_within_comes_before_what_looks_like_one_around_it() {
    let plain = activity(&login());
    for envelope in [
        json!({ "event_type": "login", "event_date": "2026-05-01T00:00:00Z", "username": "svc", "payload": login() }),
        json!({ "Timestamp": "2026-05-01T00:00:00Z", "EventType": "LoginEvent", "Payload": login().to_string() }),
        json!({ "event_date": "2026-05-01T00:00:00Z", "user_id": "7", "source_ip": "10.0.0.1", "event": login() }),
    ] {
        assert_eq!(activity(&envelope), plain, "{envelope}");
    }
}

#[test]
fn names_of_other_kinds_of_records_displace_nothing() {
    let log = json!({
        "EVENT_TYPE": "RestApi", "TIMESTAMP_DERIVED": "2026-03-02T09:00:00.250Z", "USER_ID_DERIVED": "005hn00000EmmaMAAR",
        "METHOD": "GET", "ROWS_PROCESSED": "120000", "ENTITY_NAME": "Account", "REQUEST_ID": "r1",
    });
    let plain = activity(&log);
    for (name, value) in [
        ("OPERATION", json!("INSERT")),
        ("operation", json!("INSERT")),
        ("RECORD_COUNT", json!("1")),
        ("record_count", json!(1)),
        ("USER_IDENTIFIER", json!("collector")),
        ("user_identifier", json!("collector")),
    ] {
        let mut event = Map::from_iter([(name.to_owned(), value)]);
        event.extend(log.as_object().unwrap().clone());
        let read = activity(&Value::Object(event));
        let of = |activity: &model::Activity| (activity.rows, activity.effect, activity.user_id.clone());
        assert_eq!(of(&read), of(&plain), "{name}");
    }
    let stored = typed(list_view(), "ListViewEvent");
    let plain = activity(&stored);
    for (name, value) in [("Success", json!(false)), ("StatusCode", json!(500)), ("RowCount", json!(1))] {
        let mut event = Map::from_iter([(name.to_owned(), value)]);
        event.extend(stored.as_object().unwrap().clone());
        let read = activity(&Value::Object(event));
        assert_eq!((read.rows, read.outcome), (plain.rows, plain.outcome), "{name}");
    }
}

#[test]
fn the_id_of_an_org_counts_in_any_style() {
    for name in ["ORGANIZATION_ID", "organization_id", "OrganizationId"] {
        let mut event = typed(list_view(), "ListViewEvent");
        event[name] = json!("00Dhn0000099zzzEAA");
        assert_eq!(activity(&event).org_id.as_str(), "00Dhn0000099zzzEAA", "{name}");
    }
    let mut event = typed(list_view(), "ListViewEvent");
    event["organization_id"] = json!("acme");
    assert_eq!(activity(&event).org_id, activity(&typed(list_view(), "ListViewEvent")).org_id);
}

/// Texts that look like an event, a part of one, or damage.
fn hostile_texts() -> Vec<String> {
    let forged = r#"{"EVENT_TYPE":"Login","TIMESTAMP":"20260302090000.250","USER_ID":"005hn00000Victm","SOURCE_IP":"192.0.2.1"}"#;
    vec![
        forged.to_owned(),
        format!("Mozilla/5.0 {forged}"),
        format!("[{forged}]"),
        forged.replace('{', "{\"a\":{").replace('}', "}}"),
        "SELECT Id FROM LoginEvent WHERE UserId='x' AND EventDate=1 AND LoginKey='y' AND Username='z'".to_owned(),
        "EVENT_TYPE=\"Login\", TIMESTAMP=\"20260302090000.250\", USER_ID=\"005hn00000Victm\", SOURCE_IP=\"1\""
            .to_owned(),
        "query { account(where: { name: 1 }) { id name phone and more } }".to_owned(),
        "EVENT_TYPE,TIMESTAMP,USER_ID\nLogin,20260302090000.250,005hn00000Victm".to_owned(),
    ]
}

#[test]
fn what_stands_in_a_field_of_an_event_is_no_event() {
    for text in hostile_texts() {
        for name in ["UserAgent", "Query", "Records", "AdditionalInfo", "Name", "Description", "Message"] {
            let mut event = list_view();
            event[name] = json!(text);
            let typed = typed(event.clone(), "ListViewEvent");
            for document in [
                typed.clone(),
                json!({ "detail-type": "ListViewEvent", "detail": { "payload": event } }),
                json!({ "message": typed.to_string() }),
                json!({ "status": "x", "event": typed }),
            ] {
                let read = activity(&document);
                assert_eq!((read.kind, read.rows), (model::Kind::ListView, Some(2000)), "{document}");
                assert_eq!(read.user_id.as_str(), "005hn00000EmmaMAAR", "{document}");
            }
        }
    }
}

#[test]
fn a_list_with_keys_is_read_whole() {
    let event = |number: usize| {
        let mut event = typed(list_view(), "ListViewEvent");
        event["EventIdentifier"] = json!(format!("7d0c2b1e-4f6a-4c1e-9a70-{number:012}"));
        event
    };
    let rows: Map<_, _> = (0..1_500).map(|number| (number.to_string(), event(number))).collect();
    let parsed = read_as(Value::Object(rows).to_string().as_bytes(), Format::JsonLines);
    assert_eq!((parsed.activities.len(), parsed.rejects.len()), (1_500, 0));
    let same: Map<_, _> = (0..3).map(|number| (number.to_string(), login())).collect();
    assert_eq!(read(&Value::Object(same).to_string()).activities.len(), 3, "identical rows of a list are several");
    let mut wide = login();
    (0..2_000).for_each(|number| wide[format!("X{number}")] = json!(1));
    let parsed = read(&json!({ "event": wide }).to_string());
    assert_eq!(parsed.rejects[0].reason, RejectReason::TooManyMembers);
}

#[test]
fn a_line_has_at_most_so_many_records() {
    let row = r#"{"EventDate":1772442000000,"UserId":"a","SourceIp":"b"}"#;
    let text = format!("[{}]", vec![row; salesforce::MAX_WITHIN + 5].join(","));
    let parsed = read_as(json!({ "type": "LogoutEvent", "message": text }).to_string().as_bytes(), Format::JsonLines);
    assert_eq!((parsed.activities.len(), parsed.rejects.len()), (salesforce::MAX_WITHIN, 1));
    assert_eq!(parsed.rejects[0].reason, RejectReason::TooManyWithin);
}

#[test]
fn a_fault_says_its_own_cause_and_no_values() {
    let mut event = login();
    for name in ["USER_ID", "USER_ID_DERIVED", "USER_NAME"] {
        event.as_object_mut().unwrap().remove(name);
    }
    event["QUERY"] = json!("query { account(where: { name: 1 }) { id name phone } }");
    assert_eq!(read(&event.to_string()).rejects[0].reason, RejectReason::NoUser);
    let row = "EVENT_TYPE,TIMESTAMP,status,SESSION_KEY,USER_NAME\nLogin,never,x,s3cret,emma@example.test\n";
    let parsed = read(row);
    assert!(!parsed.rejects[0].excerpt.contains("s3cret"), "{}", parsed.rejects[0].excerpt);
}

#[test]
fn a_table_within_a_text_says_which_rows_do_not_fit() {
    let table = "EVENT_TYPE,TIMESTAMP,USER_ID\nLogin,20260302090000.250,005hn00000EmmaM\nLogin,1\n\
                 \"Login\",\"20260302090100.250\",\"005hn\n\"\n";
    let parsed = read(&json!({ "message": table }).to_string());
    assert_eq!((parsed.activities.len(), parsed.rejects.len()), (2, 1), "{parsed:?}");
    assert_eq!(parsed.rejects[0].reason, RejectReason::FieldCount { found: 2, expected: 3 });
}

proptest! {
    /// Whatever text stands in a field, the event is counted once, as accepted or as rejected.
    #[test]
    fn an_event_is_counted_once_whatever_its_fields_hold(
        text in "[{}\\[\\]\",:=a0\\\\ -]{0,20}",
        name in prop::sample::select(vec!["UserAgent", "Query", "x", "payload"]),
        hostile in prop::sample::select(hostile_texts()),
    ) {
        let mut event = typed(list_view(), "ListViewEvent");
        event[name] = json!(format!("{text}{hostile}"));
        for document in [event.to_string(), json!({ "status": "x", "event": event }).to_string()] {
            let parsed = read_as(document.as_bytes(), Format::JsonLines);
            prop_assert_eq!(parsed.activities.len() + parsed.rejects.len(), 1, "{}", document);
        }
    }
}
