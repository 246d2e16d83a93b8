//! Sends changes to destinations, and records the outcome of each delivery.
//!
//! A delivery is claimed in the database before it is first sent. While the claim lasts no other process sends it; once
//! it is confirmed, none ever does. If this process dies in between, the claim expires and the delivery is sent again
//! under the same id, so a receiver that took it without our knowing gets it twice.

use crate::deliveries::Deliveries;
use crate::destination::Destination;
use crate::events::{Events, Filtered};
use crate::message::{Content, Frame, Message};
use crate::sink::{SendError, Sink};
use model::{Change, Item, Timestamp, Uuid};
use risk::notify::{Decision, Hold, Limiter, Offered, Turn, WINDOW, decide, is_named_alone};
use runtime::error::chain;
use runtime::retry::{Attempts, Backoff, random};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use store::{Claim, DeliveryKey, StoreError};
use tokio::time::Instant;
use tokio_util::task::TaskTracker;
use tracing::{Instrument, Span};

/// All destinations, with the record of deliveries.
pub(crate) struct Dispatcher<D, S> {
    deliveries: D,
    senders: Vec<Arc<Sender<S>>>,
    frame: Frame,
    events: Events,
    /// Messages in flight.
    sending: TaskTracker,
    started: Instant,
}

/// A destination with its sink and its rate limit.
pub(crate) struct Sender<S> {
    destination: Destination,
    sink: S,
    limiter: Mutex<Limiter<ClaimedDelivery>>,
}

/// A delivery that this process has claimed.
#[derive(Clone, Debug)]
struct ClaimedDelivery {
    key: DeliveryKey,
    /// From 1.
    attempt: u32,
    item: Arc<Item<Change>>,
    /// When the change was published.
    published_at: Timestamp,
    /// When the claim expires.
    expires: Instant,
}

/// How much longer a claim lasts than the longest wait for a digest and the timeout: time to record the outcome.
const MARGIN: Duration = Duration::from_secs(15);
/// The most deliveries to read at once for another attempt.
const DUE: u32 = 100;
/// Delay and attempts for a delivery to a destination that is not configured here: two hours in all. A replica with newer
/// settings may know the destination.
const UNKNOWN_DESTINATION: Duration = Duration::from_secs(600);
const UNKNOWN_DESTINATION_ATTEMPTS: u32 = 12;
/// Delays between attempts. With the default of eight attempts, the last comes half an hour after the first on average.
const BASE: Duration = Duration::from_secs(30);
const CAP: Duration = Duration::from_secs(3_600);
/// The longest time until it is looked again whether a snooze still holds: a person may have shortened it.
const SNOOZE: Duration = Duration::from_secs(3_600);
/// The most changes of one digest, so that a receiver with a limit on bodies gets it: at about 400 bytes each, 200 kB.
const DIGEST: usize = 500;
/// The most links of a span: OpenTelemetry's default limit.
const LINKS: usize = 128;

impl<S> Sender<S> {
    pub(crate) fn new(destination: Destination, sink: S) -> Self {
        let limiter = Mutex::new(Limiter::new(destination.rate_per_minute));
        Self { destination, sink, limiter }
    }

    /// How long a claim lasts: long enough to wait for a digest and to send it.
    fn lease(&self) -> Duration {
        WINDOW + self.destination.timeout + MARGIN
    }

