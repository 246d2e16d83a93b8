//! What stands around or within a record and is not Salesforce's displaces nothing, and makes nothing count twice.

use crate::support::read;
use crate::wrapped::{activity, list_view, login, typed};
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
