//! Publishes activities on the partitions of the activity stream, and unreadable records on the dead stream.

use crate::aside::Unread;
use crate::meter::Counts;
use bus::{PublishError, Publisher, dead, subject};
use futures::future::{BoxFuture, try_join_all};
use model::partition::Partitions;
use model::time::{HOUR, SECOND};
use model::{Activity, Command, Control, Entry, Item, OrgId, Timestamp};
use runtime::clock::now;
use salesforce::reading::aside::{Decision, HourlyLimit, MAX_PER_HOUR};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Resolves when JetStream has acknowledged everything that one call sent.
pub type Ticket = BoxFuture<'static, Result<(), PublishError>>;

/// The stream to which a [`Sink`] sends entries. Items of one partition keep the order of the calls.
pub trait Outlet: Send + Sync {
    /// Sends items, unless too much is under way.
    ///
    /// # Errors
    /// [`PublishError::Busy`] where [`Outlet::send`] would wait, and those of [`Outlet::send`].
    fn try_send(&self, partition: u16, items: Vec<Item<Entry>>) -> Result<Ticket, PublishError>;

    /// Sends items; waits while too much is under way.
    fn send(&self, partition: u16, items: Vec<Item<Entry>>) -> BoxFuture<'_, Result<Ticket, PublishError>>;

    /// Stores a record as a dead letter; resolves once that is acknowledged.
    fn set_aside<'a>(&'a self, unread: &'a Unread) -> BoxFuture<'a, ()>;
}

/// Where sources send the activities that they read. Clones share everything.
#[derive(Clone)]
pub struct Sink {
    outlet: Arc<dyn Outlet>,
    partitions: Partitions,
    ages: Ages,
    /// The lateness of orgs that have one of their own, in milliseconds.
    lateness: Arc<BTreeMap<OrgId, i64>>,
    /// The latest event of each org that was sent.
    clocks: Arc<Mutex<BTreeMap<OrgId, Timestamp>>>,
    unread: Arc<Mutex<HourlyLimit>>,
}

/// Entries that are ready to be sent.
pub struct Batch {
    /// By partition, in order, each of at most [`SLICE`].
    slices: Vec<(u16, Vec<Item<Entry>>)>,
    /// Number of activities that are backfill because of their age.
    pub backfill: usize,
    /// Number of activities further behind the latest event of their org than identities are kept: the baseline sets
    /// them aside. Events that another replica sent are not known here.
    pub too_old: usize,
    /// Number of activities dated after their receipt: the baseline sets them aside.
    pub ahead: usize,
    /// The latest event of each org.
    latest: BTreeMap<OrgId, Timestamp>,
}

impl Batch {
    /// Returns the counts of the batch once it is acknowledged.
    pub fn counts(&self) -> Counts {
        let all: usize = self.slices.iter().map(|(_, items)| items.len()).sum();
        let Self { backfill, too_old, ahead, .. } = *self;
        Counts { accepted: all - too_old - ahead, backfill, too_old, ahead, ..Counts::default() }
    }
}

/// Ages of activities in milliseconds.
#[derive(Clone, Copy)]
struct Ages {
    /// From which on an activity is backfill when it is sent; `None` if none is.
    backfill: Option<i64>,
    /// Before the hour of the org's clock, from which on it is set aside.
    too_old: i64,
    /// By which the org's clock lies behind its latest event: the allowed lateness.
    lateness: i64,
}

/// The activity stream on JetStream.
struct Stream {
    publisher: Publisher<Entry>,
    prefix: String,
}

/// The stage under which dead letters are stored.
const STAGE: &str = "ingest";
/// Entries that are sent at once. A choice: few enough that one call does not hold up another for long.
const SLICE: usize = 1_024;

impl Sink {
    /// Makes a sink that sends to an outlet.
    pub fn new(outlet: Arc<dyn Outlet>, partitions: Partitions) -> Self {
        Self {
            outlet,
            partitions,
            ages: Ages { backfill: None, too_old: i64::MAX, lateness: 0 },
            lateness: Arc::default(),
            clocks: Arc::default(),
            unread: Arc::default(),
        }
    }

