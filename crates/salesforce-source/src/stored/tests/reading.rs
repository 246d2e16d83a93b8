//! Reading of new events, and its obstacles.

use super::scene::{NOON, Scene, id, ids, row, rows};
use crate::common::Purpose;
use crate::stored::reader::MAX_ROWS;
use crate::stored::{Stored, run};
use fake_org::{Event, Fault};
use ingest::SourceError;
use model::Kind;
use model::time::{HOUR, MINUTE};
use runtime::retry::Backoff;
use salesforce::reading::sweep::{Object, Span, Sweep, Windows};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const INTERVAL: Duration = Duration::from_secs(300);
const QUARTER: Duration = Duration::from_secs(900);
const LISTS: &str = "stored/ListViewEvent";

fn at_once() -> Backoff<fn() -> f64> {
    Backoff::new(Duration::ZERO, Duration::ZERO, || 0.0)
}

#[tokio::test]
async fn r1_only_a_restart_publishes_rows_of_the_overlap_again() {
    let scene = Scene::new(rows("ListViewEvent", 200), &[Kind::ListView]).await;
    let mut rounds = scene.rounds();
    for minutes in [0, 3, 6] {
        scene.control.advance_to(NOON.plus(minutes * MINUTE));
        assert_eq!(rounds.round().await.unwrap(), INTERVAL);
    }
    assert_eq!(scene.published(), ids(0..200));
    // The same events, under the same ids.
    scene.round().await.unwrap();
    assert_eq!(scene.published()[200..], ids(0..200));
}

#[tokio::test]
async fn r2_the_position_is_in_event_time_as_is_the_order() {
    // Two objects whose events alternate, stored in another order than they happened.
    let lists = (0..40).map(|number| row("ListViewEvent", number, f64::from(number) * 5.0 - 250.0));
    let logins = (40..80).map(|number| row("LoginEvent", number, f64::from(number - 40) * 5.0 - 248.0));
    let scene = Scene::new(logins.chain(lists).collect(), &[Kind::ListView, Kind::Login]).await;
    scene.round().await.unwrap();
    let expected: Vec<u32> = (0..40).flat_map(|number| [number, number + 40]).collect();
    assert_eq!(scene.published(), ids(expected));
    assert_eq!(scene.position(LISTS), Some(NOON.0));
    assert_eq!(scene.position("stored/LoginEvent"), Some(NOON.0));
}

#[tokio::test]
async fn r4_pages_until_done() {
    let small = |settings: &mut fake_org::Settings, _: &mut _| settings.page = 7;
    let scene = Scene::with(rows("ListViewEvent", 200), &[Kind::ListView], small).await;
    scene.round().await.unwrap();
    assert_eq!(scene.published(), ids(0..200));
    assert_eq!((scene.asked("query"), scene.asked("query_more")), (1, 28));
}

#[tokio::test]
async fn r7_position_after_ack() {
    let scene = Scene::new(rows("ListViewEvent", 20), &[Kind::ListView]).await;
    scene.memory.acknowledge_only(0);
    scene.memory.fail_unacknowledged();
    assert!(matches!(scene.round().await, Err(SourceError::Publish(_))));
    assert_eq!((scene.published().len(), scene.position(LISTS)), (20, None));
    scene.memory.acknowledge_only(1);
    scene.round().await.unwrap();
    assert_eq!((scene.published().len(), scene.position(LISTS)), (40, Some(NOON.0)));
}

