//! Log files that are larger than memory.

use super::super::download;
use super::super::sending::{Sent, UNDER_WAY};
use super::support::{Stored, UNREACHABLE, World, settings};
use super::{HEADER, LEADS, logouts, row, rows};
use bus::PublishError;
use bytes::Bytes;
use fake_org::{Interval, LogBody};
use futures::future::{BoxFuture, ready};
use futures::{FutureExt, StreamExt, stream};
use ingest::{Outlet, Ticket, Unread};
use model::{Entry, Item};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// Acknowledges only once no more items come, and counts them.
#[derive(Clone)]
struct Slow {
    open: mpsc::UnboundedSender<(usize, oneshot::Sender<()>)>,
    acknowledged: Arc<AtomicUsize>,
}

impl Slow {
    /// `patience` is how long to wait for more items.
    fn start(patience: Duration) -> Self {
        let (open, mut opened) = mpsc::unbounded_channel::<(usize, oneshot::Sender<()>)>();
        let acknowledged = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&acknowledged);
        tokio::spawn(async move {
            let mut waiting = Vec::new();
            loop {
                match tokio::time::timeout(patience, opened.recv()).await {
                    Ok(Some(sent)) => waiting.push(sent),
                    Ok(None) => return,
                    Err(_) => waiting.drain(..).for_each(|(items, acknowledge)| {
                        count.fetch_add(items, Ordering::Relaxed);
                        acknowledge.send(()).unwrap();
                    }),
                }
            }
        });
        Self { open, acknowledged }
    }
}

impl Outlet for Slow {
    fn try_send(&self, _: u16, items: Vec<Item<Entry>>) -> Result<Ticket, PublishError> {
        let (acknowledge, acknowledged) = oneshot::channel();
        self.open.send((items.len(), acknowledge)).unwrap();
        Ok(acknowledged.map(|outcome| outcome.map_err(|_| PublishError::Stopped)).boxed())
    }

    fn send(&self, partition: u16, items: Vec<Item<Entry>>) -> BoxFuture<'_, Result<Ticket, PublishError>> {
        Box::pin(async move { self.try_send(partition, items) })
    }

    fn set_aside<'a>(&'a self, _: &'a Unread) -> BoxFuture<'a, ()> {
        Box::pin(ready(()))
    }
}

#[tokio::test]
async fn r6_constant_memory() {
    const PARTS: usize = 256;
    const ROWS: usize = 512;
    let slow = Slow::start(Duration::from_millis(100));
    let (acknowledged, most) = (Arc::clone(&slow.acknowledged), Arc::new(AtomicUsize::new(0)));
    let held = Arc::clone(&most);
    let parts = (0..PARTS).map(move |number| {
        held.fetch_max(number * ROWS - acknowledged.load(Ordering::Relaxed), Ordering::Relaxed);
        Ok(Bytes::from(rows(number * ROWS..(number + 1) * ROWS)))
    });
    let body = stream::iter(std::iter::once(Ok(Bytes::from_static(HEADER.as_bytes()))).chain(parts)).boxed();
    let common = Stored::default().common(settings(UNREACHABLE), &LEADS, Arc::new(slow));
    let read = download::publish(&common, &logouts(), body).await.unwrap();
    assert_eq!(read.sent, Sent { rows: PARTS * ROWS, rejected: 0 });
    // Batches: sent, waiting, in hand on both sides, and being parsed. Parts: waiting and in hand.
    let batch = (512 << 10) / row(0).len() + 1;
    let most = most.load(Ordering::Relaxed);
    assert!(most <= (UNDER_WAY + 4) * batch + (download::PARTS + 1) * ROWS, "{most} rows");
}

/// Reads a file of `LOG_FILE_MIB` MiB; 2 GiB take a minute:
/// `LOG_FILE_MIB=2048 cargo test -p orgwatch-salesforce-source --lib r6_large -- --nocapture`
#[tokio::test]
async fn r6_large_file_in_less_than_256_mib() {
    let mib: u64 = std::env::var("LOG_FILE_MIB").map_or(32, |mib| mib.parse().unwrap());
    let (bytes, rows) = (mib << 20, (mib << 20) / 370);
    let world = World::start("2026-03-02T18:00:00Z", Vec::new(), fake_org::Settings::default()).await;
    let id = world.org.control().add_log_file(fake_org::LogFile {
        event_type: "Logout".to_owned(),
        log_date: logouts().log_date,
        interval: Interval::Hourly,
        sequence: 1,
        created: logouts().created,
        body: LogBody::Generated {
            header: HEADER.to_owned(),
            rows,
            row: Arc::new(|number| row(usize::try_from(number).unwrap())),
            length: bytes,
        },
    });
    let common =
        Stored::default().common(world.settings.clone(), &LEADS, Arc::new(Slow::start(Duration::from_millis(1))));
    let file = super::LogFile { id, ..logouts() };
    let started = std::time::Instant::now();
    let read = download::read(&common, &file).await.unwrap();
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap().trim();
    println!("{} bytes in {:?}, at most {peak} in memory", read.bytes, started.elapsed());
    assert_eq!(read.sent.rows as u64, rows);
    assert!(read.bytes >= bytes);
    let kib: u64 = peak.trim_end_matches(" kB").parse().unwrap();
    // Other tests in the same process use memory too.
    let is_alone = ["NEXTEST", "LOG_FILE_MIB"].iter().any(|name| std::env::var_os(name).is_some());
    assert!(!is_alone || kib < 256 << 10, "{peak}");
}
