//! Tests of queries, and of the rules of each class of objects.

use crate::support::{Client, MONDAY, event, list_views, query_path, script, set, simulated};
use fake_org::{FakeOrg, Fault, PermissionSet, Script, Speed};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;

/// Starts the script's clock at its end, so that all events have happened.
fn over(script: Script) -> Script {
    let end = script.end();
    set(script, |settings| {
        settings.speed = Speed::Manual;
        settings.start = end;
    })
}

fn numbers(records: &[Value]) -> Vec<u64> {
    records.iter().map(|record| record["RowsProcessed"].as_f64().unwrap() as u64).collect()
}

#[tokio::test]
async fn big_objects_are_read_newest_first_within_a_window() {
    let org = FakeOrg::start(over(list_views(10))).await.unwrap();
    let client = Client::of(&org).await;
    let soql = "SELECT Id, EventIdentifier, rowsprocessed, Name FROM listviewevent \
                WHERE EventDate >= 2026-01-05T00:00:02Z AND EventDate <= 2026-01-05T00:00:05.000+00:00 \
                ORDER BY EventDate DESC LIMIT 3";
    let records = client.records(soql).await;
    assert_eq!(numbers(&records), [5, 4, 3]);
    assert_eq!(
        records[0],
        json!({
            "attributes": {
                "type": "ListViewEvent",
                "url": "/services/data/v62.0/sobjects/ListViewEvent/000000000000000AAA",
            },
            "Id": "000000000000000AAA",
            "EventIdentifier": "00000000-0000-4000-8000-000000000005",
            "RowsProcessed": 5.0,
            "Name": null,
        })
    );
    let exact = "SELECT RowsProcessed FROM ListViewEvent WHERE EventDate = 2026-01-05T00:00:02Z \
                 AND EventIdentifier = '00000000-0000-4000-8000-000000000002'";
    assert_eq!(numbers(&client.records(exact).await), [2]);
    let open = "SELECT RowsProcessed FROM ListViewEvent WHERE EventDate > 2026-01-05T00:00:07Z";
    assert_eq!(numbers(&client.records(open).await), [9, 8]);
}

#[tokio::test]
async fn big_objects_refuse_queries_beyond_their_index() {
    let mut events = vec![event("ListViewEvent", 0, 0), event("ReportEvent", 0, 1)];
    events.push(event("ApiAnomalyEventStore", 1, 2));
    let org = FakeOrg::start(over(script(events))).await.unwrap();
    let client = Client::of(&org).await;
    let since = "WHERE EventDate >= 2026-01-01T00:00:00Z";
    for (rest, code) in [
        (format!("Id FROM ListViewEvent {since} ORDER BY EventDate ASC"), "MALFORMED_QUERY"),
        (format!("Id FROM ListViewEvent {since} ORDER BY EventDate"), "MALFORMED_QUERY"),
        (format!("Id FROM ListViewEvent {since} ORDER BY EventDate DESC, EventIdentifier DESC"), "MALFORMED_QUERY"),
        (format!("Id FROM ListViewEvent {since} OFFSET 5"), "MALFORMED_QUERY"),
        (format!("COUNT() FROM ListViewEvent {since}"), "MALFORMED_QUERY"),
        ("Id FROM ListViewEvent WHERE UserId = '005fk0000000001AAA'".into(), "INVALID_FIELD"),
        ("Id FROM ListViewEvent WHERE EventDate != 2026-01-01T00:00:00Z".into(), "MALFORMED_QUERY"),
        (format!("Id FROM ListViewEvent {since} AND EventIdentifier = 'x'"), "MALFORMED_QUERY"),
        ("Id FROM ListViewEvent WHERE EventIdentifier = 'x'".into(), "MALFORMED_QUERY"),
        ("Id, Nothing FROM ListViewEvent".into(), "INVALID_FIELD"),
        ("Id FROM NothingEvent".into(), "INVALID_TYPE"),
        ("FIELDS(ALL) FROM ListViewEvent".into(), "MALFORMED_QUERY"),
        ("FIELDS(ALL) FROM ListViewEvent LIMIT 201".into(), "MALFORMED_QUERY"),
        ("Id FROM ListViewEvent WHERE EventDate >= 2026-01-01T00:00:00.000+0000".into(), "MALFORMED_QUERY"),
        ("Id FROM ListViewEvent WHERE EventDate >= 2026-01-01T00:00:00".into(), "MALFORMED_QUERY"),
        ("Id FROM ListViewEvent WHERE EventDate >= '2026-01-01T00:00:00Z'".into(), "INVALID_FIELD"),
        (format!("Id FROM ListViewEvent {since} OR EventDate = 2026-01-01T00:00:00Z"), "MALFORMED_QUERY"),
        ("Id FROM".into(), "MALFORMED_QUERY"),
        ("Id FROM ListViewEvent LIMIT many".into(), "MALFORMED_QUERY"),
    ] {
        assert_eq!(client.refused(&format!("SELECT {rest}")).await, code, "{rest}");
    }
    // A plus sign that is not percent-encoded is decoded as a space.
    let path = query_path("SELECT Id FROM ListViewEvent WHERE EventDate >= 2026-01-01T00:00:00");
    assert_eq!(client.json(&format!("{path}+00:00")).await.0, 400);
    assert_eq!(client.records("SELECT FIELDS(ALL) FROM ListViewEvent LIMIT 200").await.len(), 1);
    assert_eq!(client.records("SELECT Id FROM ReportEvent WHERE UserId = '005fk0000000001AAA'").await.len(), 1);
    // The stores of Threat Detection are standard objects.
    let anomalies = "SELECT Id, Score FROM ApiAnomalyEventStore WHERE Username = 'EMMA@fake.example' \
                     ORDER BY CreatedDate ASC, Id";
    let anomalies = client.records(anomalies).await;
    assert_eq!(anomalies.len(), 1);
    assert_ne!(anomalies[0]["Id"], "000000000000000AAA");

    org.control().misbehave(Fault::OrderRefused.on("ListViewEvent"));
    let ordered = format!("SELECT Id FROM ListViewEvent {since} ORDER BY EventDate DESC");
    assert_eq!(client.refused(&ordered).await, "MALFORMED_QUERY");
}

