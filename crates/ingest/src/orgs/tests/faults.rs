//! An hour in which everything fails that can.

use super::super::settings::{Files, Stored};
use super::scene::{BEGIN, Scene, event, ids, until};
use fake_org::{Event, FakeOrg, Fault, Misbehavior};
use model::Kind;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
/// Of the org's time.
const STEP: Duration = Duration::from_secs(90);
const STEPS: u32 = 40;

/// An event each second, of kinds with streams and stores, some with log files.
fn hour() -> Vec<Event> {
    let objects =
        ["ListViewEvent", "LoginEvent", "ApiEvent", "ReportEvent", "LightningUriEvent", "PermissionSetEventStore"];
    let of_second = |second: u32| event(objects[second as usize % objects.len()], second, SECOND * second);
    (0..STEP.as_secs() as u32 * STEPS).map(of_second).collect()
}

fn faults() -> Vec<Misbehavior> {
    vec![
        Fault::TokensExpired.into(),
        Fault::LoginRefused.times(2),
        Fault::Unavailable.times(3),
        Fault::QueryTimeout { longest: Duration::from_secs(300) }.times(5),
        Fault::BodyCut { after: 700 }.times(2),
        Fault::LocatorExpired.times(2),
        Fault::OnePage.times(3),
        Fault::OrderRefused.times(3),
        Fault::StreamsBroken.times(3),
        Fault::StreamsSilent.into(),
        Fault::SchemaChanged.into(),
        Fault::EventsTwice.times(20),
        Fault::EventsMissing { every: 7 }.into(),
        Fault::ReplayIdsLost.into(),
        Fault::RowsLate { every: 9, by: Duration::from_secs(240) }.into(),
        Fault::TopicForbidden.on("LoginEventStream").times(2),
    ]
}

#[tokio::test]
async fn after_an_hour_of_faults_every_event_has_come() {
    let events = hour();
    let mut scene = Scene::start(events.clone()).await;
    scene.settings.kinds =
        Some(vec![Kind::ListView, Kind::Login, Kind::Api, Kind::Report, Kind::LightningUri, Kind::PermissionSet]);
    scene.settings.connection.silence_seconds = 1;
    scene.settings.stored = Stored::Follow;
    scene.settings.log_files = Files::Hourly;
    scene.read();
    let mut random = ChaCha8Rng::seed_from_u64(7);
    for step in 1..=STEPS {
        misbehave(&scene.org, &mut random);
        scene.pass(STEP * step);
        tokio::time::sleep(Duration::from_millis(100)).await;
        if random.random_bool(0.1) {
            scene.stop().await;
            scene.read();
        }
        if random.random_bool(0.5) {
            scene.org.control().calm();
        }
    }
    scene.org.control().calm();
    // Gaps close, and late rows are looked for.
    scene.pass(STEP * STEPS + Duration::from_secs(3_600));
    scene.until_read(&ids(&events)).await;
    let heard = BEGIN.plus(3_600_000);
    until(|| scene.open_gaps() == 0, || format!("gaps stay open at {heard}")).await;
    scene.stop().await;
    assert_eq!(scene.ids(), ids(&events), "nothing else came");
}

fn misbehave(org: &FakeOrg, random: &mut ChaCha8Rng) {
    let faults = faults();
    if let Some(fault) = faults.choose(random) {
        org.control().misbehave(fault.clone());
    }
}