#[tokio::test]
async fn r9_only_readable_fields() {
    let events = rows("ListViewEvent", 5).into_iter().chain([row("LoginEvent", 9, -1.0)]);
    let scene = Scene::new(events.collect(), &[Kind::ListView, Kind::Login]).await;
    let mut rounds = scene.rounds();
    rounds.round().await.unwrap();
    // A field hidden after the object was described: it is described again, and read without the field.
    scene.control.misbehave(Fault::FieldHidden { field: "RowsProcessed".to_owned() }.on("ListViewEvent"));
    scene.control.advance_to(NOON.plus(MINUTE));
    rounds.round().await.unwrap();
    assert_eq!(scene.position(LISTS), Some(NOON.0 + MINUTE));
    assert_eq!(scene.asked("describe"), 3);
    // Without identifiers the object is not read; the other one is.
    scene.control.misbehave(Fault::FieldHidden { field: "EventIdentifier".to_owned() }.on("ListViewEvent"));
    scene.control.advance_to(NOON.plus(2 * MINUTE));
    rounds.round().await.unwrap();
    assert_eq!(scene.position(LISTS), Some(NOON.0 + MINUTE));
    assert_eq!(scene.position("stored/LoginEvent"), Some(NOON.0 + 2 * MINUTE));
}

/// Returns an unreadable row: it has no user.
fn without_user() -> Event {
    let event = row("ListViewEvent", 7, -3.0);
    let mut fields = event.record.fields();
    fields.insert("UserId".to_owned(), serde_json::Value::Null);
    Event { record: fields.into(), ..event }
}

#[tokio::test]
async fn r7_a_position_waits_for_dead_letters() {
    let scene = Scene::new(vec![without_user()], &[Kind::ListView]).await;
    scene.memory.acknowledge_nothing();
    let is_set_aside = async {
        while scene.memory.aside().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        outcome = scene.round() => panic!("{outcome:?}"),
        () = is_set_aside => {}
    }
    assert_eq!(scene.position(LISTS), None);
    scene.memory.acknowledge_again();
    scene.round().await.unwrap();
    assert_eq!((scene.memory.aside().len(), scene.position(LISTS)), (2, Some(NOON.0)));
}

#[tokio::test]
async fn r11_unreadable_rows_do_not_hold_up_others() {
    let mut events = rows("ListViewEvent", 5);
    events.push(without_user());
    let scene = Scene::new(events, &[Kind::ListView]).await;
    scene.round().await.unwrap();
    assert_eq!(scene.published(), ids(0..5));
    assert_eq!(scene.position(LISTS), Some(NOON.0));
    // The next round reads it again.
    scene.round().await.unwrap();
    let [unread] = scene.memory.aside().try_into().unwrap();
    assert_eq!((unread.source.as_str(), unread.position.as_str()), (LISTS, id(7).as_str()));
    assert!(unread.reason.starts_with("no user") && unread.record.ends_with(b"}"), "{unread:?}");
}

#[tokio::test]
async fn r14_query_timeout_halves_the_window() {
    let scene = Scene::new(rows("ListViewEvent", 290), &[Kind::ListView]).await;
    scene.control.misbehave(Fault::QueryTimeout { longest: Duration::from_secs(40) });
    scene.round().await.unwrap();
    assert_eq!(scene.published(), ids(0..290));
    assert_eq!(scene.position(LISTS), Some(NOON.0));

    // If even the shortest query times out, the position stays.
    scene.control.calm();
    scene.control.misbehave(Fault::QueryTimeout { longest: Duration::from_millis(1) });
    scene.control.advance_to(NOON.plus(MINUTE));
    scene.round().await.unwrap();
    assert_eq!(scene.position(LISTS), Some(NOON.0));
}

#[tokio::test]
async fn r16_many_rows_at_one_timestamp() {
    let events =
        || (0..2_500).map(|number| row("ListViewEvent", number, -60.0)).chain([row("ListViewEvent", 9_999, -90.0)]);
    let scene = Scene::new(events().collect(), &[Kind::ListView]).await;
    scene.round().await.unwrap();
    assert_eq!(scene.published().len(), 2_501);
    assert!(scene.coverage.all_gaps().is_empty());

    // Without a cursor of a second page, a gap is stored and the rest is read.
    let scene = Scene::new(events().collect(), &[Kind::ListView]).await;
    scene.control.misbehave(Fault::OnePage);
    scene.round().await.unwrap();
    assert_eq!(scene.published().len(), 2_001);
    assert_eq!(scene.published().first(), Some(&id(9_999)));
    let [gap] = scene.coverage.all_gaps().try_into().unwrap();
    assert_eq!((gap.source.as_str(), gap.kind.as_str(), gap.from.0), ("stored", "list_view", NOON.0 - MINUTE));
    assert_eq!(scene.position(LISTS), Some(NOON.0));
    // The gap is closed in the next round.
    scene.round().await.unwrap();
    assert!(scene.notes()[0].as_ref().unwrap().contains("one moment"));
}