#[tokio::test]
async fn large_results_have_pages() {
    let org = FakeOrg::start(over(list_views(1_050))).await.unwrap();
    let client = Client::of(&org).await;
    let soql = "SELECT RowsProcessed FROM ListViewEvent ORDER BY EventDate DESC";
    assert_eq!(client.query(soql).await.1["done"], true);
    let (mut path, mut pages, mut seen) = (query_path(soql), 0, Vec::new());
    loop {
        let request = client.get(&path).header("sforce-query-options", "batchSize=400");
        let page: Value = request.send().await.unwrap().json().await.unwrap();
        pages += 1;
        assert_eq!(page["totalSize"], 1_050);
        seen.extend(numbers(page["records"].as_array().unwrap()));
        match page["nextRecordsUrl"].as_str() {
            Some(next) => path = next.to_owned(),
            None => break assert_eq!(page["done"], true),
        }
    }
    assert_eq!((pages, seen), (3, (0..1_050).rev().collect()));

    org.control().misbehave(Fault::LocatorExpired);
    let (status, refused) = client.json(&path).await;
    assert_eq!((status, refused[0]["errorCode"].as_str()), (400, Some("INVALID_QUERY_LOCATOR")));
    org.control().misbehave(Fault::OnePage);
    let request = client.get(&query_path(soql)).header("sforce-query-options", "batchSize=1");
    let page: Value = request.send().await.unwrap().json().await.unwrap();
    assert_eq!((page["records"].as_array().unwrap().len(), page["done"].as_bool()), (200, Some(true)));
}

#[tokio::test]
async fn rows_become_visible_after_a_delay() {
    let script = set(list_views(10), |settings| {
        settings.speed = Speed::Manual;
        settings.visible_after = Duration::from_secs(2);
    });
    let org = FakeOrg::start(script).await.unwrap();
    let client = Client::of(&org).await;
    let control = org.control();
    let count = async || client.records("SELECT Id FROM ListViewEvent").await.len();
    assert_eq!(count().await, 0);
    control.advance_to(MONDAY.plus(6_000));
    assert_eq!(count().await, 5);
    control.misbehave(Fault::RowsLate { every: 5, by: Duration::from_secs(60) });
    assert_eq!(count().await, 4);
    control.advance_to(MONDAY.plus(80_000));
    assert_eq!(count().await, 10);
}

#[tokio::test]
async fn a_query_times_out_when_its_window_is_too_long() {
    let org = FakeOrg::start(over(list_views(10))).await.unwrap();
    let client = Client::of(&org).await;
    org.control().misbehave(Fault::QueryTimeout { longest: Duration::from_secs(3_600) });
    let window = |to: &str| {
        format!("SELECT Id FROM ListViewEvent WHERE EventDate >= 2026-01-05T00:00:00Z AND EventDate <= {to}")
    };
    assert_eq!(client.refused(&window("2026-01-05T02:00:00Z")).await, "QUERY_TIMEOUT");
    assert_eq!(client.refused("SELECT Id FROM ListViewEvent").await, "QUERY_TIMEOUT");
    assert_eq!(client.query(&window("2026-01-05T02:00:00Z")).await.0, 500);
    assert_eq!(client.records(&window("2026-01-05T01:00:00Z")).await.len(), 10);
    assert!(!client.records("SELECT Id FROM User").await.is_empty());
}

