//! What was before.

use super::scene::{NOON, Scene, ids, row};
use crate::orgs::common::Purpose;
use crate::orgs::stored::{Backfilled, backfill};
use crate::source::SourceError;
use fake_org::Fault;
use model::Kind;
use model::time::{DAY, HOUR};

/// Two objects, one event of each every six hours for sixty days.
async fn sixty_days() -> Scene {
    let at = |number: u32| f64::from(number) * 21_600.0 - 60.0 * 86_400.0;
    let lists = (0..240).map(|number| row("ListViewEvent", number, at(number)));
    let logins = (240..480).map(|number| row("LoginEvent", number, at(number - 240) + 1.0));
    Scene::new(logins.chain(lists).collect(), &[Kind::ListView, Kind::Login]).await
}

fn lessons(from: u32) -> Vec<String> {
    let numbers: Vec<u32> = (from..240).flat_map(|number| [number, number + 240]).collect();
    ids(numbers).into_iter().map(|id| format!("lesson {id}")).collect()
}

#[tokio::test]
async fn it_teaches_all_in_order_with_few_calls() {
    let scene = sixty_days().await;
    let from = NOON.plus(-60 * DAY);
    let filled = backfill(&scene.common, from, NOON, Purpose::Teach).await.unwrap();
    assert_eq!(scene.published(), lessons(0));
    assert_eq!((filled.activities, filled.truncations, filled.unread.len()), (480, 0, 0));
    // A quarter of a day, half, one, two, four, four …
    assert_eq!(filled.windows, 4 + (60 * 24 - 90_u64).div_ceil(96));
    assert_eq!(scene.asked("query"), 2 * filled.windows);
    assert!(!scene.common.sink.has_past());

    let again = backfill(&scene.common, from, NOON, Purpose::Teach).await.unwrap();
    assert_eq!(again, Backfilled::default());
}

#[tokio::test]
async fn it_goes_on_where_it_was_left() {
    let scene = sixty_days().await;
    let from = NOON.plus(-60 * DAY);
    scene.memory.acknowledges(3);
    scene.memory.forget();
    assert!(matches!(backfill(&scene.common, from, NOON, Purpose::Teach).await, Err(SourceError::Publish(_))));
    let reached = scene.position(&format!("backfill/{}-{}", from.0, NOON.0)).unwrap();
    assert_eq!(reached, from.0 + 42 * HOUR - 1);
    let sent = scene.published().len();
    scene.memory.acknowledges(1_000);
    backfill(&scene.common, from, NOON, Purpose::Teach).await.unwrap();
    assert_eq!(scene.published()[sent..], lessons(7));
}

#[tokio::test]
async fn it_says_what_it_could_not_read_and_polling_begins_where_it_ends() {
    let scene = sixty_days().await;
    scene.control.misbehave(Fault::ObjectMissing.on("LoginEvent"));
    let (from, end) = (NOON.plus(-60 * DAY), NOON.plus(-13 * HOUR));
    let filled = backfill(&scene.common, from, end, Purpose::Teach).await.unwrap();
    assert_eq!(filled.activities, 238);
    assert!(filled.unread.len() == 1 && filled.unread[0].contains("LoginEvent"), "{:?}", filled.unread);

    let taught = serde_json::json!({ "from": from.0, "to": end.0 });
    scene.common.positions.put("backfill", &scene.common.org, &taught).await.unwrap();
    scene.round().await.unwrap();
    assert_eq!(scene.published()[238..], ids([238, 239]));
}
