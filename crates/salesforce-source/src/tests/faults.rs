//! An hour with every fault.

use super::scene::{BEGIN, Scene, event, ids, until};
use crate::settings::{Files, Stored};
use fake_org::{Event, FakeOrg, Fault, LogRow, LogTable, Misbehavior};
use ingest::testing::ORG;
use model::{Kind, OrgId};
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::BTreeSet;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
/// How far the org's time advances in a step.
const STEP: Duration = Duration::from_secs(90);
const STEPS: u32 = 40;

/// Returns an event each second, of kinds with streams and stored objects, some with log files.
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
        Fault::FilesLate { by: Duration::from_secs(1_800) }.into(),
        Fault::FilesSplit { every: 4, by: Duration::from_secs(3_600) }.into(),
        Fault::BodySlow { every: 300, pause: Duration::from_millis(20) }.times(2),
    ]
}

/// Returns a bulk job each minute, which only log files deliver.
fn bulk_jobs() -> LogTable {
    const COLUMNS: [&str; 6] =
        ["EVENT_TYPE", "TIMESTAMP_DERIVED", "REQUEST_ID", "USER_ID", "RECORDS_PROCESSED", "OPERATION_TYPE"];
    let row = |minute: u32| {
        let at = BEGIN.plus(i64::from(minute) * 60_000);
        let line = format!(r#""BulkApi2","{at}","{minute}","005hn0000000001","{minute}","query""#);
        LogRow { at, line: line.into() }
    };
    let columns = COLUMNS.map(str::to_owned).to_vec();
    LogTable { event_type: "BulkApi2".to_owned(), columns, rows: (0..60).map(row).collect() }
}

/// Returns the ids of a table's rows.
fn row_ids(table: &LogTable) -> BTreeSet<String> {
    let lines: Vec<&str> = table.rows.iter().map(|row| &*row.line).collect();
    let file = format!("\"{}\"\n{}\n", table.columns.join("\",\""), lines.join("\n"));
    let context = salesforce::Context { org: Some(OrgId::new(ORG)), ..salesforce::Context::default() };
    let mut chunks = salesforce::Chunks::new(file.as_bytes(), salesforce::Format::Csv);
    let mut ids = BTreeSet::new();
    while let Some(chunk) = chunks.next_chunk().unwrap() {
        ids.extend(salesforce::parse(&chunk, &context).activities.iter().map(|activity| activity.id.to_string()));
    }
    assert_eq!(ids.len(), table.rows.len());
    ids
}

#[tokio::test]
async fn every_event_is_read_after_an_hour_of_faults() {
    let (events, jobs) = (hour(), bulk_jobs());
    let wanted: BTreeSet<String> = ids(&events).union(&row_ids(&jobs)).cloned().collect();
    let mut scene = Scene::start_with(events, vec![jobs]).await;
    scene.settings.kinds = Some(vec![
        Kind::ListView,
        Kind::Login,
        Kind::Api,
        Kind::Report,
        Kind::LightningUri,
        Kind::PermissionSet,
        Kind::BulkApi,
    ]);
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
    // Time for gaps to close, for late rows, and for log files.
    scene.pass(STEP * STEPS + Duration::from_secs(8 * 3_600));
    scene.until_read(&wanted).await;
    let heard = BEGIN.plus(3_600_000);
    until(|| scene.open_gaps() == 0, || format!("gaps stay open at {heard}")).await;
    scene.stop().await;
    assert_eq!(scene.ids(), wanted, "an unexpected event was sent");
}

fn misbehave(org: &FakeOrg, random: &mut ChaCha8Rng) {
    let faults = faults();
    if let Some(fault) = faults.choose(random) {
        org.control().misbehave(fault.clone());
    }
}