#[tokio::test]
async fn descriptions_and_queries_agree_on_fields() {
    let org = FakeOrg::start(over(list_views(1))).await.unwrap();
    let client = Client::of(&org).await;
    let control = org.control();
    let describe = async |object: &str| client.json(&format!("/services/data/v62.0/sobjects/{object}/describe")).await;
    let (_, description) = describe("listviewevent").await;
    let fields = description["fields"].as_array().unwrap();
    let kind = |name: &str| fields.iter().find(|field| field["name"] == name).map(|field| field["type"].clone());
    assert_eq!(kind("EventDate"), Some("datetime".into()));
    assert_eq!(kind("RowsProcessed"), Some("double".into()));
    assert_eq!(kind("UserId"), Some("reference".into()));
    let names: Vec<&str> = fields.iter().map(|field| field["name"].as_str().unwrap()).collect();
    client.records(&format!("SELECT {} FROM ListViewEvent", names.join(", "))).await;

    control.misbehave(Fault::FieldHidden { field: "RowsProcessed".into() }.on("ListViewEvent"));
    let (_, description) = describe("ListViewEvent").await;
    assert!(!description["fields"].as_array().unwrap().iter().any(|field| field["name"] == "RowsProcessed"));
    assert_eq!(client.refused("SELECT RowsProcessed FROM ListViewEvent").await, "INVALID_FIELD");
    control.misbehave(Fault::ObjectMissing.on("ListViewEvent"));
    assert_eq!(describe("ListViewEvent").await.0, 404);
    assert_eq!(client.refused("SELECT Id FROM ListViewEvent").await, "INVALID_TYPE");
    assert_eq!(describe("LoginEvent").await.0, 200);
}

#[tokio::test]
async fn users_are_derived_from_the_events() {
    let script = simulated(1);
    let known: BTreeSet<String> = script
        .events
        .iter()
        .filter_map(|event| Some(event.record.fields().get("UserId")?.as_str()?.to_owned()))
        .collect();
    let org = FakeOrg::start(over(script)).await.unwrap();
    let client = Client::of(&org).await;
    let soql = "SELECT Id, Username, UserType, ProfileId, UserRoleId, IsActive, Profile.Name, UserRole.Name FROM User \
                WHERE IsActive = true ORDER BY Username";
    let users = client.records(soql).await;
    let ids: BTreeSet<String> = users.iter().map(|user| user["Id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ids, known);
    let profiles = client.records("SELECT Id, Name FROM Profile").await;
    for user in users.iter().filter(|user| !user["ProfileId"].is_null()) {
        let profile = profiles.iter().find(|profile| profile["Id"] == user["ProfileId"]).unwrap();
        assert_eq!(user["Profile"]["Name"], profile["Name"]);
    }
    let one = users[0]["Id"].as_str().unwrap();
    let few = client.records(&format!("SELECT Username FROM User WHERE Id IN ('{one}', 'x')")).await;
    assert_eq!(few.len(), 1);
    let rights = "SELECT AssigneeId, PermissionSet.Name FROM PermissionSetAssignment";
    assert!(client.records(rights).await[0]["PermissionSet"]["Name"].as_str().unwrap().starts_with('X'));
    let (_, count) = client.query("SELECT COUNT() FROM User").await;
    assert_eq!(count["totalSize"], users.len());
}

#[tokio::test]
async fn permission_sets_are_assigned_for_a_time() {
    let mut script = set(list_views(1), |settings| settings.speed = Speed::Manual);
    let mut fields = script.events[0].record.fields();
    fields.insert("ProfileId".to_owned(), "00efk0000000001AAA".into());
    script.events[0].record = fields.into();
    let emma = "005fk0000000001AAA".to_owned();
    let of = |name: &str, permission: &str| PermissionSet {
        name: name.to_owned(),
        permissions: vec![permission.to_owned()],
        ..PermissionSet::default()
    };
    let export = PermissionSet {
        is_group: true,
        assigned: vec![
            (emma.clone(), MONDAY.plus(10)..MONDAY.plus(20)),
            ("005nobody".to_owned(), MONDAY..MONDAY.plus(99)),
        ],
        ..of("Export", "ViewAllData")
    };
    script.permission_sets = vec![of("X00efk0000000001AAA", "AuthorApex"), export];
    let org = FakeOrg::start(script).await.unwrap();
    let client = Client::of(&org).await;

    let sets = "SELECT Id, Name, IsOwnedByProfile, PermissionsAuthorApex, PermissionsViewAllData FROM PermissionSet";
    let sets = client.records(sets).await;
    let of_set = |set: &Value| {
        ["IsOwnedByProfile", "PermissionsAuthorApex", "PermissionsViewAllData"].map(|may| set[may] == true)
    };
    assert_eq!(sets.iter().map(of_set).collect::<Vec<_>>(), [[true, true, false], [false, false, true]]);

    let assigned = async || {
        let soql = "SELECT AssigneeId, PermissionSetId, PermissionSetGroupId FROM PermissionSetAssignment \
                    WHERE Assignee.IsActive = true AND PermissionSet.IsOwnedByProfile = false";
        client.records(soql).await
    };
    assert_eq!(client.records("SELECT Id FROM PermissionSetAssignment").await.len(), 1, "the profile's own");
    assert!(assigned().await.is_empty());
    org.control().advance_to(MONDAY.plus(10));
    let found = assigned().await;
    assert_eq!((found.len(), &found[0]["AssigneeId"], &found[0]["PermissionSetId"]), (1, &emma.into(), &sets[1]["Id"]));
    assert!(found[0]["PermissionSetGroupId"].as_str().unwrap().starts_with("0PG"));
    org.control().advance_to(MONDAY.plus(20));
    assert!(assigned().await.is_empty());
}
