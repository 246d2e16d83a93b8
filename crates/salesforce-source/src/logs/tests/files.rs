//! Log files, as an org lists and returns them.

use super::super::download;
use super::super::files::{LogFiles, POSITION};
use super::super::stop::{Rounds, Stop};
use super::support::{World, once, row, table};
use super::{at, file};
use fake_org::{Fault, Interval};
use ingest::testing::{Memory, ORG};
use model::{Channel, Kind, OrgId, Uuid};
use salesforce_client::Trouble;
use std::sync::Arc;
use std::time::Duration;
use store::Gap;
use tokio_util::sync::CancellationToken;

const HOUR: Duration = Duration::from_secs(3_600);

async fn world(tables: Vec<fake_org::LogTable>) -> World {
    World::start("2026-03-02T18:00:00Z", tables, fake_org::Settings::default()).await
}

fn logout(request: &str) -> String {
    row("Logout", "2026-03-02T10:00:00.000Z", request)
}

#[tokio::test]
async fn r2_cursor_is_created_date() {
    let world = world(Vec::new()).await;
    world.add("2026-03-02T10:00:00Z", 1, "2026-03-02T14:00:00Z", &[logout("1")]);
    assert_eq!(world.read().await.len(), 1);
    // A file of a much earlier hour that is created only now.
    world.add("2026-03-01T03:00:00Z", 1, "2026-03-02T17:00:00Z", &[logout("2")]);
    assert_eq!(world.read().await.len(), 1);
    assert_eq!(world.read().await.len(), 0);
}

#[tokio::test]
async fn r3_same_timestamp_and_both_intervals() {
    // Hourly files of two types are created at 14:00, and daily files with the same rows on the next day.
    let world = world(["Login", "Logout"].map(|name| table(name, &["2026-03-02T10:30:00.000Z"])).into()).await;
    assert_eq!(world.read().await.len(), 2);
    world.advance("2026-03-04T12:00:00Z");
    assert_eq!(world.read().await.len(), 0);
    assert_eq!(world.calls("download"), 2);
}

#[tokio::test]
async fn daily_files_are_read_if_the_settings_say_so() {
    let mut world = world(vec![table("Login", &["2026-03-02T10:30:00.000Z"])]).await;
    world.settings.log_files = super::super::Files::Daily;
    assert_eq!(world.read().await.len(), 0);
    world.advance("2026-03-04T12:00:00Z");
    assert_eq!(world.read().await.len(), 1);
}

#[tokio::test]
async fn r5_token_expires_before_a_download() {
    let world = world(Vec::new()).await;
    let id = world.add("2026-03-02T10:00:00Z", 1, "2026-03-02T14:00:00Z", &[logout("1")]);
    let memory = Arc::new(Memory::default());
    let common = world.common(&memory).await;
    world.org.control().misbehave(Fault::TokensExpired);
    let listed = file(&id, "Logout", "2026-03-02T10:00:00Z", "2026-03-02T14:00:00Z");
    download::read(&common, &listed).await.unwrap();
    assert_eq!(once(&memory).len(), 1);
    assert_eq!(world.calls("token"), 2);
}

#[tokio::test]
async fn r7_position_after_ack() {
    let world = world(Vec::new()).await;
    for (hour, request) in [("10", "1"), ("11", "2")] {
        world.add(&format!("2026-03-02T{hour}:00:00Z"), 1, "2026-03-02T14:00:00Z", &[logout(request)]);
    }
    let memory = Arc::new(Memory::default());
    memory.acknowledge_only(1);
    memory.fail_unacknowledged();
    let stop = world.round(&memory).await.unwrap_err();
    assert!(matches!(stop, Stop::Source(_)), "{stop}");
    assert_eq!(once(&memory).len(), 2);
    let position = world.stored.position(POSITION).unwrap();
    assert_eq!(position["read"].as_array().map(Vec::len), Some(1), "{position}");
    // After a restart only the second file is read again.
    assert_eq!(world.read().await, memory.texts().into_iter().skip(1).collect());
}

#[tokio::test]
async fn r8_no_interval_column() {
    let world = world(vec![table("Login", &["2026-03-02T10:30:00.000Z"])]).await;
    world.org.control().misbehave(Fault::FieldHidden { field: "Interval".to_owned() }.on("EventLogFile"));
    // Hourly files are wanted, but without the field only daily ones can be selected, by their sequence.
    assert_eq!(world.read().await.len(), 0);
    world.advance("2026-03-04T12:00:00Z");
    assert_eq!(world.read().await.len(), 1);
}

#[tokio::test]
async fn r15_late_and_split_hourly_files() {
    let times: Vec<String> = (0..60).map(|minute| format!("2026-03-02T10:{minute:02}:00.000Z")).collect();
    let times: Vec<&str> = times.iter().map(String::as_str).collect();
    let world = world(vec![table("Login", &times)]).await;
    let control = world.org.control();
    control.misbehave(Fault::FilesLate { by: 10 * HOUR });
    control.misbehave(Fault::FilesSplit { every: 3, by: 40 * HOUR });
    assert_eq!(world.read().await.len(), 0);
    world.advance("2026-03-03T06:00:00Z");
    let first = world.read().await;
    assert_eq!(first.len(), 40);
    world.advance("2026-03-05T06:00:00Z");
    let rest = world.read().await;
    assert_eq!((rest.len(), first.intersection(&rest).count()), (20, 0));
}

