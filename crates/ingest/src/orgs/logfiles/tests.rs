//! Files and objects of an org, from what it answers to what is on the activity stream.

mod files;
mod memory;
mod objects;
mod support;

use super::download::{self, Summary};
use super::file::LogFile;
use super::file::tests::file;
use super::sending::Sent;
use super::stop::Stop;
use crate::Outlet;
use crate::source::SourceError;
use crate::testing::{Memory, ORG};
use bus::PublishError;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use model::{Channel, Kind};
use salesforce_client::Error;
use std::collections::BTreeSet;
use std::sync::Arc;
use support::{NOWHERE, Records, settings};

const LED: [(Kind, Channel); 1] = [(Kind::Logout, Channel::LogFile)];
const HEADER: &str = "\"EVENT_TYPE\",\"TIMESTAMP\",\"REQUEST_ID\",\"ORGANIZATION_ID\",\"USER_ID\",\"URI\"\n";

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
async fn a_download_that_breaks_off_is_read_again_and_counts_once() {
    let memory = Arc::new(Memory::default());
    let common = Records::default().common(settings(NOWHERE), &LED, Arc::clone(&memory) as Arc<dyn Outlet>);
    let all = format!("{HEADER}{}", rows(0..3_000));
    // In the middle of the last field of a row: what is there of it has as many fields as a whole one.
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
    let common = Records::default().common(settings(NOWHERE), &LED, Arc::clone(&memory) as Arc<dyn Outlet>);
    let text = format!("{HEADER}{}\"short\"\n{}", row(1), row(2).replace(ORG, "00Dxx0000000000EAA"));
    let bytes = text.len() as u64;
    let read = download::publish(&common, &logouts(), body(vec![Ok(text)])).await.unwrap();
    assert_eq!(read, Summary { bytes, sent: Sent { rows: 1, rejected: 2 } });
    assert_eq!(memory.texts().len(), 1);
    let [unread] = memory.aside().try_into().unwrap();
    assert_eq!((unread.source.as_str(), unread.place.as_str()), ("log_files/Logout", "0AT000000000001 line 3"));
    assert_eq!(unread.reason, "1 fields, but the header has 6");
    assert!(unread.record.starts_with(b"\"short\""), "{unread:?}");
}

#[tokio::test]
async fn what_is_not_acknowledged_is_not_read() {
    let memory = Arc::new(Memory::default());
    memory.acknowledges(3);
    memory.forget();
    let common = Records::default().common(settings(NOWHERE), &LED, Arc::clone(&memory) as Arc<dyn Outlet>);
    let text = format!("{HEADER}{}", rows(0..3_000));
    let stopped = download::publish(&common, &logouts(), body(vec![Ok(text)])).await.unwrap_err();
    assert!(matches!(stopped, Stop::Source(SourceError::Publish(PublishError::Stopped))), "{stopped}");
}
