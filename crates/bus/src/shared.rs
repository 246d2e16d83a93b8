//! The loop that reads from a consumer which any number of replicas share.

use crate::cursor::failed;
use crate::delivery::Received;
use crate::error::Cause;
use crate::pull::{self, TICK, pull, pull_consumer, ticker};
use crate::{Bus, Consumer, Failure, Handler, LoopError, dead};
use async_nats::Subject;
use async_nats::jetstream::AckKind;
use async_nats::jetstream::consumer::PullConsumer;
use runtime::retry::{Backoff, SteadyBackoff};
use std::collections::{BTreeMap, VecDeque};
use std::pin::pin;
use std::time::Duration;
use tokio::time::{Instant, Interval};
use tokio_util::sync::CancellationToken;

/// How [`shared`] pulls and retries.
#[derive(Clone, Copy, Debug)]
pub struct SharedSettings {
    /// The largest number of messages handled at once.
    pub messages: usize,
    /// The number of times that a message fails with [`Failure::Retry`] in one process before it goes to the dead stream.
    pub max_deliveries: i64,
    /// Delay until a failed message is redelivered. Doubles with each failure, up to a minute.
    pub retry_delay: Duration,
}

/// A choice: a stage recovers within a minute of the end of an outage.
const LONGEST_RETRY_DELAY: Duration = Duration::from_secs(60);
/// The most messages to count failures of. A choice, far above what waits for redelivery at once.
const MOST_FAILURES: usize = 10_000;
/// Bounds the work for messages with many deliveries. A delay of a second reaches the longest after six doublings.
const MAX_DOUBLINGS: usize = 32;

impl Default for SharedSettings {
    fn default() -> Self {
        Self { messages: 64, max_deliveries: 5, retry_delay: Duration::from_secs(1) }
    }
}

/// Hands the ready messages of `consumer` to `handler`, and acknowledges them after [`Handler::handle`] returns.
///
/// New messages are handled together. A redelivered message is handled alone, so that one bad message does not fail
/// others. Messages that cannot be decoded, those that failed too often, and those of [`Failure::Poison`] go to the
/// dead stream. Reading continues after any loss of the connection.
///
/// Returns after [`Handler::finish`] within a second of the cancellation of `shutdown`.
///
/// # Errors
/// [`Failure::Stop`], and failures of [`Handler::tick`] and [`Handler::finish`].
pub async fn shared<H: Handler>(
    bus: &Bus,
    consumer: &Consumer,
    handler: &mut H,
    settings: SharedSettings,
    shutdown: CancellationToken,
) -> Result<(), LoopError> {
    let failures = BTreeMap::new();
    let mut shared = Shared { bus, consumer, handler, settings, shutdown, ticker: ticker(), failures };
    let mut delays = Backoff::steady(Duration::from_millis(50), Duration::from_secs(5));
    while !shared.shutdown.is_cancelled() {
        let broken = match shared.session(&mut delays).await {
            Ok(()) => break,
            Err(End::Error(error)) => return Err(error),
            Err(End::Broken(cause)) => cause,
        };
        let consumer = &consumer.consumer;
        tracing::warn!(%consumer, error = %broken, "nats: reading was interrupted, resuming");
        if let Err(End::Error(error)) = shared.ticking(None, true, tokio::time::sleep(delays.delay())).await {
            return Err(error);
        }
    }
    shared.handler.finish().await.map_err(|failure| failed(consumer, failure))?;
    bus.flush().await;
    Ok(())
}

struct Shared<'a, H> {
    bus: &'a Bus,
    consumer: &'a Consumer,
    handler: &'a mut H,
    settings: SharedSettings,
    shutdown: CancellationToken,
    ticker: Interval,
    /// How often messages failed by themselves, by sequence. The server counts all deliveries, also those of an outage.
    failures: BTreeMap<u64, i64>,
}

enum End {
    Broken(Cause),
    Error(LoopError),
}