#[tokio::test]
async fn r16_settle() {
    let world = world(Vec::new()).await;
    world.add("2026-03-02T10:00:00Z", 1, "2026-03-02T17:55:00Z", &[logout("1")]);
    assert_eq!(world.read().await.len(), 0);
    world.advance("2026-03-02T18:04:59Z");
    assert_eq!(world.read().await.len(), 0);
    world.advance("2026-03-02T18:05:00Z");
    assert_eq!(world.read().await.len(), 1);
}

#[tokio::test]
async fn r1_reissued_daily_file_counts_once() {
    let mut world = world(vec![table("Login", &["2026-03-01T10:30:00.000Z", "2026-03-01T23:30:00.000Z"])]).await;
    world.settings.log_files = super::super::Files::Daily;
    let first = world.read().await;
    assert_eq!(first.len(), 2);
    world.org.control().reissue_log_file("Login", Interval::Daily, at("2026-03-01"));
    // The file is read again; its rows have the same ids.
    assert_eq!(world.read().await, first);
    assert_eq!(world.read().await.len(), 0);
}

#[tokio::test]
async fn a_failing_file_does_not_hold_up_others() {
    let world = world(["Login", "Logout"].map(|name| table(name, &["2026-03-02T10:30:00.000Z"])).into()).await;
    world.org.control().misbehave(Fault::BodyCut { after: 20 }.on("Login"));
    let memory = Arc::new(Memory::default());
    let mut files = LogFiles::resume(world.common(&memory).await).await.unwrap();
    for expected in [0, 1] {
        let stop = files.round().await.unwrap_err();
        assert!(matches!(&stop, Stop::Call(error) if error.trouble() == Trouble::Passing), "{stop}");
        assert_eq!(once(&memory).len(), expected);
    }
    world.org.control().calm();
    files.round().await.unwrap();
    assert_eq!(once(&memory).len(), 2);
}

#[tokio::test]
async fn files_fill_gaps_of_leading_channels() {
    let times = ["2026-03-02T10:30:00.000Z", "2026-03-02T12:30:00.000Z"];
    let mut world = world(vec![table("Login", &times)]).await;
    world.leads = vec![(Kind::Login, Channel::Stream)];
    world.read().await;
    assert_eq!(world.calls("download"), 0);
    let gap = Gap {
        id: Uuid::nil(),
        org_id: OrgId::new(ORG),
        source: "stream".to_owned(),
        kind: "login".to_owned(),
        from: at("2026-03-02T12:00:00Z"),
        to: at("2026-03-02T12:40:00Z"),
        reason: "lost".to_owned(),
        note: None,
    };
    world.stored.coverage.gaps.lock().unwrap().push(gap);
    world.read().await;
    world.read().await;
    assert_eq!(world.calls("download"), 1);
}

#[tokio::test]
async fn files_and_objects_are_read_until_shutdown() {
    let mut world = world(["Login", "RestApi"].map(|name| table(name, &["2026-03-02T10:30:00.000Z"])).into()).await;
    world.leads = vec![(Kind::Login, Channel::LogFile), (Kind::Api, Channel::LogObject)];
    world.settings.log_objects = true;
    let memory = Arc::new(Memory::default());
    let shutdown = CancellationToken::new();
    let stopping = async {
        while memory.texts().len() < 2 {
            tokio::task::yield_now().await;
        }
        shutdown.cancel();
    };
    let (ended, ()) = tokio::join!(super::super::run(world.common(&memory).await, shutdown.clone()), stopping);
    ended.unwrap();
    assert_eq!(once(&memory).len(), 2);
}

#[tokio::test]
async fn the_reserve_of_calls_is_never_spent() {
    let settings = fake_org::Settings { calls_used: 79_998, calls_max: 100_000, ..fake_org::Settings::default() };
    let tables = vec![table("Login", &["2026-03-02T10:30:00.000Z"])];
    let world = World::start("2026-03-02T18:00:00Z", tables, settings).await;
    let memory = Arc::new(Memory::default());
    let stop = world.round(&memory).await.unwrap_err();
    assert!(matches!(stop, Stop::Budget(_)), "{stop}");
    assert_eq!(world.calls("download"), 0);
}

#[tokio::test]
async fn hours_without_a_file_become_gaps() {
    // Sixty events an hour, around the clock, except in one hour of March 5.
    let minutes = (0..12 * 24 * 60).filter(|minute| minute / 60 != 4 * 24 + 7);
    let times: Vec<String> = minutes.map(|minute| at("2026-03-01").plus(minute * 60_000).to_string()).collect();
    let times: Vec<&str> = times.iter().map(String::as_str).collect();
    let world =
        World::start("2026-03-01T00:00:00Z", vec![wide(table("Login", &times))], fake_org::Settings::default()).await;
    world.read().await;
    world.advance("2026-03-08T07:00:00Z");
    world.read().await;
    assert!(world.stored.coverage.all_gaps().is_empty());
    world.advance("2026-03-08T12:00:00Z");
    world.read().await;
    let gaps = world.stored.coverage.all_gaps();
    let gaps: Vec<_> = gaps.iter().map(|gap| (gap.source.as_str(), gap.kind.as_str(), gap.from, gap.to)).collect();
    assert_eq!(gaps, [("log_files", "login", at("2026-03-05T07:00:00Z"), at("2026-03-05T08:00:00Z"))]);
}

/// Lengthens the rows, so that an hour has enough bytes.
fn wide(mut table: fake_org::LogTable) -> fake_org::LogTable {
    table.columns.push("URI".to_owned());
    for row in &mut table.rows {
        row.line = format!("{},\"/{:0>300}\"", row.line, 1).into();
    }
    table
}
