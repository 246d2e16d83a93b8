//! Backfill.

use super::scene::{NOON, Scene, ids, row};
use crate::common::Purpose;
use crate::stored::{Backfilled, backfill};
use fake_org::Fault;
use ingest::SourceError;
use model::Kind;
use model::time::{DAY, HOUR};

/// Returns two objects with one event each every six hours for sixty days.
async fn sixty_days() -> Scene {
    let at = |number: u32| f64::from(number) * 21_600.0 - 60.0 * 86_400.0;
    let lists = (0..240).map(|number| row("ListViewEvent", number, at(number)));
    let logins = (240..480).map(|number| row("LoginEvent", number, at(number - 240) + 1.0));
    Scene::new(logins.chain(lists).collect(), &[Kind::ListView, Kind::Login]).await
}

fn backfilled(from: u32) -> Vec<String> {
    let numbers: Vec<u32> = (from..240).flat_map(|number| [number, number + 240]).collect();
    ids(numbers).into_iter().map(|id| format!("backfill {id}")).collect()
}

#[tokio::test]
async fn all_events_are_backfilled_in_order_with_few_calls() {
    let scene = sixty_days().await;
    let from = NOON.plus(-60 * DAY);
    let filled = backfill(&scene.common, from, NOON, Purpose::Backfill).await.unwrap();
    assert_eq!(scene.published(), backfilled(0));
    assert_eq!((filled.activities, filled.truncations, filled.unread.len()), (480, 0, 0));
    // Windows of a quarter of a day, half, one, two, four, four …
    assert_eq!(filled.windows, 4 + (60 * 24 - 90_u64).div_ceil(96));
    assert_eq!(scene.asked("query"), 2 * filled.windows);

    let again = backfill(&scene.common, from, NOON, Purpose::Backfill).await.unwrap();
    assert_eq!(again, Backfilled::default());
}

#[tokio::test]
async fn a_restart_continues_where_the_backfill_stopped() {
    let scene = sixty_days().await;
    let from = NOON.plus(-60 * DAY);
    scene.memory.acknowledge_only(3);
    scene.memory.fail_unacknowledged();
    assert!(matches!(backfill(&scene.common, from, NOON, Purpose::Backfill).await, Err(SourceError::Publish(_))));
    let reached = scene.position(&format!("backfill/{}-{}", from.0, NOON.0)).unwrap();
    assert_eq!(reached, from.0 + 42 * HOUR - 1);
    let sent = scene.published().len();
    scene.memory.acknowledge_only(1_000);
    backfill(&scene.common, from, NOON, Purpose::Backfill).await.unwrap();
    assert_eq!(scene.published()[sent..], backfilled(7));
}

#[tokio::test]
async fn unread_objects_are_named_and_polling_begins_after_the_backfill() {
    let scene = sixty_days().await;
    scene.control.misbehave(Fault::ObjectMissing.on("LoginEvent"));
    let (from, end) = (NOON.plus(-60 * DAY), NOON.plus(-13 * HOUR));
    let filled = backfill(&scene.common, from, end, Purpose::Backfill).await.unwrap();
    assert_eq!(filled.activities, 238);
    assert!(filled.unread.len() == 1 && filled.unread[0].contains("LoginEvent"), "{:?}", filled.unread);

    let range = serde_json::json!({ "from": from.0, "to": end.0 });
    scene.common.positions.put("backfill", &scene.common.org, &range).await.unwrap();
    scene.round().await.unwrap();
    assert_eq!(scene.published()[238..], ids([238, 239]));
}
