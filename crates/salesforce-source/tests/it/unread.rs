//! An unreadable record of each channel becomes a dead letter, and its neighbors are published.

use crate::support::{activities, free_address, nats, partitions, store};
use bus::dead::{self, DeadLetter, Filter};
use bus::{Bus, BusError};
use fake_org::{Event, FakeOrg, Fault, Interval, LogBody, LogFile, Script, Speed};
use ingest::testing::{ORG, id};
use ingest::{Service, Settings};
use model::{Kind, OrgId, Timestamp};
use runtime::admin::Health;
use salesforce_source::{ConnectedOrg, Files, SalesforceSettings, SalesforceSource, Setup, Stored};
use servers::Postgres;
use std::collections::{BTreeMap, BTreeSet};
use tokio_util::sync::CancellationToken;

const NOON: &str = "2026-03-02T12:00:00Z";

/// Starts an org at noon, with three list views of the last minutes; `user` is the user of the first one, as JSON.
async fn org(user: &str) -> FakeOrg {
    let event = |number: u32| {
        let (id, user) = (id(number), if number == 0 { user } else { "\"005000000000001AAA\"" });
        let time = format!("2026-03-02T11:{:02}:00.000Z", 50 + number);
        let event = format!(
            r#"{{"attributes":{{"type":"ListViewEvent"}},"EventIdentifier":"{id}","EventDate":"{time}",
                "CreatedDate":"{time}","UserId":{user},"RowsProcessed":7.0}}"#
        );
        Event::read(&event).unwrap()
    };
    let mut script = Script::new(OrgId::new(ORG), (0..3).map(event).collect());
    script.settings.speed = Speed::Manual;
    script.settings.start = Timestamp::parse(NOON).unwrap();
    FakeOrg::start(script).await.unwrap()
}

fn connected(org: &FakeOrg, kind: Kind) -> ConnectedOrg {
    let fake_org::Settings { client_id, client_secret, .. } = fake_org::Settings::default();
    let connection = salesforce_client::Settings {
        login_url: org.login_url(),
        pubsub_url: org.pubsub_url(),
        client_id,
        client_secret: Some(client_secret.into()),
        ..salesforce_client::Settings::default()
    };
    ConnectedOrg {
        connection,
        org_id: OrgId::new(ORG),
        kinds: Some(vec![kind]),
        streams: false,
        stored: Stored::Off,
        log_files: Files::Off,
        context_seconds: 0,
        ..ConnectedOrg::default()
    }
}

/// Reads until `count` activities are published; returns their ids and the dead letter.
async fn read(bus: &Bus, org: ConnectedOrg, count: usize) -> (BTreeSet<String>, DeadLetter) {
    let postgres = Postgres::start().await.unwrap();
    let store = store(&postgres).await;
    let settings = Settings { listen: free_address(), backfill_hours: 0, ..Settings::default() };
    let service = Service {
        settings,
        partitions: partitions(),
        lateness_seconds: 600,
        lateness_of: BTreeMap::new(),
        identity_hours: 96,
        bus: bus.clone(),
        store: store.clone(),
        health: Health::default(),
    };
    let setup = Setup {
        settings: SalesforceSettings { orgs: [("prod".to_owned(), org)].into(), ..SalesforceSettings::default() },
        partitions: partitions(),
        bus: bus.clone(),
        store,
        postgres: store::Settings { url: postgres.url().into(), ..store::Settings::default() },
        member: 1,
    };
    let source = Box::new(SalesforceSource::new(setup).unwrap());
    let shutdown = CancellationToken::new();
    let reading = async {
        let ids = activities(bus, count).await;
        shutdown.cancel();
        ids
    };
    let (ended, ids) = tokio::join!(service.run(vec![source], shutdown.clone()), reading);
    ended.unwrap();
    let filter = Filter { stage: Some("ingest".to_owned()), ..Filter::default() };
    let [letter] = dead::list(bus, &filter).await.unwrap().try_into().unwrap();
    let refused = dead::replay(bus, letter.sequence).await;
    assert!(matches!(refused, Err(BusError::NeverInStream(_))), "{refused:?}");
    (ids, letter)
}

fn neighbors() -> BTreeSet<String> {
    [1, 2].map(id).into()
}

#[tokio::test]
async fn an_event_of_a_stream() {
    let (_nats, bus) = nats().await;
    let org = org("\"005000000000001AAA\"").await;
    org.control().misbehave(Fault::PayloadBroken.times(1));
    let (ids, letter) = read(&bus, ConnectedOrg { streams: true, ..connected(&org, Kind::ListView) }, 2).await;
    assert_eq!(ids, neighbors());
    let origin = letter.origin.unwrap();
    let replay_id = origin.strip_prefix(&format!("{ORG}/stream/ListViewEventStream replay_id=")).unwrap();
    let (replay_id, schema_id) = replay_id.split_once(" schema_id=").unwrap();
    assert!(!replay_id.is_empty() && replay_id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{origin}");
    assert!(!schema_id.is_empty() && !letter.payload.is_empty());
    assert!(letter.reason.starts_with("the event does not match its schema"), "{}", letter.reason);
}

#[tokio::test]
async fn a_stored_event() {
    let (_nats, bus) = nats().await;
    let org = org("null").await;
    let (ids, letter) = read(&bus, ConnectedOrg { stored: Stored::Gaps, ..connected(&org, Kind::ListView) }, 2).await;
    assert_eq!(ids, neighbors());
    assert_eq!(letter.origin, Some(format!("{ORG}/stored/ListViewEvent {}", id(0))));
    assert_eq!(letter.reason, "no user: UserId and Username are missing");
    let row: serde_json::Value = serde_json::from_slice(&letter.payload).unwrap();
    assert_eq!(row["EventIdentifier"], id(0));
}

#[tokio::test]
async fn a_row_of_a_log_file() {
    let (_nats, bus) = nats().await;
    let org = org("null").await;
    let header = "\"EVENT_TYPE\",\"TIMESTAMP\",\"REQUEST_ID\",\"ORGANIZATION_ID\",\"USER_ID\"";
    let row = |time: &str| format!("\"Logout\",\"{time}\",\"r{time}\",\"{ORG}\",\"0055f00000CyENt\"");
    let rows = [header, &row("20260302083152.867"), &row("soon"), &row("20260302083153.867"), ""].join("\n");
    let at = |time: &str| Timestamp::parse(time).unwrap();
    let id = org.control().add_log_file(LogFile {
        event_type: "Logout".to_owned(),
        log_date: at("2026-03-02T08:00:00Z"),
        interval: Interval::Hourly,
        sequence: 1,
        created: at("2026-03-02T10:00:00Z"),
        body: LogBody::Bytes(rows.into()),
    });
    let (ids, letter) = read(&bus, ConnectedOrg { log_files: Files::Hourly, ..connected(&org, Kind::Logout) }, 2).await;
    assert_eq!(ids.len(), 2);
    assert_eq!(letter.origin, Some(format!("{ORG}/log_files/Logout {id} line 3")));
    assert!(letter.reason.contains("\"soon\""), "{}", letter.reason);
    assert!(letter.payload.starts_with(b"\"Logout\",\"soon\""));
}
