//! Files and objects of an org, from what it answers to what is on the activity stream.

mod files;
mod objects;
mod support;

use super::download::{self, Summary};
use super::file::LogFile;
use super::file::tests::file;
use super::sending::{Sent, UNDER_WAY};
use super::stop::Stop;
use crate::source::SourceError;
use crate::testing::{Memory, ORG};
use crate::{Outlet, Ticket};
use bus::PublishError;
use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt};
use model::{Channel, Entry, Item, Kind};
use salesforce_client::Error;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use support::{NOWHERE, Records, settings};
use tokio::sync::{mpsc, oneshot};

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

/// Acknowledges late, and counts what is not acknowledged.
#[derive(Clone)]
struct Slow {
    open: mpsc::UnboundedSender<(usize, oneshot::Sender<()>)>,
    under_way: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
}

impl Slow {
    fn start() -> Self {
        let (open, mut opened) = mpsc::unbounded_channel::<(usize, oneshot::Sender<()>)>();
        let under_way = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&under_way);
        tokio::spawn(async move {
            while let Some((items, acknowledge)) = opened.recv().await {
                for _ in 0..50 {
                    tokio::task::yield_now().await;
                }
                count.fetch_sub(items, Ordering::Relaxed);
                acknowledge.send(()).unwrap();
            }
        });
        Self { open, under_way, most: Arc::default() }
    }
}

impl Outlet for Slow {
    fn try_send(&self, _: u16, items: Vec<Item<Entry>>) -> Result<Ticket, PublishError> {
        let (acknowledge, acknowledged) = oneshot::channel();
        let under_way = self.under_way.fetch_add(items.len(), Ordering::Relaxed) + items.len();
        self.most.fetch_max(under_way, Ordering::Relaxed);
        self.open.send((items.len(), acknowledge)).unwrap();
        Ok(acknowledged.map(|outcome| outcome.map_err(|_| PublishError::Stopped)).boxed())
    }

    fn send(&self, partition: u16, items: Vec<Item<Entry>>) -> BoxFuture<'_, Result<Ticket, PublishError>> {
        Box::pin(async move { self.try_send(partition, items) })
    }
}

#[tokio::test]
async fn r6_constant_memory() {
    const PARTS: usize = 1 << 10;
    const ROWS: usize = 512;
    let part = |number| Ok(Bytes::from(rows(number * ROWS..(number + 1) * ROWS)));
    let head = stream::iter([Ok(Bytes::from_static(HEADER.as_bytes()))]);
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let parts = stream::iter(0..PARTS).inspect(move |_| drop(count.fetch_add(1, Ordering::Relaxed))).map(part);
    let slow = Slow::start();
    let common = Records::default().common(settings(NOWHERE), &LED, Arc::new(slow.clone()));
    let read = download::publish(&common, &logouts(), head.chain(parts).boxed()).await.unwrap();
    assert_eq!(read.sent, Sent { rows: PARTS * ROWS, rejected: 0 });
    println!("{} bytes, {:?}", read.bytes, slow.most);
    // Rows of a chunk of 512 KiB.
    let batch = (512 << 10) / row(1).len() + 1;
    assert!(slow.most.load(Ordering::Relaxed) <= UNDER_WAY * batch);
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
