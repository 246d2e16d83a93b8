//! What the tests share: records, and what remembers in the place of streams and tables.

use crate::orgs::watch::Findings;
use crate::source::{Coverage, Positions};
use crate::{Outlet, Sink, Ticket, Unread};
use bus::PublishError;
use futures::FutureExt;
use futures::future::{BoxFuture, pending, ready};
use model::partition::Partitions;
use model::{Command, Entry, Finding, Item, OrgId};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use store::{Gap, NewGap, SourceState, StoreError};
use tokio::sync::oneshot;

pub(crate) const ORG: &str = "00Dhn0000018hrcEAA";

/// A stored event on one line; `number` tells it from others, and is its minute.
pub(crate) fn record(number: u32, user: &str, more: &str) -> String {
    let time = format!("2026-03-02T{:02}:{:02}:00.000Z", number / 60 % 24, number % 60);
    format!(
        r#"{{"attributes":{{"type":"ListViewEvent"}},"EventIdentifier":"{}","EventDate":"{time}","UserId":"{user}","RowsProcessed":{number}{more}}}"#,
        id(number),
    )
}

pub(crate) fn id(number: u32) -> String {
    format!("7d0c2b1e-4f6a-4c1e-9a70-{number:012}")
}

pub(crate) fn records(numbers: impl IntoIterator<Item = u32>) -> String {
    numbers.into_iter().map(|number| record(number, &format!("user{}", number % 40), "") + "\n").collect()
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn zstd(bytes: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
}

/// Remembers what was sent, and acknowledges as it is told to.
#[derive(Default)]
pub(crate) struct Memory(Mutex<State>);

#[derive(Default)]
struct State {
    sent: Vec<(u16, Item<Entry>)>,
    aside: Vec<Unread>,
    busy: bool,
    silent: bool,
    forgets: bool,
    /// How many more calls are acknowledged, if not all.
    acknowledges: Option<usize>,
    open: Vec<oneshot::Sender<()>>,
}

impl Memory {
    pub(crate) fn busy(self: &Arc<Self>, busy: bool) {
        self.0.lock().unwrap().busy = busy;
    }

    /// Acknowledges no more.
    pub(crate) fn silent(self: &Arc<Self>) {
        self.0.lock().unwrap().silent = true;
    }

    /// Acknowledges again, and fails what it did not acknowledge.
    pub(crate) fn speak(self: &Arc<Self>) {
        let mut state = self.0.lock().unwrap();
        state.silent = false;
        state.open.clear();
    }

    /// Acknowledges so many calls, and no more.
    pub(crate) fn acknowledges(self: &Arc<Self>, calls: usize) {
        self.0.lock().unwrap().acknowledges = Some(calls);
    }

    /// Fails what it does not acknowledge.
    pub(crate) fn forget(self: &Arc<Self>) {
        self.0.lock().unwrap().forgets = true;
    }

    /// Ids of activities, and words for orders, in the order in which they were sent.
    pub(crate) fn sent(&self) -> Vec<(u16, String)> {
        let state = self.0.lock().unwrap();
        state.sent.iter().map(|(partition, item)| (*partition, text(&item.value))).collect()
    }

    pub(crate) fn texts(&self) -> Vec<String> {
        self.sent().into_iter().map(|(_, text)| text).collect()
    }

    /// What it was to set aside.
    pub(crate) fn aside(&self) -> Vec<Unread> {
        self.0.lock().unwrap().aside.clone()
    }

    fn take(&self, partition: u16, items: Vec<Item<Entry>>) -> Ticket {
        let mut state = self.0.lock().unwrap();
        state.sent.extend(items.into_iter().map(|item| (partition, item)));
        let (sender, receiver) = oneshot::channel();
        let acknowledges = state.acknowledges.is_none_or(|left| left > 0) && !state.silent;
        if let Some(left) = &mut state.acknowledges {
            *left = left.saturating_sub(1);
        }
        if acknowledges {
            sender.send(()).unwrap();
        } else if !state.forgets {
            state.open.push(sender);
        }
        Box::pin(receiver.map(|outcome| outcome.map_err(|_| PublishError::Stopped)))
    }
}

impl Outlet for Memory {
    fn try_send(&self, partition: u16, items: Vec<Item<Entry>>) -> Result<Ticket, PublishError> {
        if self.0.lock().unwrap().busy {
            return Err(PublishError::Busy);
        }
        Ok(self.take(partition, items))
    }

    fn send(&self, partition: u16, items: Vec<Item<Entry>>) -> BoxFuture<'_, Result<Ticket, PublishError>> {
        Box::pin(async move { Ok(self.take(partition, items)) })
    }

    fn set_aside<'a>(&'a self, unread: &'a Unread) -> BoxFuture<'a, ()> {
        let mut state = self.0.lock().unwrap();
        state.aside.push(unread.clone());
        if state.silent { Box::pin(pending()) } else { Box::pin(ready(())) }
    }
}

