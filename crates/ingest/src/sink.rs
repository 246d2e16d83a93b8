//! From activities to the partitions of the activity stream.

use bus::{PublishError, Publisher, subject};
use futures::future::{BoxFuture, try_join_all};
use model::partition::Partitions;
use model::{Activity, Control, Entry, Item, Order, OrgId};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Resolves when JetStream has acknowledged everything of one call.
pub type Ticket = BoxFuture<'static, Result<(), PublishError>>;

/// What a [`Sink`] puts entries on. Items of one partition keep the order of the calls.
pub trait Outlet: Send + Sync {
    /// # Errors
    /// [`PublishError::Busy`] where [`Outlet::send`] would wait, and those of it.
    fn try_send(&self, partition: u16, items: Vec<Item<Entry>>) -> Result<Ticket, PublishError>;

    /// Waits while too much is under way.
    fn send(&self, partition: u16, items: Vec<Item<Entry>>) -> BoxFuture<'_, Result<Ticket, PublishError>>;
}

/// Where sources put what they read; clones share it.
#[derive(Clone)]
pub struct Sink {
    outlet: Arc<dyn Outlet>,
    partitions: Partitions,
    /// How many sources read the past.
    past: Arc<AtomicUsize>,
}

/// Lasts as long as a source reads the past.
#[must_use = "it counts only as long as it is held"]
pub struct ReadsPast(Arc<AtomicUsize>);

/// The activity stream.
struct Stream {
    publisher: Publisher<Entry>,
    prefix: String,
}

/// Entries that are handed over at once: few enough that no one waits long for another's.
const SLICE: usize = 1_024;

impl Sink {
    pub fn new(outlet: Arc<dyn Outlet>, partitions: Partitions) -> Self {
        Self { outlet, partitions, past: Arc::default() }
    }

    /// To the subjects `<prefix>.v1.activity.<partition>`.
    pub fn to_stream(publisher: Publisher<Entry>, prefix: &str, partitions: Partitions) -> Self {
        Self::new(Arc::new(Stream { publisher, prefix: prefix.to_owned() }), partitions)
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
        self.send_rest(self.slices(lessons, Entry::Lesson).into_iter(), Vec::new()).await
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
    pub async fn order(&self, org: &OrgId, order: Order) -> Result<Ticket, PublishError> {
        let control = Entry::Control(Control { org_id: org.clone(), order });
        let item = Item { value: control, traceparent: bus::trace::current(), received_at: Some(crate::http::now()) };
        let slices = self.partitions.of_org(org).into_iter().map(|partition| (partition, vec![item.clone()]));
        self.send_rest(slices, Vec::new()).await
    }

    /// Says that a source reads what happened long ago: until it is done, nobody can say that all of an org is told.
    pub fn reads_past(&self) -> ReadsPast {
        self.past.fetch_add(1, Ordering::AcqRel);
        ReadsPast(Arc::clone(&self.past))
    }

    pub(crate) fn has_past(&self) -> bool {
        self.past.load(Ordering::Acquire) > 0
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Memory, ORG, sink};
    use model::{Channel, Kind, Timestamp, UserId, Uuid};

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
}