    fn limiter(&self) -> MutexGuard<'_, Limiter<ClaimedDelivery>> {
        // No code that holds the lock can panic between two changes of the limiter.
        self.limiter.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<D: Deliveries, S: Sink> Dispatcher<D, S> {
    pub(crate) fn new(deliveries: D, senders: Vec<Sender<S>>, frame: Frame) -> Arc<Self> {
        let senders = senders.into_iter().map(Arc::new).collect();
        let (events, sending, started) = (Events::new(), TaskTracker::new(), Instant::now());
        Arc::new(Self { deliveries, senders, frame, events, sending, started })
    }

    /// Claims the deliveries of a change and starts to send them. Once it returns, they are recorded and will be sent
    /// even if this process dies.
    ///
    /// The same change again has no effect, except on deliveries that were given up before `published_at`: they start
    /// over.
    pub(crate) async fn accept(
        self: &Arc<Self>,
        item: Item<Change>,
        published_at: Timestamp,
    ) -> Result<(), StoreError> {
        let item = Arc::new(item);
        for sender in &self.senders {
            let (destination, change) = (&sender.destination, &item.value);
            let filtered = match decide(change, &destination.filter) {
                Decision::Notify => None,
                Decision::NotifyIfNotifiedBefore => {
                    let was_notified = self.deliveries.was_notified(change, &destination.filter).await?;
                    (!was_notified).then_some(Filtered::NeverNotified)
                }
                Decision::Skip(reason) => Some(Filtered::Skipped(reason)),
            };
            if let Some(filtered) = filtered {
                self.events.filtered(&destination.name, filtered);
                continue;
            }
            let (incident_id, revision) = (change.incident.incident_id, change.incident.revision);
            let key = DeliveryKey { incident_id, revision, destination: destination.name.clone() };
            let expires = Instant::now() + sender.lease();
            let attempt = match self.deliveries.claim(&key, sender.lease()).await? {
                Claim::Send { attempt } => attempt,
                // Only a replayed dead letter is published after its delivery was given up.
                Claim::GivenUp if self.deliveries.revive(&key, sender.lease(), published_at).await? => 1,
                Claim::GivenUp | Claim::Wait { .. } | Claim::AlreadyConfirmed | Claim::Counted | Claim::Suppressed => {
                    continue;
                }
            };
            let item = Arc::clone(&item);
            let turn = if is_named_alone(&item.value) { Turn::Alone } else { Turn::Gather };
            self.offer(sender, ClaimedDelivery { key, attempt, item, published_at, expires }, turn).await?;
        }
        Ok(())
    }

    /// Starts the next attempt of deliveries that are due: those that failed or waited, and those with an expired
    /// claim.
    pub(crate) async fn retry_due(self: &Arc<Self>) -> Result<(), StoreError> {
        for key in self.deliveries.due(DUE).await? {
            let Some(sender) = self.senders.iter().find(|sender| sender.destination.name == key.destination) else {
                self.postpone_unknown(&key).await?;
                continue;
            };
            let expires = Instant::now() + sender.lease();
            let Claim::Send { attempt } = self.deliveries.claim(&key, sender.lease()).await? else { continue };
            match self.deliveries.change(&key).await? {
                Some((change, published_at)) => {
                    // The delivery is stored without its trace.
                    let item = Arc::new(Item::new(change));
                    let turn = if is_named_alone(&item.value) { Turn::Waited } else { Turn::Gather };
                    self.offer(sender, ClaimedDelivery { key, attempt, item, published_at, expires }, turn).await?;
                }
                None => {
                    const REASON: &str = "the history of the incident does not have this revision";
                    self.give_up(&key, attempt, None, REASON).await;
                }
            }
        }
        Ok(())
    }

    /// Sends the digests of destinations with an ended window.
    pub(crate) fn close_windows(self: &Arc<Self>) {
        for sender in &self.senders {
            let gathered = sender.limiter().close(self.started.elapsed());
            gathered.chunks(DIGEST).for_each(|part| self.send_soon(sender, part.to_vec()));
        }
    }

    /// Waits for the messages in flight, and releases the claims of gathered deliveries, so that another process sends
    /// them at once.
    pub(crate) async fn finish(&self) {
        self.sending.close();
        for sender in &self.senders {
            let gathered = sender.limiter().drain();
            for ClaimedDelivery { key, attempt, .. } in gathered {
                let at_once = Some(Duration::ZERO);
                self.record(|| self.deliveries.failed(&key, attempt, at_once, "stopped before its digest was due"))
                    .await;
            }
        }
        self.sending.wait().await;
    }

    /// Dispatches a delivery, unless its incident is snoozed: then it waits in the database.
    async fn offer(
        self: &Arc<Self>,
        sender: &Arc<Sender<S>>,
        delivery: ClaimedDelivery,
        turn: Turn,
    ) -> Result<(), StoreError> {
        match self.deliveries.hold(&delivery.item.value, delivery.published_at).await? {
            Hold::Send => self.dispatch(sender, delivery, turn).await,
            Hold::Wait(left) => {
                let ClaimedDelivery { key, attempt, .. } = delivery;
                let wait = Duration::from_millis(left.unsigned_abs()).min(SNOOZE);
                self.record(|| self.deliveries.postponed(&key, attempt, wait)).await;
                self.events.snoozed(&key, wait);
            }
            Hold::Drop => {
                self.record(|| self.deliveries.suppressed(&delivery.key)).await;
                self.events.suppressed(&delivery.key);
            }
        }
        Ok(())
    }

    async fn dispatch(self: &Arc<Self>, sender: &Arc<Sender<S>>, delivery: ClaimedDelivery, turn: Turn) {
        let offered = sender.limiter().offer(delivery, turn, self.started.elapsed());
        match offered {
            Offered::Send(delivery) => self.send_soon(sender, vec![delivery]),
            Offered::Gathered => self.events.gathered(&sender.destination.name),
            // It waits in the database, so neither a crash nor a long queue loses it.
            Offered::Wait(ClaimedDelivery { key, attempt, .. }, wait) => {
                self.record(|| self.deliveries.postponed(&key, attempt, wait)).await;
                self.events.waiting(&key, wait);
            }
        }
    }

    /// Sends in a task of its own: a slow receiver delays no other message. Receivers order messages by revision.
    fn send_soon(self: &Arc<Self>, sender: &Arc<Sender<S>>, deliveries: Vec<ClaimedDelivery>) {
        let (dispatcher, sender) = (Arc::clone(self), Arc::clone(sender));
        self.sending.spawn(async move { dispatcher.send(&sender, deliveries).await });
    }

    async fn send(&self, sender: &Sender<S>, mut deliveries: Vec<ClaimedDelivery>) {
        // After a pause of this process, skip deliveries with a claim that could expire during the attempt.
        deliveries.retain(|delivery| Instant::now() + sender.destination.timeout <= delivery.expires);
        let Some(message) = self.message(&deliveries) else { return };
        let span = span(&sender.destination.name, &deliveries);
        let outcome = sender.sink.send(&message).instrument(span.clone()).await;
        if let Err(error) = &outcome {
            span.record("otel.status_code", "ERROR").record("otel.status_description", error.to_string());
        }
        match outcome {
            Ok(()) => {
                let named = named(&message, &sender.sink);
                for delivery in &deliveries {
                    if named.contains(&delivery.key.incident_id) {
                        self.confirm(delivery).await;
                    } else {
                        self.record(|| self.deliveries.counted(&delivery.key)).await;
                        self.events.counted(&delivery.key);
                    }
                }
            }
            Err(SendError::Retry { after, reason }) => {
                if after.is_some() {
                    sender.limiter().pause(self.started.elapsed());
                }
                let attempts = Attempts { base: BASE, cap: CAP, most: sender.destination.max_attempts };
                // One random number for all: the deliveries of a digest come due together and form a digest again.
                let random = random();
                for ClaimedDelivery { key, attempt, item, .. } in &deliveries {
                    match attempts.delay(*attempt, after, random) {
                        Some(delay) => self.retry_later(key, *attempt, delay, &reason).await,
                        None => self.give_up(key, *attempt, Some(item), &reason).await,
                    }
                }
            }
            Err(SendError::Refused(reason)) => {
                for ClaimedDelivery { key, attempt, item, .. } in &deliveries {
                    self.give_up(key, *attempt, Some(item), &reason).await;
                }
            }
        }
    }

    fn message(&self, deliveries: &[ClaimedDelivery]) -> Option<Message> {
        let now = runtime::clock::now();
        if let [ClaimedDelivery { item, .. }] = deliveries {
            return Some(Message::of_change(item.value.clone(), item.traceparent.clone(), &self.frame, now));
        }
        Message::of_digest(deliveries.iter().map(|delivery| &delivery.item.value), &self.frame, now)
    }

    async fn confirm(&self, delivery: &ClaimedDelivery) {
        let ClaimedDelivery { key, attempt, published_at, .. } = delivery;
        self.record(|| self.deliveries.confirmed(key)).await;
        self.events.confirmed(key, *attempt, *published_at, runtime::clock::now());
    }

    async fn retry_later(&self, key: &DeliveryKey, attempt: u32, delay: Duration, reason: &str) {
        self.record(|| self.deliveries.failed(key, attempt, Some(delay), reason)).await;
        self.events.retried(key, attempt, delay, reason);
    }

    /// Writes the change, if there is one, to the dead stream before the delivery is marked as failed. If that is not
    /// possible, the delivery is tried again when its claim expires.
    async fn give_up(&self, key: &DeliveryKey, attempt: u32, item: Option<&Item<Change>>, reason: &str) {
        if let Some(item) = item
            && !self.deliveries.dead_letter(item, &format!("destination {}: {reason}", key.destination)).await
        {
            self.events.kept(key, attempt, reason);
            return;
        }
        self.record(|| self.deliveries.failed(key, attempt, None, reason)).await;
        self.events.failed(key, attempt, reason);
    }

    async fn postpone_unknown(&self, key: &DeliveryKey) -> Result<(), StoreError> {
        const REASON: &str = "no destination of this name is configured";
        if let Claim::Send { attempt } = self.deliveries.claim(key, UNKNOWN_DESTINATION).await? {
            if attempt < UNKNOWN_DESTINATION_ATTEMPTS {
                self.retry_later(key, attempt, UNKNOWN_DESTINATION, REASON).await;
            } else {
                let item = self.deliveries.change(key).await?.map(|(change, _)| Item::new(change));
                self.give_up(key, attempt, item.as_ref(), REASON).await;
            }
        }
        Ok(())
    }

    /// Records an outcome, in several attempts if the database is away. An outcome that cannot be recorded is lost: the
    /// delivery is sent again when its claim expires.
    async fn record<F: Future<Output = Result<bool, StoreError>>>(&self, write: impl Fn() -> F) {
        const RETRIES: usize = 5;
        let mut delays = Backoff::new(Duration::from_millis(100), Duration::from_secs(2), random).take(RETRIES);
        while let Err(error) = write().await {
            match delays.next().filter(|_| error.is_transient()) {
                Some(delay) => tokio::time::sleep(delay).await,
                None => {
                    let error = chain(&error);
                    tracing::error!(error, "the outcome of a delivery cannot be recorded, it will be sent again");
                    return;
                }
            }
        }
    }
}

/// Returns the incidents that a message names to people or machines.
fn named<S: Sink>(message: &Message, sink: &S) -> BTreeSet<Uuid> {
    match &message.content {
        Content::Change(change) => BTreeSet::from([change.incident.incident_id]),
        Content::Digest(digest) => {
            digest.entries.iter().take(sink.named(digest)).map(|entry| entry.incident_id).collect()
        }
    }
}

/// Starts a span in the trace of the change, or one with links to the traces of all changes of a digest.
fn span(destination: &str, deliveries: &[ClaimedDelivery]) -> Span {
    let span = tracing::info_span!(
        "send",
        otel.name = format!("send {destination}"),
        otel.kind = "client",
        otel.status_code = tracing::field::Empty,
        otel.status_description = tracing::field::Empty,
        orgwatch.service = "notifier",
        orgwatch.channel = destination,
        orgwatch.changes = deliveries.len(),
    );
    let traceparents = deliveries.iter().map(|delivery| &delivery.item.traceparent);
    match deliveries {
        [delivery] => bus::trace::parent(&span, &delivery.item.traceparent),
        _ => traceparents.take(LINKS).for_each(|traceparent| bus::trace::link(&span, traceparent)),
    }
    span
}

#[cfg(test)]
mod tests;