/// Four partitions, of which [`ORG`] fills three.
pub(crate) fn spread() -> Partitions {
    Partitions::new(4, BTreeMap::from([(OrgId::new(ORG), 3)]))
}

pub(crate) fn sink(memory: &Arc<Memory>) -> Sink {
    Sink::new(Arc::clone(memory) as Arc<dyn Outlet>, spread())
}

#[derive(Default)]
pub(crate) struct Kept(pub(crate) Mutex<BTreeMap<(String, String), Value>>);

impl Positions for Kept {
    fn get<'a>(&'a self, source: &'a str, org: &'a OrgId) -> BoxFuture<'a, store::Result<Option<Value>>> {
        let key = (source.to_owned(), org.as_str().to_owned());
        Box::pin(async move { Ok(self.0.lock().unwrap().get(&key).cloned()) })
    }

    fn put<'a>(&'a self, source: &'a str, org: &'a OrgId, position: &'a Value) -> BoxFuture<'a, store::Result<()>> {
        let key = (source.to_owned(), org.as_str().to_owned());
        Box::pin(async move {
            self.0.lock().unwrap().insert(key, position.clone());
            Ok(())
        })
    }
}

/// What was noted, missed and found.
#[derive(Default)]
pub(crate) struct Noted {
    pub(crate) states: Mutex<Vec<SourceState>>,
    pub(crate) gaps: Mutex<Vec<Gap>>,
    pub(crate) findings: Mutex<Vec<Finding>>,
    /// Whether nothing can be noted.
    pub(crate) is_away: AtomicBool,
}

impl Noted {
    /// Open and closed.
    pub(crate) fn all_gaps(&self) -> Vec<Gap> {
        self.gaps.lock().unwrap().clone()
    }

    pub(crate) fn miss(&self, org: &OrgId, gap: NewGap) {
        let NewGap { source, kind, from, to, reason } = gap;
        let id = model::id::derive(&[&source, &kind, &from.0.to_string()]);
        let mut gaps = self.gaps.lock().unwrap();
        if gaps.iter().all(|gap| gap.id != id) {
            gaps.push(Gap { id, org_id: org.clone(), source, kind, from, to, reason, note: None });
        }
    }
}

impl Coverage for Noted {
    fn note<'a>(&'a self, _: &'a OrgId, states: &'a [SourceState]) -> BoxFuture<'a, store::Result<()>> {
        if self.is_away.load(Ordering::Relaxed) {
            return Box::pin(ready(Err(StoreError::NoUrl)));
        }
        let mut noted = self.states.lock().unwrap();
        noted.retain(|old| !states.iter().any(|new| old.source == new.source && old.kind == new.kind));
        noted.extend_from_slice(states);
        Box::pin(ready(Ok(())))
    }

    fn noted<'a>(&'a self, _: &'a OrgId) -> BoxFuture<'a, store::Result<Vec<SourceState>>> {
        Box::pin(ready(Ok(self.states.lock().unwrap().clone())))
    }

    fn open_gap<'a>(&'a self, org: &'a OrgId, gap: &'a NewGap) -> BoxFuture<'a, store::Result<()>> {
        self.miss(org, gap.clone());
        Box::pin(ready(Ok(())))
    }

    fn gaps<'a>(&'a self, _: &'a OrgId) -> BoxFuture<'a, store::Result<Vec<Gap>>> {
        Box::pin(ready(Ok(self.all_gaps().into_iter().filter(|gap| gap.note.is_none()).collect())))
    }

    fn close_gap<'a>(&'a self, gap: &'a Gap, note: &'a str) -> BoxFuture<'a, store::Result<()>> {
        let mut gaps = self.gaps.lock().unwrap();
        gaps.iter_mut().filter(|open| open.id == gap.id).for_each(|gap| gap.note = Some(note.to_owned()));
        Box::pin(ready(Ok(())))
    }
}

impl Findings for Noted {
    fn send(&self, finding: Item<Finding>) -> BoxFuture<'_, Result<Ticket, PublishError>> {
        self.findings.lock().unwrap().push(finding.value);
        Box::pin(ready(Ok(Box::pin(ready(Ok(()))) as Ticket)))
    }
}

fn text(entry: &Entry) -> String {
    match entry {
        Entry::Activity(activity) => activity.id.to_string(),
        Entry::Backfill(activity) => format!("lesson {}", activity.id),
        Entry::Control(control) => match control.command {
            Command::End => format!("end of {}", control.org_id),
            Command::Watermark(time) => format!("{} to {time}", control.org_id),
            Command::Blind { kind } => format!("{} blind to {kind}", control.org_id),
            Command::Sighted { kind } => format!("{} sees {kind}", control.org_id),
        },
    }
}