impl<H: Handler> Shared<'_, H> {
    /// Reads until shutdown or a failure.
    async fn session(&mut self, delays: &mut SteadyBackoff) -> Result<(), End> {
        let epoch = self.bus.epoch();
        let lookup = pull_consumer(self.bus, self.consumer);
        let Some(found) = self.ticking(None, true, lookup).await? else { return Ok(()) };
        let consumer = found.map_err(End::Broken)?;
        while !self.shutdown.is_cancelled() {
            // Not dropped on shutdown: other replicas would receive its messages only after the ack wait.
            let pulled = self.ticking(Some(epoch), false, pull(&consumer, self.settings.messages)).await?;
            let messages = pulled.unwrap_or_else(|| Ok(Vec::new())).map_err(End::Broken)?;
            if !messages.is_empty() {
                delays.reset();
                self.work(&consumer, messages).await?;
            }
        }
        Ok(())
    }

    /// Awaits `work` while the handler ticks. Returns `None` on shutdown if `interrupts`. Where an epoch is given, a
    /// reconnection is an error.
    async fn ticking<T>(
        &mut self,
        epoch: Option<u64>,
        interrupts: bool,
        work: impl Future<Output = T>,
    ) -> Result<Option<T>, End> {
        let mut work = pin!(work);
        loop {
            tokio::select! {
                biased;
                () = self.shutdown.cancelled(), if interrupts => return Ok(None),
                _ = self.ticker.tick() => {
                    self.handler.tick().await.map_err(|failure| End::Error(failed(self.consumer, failure)))?;
                    if epoch.is_some_and(|epoch| epoch != self.bus.epoch()) {
                        return Err(End::Broken("reconnected".into()));
                    }
                }
                done = &mut work => return Ok(Some(done)),
            }
        }
    }

    /// Handles redelivered messages, each alone, then the new ones together.
    async fn work(&mut self, consumer: &PullConsumer, messages: Vec<Received>) -> Result<(), End> {
        let (again, new): (Vec<_>, Vec<_>) = messages.into_iter().partition(|message| message.deliveries > 1);
        let mut groups: VecDeque<Vec<Received>> = again.into_iter().map(|message| vec![message]).collect();
        groups.push_back(new);
        // A third of the ack wait, so that one lost report of progress does no harm.
        let period = (consumer.cached_info().config.ack_wait / 3).max(TICK);
        let bus = self.bus;
        while let Some(group) = groups.pop_front() {
            let unfinished = group.iter().chain(groups.iter().flatten());
            let replies: Vec<Subject> = unfinished.filter_map(|received| received.message.reply.clone()).collect();
            let mut progress = tokio::time::interval_at(Instant::now() + period, period);
            let mut work = pin!(self.group(group));
            loop {
                tokio::select! {
                    done = &mut work => {
                        done?;
                        break;
                    }
                    _ = progress.tick() => {
                        for reply in &replies {
                            answer(bus, Some(reply), AckKind::Progress).await;
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// Handles messages together, and acknowledges or returns each.
    async fn group(&mut self, group: Vec<Received>) -> Result<(), End> {
        let mut deliveries = Vec::with_capacity(group.len());
        let mut left = Vec::with_capacity(group.len());
        for received in group {
            match received.decode() {
                Ok(delivery) => {
                    deliveries.push(delivery);
                    left.push(received);
                }
                Err(error) => self.set_aside(&received, &dead::undecodable(&error)).await,
            }
        }
        while !left.is_empty() {
            let failure = match pull::handle(self.bus, self.consumer, self.handler, deliveries).await {
                Ok(()) => {
                    for received in &left {
                        self.failures.remove(&received.sequence);
                        answer(self.bus, received.message.reply.as_ref(), AckKind::Ack).await;
                    }
                    return Ok(());
                }
                Err(failure) => failure,
            };
            let Failure::Poison { sequence, reason } = failure else { return self.put_back(&left, failure).await };
            let Some(index) = left.iter().position(|received| received.sequence == sequence) else {
                return Err(End::Error(failed(self.consumer, Failure::Poison { sequence, reason })));
            };
            self.set_aside(&left.remove(index), &reason).await;
            // What was decoded once can be decoded again.
            deliveries = left.iter().filter_map(|received| received.decode().ok()).collect();
        }
        Ok(())
    }

    /// Returns messages that failed to the server, to be redelivered, or moves them to the dead stream.
    async fn put_back(&mut self, left: &[Received], failure: Failure) -> Result<(), End> {
        let consumer = &self.consumer.consumer;
        match failure {
            Failure::Retry(reason) => {
                tracing::warn!(%consumer, messages = left.len(), %reason, "messages failed, retrying");
                for received in left {
                    if self.failed(received) >= self.settings.max_deliveries {
                        self.failures.remove(&received.sequence);
                        self.set_aside(received, &reason).await;
                    } else {
                        self.nak(received, self.delay(received.deliveries)).await;
                    }
                }
                Ok(())
            }
            Failure::Unavailable(reason) => {
                tracing::warn!(%consumer, messages = left.len(), %reason, "messages cannot be processed now, retrying");
                for received in left {
                    self.nak(received, self.delay(received.deliveries)).await;
                }
                Ok(())
            }
            failure => {
                for received in left {
                    self.nak(received, Duration::ZERO).await;
                }
                self.bus.flush().await;
                Err(End::Error(failed(self.consumer, failure)))
            }
        }
    }

    /// Counts a failure of a message. Returns how often it has failed.
    fn failed(&mut self, received: &Received) -> i64 {
        let failures = self.failures.entry(received.sequence).or_default();
        *failures += 1;
        let count = *failures;
        // Other replicas may have processed the oldest since.
        if self.failures.len() > MOST_FAILURES {
            self.failures.pop_first();
        }
        count
    }

    /// Moves a message to the dead stream, then acknowledges it. On shutdown it may be redelivered instead.
    async fn set_aside(&self, received: &Received, reason: &str) {
        tokio::select! {
            () = self.shutdown.cancelled() => {}
            () = dead::set_aside(self.bus, &self.consumer.stage, received, reason) => {
                answer(self.bus, received.message.reply.as_ref(), AckKind::Ack).await;
            }
        }
    }

    /// Asks for redelivery after a delay.
    async fn nak(&self, received: &Received, delay: Duration) {
        let delay = Some(delay).filter(|delay| !delay.is_zero());
        answer(self.bus, received.message.reply.as_ref(), AckKind::Nak(delay)).await;
    }

    /// Returns the delay after this number of deliveries.
    fn delay(&self, deliveries: i64) -> Duration {
        let failures = usize::try_from(deliveries.saturating_sub(1)).unwrap_or(0).min(MAX_DOUBLINGS);
        let delay = Backoff::steady(self.settings.retry_delay, LONGEST_RETRY_DELAY).nth(failures);
        delay.unwrap_or(LONGEST_RETRY_DELAY).min(LONGEST_RETRY_DELAY)
    }
}

/// Sends an acknowledgment without waiting for it. If it is lost, the message is redelivered, which does no harm.
async fn answer(bus: &Bus, reply: Option<&Subject>, kind: AckKind) {
    let Some(reply) = reply else { return };
    if let Err(error) = bus.client.publish(reply.clone(), kind.into()).await {
        tracing::debug!(%error, "nats: not acknowledged");
    }
}
