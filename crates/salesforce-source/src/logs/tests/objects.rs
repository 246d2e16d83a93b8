//! Event log objects.

use super::super::objects::LogObjects;
use super::super::stop::Rounds;
use super::support::{World, once, table};
use fake_org::Fault;
use ingest::testing::Memory;
use model::{Channel, Kind};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

async fn world(times: &[&str]) -> World {
    let mut world =
        World::start("2026-03-02T18:00:00Z", vec![table("RestApi", times)], fake_org::Settings::default()).await;
    world.leads = vec![(Kind::Api, Channel::LogObject)];
    world
}

/// Returns the rows that a round after a restart reads, in order.
async fn read(world: &World) -> Vec<String> {
    let memory = Arc::new(Memory::default());
    LogObjects::resume(world.common(&memory).await).await.unwrap().round().await.unwrap();
    memory.texts()
}

#[tokio::test]
async fn rows_of_the_last_ten_minutes_are_read_again() {
    let times = ["2026-03-01T09:00:00.000Z", "2026-03-02T17:55:00.000Z", "2026-03-02T18:01:00.000Z"];
    let world = world(&times).await;
    let first = read(&world).await;
    assert_eq!(first.len(), 2);
    world.advance("2026-03-02T18:02:00Z");
    let second = read(&world).await;
    assert_eq!(second.len(), 2);
    assert_eq!(first[1], second[0]);
    world.advance("2026-03-02T18:30:00Z");
    read(&world).await;
    world.advance("2026-03-02T19:00:00Z");
    assert!(read(&world).await.is_empty());
}

#[tokio::test]
async fn r11_an_unreadable_row_is_stored_once_and_does_not_hold_up_others() {
    let mut rows = table("RestApi", &["2026-03-02T17:54:00.000Z", "2026-03-02T17:55:00.000Z"]);
    rows.rows[0].line = rows.rows[0].line.replace("0055f00000CyENt", "").into();
    let mut world = World::start("2026-03-02T18:00:00Z", vec![rows], fake_org::Settings::default()).await;
    world.leads = vec![(Kind::Api, Channel::LogObject)];
    let memory = Arc::new(Memory::default());
    let common = world.common(&memory).await;
    for _ in 0..2 {
        LogObjects::resume(common.clone()).await.unwrap().round().await.unwrap();
    }
    assert_eq!(memory.texts().len(), 2);
    let [unread] = memory.aside().try_into().unwrap();
    assert_eq!((unread.source.as_str(), unread.position.as_str()), ("log_objects/RestApiEventLog", ""));
    assert!(unread.reason.starts_with("no user"), "{unread:?}");
}

#[tokio::test]
async fn equal_rows_keep_their_ids() {
    let mut equal = table("RestApi", &["2026-03-02T17:55:00.000Z"; 3]);
    let line = equal.rows[0].line.clone();
    equal.rows.iter_mut().for_each(|row| row.line = line.clone());
    let mut world = World::start("2026-03-02T18:00:00Z", vec![equal], fake_org::Settings::default()).await;
    world.leads = vec![(Kind::Api, Channel::LogObject)];
    let first = read(&world).await;
    assert_eq!(first.iter().collect::<BTreeSet<_>>().len(), 3);
    assert_eq!(read(&world).await, first);
}

#[tokio::test]
async fn a_query_that_times_out_is_halved() {
    let times: Vec<String> = (0..50).map(|minute| format!("2026-03-02T17:{minute:02}:00.000Z")).collect();
    let world = world(&times.iter().map(String::as_str).collect::<Vec<_>>()).await;
    world.org.control().misbehave(Fault::QueryTimeout { longest: Duration::from_secs(20 * 60) });
    let memory = Arc::new(Memory::default());
    LogObjects::resume(world.common(&memory).await).await.unwrap().round().await.unwrap();
    assert_eq!(once(&memory).len(), 50);
}

#[tokio::test]
async fn a_missing_object_does_not_hold_up_others() {
    // The org has no ApexRestApiEventLog, which has events of the same kind.
    let world = world(&["2026-03-02T17:55:00.000Z"]).await;
    assert_eq!(read(&world).await.len(), 1);
    world.org.control().misbehave(Fault::ObjectMissing.on("RestApiEventLog"));
    assert!(read(&world).await.is_empty());
    world.org.control().calm();
    assert_eq!(read(&world).await.len(), 1);
}
