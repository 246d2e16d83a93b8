//! Log files and log objects, from the org's answers to the activity stream.

mod files;
mod memory;
mod objects;
mod support;

use super::download::{self, Summary};
use super::sending::Sent;
use super::stop::Stop;
use bus::PublishError;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use ingest::testing::{Memory, Metrics, ORG};
use ingest::{Outlet, SourceError};
use model::{Activity, Channel, Kind, OrgId, Timestamp, UserId, Uuid};
use salesforce::reading::log_file::LogFile;
use salesforce_client::Error;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use support::{Stored, UNREACHABLE, settings};

const LEADS: [(Kind, Channel); 1] = [(Kind::Logout, Channel::LogFile)];
const HEADER: &str = "\"EVENT_TYPE\",\"TIMESTAMP\",\"REQUEST_ID\",\"ORGANIZATION_ID\",\"USER_ID\",\"URI\"\n";

pub(super) fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn file(id: &str, event_type: &str, log_date: &str, created: &str) -> LogFile {
    let (id, event_type) = (id.to_owned(), event_type.to_owned());
    LogFile { id, event_type, log_date: at(log_date), created: at(created), length: 20_000, columns: None }
}

fn row(number: usize) -> String {
    let (minute, second) = (number / 60 % 60, number % 60);
    format!(
        "\"Logout\",\"2026030214{minute:02}{second:02}.867\",\"r{number}\",\"{ORG}\",\"user{}\",\"/{:0>300}\"\n",
        number % 40,
        number
    )
}

fn rows(numbers: std::ops::Range<usize>) -> String {
    numbers.map(row).collect()
}

fn body(parts: Vec<Result<String, Error>>) -> BoxStream<'static, Result<Bytes, Error>> {
    stream::iter(parts.into_iter().map(|part| part.map(Bytes::from))).boxed()
}

fn broken() -> Error {
    Error::Silent { call: "download", seconds: 1 }
}

fn logouts() -> LogFile {
    file("0AT000000000001", "Logout", "2026-03-02T14:00:00Z", "2026-03-02T17:00:00Z")
}

#[tokio::test]
async fn rows_of_a_broken_download_keep_their_ids() {
    let memory = Arc::new(Memory::default());
    let common = Stored::default().common(settings(UNREACHABLE), &LEADS, Arc::clone(&memory) as Arc<dyn Outlet>);
    let all = format!("{HEADER}{}", rows(0..3_000));
    // In the middle of the last field of a row, so that the part has as many fields as the whole row.
    let cut = all.len() - 100;
    let parts = vec![Ok(all[..cut].to_owned()), Err(broken())];
    let stopped = download::publish(&common, &logouts(), body(parts)).await.unwrap_err();
    assert!(matches!(stopped, Stop::Call(Error::Silent { .. })), "{stopped}");
    let before = memory.texts();

    let read = download::publish(&common, &logouts(), body(vec![Ok(all)])).await.unwrap();
    assert_eq!(read.sent.rows, 3_000);
    let again: BTreeSet<String> = memory.texts().split_off(before.len()).into_iter().collect();
    assert_eq!(again.len(), 3_000);
    assert!(before.iter().all(|id| again.contains(id)));
}

#[tokio::test]
async fn r11_rejected_rows_are_counted() {
    let memory = Arc::new(Memory::default());
    let common = Stored::default().common(settings(UNREACHABLE), &LEADS, Arc::clone(&memory) as Arc<dyn Outlet>);
    let text = format!("{HEADER}{}\"short\"\n{}", row(1), row(2).replace(ORG, "00Dxx0000000000EAA"));
    let bytes = text.len() as u64;
    let read = download::publish(&common, &logouts(), body(vec![Ok(text)])).await.unwrap();
    assert_eq!(read, Summary { bytes, sent: Sent { rows: 1, rejected: 2 } });
    assert_eq!(memory.texts().len(), 1);
    let [unread] = memory.aside().try_into().unwrap();
    assert_eq!((unread.source.as_str(), unread.position.as_str()), ("log_files/Logout", "0AT000000000001 line 3"));
    assert_eq!(unread.reason, "1 fields, but the header has 6");
    assert!(unread.record.starts_with(b"\"short\""), "{unread:?}");
}

#[tokio::test]
async fn values_that_cannot_be_read_are_counted() {
    let metrics = Metrics::default();
    let memory = Arc::new(Memory::default());
    let mut common = Stored::default().common(settings(UNREACHABLE), &LEADS, Arc::clone(&memory) as Arc<dyn Outlet>);
    common.meter = metrics.meter();
    let with = |line: String, value: &str| format!("{},\"{value}\"\n", line.trim_end());
    let header = with(HEADER.to_owned(), "ROWS_PROCESSED");
    let text = [header, with(row(1), "many"), with(row(2), "12"), with(row(3), "few")].concat();
    assert_eq!(download::publish(&common, &logouts(), body(vec![Ok(text)])).await.unwrap().sent.rows, 3);
    assert_eq!(metrics.unread(), BTreeMap::from([("RowsProcessed".to_owned(), 2)]));
}

#[tokio::test]
async fn a_file_is_read_only_once_all_rows_are_acknowledged() {
    let memory = Arc::new(Memory::default());
    memory.acknowledge_only(3);
    memory.fail_unacknowledged();
    let common = Stored::default().common(settings(UNREACHABLE), &LEADS, Arc::clone(&memory) as Arc<dyn Outlet>);
    let text = format!("{HEADER}{}", rows(0..3_000));
    let stopped = download::publish(&common, &logouts(), body(vec![Ok(text)])).await.unwrap_err();
    assert!(matches!(stopped, Stop::Source(SourceError::Publish(PublishError::Stopped))), "{stopped}");
}

#[tokio::test]
async fn rows_that_are_too_old_are_not_counted_as_accepted() {
    let metrics = Metrics::default();
    let memory = Arc::new(Memory::default());
    let mut common = Stored::default().common(settings(UNREACHABLE), &LEADS, Arc::clone(&memory) as Arc<dyn Outlet>);
    common.meter = metrics.meter();
    common.sink = common.sink.with_backfill_hours(72).with_limits(600, 96);
    let read = async |numbers| {
        let text = format!("{HEADER}{}", rows(numbers));
        download::publish(&common, &logouts(), body(vec![Ok(text)])).await.unwrap();
    };
    read(0..10).await;
    assert!(memory.texts().iter().all(|text| text.starts_with("backfill ")), "{:?}", memory.texts());
    let (org, user, time) = (OrgId::new(ORG), UserId::new("user"), at("2026-03-08"));
    let later = Activity::new(Uuid::nil(), org, user, time, Channel::Stream, Kind::Logout);
    common.sink.send(vec![later]).await.unwrap().await.unwrap();
    read(10..14).await;

    assert_eq!(metrics.records(), BTreeMap::from([("accepted".to_owned(), 10), ("too_old".to_owned(), 4)]));
}
