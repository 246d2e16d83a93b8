//! Login History and the Setup Audit Trail, in the forms in which they are exported.

use crate::support::{context, one, read, read_as};
use model::{Activity, Channel, Kind, Outcome, UserId};
use salesforce::{Chunks, Format, TypeNames};
use serde_json::{Value, json};

fn history() -> Value {
    json!({
        "UserId": "005hn00000EmmaMAAR", "LoginTime": "2026-03-02T14:31:52.000+0000", "SourceIp": "198.51.100.7",
        "Status": "Success", "LoginType": "Application", "Browser": "Chrome 140", "Platform": "Windows 11",
    })
}

fn change() -> Value {
    json!({
        "CreatedDate": "2026-03-02T14:31:52.000+0000", "CreatedById": "005hn00000EmmaMAAR",
        "CreatedBy.Username": "emma@example.test", "Action": "PermSetAssign", "Display": "Permission set X: assigned to user Lee",
        "Section": "Manage Users", "DelegateUser": null,
    })
}

/// Returns what an event is read as, without its id and its attributes.
fn seen(text: &str) -> Activity {
    let mut activity = one(text);
    activity.attributes.clear();
    activity.id = model::Uuid::nil();
    activity
}

fn typed(mut event: Value, name: &str) -> Value {
    event["attributes"] = json!({ "type": name });
    event
}

/// Returns a table with one row.
fn table(event: &Value, header: impl Fn(&str) -> String, delimiter: &str) -> String {
    let members = event.as_object().unwrap();
    let row = |values: Vec<String>| values.join(delimiter) + "\n";
    row(members.keys().map(|name| header(name)).collect())
        + &row(members.values().map(|value| format!("\"{}\"", value.as_str().unwrap_or_default())).collect())
}

#[test]
fn logins_and_changes_are_read_in_every_form() {
    for (event, name) in [(history(), "LoginHistory"), (change(), "SetupAuditTrail")] {
        let plain = seen(&typed(event.clone(), name).to_string());
        assert_eq!(plain.channel, Channel::Setup, "{name}");
        assert_eq!(plain.user_id, UserId::new("005hn00000EmmaMAAR"), "{name}");
        let record = typed(event.clone(), name).to_string();
        let forms = [
            event.to_string(),
            table(&event, str::to_owned, ","),
            table(&event, str::to_uppercase, ","),
            table(&event, str::to_lowercase, "\t"),
            json!({ "sourcetype": format!("sfdc:{}", name.to_lowercase()), "event": event }).to_string(),
            json!({ "_source": { "event": { "original": record } } }).to_string(),
            json!({ "preview": false, "result": { "_raw": record } }).to_string(),
            json!({ "records": [event] }).to_string(),
        ];
        for form in forms {
            assert_eq!(seen(&form), plain, "{form}");
        }
    }
}

#[test]
fn a_nested_user_names_the_account() {
    let mut event = change();
    let members = event.as_object_mut().unwrap();
    members.remove("CreatedById");
    members.remove("CreatedBy.Username");
    event["CreatedBy"] = json!({ "attributes": { "type": "User" }, "Username": "Emma@example.test" });
    let activity = one(&typed(event, "SetupAuditTrail").to_string());
    assert_eq!(activity.user_id, UserId::from_username("emma@example.test"));
}

#[test]
fn the_name_of_the_download_says_its_type() {
    let text = "User,Date,Action\nemma@example.test,\"3/2/2026, 2:31:52 PM GMT\",Changed session settings for all\n";
    let mut chunks = Chunks::new(text.as_bytes(), Format::Csv);
    let chunk = chunks.next_chunk().unwrap().unwrap();
    let types = TypeNames::default().with_file("SetupAuditTrail1772442000000.csv");
    let parsed = salesforce::parse(&chunk, &salesforce::Context { types, ..context() });
    let [activity] = &parsed.activities[..] else { panic!("{parsed:?}") };
    assert_eq!((activity.kind, activity.outcome), (Kind::SetupChange, Outcome::Success));
    assert_eq!(
        (activity.operation.as_deref(), activity.resource_name.as_deref()),
        (None, Some("Changed session settings for all"))
    );
}

#[test]
fn records_of_other_objects_are_no_changes() {
    let account = r#"{"attributes":{"type":"Account"},"Id":"001","CreatedDate":"2026-03-02T14:31:52.000+0000","CreatedById":"005hn00000EmmaMAAR","Name":"x"}"#;
    let parsed = read(account);
    assert_eq!((parsed.activities.len(), parsed.rejects.len()), (0, 1));
    let ticket =
        json!({ "CreatedDate": "2026-03-02T14:31:52Z", "CreatedById": "005", "Section": "billing", "Id": "1" });
    assert!(read_as(ticket.to_string().as_bytes(), Format::JsonLines).activities.is_empty());
}

#[test]
fn columns_that_setup_has_displace_nothing_in_events() {
    let event = |more: Value| {
        let mut event = json!({
            "attributes": { "type": "ListViewEvent" }, "EventIdentifier": "7d0c2b1e-4f6a-4c1e-9a70-000000000001",
            "EventDate": "2026-03-02T14:31:52.867+0000", "UserId": "005hn00000EmmaMAAR", "RowsProcessed": 7,
        });
        event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        one(&event.to_string())
    };
    let added = event(json!({
        "CreatedById": "005hn00000OtherAAA", "Date": "2026-01-01", "User": "x", "Action": "a", "Section": "s", "LoginTime": "2026-01-01T00:00:00Z",
    }));
    assert_eq!(Activity { attributes: Vec::new(), ..added }, event(json!({})));
}
