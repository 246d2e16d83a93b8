//! Test doubles of streams and tables, and records. For the tests of this crate, and with the feature `testing` for
//! those of crates that implement a source.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use crate::meter::Meter;
use crate::source::{Coverage, Positions};
use crate::{Outlet, Sink, Ticket, Unread};
use bus::PublishError;
use futures::FutureExt;
use futures::future::{BoxFuture, pending, ready};
use model::partition::Partitions;
use model::{Command, Entry, Item, OrgId};
use opentelemetry::metrics::MeterProvider;
use opentelemetry_sdk::metrics::data::{AggregatedMetrics, MetricData};
use opentelemetry_sdk::metrics::{InMemoryMetricExporter, PeriodicReader, SdkMeterProvider};
use serde_json::Value;
use std::collections::BTreeMap;
#[cfg(test)]
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use store::{Gap, NewGap, SourceState, StoreError};
use tokio::sync::oneshot;

/// The org of all records.
pub const ORG: &str = "00Dhn0000018hrcEAA";

/// Returns a stored event on one line; `number` identifies it, and is its minute.
pub fn record(number: u32, user: &str, more: &str) -> String {
    let time = format!("2026-03-02T{:02}:{:02}:00.000Z", number / 60 % 24, number % 60);
    format!(
        r#"{{"attributes":{{"type":"ListViewEvent"}},"EventIdentifier":"{}","EventDate":"{time}","UserId":"{user}","RowsProcessed":{number}{more}}}"#,
        id(number),
    )
}

/// Returns the id of a record.
pub fn id(number: u32) -> String {
    format!("7d0c2b1e-4f6a-4c1e-9a70-{number:012}")
}

/// Returns one record on each line, of 40 users.
pub fn records(numbers: impl IntoIterator<Item = u32>) -> String {
    numbers.into_iter().map(|number| record(number, &format!("user{}", number % 40), "") + "\n").collect()
}

/// Compresses as gzip.
#[cfg(test)]
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Compresses as Zstandard.
#[cfg(test)]
pub fn zstd(bytes: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
}

/// An outlet that records everything sent, and acknowledges as configured: at first everything.
#[derive(Default)]
pub struct Memory(Mutex<State>);

#[derive(Default)]
struct State {
    sent: Vec<(u16, Item<Entry>)>,
    aside: Vec<Unread>,
    busy: bool,
    is_silent: bool,
    holds_sends: bool,
    fails_unacknowledged: bool,
    /// How many more calls are acknowledged, if not all.
    acknowledges: Option<usize>,
    open: Vec<oneshot::Sender<()>>,
}

impl Memory {
    /// Refuses to take items while busy.
    pub fn set_busy(&self, busy: bool) {
        self.0.lock().unwrap().busy = busy;
    }

    /// Stops acknowledging.
    pub fn acknowledge_nothing(&self) {
        self.0.lock().unwrap().is_silent = true;
    }

    /// Lets [`Outlet::send`] wait, as if too much was under way.
    pub fn hold_sends(&self) {
        self.0.lock().unwrap().holds_sends = true;
    }

    /// Lets further calls of [`Outlet::send`] go on.
    pub fn release_sends(&self) {
        self.0.lock().unwrap().holds_sends = false;
    }

    /// Acknowledges again, and fails the calls that were not acknowledged.
    pub fn acknowledge_again(&self) {
        let mut state = self.0.lock().unwrap();
        state.is_silent = false;
        state.open.clear();
    }

    /// Acknowledges only the next calls, and none after them.
    pub fn acknowledge_only(&self, calls: usize) {
        self.0.lock().unwrap().acknowledges = Some(calls);
    }

    /// Fails calls that it does not acknowledge, instead of leaving them open.
    pub fn fail_unacknowledged(&self) {
        self.0.lock().unwrap().fails_unacknowledged = true;
    }

    /// Returns the id of each activity, or a text for a control record, with its partition, in the order sent.
    pub fn sent(&self) -> Vec<(u16, String)> {
        let state = self.0.lock().unwrap();
        state.sent.iter().map(|(partition, item)| (*partition, text(&item.value))).collect()
    }

    /// Returns [`Memory::sent`] without the partitions.
    pub fn texts(&self) -> Vec<String> {
        self.sent().into_iter().map(|(_, text)| text).collect()
    }

    /// Returns the records that were set aside.
    pub fn aside(&self) -> Vec<Unread> {
        self.0.lock().unwrap().aside.clone()
    }

