//! The task that owns the queues of all subjects and sends their batches.

use super::queue::{Payload, SubjectQueue};
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

/// How long to wait for the acknowledgment of a message before sending it again. Usually it takes milliseconds; after a
/// loss of the connection it never arrives.
const ACK_WAIT: Duration = Duration::from_secs(2);

pub(super) struct Actor {
    bus: Bus,
    linger: Duration,
    abandon: CancellationToken,
    queues: HashMap<String, SubjectQueue>,
    /// Subjects by the time at which their batch is due, earliest first.
    due: VecDeque<(Instant, String)>,
    /// Batches in flight; each resolves to its subject.
    in_flight: FuturesUnordered<BoxFuture<'static, Option<String>>>,
}

impl Actor {
    pub(super) fn new(bus: Bus, linger: Duration, abandon: CancellationToken) -> Self {
        let (queues, due, in_flight) = (HashMap::new(), VecDeque::new(), FuturesUnordered::new());
        Self { bus, linger, abandon, queues, due, in_flight }
    }

    /// Runs until all senders are dropped and everything is sent, or until `abandon`.
    pub(super) async fn run(mut self, mut requests: mpsc::UnboundedReceiver<Request>) {
        let mut open = true;
        while open || !self.queues.is_empty() {
            let due = self.due.front().map(|(at, _)| *at);
            tokio::select! {
                biased;
                () = self.abandon.cancelled() => return,
                Some(subject) = self.in_flight.next() => match subject {
                    Some(subject) => self.stored(&subject),
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
        let queue = self.queues.entry(request.subject.clone()).or_default();
        let first = queue.is_empty();
        queue.push(request.items, now);
        if queue.in_flight {
            return;
        }
        if self.linger.is_zero() || queue.is_full(limit(&self.bus)) {
            self.issue(&request.subject);
        } else if first {
            self.due.push_back((now + self.linger, request.subject));
        }
    }

    /// Goes on with a subject after its batch was stored.
    fn stored(&mut self, subject: &str) {
        let Some(queue) = self.queues.get_mut(subject) else { return };
        queue.in_flight = false;
        let Some(since) = queue.since() else {
            self.queues.remove(subject);
            return;
        };
        let at = since + self.linger;
        if at <= Instant::now() || queue.is_full(limit(&self.bus)) {
            self.issue(subject);
        } else {
            // Its items may be older than those of subjects that are queued already.
            let index = self.due.partition_point(|(other, _)| *other <= at);
            self.due.insert(index, (at, subject.to_owned()));
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
        let subjects: Vec<String> = self.queues.keys().cloned().collect();
        subjects.iter().for_each(|subject| self.issue(subject));
    }

    fn issue(&mut self, subject: &str) {
        let Some(queue) = self.queues.get_mut(subject).filter(|queue| !queue.in_flight) else { return };
        let Some(payload) = queue.next(limit(&self.bus), Instant::now()) else { return };
        queue.in_flight = true;
        let sent = deliver(self.bus.clone(), subject.to_owned(), payload, self.abandon.clone());
        self.in_flight.push(Box::pin(sent));
    }
}

async fn at(due: Option<Instant>) {
    match due {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// Returns the largest size of a batch in bytes.
fn limit(bus: &Bus) -> usize {
    bus.client.max_payload().saturating_sub(HEADER_BYTES)
}

/// Sends one batch until it is stored, and acknowledges its items to their calls. Returns `None` when abandoned.
async fn deliver(bus: Bus, subject: String, payload: Payload, abandon: CancellationToken) -> Option<String> {
    let mut headers = HeaderMap::new();
    if trace::is_whole(&payload.traceparent) {
        headers.insert("traceparent", payload.traceparent.as_str());
    }
    headers.insert(NATS_MESSAGE_ID, message_id(&subject, &payload.bytes));
    let message = PublishMessage::build().headers(headers).payload(Bytes::from(payload.bytes));
    tokio::select! {
        () = abandon.cancelled() => return None,
        () = store(&bus, &subject, message) => {}
    }
    payload.calls.iter().for_each(|call| call.acknowledge_one());
    Some(subject)
}

/// Publishes a message, and retries until the server has acknowledged it.
pub(crate) async fn store(bus: &Bus, subject: &str, message: PublishMessage) {
    let mut delays = Backoff::steady(Duration::from_millis(50), Duration::from_secs(5));
    loop {
        let started = Instant::now();
        let Err(error) = attempt(bus, subject, message.clone()).await else {
            bus.meter.sent(subject::word(subject), started.elapsed());
            return;
        };
        tracing::warn!(%subject, %error, "nats: not acknowledged, retrying");
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

/// Returns an id derived from the content and the subject, by which the server stores a message that is sent again
/// within the duplicate window only once.
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