#[tokio::test]
async fn r16_late_visible_rows_are_found() {
    let scene = Scene::new(rows("ListViewEvent", 200), &[Kind::ListView]).await;
    scene.control.misbehave(Fault::RowsLate { every: 3, by: Duration::from_secs(400) });
    let mut rounds = scene.rounds();
    rounds.round().await.unwrap();
    let first = scene.published().len();
    assert!(first > 100 && first < 200, "{first}");
    for minutes in [5, 10] {
        scene.control.advance_to(NOON.plus(minutes * MINUTE));
        rounds.round().await.unwrap();
    }
    let mut published = scene.published();
    published.sort();
    assert_eq!(published, ids(0..200));
}

#[tokio::test]
async fn an_object_that_cannot_sort_is_read_unsorted() {
    let small = |settings: &mut fake_org::Settings, _: &mut _| settings.page = 50;
    let scene = Scene::with(rows("LoginEvent", 200), &[Kind::Login], small).await;
    scene.control.misbehave(Fault::OrderRefused);
    let mut rounds = scene.rounds();
    rounds.round().await.unwrap();
    assert_eq!(scene.published(), ids(0..200));
    assert_eq!(scene.asked("query"), 2);
    rounds.round().await.unwrap();
    assert_eq!(scene.asked("query"), 3);
}

#[tokio::test]
async fn a_lost_cursor_and_a_broken_connection_lose_no_rows() {
    let small = |settings: &mut fake_org::Settings, _: &mut _| settings.page = 50;
    let scene = Scene::with(rows("ListViewEvent", 200), &[Kind::ListView], small).await;
    scene.control.misbehave(Fault::LocatorExpired.times(1));
    scene.control.misbehave(Fault::Unavailable.on("query").times(1));
    scene.control.misbehave(Fault::BodyCut { after: 2_000 }.on("query_more").times(1));
    let mut rounds = scene.rounds();
    rounds.reader.delays = at_once();
    rounds.round().await.unwrap();
    assert_eq!(scene.published(), ids(0..200));
}

#[tokio::test]
async fn windows_with_too_many_rows_are_halved() {
    let events = (0..9_000).map(|number| row("ListViewEvent", number, f64::from(number) - 9_000.0));
    let scene = Scene::new(events.collect(), &[Kind::ListView]).await;
    let object = Object { kind: Kind::ListView, name: "ListViewEvent" };
    let span = Span { object, from: NOON.plus(-3 * HOUR), to: NOON };
    let mut sweep = Sweep::new(vec![span], Windows { width: 3 * HOUR, max_width: 3 * HOUR, max_rows: MAX_ROWS });
    let mut rounds = scene.rounds();
    let mut windows = 0;
    while let Some(delivered) = rounds.reader.step(&mut sweep, Purpose::Watch).await.unwrap() {
        assert!(delivered.activities <= MAX_ROWS);
        windows += 1;
    }
    assert_eq!(scene.published(), ids(0..9_000));
    assert!(windows < 6, "{windows}");
}

#[tokio::test]
async fn a_missing_object_does_not_hold_up_others() {
    let events = rows("ListViewEvent", 5).into_iter().chain([row("LoginEvent", 9, -1.0)]);
    let scene = Scene::new(events.collect(), &[Kind::ListView, Kind::Login]).await;
    scene.control.misbehave(Fault::ObjectMissing.on("ListViewEvent"));
    assert_eq!(scene.round().await.unwrap(), INTERVAL);
    assert_eq!(scene.published(), ids([9]));
    assert_eq!((scene.position(LISTS), scene.position("stored/LoginEvent")), (None, Some(NOON.0)));
}

