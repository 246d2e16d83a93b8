//! The task that owns all lanes.

use super::lane::{Lane, Parcel};
use super::{HEADER_BYTES, Request};
use crate::{Bus, subject, trace};
use async_nats::HeaderMap;
use async_nats::header::NATS_MESSAGE_ID;
use async_nats::jetstream::message::PublishMessage;
use bytes::Bytes;
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use runtime::retry::Backoff;
use std::collections::{HashMap, VecDeque};
use std::future::IntoFuture;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use xxhash_rust::xxh3::Xxh3;

/// How long to wait for the acknowledgement of a message before sending it again.
const ACK_WAIT: Duration = Duration::from_secs(2);

pub(super) struct Actor {
    bus: Bus,
    linger: Duration,
    abandon: CancellationToken,
    lanes: HashMap<String, Lane>,
    /// When lanes are due, in that order: each waits equally long.
    due: VecDeque<(Instant, String)>,
    /// Batches under way; each resolves to its subject.
    under_way: FuturesUnordered<BoxFuture<'static, Option<String>>>,
}

impl Actor {
    pub(super) fn new(bus: Bus, linger: Duration, abandon: CancellationToken) -> Self {
        let (lanes, due, under_way) = (HashMap::new(), VecDeque::new(), FuturesUnordered::new());
        Self { bus, linger, abandon, lanes, due, under_way }
    }

    /// Until all senders are gone and all is sent, or abandoned.
    pub(super) async fn run(mut self, mut requests: mpsc::UnboundedReceiver<Request>) {
        let mut open = true;
        while open || !self.lanes.is_empty() {
            let due = self.due.front().map(|(at, _)| *at);
            tokio::select! {
                biased;
                () = self.abandon.cancelled() => return,
                Some(subject) = self.under_way.next() => match subject {
                    Some(subject) => self.through(&subject),
                    None => return,
                },
                () = at(due), if due.is_some() => self.issue_due(),
                request = requests.recv(), if open => match request {
                    Some(request) => self.enqueue(request),
                    None => {
                        open = false;
                        self.linger = Duration::ZERO;
                        self.issue_all();
                    }
                },
            }
        }
    }

    fn enqueue(&mut self, request: Request) {
        if request.items.is_empty() {
            return;
        }
        let now = Instant::now();
        let lane = self.lanes.entry(request.subject.clone()).or_default();
        let first = lane.is_empty();
        lane.push(request.items, now);
        if lane.busy {
            return;
        }
        if self.linger.is_zero() || lane.is_full(limit(&self.bus)) {
            self.issue(&request.subject);
        } else if first {
            self.due.push_back((now + self.linger, request.subject));
        }
    }

    /// The batch that was under way on this subject is stored.
    fn through(&mut self, subject: &str) {
        let Some(lane) = self.lanes.get_mut(subject) else { return };
        lane.busy = false;
        let Some(since) = lane.since() else {
            self.lanes.remove(subject);
            return;
        };
        let at = since + self.linger;
        if at <= Instant::now() || lane.is_full(limit(&self.bus)) {
            self.issue(subject);
        } else {
            // Lanes that were busy are due a little earlier than those that came last, so the order needs a look.
            let place = self.due.partition_point(|(other, _)| *other <= at);
            self.due.insert(place, (at, subject.to_owned()));
        }
    }

    fn issue_due(&mut self) {
        let now = Instant::now();
        while self.due.front().is_some_and(|(at, _)| *at <= now) {
            let Some((_, subject)) = self.due.pop_front() else { return };
            self.issue(&subject);
        }
    }

    fn issue_all(&mut self) {
        let subjects: Vec<String> = self.lanes.keys().cloned().collect();
        subjects.iter().for_each(|subject| self.issue(subject));
    }

    fn issue(&mut self, subject: &str) {
        let Some(lane) = self.lanes.get_mut(subject).filter(|lane| !lane.busy) else { return };
        let Some(parcel) = lane.next(limit(&self.bus), Instant::now()) else { return };
        lane.busy = true;
        let sent = deliver(self.bus.clone(), subject.to_owned(), parcel, self.abandon.clone());
        self.under_way.push(Box::pin(sent));
    }
}

async fn at(due: Option<Instant>) {
    match due {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// Bytes that a batch may have.
fn limit(bus: &Bus) -> usize {
    bus.client.max_payload().saturating_sub(HEADER_BYTES)
}

/// Sends one batch until it is stored, and tells those who wait for it. `None` when abandoned.
async fn deliver(bus: Bus, subject: String, parcel: Parcel, abandon: CancellationToken) -> Option<String> {
    let mut headers = HeaderMap::new();
    if trace::is_whole(&parcel.traceparent) {
        headers.insert("traceparent", parcel.traceparent.as_str());
    }
    headers.insert(NATS_MESSAGE_ID, message_id(&subject, &parcel.bytes));
    let message = PublishMessage::build().headers(headers).payload(Bytes::from(parcel.bytes));
    tokio::select! {
        () = abandon.cancelled() => return None,
        () = store(&bus, &subject, message) => {}
    }
    parcel.waiting.iter().for_each(|waiting| waiting.one_less());
    Some(subject)
}

/// Publishes until the server has acknowledged.
pub(crate) async fn store(bus: &Bus, subject: &str, message: PublishMessage) {
    let mut delays = Backoff::steady(Duration::from_millis(50), Duration::from_secs(5));
    loop {
        let started = Instant::now();
        let Err(error) = attempt(bus, subject, message.clone()).await else {
            bus.meter.sent(subject::word(subject), started.elapsed());
            return;
        };
        tracing::warn!(%subject, %error, "nats: not acknowledged, sending again");
        tokio::time::sleep(delays.delay()).await;
    }
}

async fn attempt(bus: &Bus, subject: &str, message: PublishMessage) -> Result<(), String> {
    let sent = async {
        let acknowledged = bus.context.send_publish(subject.to_owned(), message).await?;
        acknowledged.into_future().await
    };
    match tokio::time::timeout(ACK_WAIT, sent).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("timed out".to_owned()),
    }
}

/// The same content on the same subject has the same id: what is sent again within the duplicate window is stored once.
fn message_id(subject: &str, bytes: &[u8]) -> String {
    let mut hash = Xxh3::new();
    hash.update(subject.as_bytes());
    hash.update(&[0]);
    hash.update(bytes);
    format!("{:032x}", hash.digest128())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_id_is_derived() {
        insta::assert_snapshot!(message_id("orgwatch.v1.finding.3", b"abc"), @"e6efe326c10c9fbc1dd95919f4320cee");
        assert_ne!(message_id("a", b"bc"), message_id("ab", b"c"));
    }
}
