//! Filling of gaps.

use super::scene::{NOON, Scene, ids, row, rows};
use fake_org::Fault;
use model::time::{DAY, MINUTE};
use model::{Channel, Kind};
use std::collections::BTreeMap;

/// Returns an org whose streams lead.
async fn streamed(events: Vec<fake_org::Event>) -> Scene {
    let kinds = [Kind::ListView, Kind::Login];
    let mut scene = Scene::new(events, &kinds).await;
    let leads: BTreeMap<_, _> = kinds.into_iter().map(|kind| (kind, Channel::Stream)).collect();
    scene.common.leads = salesforce::reading::leads::Leads::new(leads, [].into()).into();
    scene
}

#[tokio::test]
async fn gaps_of_several_kinds_are_filled_in_order_of_time() {
    let lists = (0..60).map(|number| row("ListViewEvent", number, f64::from(number) * 60.0 - 86_400.0));
    let logins = (60..120).map(|number| row("LoginEvent", number, f64::from(number - 60) * 60.0 - 86_399.0));
    let scene = streamed(logins.chain(lists).collect()).await;
    // Events 20 to 39 of both, and ten minutes on either side.
    for kind in [Kind::ListView, Kind::Login] {
        scene.miss(kind, -86_400 + 20 * 60, -86_400 + 39 * 60 + 30);
    }
    scene.round().await.unwrap();
    let expected: Vec<u32> = (10..50).flat_map(|number| [number, number + 60]).collect();
    assert_eq!(scene.published()[1..], ids(expected)[1..]);
    assert_eq!(
        scene.notes(),
        [Some("filled from stored events".to_owned()), Some("filled from stored events".to_owned())]
    );
    let calls = scene.asked("query");
    scene.round().await.unwrap();
    assert_eq!(scene.asked("query"), calls);
}

#[tokio::test]
async fn a_gap_stays_open_until_late_rows_are_visible() {
    let scene = streamed(rows("ListViewEvent", 60)).await;
    scene.control.misbehave(Fault::RowsLate { every: 2, by: std::time::Duration::from_secs(120) });
    scene.miss(Kind::ListView, -60, -30);
    let mut rounds = scene.rounds();
    rounds.round().await.unwrap();
    assert_eq!((scene.published().len(), scene.notes()), (30, vec![None]));
    scene.control.advance_to(NOON.plus(10 * MINUTE));
    rounds.round().await.unwrap();
    assert_eq!(scene.notes().iter().flatten().count(), 1);
    let mut published = scene.published();
    published.sort();
    published.dedup();
    assert_eq!(published, ids(0..60));
}

#[tokio::test]
async fn an_unreadable_gap_stays_open_and_does_not_hold_up_others() {
    let events = rows("ListViewEvent", 30).into_iter().chain([row("LoginEvent", 99, -1_500.0)]);
    let scene = streamed(events.collect()).await;
    scene.control.misbehave(Fault::ObjectMissing.on("ListViewEvent"));
    scene.miss(Kind::ListView, -1_600, -1_400);
    scene.miss(Kind::Login, -1_600, -1_400);
    scene.miss(Kind::BulkApi, -1_600, -1_400);
    scene.miss(Kind::Login, -200 * DAY / 1_000, -190 * DAY / 1_000);
    scene.round().await.unwrap();
    assert_eq!(scene.published(), ids([99]));
    let notes: Vec<String> = scene.notes().into_iter().map(Option::unwrap_or_default).collect();
    let parts = ["", "filled from stored events", "at most log files", "180 days"];
    assert!(notes.iter().zip(parts).all(|(note, part)| note.contains(part)), "{notes:?}");
    assert!(notes[0].is_empty());
}
