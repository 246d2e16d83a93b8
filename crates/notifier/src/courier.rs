//! Brings changes to channels, and remembers what became of each.
//!
//! A delivery is claimed, durably, before it is sent for the first time. While it is claimed nobody else sends it; once
//! it is confirmed nobody ever does. If this process dies in between, the claim ends by itself and the delivery is sent
//! again under the same identity: a receiver that took it without our knowing gets it twice.

use crate::channel::Channel;
use crate::decide::{Decision, decide};
use crate::deliveries::Deliveries;
use crate::error::chain;
use crate::events::{Events, Filtered};
use crate::limit::{Limiter, WINDOW};
use crate::message::Message;
use crate::retry;
use crate::sink::{SendError, Sink};
use model::{Change, Item, Timestamp};
use runtime::retry::{Backoff, random};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use store::{Claim, DeliveryKey, StoreError};
use tokio::time::Instant;
use tokio_util::task::TaskTracker;
use tracing::{Instrument, Span};

pub(crate) struct Courier<D, S> {
    deliveries: D,
    routes: Vec<Arc<Route<S>>>,
    console_url: Option<String>,
    events: Events,
    /// Messages under way.
    sending: TaskTracker,
    started: Instant,
}

/// A channel, and what it takes to tell it.
pub(crate) struct Route<S> {
    channel: Channel,
    sink: S,
    limiter: Mutex<Limiter<Parcel>>,
}

/// A claimed delivery with what it delivers.
#[derive(Clone, Debug)]
struct Parcel {
    key: DeliveryKey,
    attempt: u32,
    item: Arc<Item<Change>>,
    /// When the change was recorded.
    since: Timestamp,
    /// When the claim ends.
    until: Instant,
}

/// How much longer a claim lasts than the longest wait for a digest and the attempt to send it.
const MARGIN: Duration = Duration::from_secs(15);
/// Deliveries fetched at once to be tried again.
const DUE: u32 = 100;
/// Another replica, with newer settings, may know a channel that this one does not.
const UNKNOWN_CHANNEL: Duration = Duration::from_secs(600);
const UNKNOWN_CHANNEL_ATTEMPTS: u32 = 12;
/// Links that a span keeps.
const LINKS: usize = 128;

impl<S> Route<S> {
    pub(crate) fn new(channel: Channel, sink: S) -> Self {
        let limiter = Mutex::new(Limiter::new(channel.rate_per_minute));
        Self { channel, sink, limiter }
    }

    fn lease(&self) -> Duration {
        WINDOW + self.channel.timeout + MARGIN
    }

