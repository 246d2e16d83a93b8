//! From activities to the partitions of the activity stream, and from what cannot be read to the dead stream.

use crate::aside::{Fate, Lately, MOST, Unread};
use bus::{PublishError, Publisher, dead, subject};
use futures::future::{BoxFuture, try_join_all};
use model::partition::Partitions;
use model::time::SECOND;
use model::{Activity, Command, Control, Entry, Item, OrgId, Timestamp};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Resolves when JetStream has acknowledged everything of one call.
pub type Ticket = BoxFuture<'static, Result<(), PublishError>>;

/// What a [`Sink`] puts entries on. Items of one partition keep the order of the calls.
pub trait Outlet: Send + Sync {
    /// # Errors
    /// [`PublishError::Busy`] where [`Outlet::send`] would wait, and those of it.
    fn try_send(&self, partition: u16, items: Vec<Item<Entry>>) -> Result<Ticket, PublishError>;

    /// Waits while too much is under way.
    fn send(&self, partition: u16, items: Vec<Item<Entry>>) -> BoxFuture<'_, Result<Ticket, PublishError>>;

    /// Keeps a record as a dead letter, until that is acknowledged.
    fn set_aside<'a>(&'a self, unread: &'a Unread) -> BoxFuture<'a, ()>;
}

/// Where sources put what they read; clones share it.
#[derive(Clone)]
pub struct Sink {
    outlet: Arc<dyn Outlet>,
    partitions: Partitions,
    /// How long after an event another may come that happened before it.
    lateness_seconds: u32,
    /// How many sources read the past.
    past: Arc<AtomicUsize>,
    lately: Arc<Mutex<Lately>>,
}

/// Lasts as long as a source reads the past.
#[must_use = "it counts only as long as it is held"]
pub struct ReadsPast(Arc<AtomicUsize>);

/// The activity stream.
struct Stream {
    publisher: Publisher<Entry>,
    prefix: String,
}

/// Seconds; as `profile.lateness_seconds` has it by default.
const LATENESS: u32 = 600;
/// Under which dead letters are kept.
const STAGE: &str = "ingest";
/// Entries that are handed over at once: few enough that no one waits long for another's.
const SLICE: usize = 1_024;

impl Sink {
    pub fn new(outlet: Arc<dyn Outlet>, partitions: Partitions) -> Self {
        Self { outlet, partitions, lateness_seconds: LATENESS, past: Arc::default(), lately: Arc::default() }
    }

    /// To the subjects `<prefix>.v1.activity.<partition>`.
    pub fn to_stream(publisher: Publisher<Entry>, prefix: &str, partitions: Partitions) -> Self {
        Self::new(Arc::new(Stream { publisher, prefix: prefix.to_owned() }), partitions)
    }

    /// The same, where events come late by so much.
    #[must_use]
    pub fn with_lateness(self, seconds: u32) -> Self {
        Self { lateness_seconds: seconds, ..self }
    }

    /// Puts activities in their order onto their partitions, and waits while too much is under way. Each carries the
    /// trace of the current span.
    ///
    /// # Errors
    /// Part may have been sent already: whoever got the activities must get them again.
    pub async fn send(&self, activities: Vec<Activity>) -> Result<Ticket, PublishError> {
        self.send_rest(self.slices(activities, Entry::Activity).into_iter(), Vec::new()).await
    }

    /// As [`Sink::send`], but what is long past: it teaches, and raises nothing. The past is to be taught in order of
    /// time and before what follows it; while it [is read](Sink::reads_past), no watermark passes it.
    ///
    /// # Errors
    /// As [`Sink::send`].
    pub async fn teach(&self, lessons: Vec<Activity>) -> Result<Ticket, PublishError> {
        self.send_rest(self.slices(lessons, Entry::Backfill).into_iter(), Vec::new()).await
    }

    /// As [`Sink::send`], unless too much is under way already.
    ///
    /// # Errors
    /// [`PublishError::Busy`]: nothing was sent. Others as those of [`Sink::send`].
    pub async fn offer(&self, activities: Vec<Activity>) -> Result<Ticket, PublishError> {
        let mut slices = self.slices(activities, Entry::Activity).into_iter();
        let mut tickets = Vec::new();
        if let Some((partition, items)) = slices.next() {
            tickets.push(self.outlet.try_send(partition, items)?);
        }
        // Having begun, it waits for room: to break off now would mean to send the first part twice.
        self.send_rest(slices, tickets).await
    }

    /// Puts an order onto every partition that the org's users fall into, after all that was sent before.
    ///
    /// # Errors
    /// As [`Sink::send`].
    pub async fn command(&self, org: &OrgId, command: Command) -> Result<Ticket, PublishError> {
        let control = Entry::Control(Control { org_id: org.clone(), command });
        let item = Item { value: control, traceparent: bus::trace::current(), received_at: Some(crate::http::now()) };
        let slices = self.partitions.of_org(org).into_iter().map(|partition| (partition, vec![item.clone()]));
        self.send_rest(slices, Vec::new()).await
    }

    /// Tells all partitions of an org that everything up to `time` was told, but for what comes late.
    ///
    /// # Errors
    /// As [`Sink::send`].
    pub(crate) async fn told_until(&self, org: &OrgId, time: Timestamp) -> Result<Ticket, PublishError> {
        let watermark = time.plus(-i64::from(self.lateness_seconds) * SECOND);
        self.command(org, Command::Watermark(watermark)).await
    }

