//! Incidents in the forms of other systems.

use crate::support::{Console, INCIDENT, OTHER, OTHER_INCIDENT, OURS};
use axum::http::StatusCode;
use console::Settings;
use model::UserId;
use secrecy::SecretString;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use std::time::Duration;
use store::{ErasureRecord, Role};

const RECORDS: &str = "/v1/tenant-security-api-anomalies";

/// A span with today in it, since changes have the time of the database.
fn span() -> String {
    let now = runtime::clock::now();
    format!("start={}&end={}", now.plus(-20 * model::time::DAY), now.plus(5 * model::time::DAY))
}

fn ids(answer: &Value) -> Vec<&str> {
    let records = answer["records"].as_array().unwrap_or_else(|| panic!("{answer}"));
    records.iter().map(|record| record["DetailIdentifier"].as_str().unwrap()).collect()
}

async fn as_owner(console: &Console, statement: &str) {
    let mut connection = PgConnection::connect(&console.url).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(&mut connection).await.unwrap();
}

#[tokio::test]
async fn records_are_queried_and_retrieved_by_those_who_see_the_org() {
    let console = Console::start().await;
    let token = console.token(&[(OURS, Role::Analyst)]).await;
    let all = console.get(&token, RECORDS).await;
    assert_eq!((all.status, ids(&all.json())), (StatusCode::OK, vec![INCIDENT.to_string().as_str()]));
    let mut answer = all.json();
    assert_eq!((&answer["done"], &answer["next_cursor"]), (&json!(true), &json!(null)));
    insta::assert_json_snapshot!("record", answer["records"][0].take());
    let check = async |query: &str, expect: usize| {
        let answer = console.get(&token, &format!("{RECORDS}?{query}")).await;
        assert_eq!(answer.status, StatusCode::OK, "{query}: {}", answer.text);
        assert_eq!(answer.json()["records"].as_array().unwrap().len(), expect, "{query}");
    };
    check("Score=ge:72.5&Username=like:emma%25&fields=Score&sort=-Score", 1).await;
    check("Score=gt:72.5", 0).await;
    check(&format!("Tenant=eq:{OTHER}"), 0).await;
    check("DetailIdentifier=eq:no%20id", 0).await;
    let grouped = console.get(&token, &format!("{RECORDS}?group=Tenant,MetricsType")).await.json();
    let group = json!({ "values": { "Tenant": OURS, "MetricsType": "Volume" }, "count": 1 });
    assert_eq!(grouped, json!({ "groups": [group], "done": true }));
    for refused in ["Summary=eq:x", "sort=Summary", "limit=1001", "cursor=x", "shoe=1", "Score=eq:x"] {
        let answer = console.get(&token, &format!("{RECORDS}?{refused}")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{refused}");
        assert!(answer.json()["detail"].as_str().unwrap().len() > 10);
    }
    let one = console.get(&token, &format!("{RECORDS}/{INCIDENT}?fields=Name,Score")).await;
    assert_eq!(one.json(), json!({ "Name": "Row spike", "Score": 72.5 }));
    for path in ["", "/history", "/feed", "/share"] {
        let other = console.get(&token, &format!("{RECORDS}/{OTHER_INCIDENT}{path}")).await;
        assert_eq!(other.status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn pages_of_records_follow_each_other() {
    let console = Console::start().await;
    let token = console.token(&[("*", Role::Viewer)]).await;
    let first = console.get(&token, &format!("{RECORDS}?limit=1&sort=RequestIdentifier,-Score")).await.json();
    assert_eq!((ids(&first), &first["done"]), (vec![INCIDENT.to_string().as_str()], &json!(false)));
    let cursor = first["next_cursor"].as_str().unwrap();
    let path = format!("{RECORDS}?limit=1&sort=RequestIdentifier,-Score&cursor={cursor}");
    let second = console.get(&token, &path).await.json();
    assert_eq!((ids(&second), &second["done"]), (vec![OTHER_INCIDENT.to_string().as_str()], &json!(true)));
}

#[tokio::test]
async fn who_sees_no_names_gets_pseudonyms_and_cannot_ask_by_names() {
    let console = Console::with(Settings { requests_per_minute: 100_000, ..Settings::default() }).await;
    let token = console.token(&[(OURS, Role::Viewer)]).await;
    let forms = ["api-anomaly-event", "tenant-security-api-anomaly", "ocsf", "ecs", "cef"];
    let forms = forms.iter().map(|form| format!("/v1/incidents/{INCIDENT}/forms/{form}"));
    for path in forms.chain([RECORDS.to_owned(), format!("{RECORDS}/{INCIDENT}"), "/v1/api-anomaly-events".to_owned()])
    {
        let answer = console.get(&token, &path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text);
        assert!(!answer.text.contains("emma@") && answer.text.contains("account-"), "{path}: {}", answer.text);
    }
    for query in ["Username=eq:x", "Username=like:e%25", "sort=Username", "group=Username", "group=Tenant,Username"] {
        let answer = console.get(&token, &format!("{RECORDS}?{query}")).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{query}");
    }
    let both = console.token(&[(OURS, Role::Analyst), (OTHER, Role::Viewer)]).await;
    let sorted = async |query: &str| console.get(&both, &format!("{RECORDS}?sort=Username{query}")).await.status;
    assert_eq!(sorted("").await, StatusCode::FORBIDDEN);
    assert_eq!(sorted(&format!("&Tenant=in:{OURS},{OTHER}")).await, StatusCode::FORBIDDEN);
    assert_eq!(sorted(&format!("&Tenant=eq:{OURS}")).await, StatusCode::OK);
}

#[tokio::test]
async fn the_object_is_described_with_its_associated_objects() {
    let console = Console::start().await;
    let token = console.token(&[(OURS, Role::Administrator)]).await;
    let described = console.get(&token, &format!("{RECORDS}/describe")).await.json();
    assert_eq!(described["fields"].as_array().unwrap().len(), 20);
    assert_eq!(described["associatedObjects"][0]["path"], "/v1/events");
    let revisions = console.get(&token, &format!("{RECORDS}/{INCIDENT}/history")).await.json();
    assert_eq!(revisions[0]["change"], "opened");
    let feed = console.get(&token, &format!("{RECORDS}/{INCIDENT}/feed")).await.json();
    assert_eq!((feed.as_array().unwrap().len(), &feed[0]["text"]), (1, &json!("a migration")));
    let share = console.get(&token, &format!("{RECORDS}/{INCIDENT}/share")).await.json();
    let seen: Vec<_> = share.as_array().unwrap().iter().map(|share| (&share["kind"], &share["role"])).collect();
    assert_eq!(seen.len(), 5, "{share}");
    assert_eq!(seen[4], (&json!("token"), &json!("administrator")));
    assert_eq!((&share[0]["access"], &share[0]["sees_names"]), (&json!("Read"), &json!(false)));
}

#[tokio::test]
async fn what_changed_and_what_is_gone_is_said_by_span() {
    let console = Console::start().await;
    let ours = console.token(&[(OURS, Role::Viewer)]).await;
    let other = console.token(&[(OTHER, Role::Viewer)]).await;
    let updated = async |token, span: &str| console.get(token, &format!("{RECORDS}/updated?{span}")).await;
    let deleted = async |token| console.get(token, &format!("{RECORDS}/deleted?{}", span())).await.json();
    assert_eq!(updated(&ours, &span()).await.json()["ids"], json!([INCIDENT]));
    assert_eq!(updated(&ours, "start=2020-01-01T00:00:00Z&end=2020-01-31T00:00:00Z").await.json()["ids"], json!([]));
    for wrong in [
        "",
        "start=2020-01-01T00:00:00Z",
        "start=2020-01-01T00:00:00Z&end=2020-02-01T00:00:00Z",
        "start=2020-01-02T00:00:00Z&end=2020-01-01T00:00:00Z",
    ] {
        assert_eq!(updated(&ours, wrong).await.status, StatusCode::BAD_REQUEST, "{wrong}");
    }
    assert_eq!(deleted(&ours).await["deletedRecords"], json!([]));

    let withdrawn = format!(
        "UPDATE orgwatch.incidents SET status = 'withdrawn' WHERE incident_id = '{INCIDENT}';
         UPDATE orgwatch.incident_history SET end_reason = 'withdrawn' WHERE incident_id = '{INCIDENT}'"
    );
    as_owner(&console, &withdrawn).await;
    assert_eq!(deleted(&ours).await["deletedRecords"][0]["id"], json!(INCIDENT));
    assert_eq!(updated(&ours, &span()).await.json()["ids"], json!([]));
    assert_eq!(console.get(&ours, &format!("{RECORDS}/{INCIDENT}")).await.status, StatusCode::NOT_FOUND);
    assert_eq!(deleted(&other).await["deletedRecords"], json!([]));

    let record = ErasureRecord { claimed_by: None, action: "erased", subject: "somebody" };
    let emma = UserId::new("005hn00000emma1AAA");
    console.owner.erase(&model::OrgId::new(OURS), Some(&emma), record).await.unwrap();
    assert_eq!(deleted(&ours).await["deletedRecords"][0]["id"], json!(INCIDENT));
    assert_eq!(deleted(&other).await["deletedRecords"], json!([]));
    assert_eq!(updated(&other, &span()).await.json()["ids"], json!([OTHER_INCIDENT]));
}

/// Asks until there are events: those of a transaction wait for all that began before it, also in other databases.
async fn events(console: &Console, token: &SecretString, query: &str) -> Value {
    let poll = async {
        loop {
            let found = console.get(token, &format!("/v1/api-anomaly-events{query}")).await.json();
            if found["items"].as_array().is_some_and(|items| !items.is_empty()) {
                return found;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), poll).await.expect("events within 30 s")
}

#[tokio::test]
async fn an_incident_is_read_in_every_form() {
    let console = Console::with(Settings { requests_per_minute: 100_000, ..Settings::default() }).await;
    let token = console.token(&[(OURS, Role::Analyst)]).await;
    let form = async |form: &str| console.get(&token, &format!("/v1/incidents/{INCIDENT}/forms/{form}")).await;
    let cef = form("cef").await;
    assert!(cef.text.starts_with("CEF:0|orgwatch|") && cef.text.contains("emma@"), "{}", cef.text);
    assert!(cef.headers["content-type"].to_str().unwrap().starts_with("text/plain"));
    assert_eq!(form("ocsf").await.json()["class_uid"], 2_004);
    assert_eq!(form("ecs").await.json()["orgwatch"]["incident_id"], json!(INCIDENT));
    assert_eq!(form("tenant-security-api-anomaly").await.json()["Score"], 72.5);
    let event = form("api-anomaly-event").await.json();
    assert_eq!(event["Score"], 0.75);
    assert_eq!(form("xml").await.status, StatusCode::NOT_FOUND);

    let first = events(&console, &token, "").await;
    assert_eq!(first["items"], json!([event]), "the latest change is where the stream has it");
    let after = first["next_after"].as_str().unwrap();
    console.change(OURS, INCIDENT, 2).await;
    console.change(OTHER, OTHER_INCIDENT, 2).await;
    let next = events(&console, &token, &format!("?after={after}&limit=1")).await;
    let items = next["items"].as_array().unwrap();
    assert_eq!((items.len(), &items[0]["EventIdentifier"]), (1, &json!(INCIDENT)));
    assert_ne!(items[0]["EventUuid"], event["EventUuid"]);
    assert_eq!(items[0]["ReplayId"], next["next_after"]);
    let after = next["next_after"].as_str().unwrap();
    let last = console.get(&token, &format!("/v1/api-anomaly-events?after={after}&org={OURS}")).await.json();
    assert_eq!((&last["items"], last["next_after"].as_str()), (&json!([]), Some(after)));
    for (path, status) in
        [("?after=x", StatusCode::BAD_REQUEST), ("?after=18446744073709551615-1", StatusCode::BAD_REQUEST)]
    {
        assert_eq!(console.get(&token, &format!("/v1/api-anomaly-events{path}")).await.status, status, "{path}");
    }
    let other = console.get(&token, &format!("/v1/api-anomaly-events?org={OTHER}")).await;
    assert_eq!(other.status, StatusCode::NOT_FOUND);
}