    /// Makes a sink that publishes on the subjects `<prefix>.v1.activity.<partition>`.
    pub fn to_stream(publisher: Publisher<Entry>, prefix: &str, partitions: Partitions) -> Self {
        Self::new(Arc::new(Stream { publisher, prefix: prefix.to_owned() }), partitions)
    }

    /// Returns the sink with another age in hours from which on activities are backfill; with 0 none is.
    #[must_use]
    pub fn with_backfill_hours(mut self, hours: u32) -> Self {
        self.ages.backfill = (hours > 0).then(|| i64::from(hours) * HOUR);
        self
    }

    /// Returns the sink with what the baseline allows: seconds of lateness, and hours for which identities are kept.
    /// Without it no activity is too old.
    #[must_use]
    pub fn with_limits(mut self, lateness_seconds: u32, identity_hours: u32) -> Self {
        self.ages.too_old = i64::from(identity_hours) * HOUR;
        self.ages.lateness = i64::from(lateness_seconds) * SECOND;
        self
    }

    /// Returns the sink with the seconds of lateness of orgs that have one of their own.
    #[must_use]
    pub fn with_lateness_of(mut self, orgs: &BTreeMap<OrgId, u32>) -> Self {
        let milliseconds = orgs.iter().map(|(org, seconds)| (org.clone(), i64::from(*seconds) * SECOND));
        self.lateness = Arc::new(milliseconds.collect());
        self
    }

    /// Returns a clone that watches activities of any age.
    #[must_use]
    pub fn watching(&self) -> Self {
        self.clone().with_backfill_hours(0)
    }

    /// Sends activities in order to their partitions; waits while too much is under way. Each carries the trace of the
    /// current span.
    ///
    /// # Errors
    /// If they cannot be published. Part of them may be sent already, so send all of them again.
    pub async fn send(&self, activities: Vec<Activity>) -> Result<Ticket, PublishError> {
        self.send_batch(self.batch(activities)).await
    }

    /// Sends a batch as [`Sink::send`] does.
    ///
    /// # Errors
    /// Those of [`Sink::send`].
    pub async fn send_batch(&self, batch: Batch) -> Result<Ticket, PublishError> {
        let Batch { slices, latest, .. } = batch;
        let ticket = self.send_rest(slices.into_iter(), Vec::new()).await?;
        self.sent(latest);
        Ok(ticket)
    }

    /// Sorts activities as backfill, which teaches and raises nothing, whatever their age. Send backfill in order of event
    /// time, before the activities that follow it.
    pub fn backfill_batch(&self, activities: Vec<Activity>) -> Batch {
        self.sort(activities, |_| true)
    }

    /// Sorts activities into those that are watched and those that are backfill because of their age.
    pub fn batch(&self, activities: Vec<Activity>) -> Batch {
        let sent = now();
        let backfill = self.ages.backfill;
        self.sort(activities, |at| backfill.is_some_and(|age| sent.since(at) > age))
    }

    /// Sends a batch as [`Sink::send`] does, unless too much is under way.
    ///
    /// # Errors
    /// [`PublishError::Busy`] if nothing was sent; otherwise those of [`Sink::send`].
    pub async fn offer(&self, batch: Batch) -> Result<Ticket, PublishError> {
        let Batch { slices, latest, .. } = batch;
        let mut slices = slices.into_iter();
        let mut tickets = Vec::new();
        if let Some((partition, items)) = slices.next() {
            tickets.push(self.outlet.try_send(partition, items)?);
        }
        // The first slice is sent, so the rest waits for room: stopping here would send the first slice twice.
        let ticket = self.send_rest(slices, tickets).await?;
        self.sent(latest);
        Ok(ticket)
    }

    /// Sends a control record to every partition of an org, after everything that was sent before.
    ///
    /// # Errors
    /// Those of [`Sink::send`].
    pub async fn command(&self, org: &OrgId, command: Command) -> Result<Ticket, PublishError> {
        let control = Entry::Control(Control { org_id: org.clone(), command });
        let item = Item { value: control, traceparent: bus::trace::current(), received_at: Some(now()) };
        let slices = self.partitions.of_org(org).into_iter().map(|partition| (partition, vec![item.clone()]));
        self.send_rest(slices, Vec::new()).await
    }