    /// Keeps what a source could not read where operators find it, and waits until that is acknowledged: each record
    /// once, and of one source only so many an hour. Beyond them records are left out, which the log says once.
    ///
    /// May be dropped before it is done: whoever met the record must meet it again then.
    pub(crate) async fn set_aside(&self, unread: Unread) {
        let fate = self.lately().fate(&unread, crate::http::now());
        match fate {
            Fate::Keep => {
                self.outlet.set_aside(&unread).await;
                self.lately().kept(&unread);
            }
            Fate::LeaveOut { is_first: true } => {
                let Unread { org, source, .. } = unread;
                tracing::warn!(%org, source, most = MOST, "more records are set aside than are kept this hour");
            }
            Fate::Kept | Fate::LeaveOut { is_first: false } => {}
        }
    }

    /// Says that a source reads what happened long ago: until it is done, nobody can say that all of an org is told.
    pub fn reads_past(&self) -> ReadsPast {
        self.past.fetch_add(1, Ordering::AcqRel);
        ReadsPast(Arc::clone(&self.past))
    }

    pub(crate) fn has_past(&self) -> bool {
        self.past.load(Ordering::Acquire) > 0
    }

    fn lately(&self) -> MutexGuard<'_, Lately> {
        self.lately.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn send_rest(
        &self,
        slices: impl Iterator<Item = (u16, Vec<Item<Entry>>)> + Send,
        mut tickets: Vec<Ticket>,
    ) -> Result<Ticket, PublishError> {
        for (partition, items) in slices {
            tickets.push(self.outlet.send(partition, items).await?);
        }
        Ok(Box::pin(async { try_join_all(tickets).await.map(drop) }))
    }

    /// By partition, in order, in slices.
    fn slices(&self, activities: Vec<Activity>, entry: fn(Box<Activity>) -> Entry) -> Vec<(u16, Vec<Item<Entry>>)> {
        let (traceparent, now) = (bus::trace::current(), crate::http::now());
        let mut by_partition: BTreeMap<u16, Vec<Vec<Item<Entry>>>> = BTreeMap::new();
        for activity in activities {
            let partition = self.partitions.of_activity(&activity.org_id, &activity.user_id);
            let value = entry(Box::new(activity));
            let item = Item { value, traceparent: traceparent.clone(), received_at: Some(now) };
            let slices = by_partition.entry(partition).or_default();
            match slices.last_mut() {
                Some(slice) if slice.len() < SLICE => slice.push(item),
                _ => slices.push(vec![item]),
            }
        }
        let flat = |(partition, slices): (u16, Vec<_>)| slices.into_iter().map(move |items| (partition, items));
        by_partition.into_iter().flat_map(flat).collect()
    }
}

impl Drop for ReadsPast {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Outlet for Stream {
    fn try_send(&self, partition: u16, items: Vec<Item<Entry>>) -> Result<Ticket, PublishError> {
        let ticket = self.publisher.try_send(subject::activity(&self.prefix, partition), items)?;
        Ok(Box::pin(ticket))
    }

    fn send(&self, partition: u16, items: Vec<Item<Entry>>) -> BoxFuture<'_, Result<Ticket, PublishError>> {
        Box::pin(async move {
            let ticket = self.publisher.send(subject::activity(&self.prefix, partition), items).await?;
            Ok(Box::pin(ticket) as Ticket)
        })
    }

    fn set_aside<'a>(&'a self, unread: &'a Unread) -> BoxFuture<'a, ()> {
        let Unread { record, reason, .. } = unread;
        Box::pin(async move {
            dead::put_record(self.publisher.bus(), STAGE, &unread.origin(), record.clone(), reason).await;
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Memory, ORG, sink};
    use bytes::Bytes;
    use model::{Channel, Kind, UserId, Uuid};

    fn activity(number: u128) -> Activity {
        let user = UserId::new(&format!("user{}", number % 7));
        Activity::new(Uuid::from_u128(number), OrgId::new(ORG), user, Timestamp(0), Channel::Stored, Kind::Login)
    }

    #[tokio::test]
    async fn lessons_go_where_activities_go() {
        let memory = Arc::new(Memory::default());
        let sink = sink(&memory);
        sink.send((0..40).map(activity).collect()).await.unwrap().await.unwrap();
        sink.teach((0..40).map(activity).collect()).await.unwrap().await.unwrap();
        let sent = memory.sent();
        let (activities, lessons) = sent.split_at(40);
        let as_lessons: Vec<_> =
            activities.iter().map(|(partition, id)| (*partition, format!("lesson {id}"))).collect();
        assert_eq!(lessons, as_lessons);
    }

    #[tokio::test]
    async fn what_may_come_late_is_not_told_yet() {
        let memory = Arc::new(Memory::default());
        let told = Timestamp(model::time::DAY);
        let sink = sink(&memory).with_lateness(6 * 3_600);
        sink.told_until(&OrgId::new(ORG), told).await.unwrap().await.unwrap();
        assert_eq!(memory.texts(), vec![format!("{ORG} to 1970-01-01T18:00:00.000Z"); 3]);
    }

    #[tokio::test]
    async fn clones_keep_a_record_once() {
        let memory = Arc::new(Memory::default());
        let sink = sink(&memory);
        let (source, place, reason) = ("stored/LoginEvent".to_owned(), "1".to_owned(), "no time".to_owned());
        let unread = Unread { org: OrgId::new(ORG), source, place, reason, record: Bytes::from_static(b"{}") };
        sink.set_aside(unread.clone()).await;
        sink.clone().set_aside(unread.clone()).await;
        assert_eq!(memory.aside(), [unread]);
    }
}