    fn limiter(&self) -> MutexGuard<'_, Limiter<Parcel>> {
        // Nothing that holds the lock can leave the limiter half changed.
        self.limiter.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<D: Deliveries, S: Sink> Courier<D, S> {
    pub(crate) fn new(deliveries: D, routes: Vec<Route<S>>, console_url: Option<String>) -> Arc<Self> {
        let routes = routes.into_iter().map(Arc::new).collect();
        let (events, sending, started) = (Events::new(), TaskTracker::new(), Instant::now());
        Arc::new(Self { deliveries, routes, console_url, events, sending, started })
    }

    /// Returns when the change will be told, whatever happens, to every channel that it is for. The same change again
    /// changes nothing, but for deliveries that were given up before `since`, when it was recorded: they begin anew.
    pub(crate) async fn accept(self: &Arc<Self>, item: Item<Change>, since: Timestamp) -> Result<(), StoreError> {
        let item = Arc::new(item);
        for route in &self.routes {
            let (channel, change) = (&route.channel, &item.value);
            let filtered = match decide(change, channel) {
                Decision::Deliver => None,
                Decision::DeliverIfTold => (!self.deliveries.told(change, channel).await?).then_some(Filtered::Untold),
                Decision::Filtered(reason) => Some(Filtered::Decided(reason)),
            };
            if let Some(filtered) = filtered {
                self.events.filtered(&channel.name, filtered);
                continue;
            }
            let (incident_id, revision) = (change.incident.incident_id, change.incident.revision);
            let key = DeliveryKey { incident_id, revision, destination: channel.name.clone() };
            let until = Instant::now() + route.lease();
            let attempt = match self.deliveries.claim(&key, route.lease()).await? {
                Claim::Send { attempt } => attempt,
                // Only a dead letter that is replayed is recorded after its delivery was given up.
                Claim::GivenUp if self.deliveries.revive(&key, route.lease(), since).await? => 1,
                Claim::GivenUp | Claim::Wait { .. } | Claim::AlreadyConfirmed | Claim::Suppressed => continue,
            };
            self.dispatch(route, Parcel { key, attempt, item: Arc::clone(&item), since, until });
        }
        Ok(())
    }

    /// Takes up what is due again: what failed, and what another process claimed and never finished.
    pub(crate) async fn retry_due(self: &Arc<Self>) -> Result<(), StoreError> {
        for key in self.deliveries.due(DUE).await? {
            let Some(route) = self.routes.iter().find(|route| route.channel.name == key.destination) else {
                self.postpone_unknown(&key).await?;
                continue;
            };
            let until = Instant::now() + route.lease();
            let Claim::Send { attempt } = self.deliveries.claim(&key, route.lease()).await? else { continue };
            match self.deliveries.change(&key).await? {
                Some((change, since)) => {
                    // The trace is not kept with the delivery.
                    let item = Arc::new(Item::new(change));
                    self.dispatch(route, Parcel { key, attempt, item, since, until });
                }
                None => {
                    const REASON: &str = "the history of the incident does not have this revision";
                    self.give_up(&key, attempt, None, REASON).await;
                }
            }
        }
        Ok(())
    }

    /// Tells what was gathered by channels whose window has ended.
    pub(crate) fn close_windows(self: &Arc<Self>) {
        for route in &self.routes {
            let gathered = route.limiter().close(self.started.elapsed());
            if !gathered.is_empty() {
                self.send_soon(route, gathered);
            }
        }
    }

    /// Waits for what is under way, and gives back what was gathered, to be told by another process.
    pub(crate) async fn finish(&self) {
        self.sending.close();
        for route in &self.routes {
            let gathered = route.limiter().drain();
            for Parcel { key, attempt, .. } in gathered {
                let now = Some(Duration::ZERO);
                self.note(|| self.deliveries.failed(&key, attempt, now, "stopped before its digest was due")).await;
            }
        }
        self.sending.wait().await;
    }

    fn dispatch(self: &Arc<Self>, route: &Arc<Route<S>>, parcel: Parcel) {
        let offered = route.limiter().offer(parcel, self.started.elapsed());
        match offered {
            Some(parcel) => self.send_soon(route, vec![parcel]),
            None => self.events.gathered(&route.channel.name),
        }
    }

    /// Each message is sent for itself, so that a slow answer keeps none waiting; revisions tell receivers the order.
    fn send_soon(self: &Arc<Self>, route: &Arc<Route<S>>, parcels: Vec<Parcel>) {
        let (courier, route) = (Arc::clone(self), Arc::clone(route));
        self.sending.spawn(async move { courier.send(&route, parcels).await });
    }

    async fn send(&self, route: &Route<S>, mut parcels: Vec<Parcel>) {
        // Whose claim may end during the attempt, after this process was held up, may be taken up by another one.
        parcels.retain(|parcel| Instant::now() + route.channel.timeout <= parcel.until);
        let Some(message) = self.message(&parcels) else { return };
        let span = span(&route.channel.name, &parcels);
        let outcome = route.sink.send(&message).instrument(span.clone()).await;
        if let Err(error) = &outcome {
            span.record("otel.status_code", "ERROR").record("otel.status_description", error.to_string());
        }
        match outcome {
            Ok(()) => {
                for parcel in &parcels {
                    self.confirm(parcel).await;
                }
            }
            Err(SendError::Retry { after, reason }) => {
                if after.is_some() {
                    route.limiter().pause(self.started.elapsed());
                }
                // The same for all, so that what was one message comes back together.
                let random = random();
                for Parcel { key, attempt, item, .. } in &parcels {
                    match retry::delay(*attempt, route.channel.max_attempts, after, random) {
                        Some(delay) => self.try_later(key, *attempt, delay, &reason).await,
                        None => self.give_up(key, *attempt, Some(item), &reason).await,
                    }
                }
            }
            Err(SendError::Refused(reason)) => {
                for Parcel { key, attempt, item, .. } in &parcels {
                    self.give_up(key, *attempt, Some(item), &reason).await;
                }
            }
        }
    }

    fn message(&self, parcels: &[Parcel]) -> Option<Message> {
        let console_url = self.console_url.as_deref();
        if let [Parcel { item, .. }] = parcels {
            return Some(Message::of_change(item.value.clone(), item.traceparent.clone(), console_url));
        }
        Message::of_digest(parcels.iter().map(|parcel| &parcel.item.value), console_url)
    }

    async fn confirm(&self, parcel: &Parcel) {
        let Parcel { key, attempt, since, .. } = parcel;
        self.note(|| self.deliveries.confirmed(key)).await;
        self.events.confirmed(key, *attempt, *since, crate::clock::now());
    }

    async fn try_later(&self, key: &DeliveryKey, attempt: u32, delay: Duration, reason: &str) {
        self.note(|| self.deliveries.failed(key, attempt, Some(delay), reason)).await;
        self.events.retried(key, attempt, delay, reason);
    }

    /// The change, where there is one, is set aside first: what cannot be is left to be tried again when its claim ends.
    async fn give_up(&self, key: &DeliveryKey, attempt: u32, item: Option<&Item<Change>>, reason: &str) {
        if let Some(item) = item
            && !self.deliveries.set_aside(item, &format!("channel {}: {reason}", key.destination)).await
        {
            self.events.kept(key, attempt, reason);
            return;
        }
        self.note(|| self.deliveries.failed(key, attempt, None, reason)).await;
        self.events.failed(key, attempt, reason);
    }

    async fn postpone_unknown(&self, key: &DeliveryKey) -> Result<(), StoreError> {
        const REASON: &str = "no channel of this name is configured";
        if let Claim::Send { attempt } = self.deliveries.claim(key, UNKNOWN_CHANNEL).await? {
            if attempt < UNKNOWN_CHANNEL_ATTEMPTS {
                self.try_later(key, attempt, UNKNOWN_CHANNEL, REASON).await;
            } else {
                let item = self.deliveries.change(key).await?.map(|(change, _)| Item::new(change));
                self.give_up(key, attempt, item.as_ref(), REASON).await;
            }
        }
        Ok(())
    }

    /// Writes down what became of a delivery, if need be after some attempts. What cannot be written down is forgotten:
    /// the delivery comes again when its claim ends.
    async fn note<F: Future<Output = Result<bool, StoreError>>>(&self, write: impl Fn() -> F) {
        const ATTEMPTS: usize = 5;
        let mut delays = Backoff::new(Duration::from_millis(100), Duration::from_secs(2), random).take(ATTEMPTS);
        while let Err(error) = write().await {
            match delays.next().filter(|_| error.is_transient()) {
                Some(delay) => tokio::time::sleep(delay).await,
                None => {
                    let error = chain(&error);
                    tracing::error!(error, "the outcome of a delivery was not written down, it will be made again");
                    return;
                }
            }
        }
    }
}

fn span(channel: &str, parcels: &[Parcel]) -> Span {
    let span = tracing::info_span!(
        "send",
        otel.name = format!("send {channel}"),
        otel.kind = "client",
        otel.status_code = tracing::field::Empty,
        otel.status_description = tracing::field::Empty,
        orgwatch.service = "notifier",
        orgwatch.channel = channel,
        orgwatch.changes = parcels.len(),
    );
    match parcels {
        [parcel] => bus::trace::parent(&span, &parcel.item.traceparent),
        _ => parcels.iter().take(LINKS).for_each(|parcel| bus::trace::link(&span, &parcel.item.traceparent)),
    }
    span
}

#[cfg(test)]
mod tests;