    /// Stores an unreadable record as a dead letter, and waits until that is acknowledged. A record is stored once, and
    /// at most [`MAX_PER_HOUR`] records of one org and source are stored in an hour; a log line reports the first one
    /// beyond.
    ///
    /// If the future is dropped before it resolves, the source must read the record again.
    pub async fn set_aside(&self, unread: Unread) {
        let Unread { org, source, .. } = &unread;
        let identity = unread.identity();
        let decision = self.unread().decide(org, source, identity, now());
        match decision {
            Decision::Keep => {
                self.outlet.set_aside(&unread).await;
                self.unread().kept(org, source, identity);
            }
            Decision::Drop { is_first: true } => {
                tracing::warn!(%org, source, most = MAX_PER_HOUR, "unreadable records beyond the hourly limit are dropped");
            }
            Decision::AlreadyKept | Decision::Drop { is_first: false } => {}
        }
    }

    fn unread(&self) -> MutexGuard<'_, HourlyLimit> {
        self.unread.lock().unwrap_or_else(PoisonError::into_inner)
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

    /// Sorts activities by partition, in order, in slices of at most [`SLICE`].
    fn sort(&self, activities: Vec<Activity>, is_backfill: impl Fn(Timestamp) -> bool) -> Batch {
        let (traceparent, now) = (bus::trace::current(), now());
        let mut by_partition: BTreeMap<u16, Vec<Vec<Item<Entry>>>> = BTreeMap::new();
        let (mut backfill, mut too_old, mut ahead) = (0, 0, 0);
        let mut latest: BTreeMap<OrgId, Timestamp> = BTreeMap::new();
        for activity in activities {
            let partition = self.partitions.of_activity(&activity.org_id, &activity.user_id);
            let at = activity.event_time;
            let clock = match latest.get_mut(&activity.org_id) {
                Some(clock) => clock,
                None => {
                    let known = self.clocks().get(&activity.org_id).copied();
                    latest.entry(activity.org_id.clone()).or_insert(known.unwrap_or(Timestamp(i64::MIN)))
                }
            };
            let is_ahead = activity.is_ahead_of(now);
            let is_too_old = !is_ahead && self.ages_of(&activity.org_id).are_beyond(*clock, at);
            if !is_ahead {
                *clock = at.max(*clock);
            }
            let is_backfill = is_backfill(at);
            ahead += usize::from(is_ahead);
            too_old += usize::from(is_too_old);
            backfill += usize::from(is_backfill && !is_too_old && !is_ahead);
            let activity = Box::new(activity);
            let value = if is_backfill { Entry::Backfill(activity) } else { Entry::Activity(activity) };
            let item = Item { value, traceparent: traceparent.clone(), received_at: Some(now) };
            let slices = by_partition.entry(partition).or_default();
            match slices.last_mut() {
                Some(slice) if slice.len() < SLICE => slice.push(item),
                _ => slices.push(vec![item]),
            }
        }
        let flat = |(partition, slices): (u16, Vec<_>)| slices.into_iter().map(move |items| (partition, items));
        Batch { slices: by_partition.into_iter().flat_map(flat).collect(), backfill, too_old, ahead, latest }
    }

    fn ages_of(&self, org: &OrgId) -> Ages {
        Ages { lateness: self.lateness.get(org).copied().unwrap_or(self.ages.lateness), ..self.ages }
    }

    fn clocks(&self) -> MutexGuard<'_, BTreeMap<OrgId, Timestamp>> {
        self.clocks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Moves the clocks of orgs to the latest events that were sent.
    fn sent(&self, latest: BTreeMap<OrgId, Timestamp>) {
        let mut clocks = self.clocks();
        for (org, at) in latest {
            let clock = clocks.entry(org).or_insert(at);
            *clock = at.max(*clock);
        }
    }
}

