//! Real-time events.

use super::scene::{Scene, event, ids, until};
use crate::settings::Stored;
use fake_org::{Event, Fault};
use model::Kind;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3_600);

/// Returns one list view every hour.
fn hourly(hours: u32) -> Vec<Event> {
    (0..hours).map(|hour| event("ListViewEvent", hour, HOUR * hour)).collect()
}

async fn list_views(hours: u32) -> (Scene, Vec<Event>) {
    let events = hourly(hours);
    let mut scene = Scene::start(events.clone()).await;
    scene.settings.kinds = Some(vec![Kind::ListView]);
    (scene, events)
}

#[tokio::test]
async fn a_restart_continues_after_the_acknowledged_events() {
    let (mut scene, events) = list_views(48).await;
    scene.read();
    scene.pass(HOUR * 20);
    scene.until_read(&ids(&events[..=20])).await;
    scene.stop().await;

    scene.pass(HOUR * 47);
    scene.read();
    scene.until_read(&ids(&events)).await;
    scene.stop().await;
    assert_eq!(scene.sent().len(), events.len(), "an event was sent twice");
}

#[tokio::test]
async fn r7_a_position_moves_only_past_acknowledged_events() {
    let (mut scene, events) = list_views(10).await;
    scene.memory.acknowledge_nothing();
    scene.read();
    scene.pass(HOUR * 9);
    scene.until_read(&ids(&events)).await;
    // Events that are never acknowledged give an error instead of a wait.
    scene.memory.fail_unacknowledged();
    let sent = scene.sent().len();
    scene.memory.acknowledge_again();
    until(|| scene.sent().len() >= sent + events.len(), || "the events were not sent again".to_owned()).await;
    scene.stop().await;
}

#[tokio::test]
async fn r12_an_expired_position_becomes_a_gap_that_is_filled() {
    let (mut scene, events) = list_views(150).await;
    scene.settings.stored = Stored::Gaps;
    scene.read();
    scene.pass(HOUR * 20);
    scene.until_read(&ids(&events[..=20])).await;
    scene.stop().await;

    // Streams keep events for three days, and six have passed.
    scene.org.control().misbehave(Fault::ReplayIdsLost);
    scene.pass(HOUR * 140);
    scene.read();
    scene.until_read(&ids(&events[..=140])).await;
    scene.pass(HOUR * 149);
    until(|| scene.open_gaps() == 0, || "the gap stays open".to_owned()).await;
    scene.until_read(&ids(&events)).await;
    scene.stop().await;

    let gaps = scene.coverage.all_gaps();
    let [gap] = gaps.as_slice() else { panic!("{gaps:?}") };
    assert_eq!((gap.source.as_str(), gap.kind.as_str()), ("stream", "list_view"));
    assert!(gap.from <= events[20].at && events[140].at <= gap.to, "{gap:?}");
}

#[tokio::test]
async fn r13_a_silent_stream_is_opened_again() {
    let (mut scene, events) = list_views(20).await;
    scene.settings.connection.silence_seconds = 1;
    scene.read();
    scene.pass(HOUR * 5);
    scene.until_read(&ids(&events[..=5])).await;
    scene.org.control().misbehave(Fault::StreamsSilent);
    scene.pass(HOUR * 19);
    until(|| scene.calls("subscribe") > 1, || "the stream was not opened again".to_owned()).await;
    scene.org.control().calm();
    scene.until_read(&ids(&events)).await;
    scene.stop().await;
}

#[tokio::test]
async fn r5_a_stream_is_opened_again_with_a_new_token() {
    let (mut scene, events) = list_views(20).await;
    scene.read();
    scene.pass(HOUR * 5);
    scene.until_read(&ids(&events[..=5])).await;
    let control = scene.org.control();
    control.misbehave(Fault::TokensExpired);
    control.misbehave(Fault::StreamsBroken.times(1));
    scene.pass(HOUR * 19);
    scene.until_read(&ids(&events)).await;
    scene.stop().await;
    assert_eq!(scene.calls("token"), 2);
}

#[tokio::test]
async fn r16_a_missing_topic_does_not_stop_others() {
    let events: Vec<Event> = hourly(5);
    let mut scene = Scene::start(events.clone()).await;
    scene.settings.kinds = Some(vec![Kind::Login, Kind::ListView, Kind::ApiAnomaly]);
    scene.org.control().misbehave(Fault::TopicMissing.on("LoginEventStream"));
    scene.org.control().misbehave(Fault::TopicForbidden.on("ApiAnomalyEvent"));
    scene.read();
    scene.pass(HOUR * 4);
    scene.until_read(&ids(&events)).await;
    scene.stop().await;
    let state = |kind: &str| {
        let states = scene.states();
        let state = states.iter().find(|state| state.kind == kind && state.source == "stream");
        state.map(|state| (state.state.clone(), state.detail.clone().unwrap_or_default())).unwrap()
    };
    assert_eq!(state("list_view").0, "leading");
    for kind in ["login", "api_anomaly"] {
        let (status, advice) = state(kind);
        assert_eq!(status, "missing");
        assert!(advice.contains("Event Manager"), "{advice}");
    }
}

#[tokio::test]
async fn r10_a_schema_may_change_in_the_middle_of_a_stream() {
    let (mut scene, events) = list_views(20).await;
    scene.read();
    scene.pass(HOUR * 5);
    scene.until_read(&ids(&events[..=5])).await;
    scene.org.control().misbehave(Fault::SchemaChanged);
    scene.pass(HOUR * 19);
    scene.until_read(&ids(&events)).await;
    scene.stop().await;
    assert_eq!(scene.calls("schema"), 2);
}

#[tokio::test]
async fn r11_an_unreadable_payload_becomes_a_dead_letter() {
    let (mut scene, events) = list_views(20).await;
    scene.org.control().misbehave(Fault::PayloadBroken.times(1));
    scene.read();
    scene.pass(HOUR * 19);
    scene.until_read(&ids(&events[1..])).await;
    scene.stop().await;
    assert_eq!(scene.ids(), ids(&events[1..]));
    let [unread] = scene.memory.aside().try_into().unwrap();
    assert_eq!(unread.source, "stream/ListViewEventStream");
    assert!(unread.position.starts_with("replay_id="), "{}", unread.position);
    assert!(!unread.record.is_empty());
}

#[tokio::test]
async fn r1_events_that_are_delivered_twice_count_once() {
    let (mut scene, events) = list_views(20).await;
    scene.org.control().misbehave(Fault::EventsTwice.times(5));
    scene.read();
    scene.pass(HOUR * 19);
    scene.until_read(&ids(&events)).await;
    scene.stop().await;
    assert_eq!(scene.sent().len(), events.len() + 5);
    assert_eq!(scene.ids(), ids(&events));
}