#[tokio::test]
async fn a_lasting_failure_does_not_hold_up_others_while_the_org_answers() {
    let events = rows("ListViewEvent", 5).into_iter().chain([row("LoginEvent", 9, -1.0)]);
    let scene = Scene::new(events.collect(), &[Kind::ListView, Kind::Login]).await;
    let mut rounds = scene.rounds();
    rounds.reader.delays = at_once();
    scene.control.misbehave(Fault::BodyCut { after: 100 }.on("ListViewEvent"));
    assert_eq!(rounds.round().await.unwrap(), INTERVAL);
    assert_eq!((scene.position(LISTS), scene.position("stored/LoginEvent")), (None, Some(NOON.0)));
    assert_eq!((scene.asked("describe"), scene.asked("limits")), (7 + 1, 2));

    scene.control.misbehave(Fault::Unavailable);
    scene.control.advance_to(NOON.plus(MINUTE));
    assert_eq!(rounds.round().await.unwrap(), INTERVAL);
    assert_eq!((scene.asked("describe"), scene.asked("limits")), (8, 3));
    scene.control.calm();
    rounds.round().await.unwrap();
    assert_eq!(scene.published().len(), 6);
}

#[tokio::test]
async fn the_reserve_of_calls_is_never_spent() {
    let used = |settings: &mut fake_org::Settings, _: &mut _| (settings.calls_used, settings.calls_max) = (800, 1_000);
    let scene = Scene::with(rows("ListViewEvent", 5), &[Kind::ListView], used).await;
    scene.miss(Kind::ListView, -60, -30);
    assert_eq!(scene.round().await.unwrap(), QUARTER);
    assert_eq!((scene.asked("describe"), scene.asked("query"), scene.position(LISTS)), (0, 0, None));
    assert_eq!(scene.notes(), [None]);

    let scene = Scene::new(rows("ListViewEvent", 5), &[Kind::ListView]).await;
    scene.control.misbehave(Fault::LimitExceeded);
    assert_eq!(scene.round().await.unwrap(), QUARTER);
    scene.control.calm();
    assert_eq!(scene.round().await.unwrap(), INTERVAL);
    assert_eq!(scene.published().len(), 5);
}

#[tokio::test]
async fn a_refused_login_is_tried_once_per_round() {
    let scene = Scene::new(rows("ListViewEvent", 5), &[Kind::ListView, Kind::Login, Kind::Api]).await;
    scene.control.misbehave(Fault::LoginRefused);
    assert_eq!(scene.round().await.unwrap(), INTERVAL);
    assert_eq!((scene.asked("token"), scene.position(LISTS)), (1, None));
}

#[tokio::test]
async fn only_leading_objects_are_polled_unless_stored_events_follow() {
    let read = async |stored| {
        let follow = |_: &mut _, settings: &mut crate::ConnectedOrg| settings.stored = stored;
        let mut scene = Scene::with(rows("ListViewEvent", 5), &[Kind::ListView], follow).await;
        let leads = [(Kind::ListView, model::Channel::Stream)].into_iter().collect();
        scene.common.leads = salesforce::reading::leads::Leads::new(leads, [].into()).into();
        scene.round().await.unwrap();
        (scene.published().len(), scene.asked("limits"))
    };
    assert_eq!(read(Stored::Gaps).await, (0, 0));
    assert_eq!(read(Stored::Follow).await, (5, 1));
}

#[tokio::test]
async fn reading_stops_at_shutdown() {
    let scene = Scene::new(rows("ListViewEvent", 5), &[Kind::ListView]).await;
    let shutdown = CancellationToken::new();
    let running = tokio::spawn(run(scene.common.clone(), shutdown.clone()));
    while scene.position(LISTS).is_none() {
        tokio::task::yield_now().await;
    }
    shutdown.cancel();
    running.await.unwrap().unwrap();
    assert_eq!(scene.published(), ids(0..5));
}