impl Ages {
    /// Whether the baseline sets an event at `at` aside when `latest` is the org's latest event. Its clock is then in the
    /// hour of `latest` less the lateness; hours of zones that are off by half an hour are taken for whole ones.
    fn are_beyond(&self, latest: Timestamp, at: Timestamp) -> bool {
        let clock = latest.0.saturating_sub(self.lateness).div_euclid(HOUR).saturating_mul(HOUR);
        clock.saturating_sub(at.0) > self.too_old
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
    async fn backfill_goes_to_the_partitions_of_activities() {
        let memory = Arc::new(Memory::default());
        let sink = sink(&memory);
        sink.send((0..40).map(activity).collect()).await.unwrap().await.unwrap();
        let batch = sink.backfill_batch((0..40).map(activity).collect());
        assert_eq!((batch.backfill, batch.too_old), (40, 0));
        sink.send_batch(batch).await.unwrap().await.unwrap();
        let sent = memory.sent();
        let (activities, backfill) = sent.split_at(40);
        let expect: Vec<_> = activities.iter().map(|(partition, id)| (*partition, format!("backfill {id}"))).collect();
        assert_eq!(backfill, expect);
    }

    #[tokio::test]
    async fn old_activities_are_backfill_unless_they_are_watched() {
        let memory = Arc::new(Memory::default());
        let sink = sink(&memory).with_backfill_hours(72).with_limits(600, 96);
        let at = |number: u128, hours: i64| Activity { event_time: now().plus(-hours * HOUR), ..activity(number) };
        let history = || vec![at(1, 400), at(2, 73), at(3, 71), at(4, 0)];
        let batch = sink.batch(history());
        assert_eq!((batch.backfill, batch.too_old), (2, 0));
        sink.offer(batch).await.unwrap().await.unwrap();
        let backfill = memory.sent().iter().filter(|(_, text)| text.starts_with("backfill")).count();
        assert_eq!((memory.sent().len(), backfill), (4, 2));

        let again = sink.watching().batch(history());
        assert_eq!((again.backfill, again.too_old), (0, 1), "400 hours before the latest event");
        assert_eq!(again.counts().accepted, 3);
        assert_eq!(sink.with_backfill_hours(0).batch(history()).backfill, 0);
    }

    #[tokio::test]
    async fn only_what_was_sent_and_is_not_ahead_moves_the_clock() {
        let memory = Arc::new(Memory::default());
        let sink = sink(&memory).with_limits(600, 96);
        let at = |number: u128, hours: i64| Activity { event_time: now().plus(-hours * HOUR), ..activity(number) };
        let batch = sink.batch(vec![at(1, 200), at(2, -1), at(3, 0)]);
        assert_eq!((batch.ahead, batch.too_old), (1, 0));
        assert_eq!((batch.counts().accepted, batch.counts().ahead), (2, 1));
        assert_eq!(sink.backfill_batch(vec![at(1, 200), at(2, -1)]).counts().backfill, 1);
        drop(batch);
        assert_eq!(sink.batch(vec![at(4, 200)]).too_old, 0, "nothing was sent");
        sink.send(vec![at(5, -1_000)]).await.unwrap().await.unwrap();
        assert_eq!(sink.batch(vec![at(6, 200)]).too_old, 0, "what was sent is ahead");
        sink.send(vec![at(7, 0)]).await.unwrap().await.unwrap();
        let counts = [at(8, 96), at(9, 98)].map(|activity| sink.batch(vec![activity]).too_old);
        assert_eq!(counts, [0, 1]);
        let late = sink.with_lateness_of(&BTreeMap::from([(OrgId::new(ORG), 6 * 3_600)]));
        let counts = [at(9, 98), at(10, 104)].map(|activity| late.batch(vec![activity]).too_old);
        assert_eq!(counts, [0, 1], "6 hours of lateness");
    }

    #[tokio::test]
    async fn clones_store_an_unreadable_record_once() {
        let memory = Arc::new(Memory::default());
        let sink = sink(&memory);
        let (source, position, reason) = ("stored/LoginEvent".to_owned(), "1".to_owned(), "no time".to_owned());
        let unread = Unread { org: OrgId::new(ORG), source, position, reason, record: Bytes::from_static(b"{}") };
        sink.set_aside(unread.clone()).await;
        sink.clone().set_aside(unread.clone()).await;
        assert_eq!(memory.aside(), [unread]);
    }
}
