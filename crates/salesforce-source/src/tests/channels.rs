//! Events that several channels deliver, and several orgs.

use super::scene::{BEGIN, Scene, event, ids, until};
use crate::settings::{Files, Stored};
use fake_org::{Event, Fault};
use model::Kind;
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

/// Returns logins and API calls, which every channel delivers.
fn busy(minutes: u32) -> Vec<Event> {
    let of_minute = |minute| {
        let object = if minute % 3 == 0 { "LoginEvent" } else { "ApiEvent" };
        event(object, minute, MINUTE * minute)
    };
    (0..minutes).map(of_minute).collect()
}

#[tokio::test]
async fn an_event_of_several_channels_counts_once() {
    let events = busy(300);
    let mut scene = Scene::start(events.clone()).await;
    scene.settings.kinds = Some(vec![Kind::Login, Kind::Api]);
    scene.settings.stored = Stored::Follow;
    scene.settings.log_files = Files::Hourly;
    scene.settings.log_objects = true;
    scene.read();
    scene.pass(MINUTE * 299);
    scene.until_read(&ids(&events)).await;
    // Until all log files are listed, and stored events are read too.
    scene.pass(MINUTE * 60 * 48);
    until(|| scene.sent().len() >= 2 * events.len(), || "stored events did not follow".to_owned()).await;
    let listed = |scene: &Scene| {
        scene
            .states()
            .iter()
            .any(|state| state.source == "log_files" && state.last_heard_at >= Some(BEGIN.plus(47 * 3_600_000)))
    };
    until(|| listed(&scene), || format!("{:?}", scene.states())).await;
    scene.stop().await;
    assert_eq!(scene.ids(), ids(&events));
    assert_eq!(scene.calls("download"), 0, "log files that do not lead are not downloaded");
}

#[tokio::test]
async fn log_files_lead_where_no_other_channel_has_the_kind() {
    let events = busy(300);
    let mut scene = Scene::start(events.clone()).await;
    scene.settings.kinds = Some(vec![Kind::Login, Kind::Api]);
    scene.settings.stored = Stored::Gaps;
    scene.settings.log_files = Files::Hourly;
    let control = scene.org.control();
    for object in ["LoginEventStream", "LoginEvent"] {
        control.misbehave(Fault::TopicMissing.on(object));
        control.misbehave(Fault::ObjectMissing.on(object));
    }
    scene.read();
    scene.pass(MINUTE * 299);
    let queries: Vec<Event> = events.iter().filter(|event| event.object == "ApiEvent").cloned().collect();
    scene.until_read(&ids(&queries)).await;
    scene.pass(MINUTE * 60 * 48);
    until(|| scene.ids().len() == events.len(), || format!("{} were sent", scene.ids().len())).await;
    scene.stop().await;
    assert_eq!(scene.sent().len(), events.len(), "an event was sent twice");
}

#[tokio::test]
async fn log_files_fill_gaps_of_streams_without_stored_events() {
    const DAY: Duration = Duration::from_secs(86_400);
    let mut events = busy(120);
    events.retain(|event| event.object == "LoginEvent");
    events.push(event("LoginEvent", 1_000, DAY * 5));
    let mut scene = Scene::start(events.clone()).await;
    scene.settings.kinds = Some(vec![Kind::Login]);
    scene.settings.log_files = Files::Hourly;
    scene.read();
    scene.pass(MINUTE * 60);
    let early: Vec<Event> = events.iter().filter(|event| event.at <= BEGIN.plus(3_600_000)).cloned().collect();
    scene.until_read(&ids(&early)).await;
    scene.stop().await;

    // Events of the meantime are older than those that the stream still has.
    scene.org.control().misbehave(Fault::ReplayIdsLost);
    scene.pass(DAY * 5);
    scene.read();
    until(|| scene.ids().len() >= events.len(), || format!("{} of {}", scene.ids().len(), events.len())).await;
    until(|| scene.open_gaps() == 1, || "there is no gap".to_owned()).await;
    scene.pass(DAY * 9);
    until(|| scene.open_gaps() == 0, || "the gap stays open".to_owned()).await;
    scene.stop().await;
}

#[tokio::test]
async fn stored_events_that_follow_deliver_missed_events() {
    let events = busy(120);
    let mut scene = Scene::start(events.clone()).await;
    scene.settings.kinds = Some(vec![Kind::Login, Kind::Api]);
    scene.settings.stored = Stored::Follow;
    scene.org.control().misbehave(Fault::EventsMissing { every: 5 });
    scene.read();
    scene.pass(MINUTE * 119);
    scene.until_read(&ids(&events)).await;
    scene.stop().await;
    assert_eq!(scene.ids(), ids(&events));
}

#[tokio::test]
async fn a_failing_org_does_not_delay_others() {
    let events = busy(30);
    let (mut failing, mut healthy) = (Scene::start(busy(30)).await, Scene::start(events.clone()).await);
    for scene in [&mut failing, &mut healthy] {
        scene.settings.kinds = Some(vec![Kind::Login, Kind::Api]);
        scene.read();
    }
    failing.org.control().misbehave(Fault::LoginRefused);
    healthy.pass(MINUTE * 29);
    healthy.until_read(&ids(&events)).await;
    for scene in [&mut failing, &mut healthy] {
        scene.stop().await;
    }
}

#[tokio::test]
async fn an_unexpected_org_is_not_read() {
    let mut scene = Scene::start(busy(30)).await;
    scene.settings.org_id = model::OrgId::new("00D000000000002");
    scene.read();
    scene.pass(MINUTE * 29);
    until(|| scene.calls("token") > 0, || "no login".to_owned()).await;
    scene.stop().await;
    assert_eq!((scene.ids().len(), scene.calls("subscribe")), (0, 0));
}