    fn take(&self, partition: u16, items: Vec<Item<Entry>>) -> Ticket {
        let mut state = self.0.lock().unwrap();
        state.sent.extend(items.into_iter().map(|item| (partition, item)));
        let (sender, receiver) = oneshot::channel();
        let acknowledges = state.acknowledges.is_none_or(|left| left > 0) && !state.is_silent;
        if let Some(left) = &mut state.acknowledges {
            *left = left.saturating_sub(1);
        }
        if acknowledges {
            sender.send(()).unwrap();
        } else if !state.fails_unacknowledged {
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
        Box::pin(async move {
            if self.0.lock().unwrap().holds_sends {
                pending::<()>().await;
            }
            Ok(self.take(partition, items))
        })
    }

    fn set_aside<'a>(&'a self, unread: &'a Unread) -> BoxFuture<'a, ()> {
        let mut state = self.0.lock().unwrap();
        state.aside.push(unread.clone());
        if state.is_silent { Box::pin(pending()) } else { Box::pin(ready(())) }
    }
}

/// Returns four partitions, of which [`ORG`] has three.
pub fn spread() -> Partitions {
    Partitions::new(4, BTreeMap::from([(OrgId::new(ORG), 3)]))
}

/// Returns a sink that sends to `memory`.
pub fn sink(memory: &Arc<Memory>) -> Sink {
    Sink::new(Arc::clone(memory) as Arc<dyn Outlet>, spread())
}

/// Positions in memory, by source and org.
#[derive(Default)]
pub struct StoredPositions(pub Mutex<BTreeMap<(String, String), Value>>);

impl Positions for StoredPositions {
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

/// The coverage of one org in memory.
#[derive(Default)]
pub struct StoredCoverage {
    /// The states, each source and kind once.
    pub states: Mutex<Vec<SourceState>>,
    /// Gaps, open and closed.
    pub gaps: Mutex<Vec<Gap>>,
    /// Whether states cannot be stored.
    pub is_away: AtomicBool,
}

impl StoredCoverage {
    /// Returns all gaps, open and closed.
    pub fn all_gaps(&self) -> Vec<Gap> {
        self.gaps.lock().unwrap().clone()
    }

    /// Records a gap, unless the same one is recorded already.
    pub fn add_gap(&self, org: &OrgId, gap: NewGap) {
        let NewGap { source, kind, from, to, reason } = gap;
        let id = model::id::derive(&[&source, &kind, &from.0.to_string()]);
        let mut gaps = self.gaps.lock().unwrap();
        if gaps.iter().all(|gap| gap.id != id) {
            gaps.push(Gap { id, org_id: org.clone(), source, kind, from, to, reason, note: None });
        }
    }
}

impl Coverage for StoredCoverage {
    fn put_states<'a>(&'a self, _: &'a OrgId, states: &'a [SourceState]) -> BoxFuture<'a, store::Result<()>> {
        if self.is_away.load(Ordering::Relaxed) {
            return Box::pin(ready(Err(StoreError::NoUrl)));
        }
        let mut stored = self.states.lock().unwrap();
        stored.retain(|old| !states.iter().any(|new| old.source == new.source && old.kind == new.kind));
        stored.extend_from_slice(states);
        Box::pin(ready(Ok(())))
    }

    fn states<'a>(&'a self, _: &'a OrgId) -> BoxFuture<'a, store::Result<Vec<SourceState>>> {
        Box::pin(ready(Ok(self.states.lock().unwrap().clone())))
    }

    fn open_gap<'a>(&'a self, org: &'a OrgId, gap: &'a NewGap) -> BoxFuture<'a, store::Result<()>> {
        self.add_gap(org, gap.clone());
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

fn text(entry: &Entry) -> String {
    match entry {
        Entry::Activity(activity) => activity.id.to_string(),
        Entry::Backfill(activity) => format!("backfill {}", activity.id),
        Entry::Control(control) => match &control.command {
            Command::End => format!("end of {}", control.org_id),
            Command::Watermark(time) => format!("{} to {time}", control.org_id),
            Command::Blind { kind } => format!("{} blind to {kind}", control.org_id),
            Command::Sighted { kind } => format!("{} sees {kind}", control.org_id),
            Command::Decide(decision) => format!("{} decides {}", control.org_id, decision.ruling.kind()),
        },
    }
}

/// Metrics in memory.
pub struct Metrics {
    exporter: InMemoryMetricExporter,
    provider: SdkMeterProvider,
}

impl Default for Metrics {
    fn default() -> Self {
        let exporter = InMemoryMetricExporter::default();
        let reader = PeriodicReader::builder(exporter.clone()).build();
        Self { exporter, provider: SdkMeterProvider::builder().with_reader(reader).build() }
    }
}

impl Metrics {
    /// Returns a meter that writes to these.
    pub fn meter(&self) -> Meter {
        Meter::of(&self.provider.meter("orgwatch"))
    }

    /// Returns how many records were counted, by outcome.
    pub fn records(&self) -> BTreeMap<String, u64> {
        self.sums("orgwatch.ingest.records", "outcome")
    }

    /// Returns how many values could not be read, by field.
    pub fn unread(&self) -> BTreeMap<String, u64> {
        self.sums("orgwatch.ingest.values.unread", "field")
    }

    fn sums(&self, name: &str, by: &str) -> BTreeMap<String, u64> {
        self.provider.force_flush().unwrap();
        let resources = self.exporter.get_finished_metrics().unwrap();
        let metrics = resources.iter().flat_map(|resource| resource.scope_metrics()).flat_map(|scope| scope.metrics());
        let mut sums = BTreeMap::new();
        for metric in metrics.filter(|metric| metric.name() == name) {
            let AggregatedMetrics::U64(MetricData::Sum(sum)) = metric.data() else { unreachable!() };
            for point in sum.data_points() {
                let label = point.attributes().find(|label| label.key.as_str() == by).unwrap();
                sums.insert(label.value.to_string(), point.value());
            }
        }
        sums
    }
}
