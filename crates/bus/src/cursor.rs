//! The loop that reads one partition in order, from its checkpoint on.

use crate::delivery::Received;
use crate::error::Cause;
use crate::pull::{self, pull, pull_consumer, ticker};
use crate::{Bus, Consumer, Delivery, Failure, Handler, LoopError, dead};
use async_nats::Subject;
use async_nats::jetstream::AckKind;
use async_nats::jetstream::consumer::PullConsumer;
use async_nats::jetstream::stream::State;
use runtime::retry::{Backoff, SteadyBackoff};
use std::collections::{HashSet, VecDeque};
use std::pin::pin;
use std::time::Duration;
use tokio::time::{Instant, Interval};
use tokio_util::sync::CancellationToken;

/// Messages pulled at once. With up to 256 items each, a few are enough to keep the handler busy.
const MESSAGES: usize = 32;
/// How often a partition without messages looks how far the stream reaches. A choice, far below any retention.
const REACH: Duration = Duration::from_secs(60);

/// Hands the messages of a partition to `handler`, each once and in order.
///
/// Reading starts after `start_after`, the stream sequence up to which the handler's state has applied messages; 0
/// means none. After a loss of the connection it continues after the last handled message. Messages up to the sequence
/// that [`Handler::durable`] returns are acknowledged. Messages that cannot be decoded, and those of
/// [`Failure::Poison`], go to the dead stream.
///
/// Returns after [`Handler::finish`] when `shutdown` is cancelled.
///
/// # Errors
/// After any [`LoopError`] the handler's state must be restored from its checkpoint before the next call.
pub async fn cursor<H: Handler>(
    bus: &Bus,
    partition: u16,
    start_after: u64,
    handler: &mut H,
    shutdown: CancellationToken,
) -> Result<(), LoopError> {
    let (consumer, acks) = (Consumer::baseline(partition), VecDeque::new());
    let (handled, reach_due) = (start_after, Instant::now());
    let mut cursor = Cursor { bus, consumer, handler, shutdown, ticker: ticker(), handled, reach_due, acks };
    let mut delays = delays();
    loop {
        let before = cursor.handled;
        let broken = match cursor.session().await {
            Ok(()) => return cursor.finish().await,
            Err(End::Error(error)) => return Err(error),
            Err(End::Broken(cause)) => cause,
        };
        if cursor.handled > before {
            delays = self::delays();
        }
        let consumer = &cursor.consumer.consumer;
        tracing::warn!(%consumer, error = %broken, handled = cursor.handled, "nats: reading was interrupted, resuming");
        let wait = tokio::time::sleep(delays.delay());
        if let Err(End::Error(error)) = cursor.ticking(None, wait).await {
            return Err(error);
        }
    }
}

struct Cursor<'a, H> {
    bus: &'a Bus,
    consumer: Consumer,
    handler: &'a mut H,
    shutdown: CancellationToken,
    ticker: Interval,
    /// The last stream sequence that the handler or the dead stream has.
    handled: u64,
    /// When to look next how far the stream reaches.
    reach_due: Instant,
    /// Subjects that acknowledge the deliveries of this session, by stream sequence.
    acks: VecDeque<(u64, Subject)>,
}

enum End {
    /// The connection or the consumer failed; the handler's state is intact.
    Broken(Cause),
    Error(LoopError),
}

impl<H: Handler> Cursor<'_, H> {
    /// Resets the consumer and reads until shutdown or a failure.
    async fn session(&mut self) -> Result<(), End> {
        let epoch = self.bus.epoch();
        self.acks.clear();
        let reached = self.handler.reached().max(self.handled);
        let reset = reset(self.bus, self.consumer.clone(), self.handled, reached);
        let Some(reset) = self.ticking(None, reset).await? else { return Ok(()) };
        let consumer = reset?;
        // A reset by any replica restarts the server's count of deliveries. A gap in it shows a second reader.
        let mut delivered = 0_u64;
        loop {
            let last = self.last_sequence(epoch).await?;
            let pulled = pull(&consumer, MESSAGES);
            let Some(messages) = self.ticking(Some(epoch), pulled).await? else { return Ok(()) };
            let messages = messages.map_err(End::Broken)?;
            // Nothing is left of the partition in what the stream had before.
            if let Some(last) = last.filter(|_| messages.is_empty()) {
                self.handler.reach(last);
            }
            for message in &messages {
                delivered += 1;
                if message.consumer_sequence != delivered {
                    return Err(self.doubt(epoch, delivered, message.consumer_sequence));
                }
            }
            if !messages.is_empty() && self.work(messages).await?.is_none() {
                return Ok(());
            }
            self.acknowledge().await;
        }
    }

    /// Returns the last sequence of the stream, if it is time to look. `None` on shutdown, too.
    async fn last_sequence(&mut self, epoch: u64) -> Result<Option<u64>, End> {
        if Instant::now() < self.reach_due {
            return Ok(None);
        }
        self.reach_due = Instant::now() + REACH;
        let (bus, consumer) = (self.bus, self.consumer.clone());
        let found = self.ticking(Some(epoch), stream_state(bus, &consumer)).await?;
        Ok(found.transpose()?.map(|state| state.last_sequence))
    }

    /// Awaits `work` while the handler ticks. Returns `None` on shutdown. Where an epoch is given, a reconnection is an
    /// error.
    async fn ticking<T>(&mut self, epoch: Option<u64>, work: impl Future<Output = T>) -> Result<Option<T>, End> {
        let mut work = pin!(work);
        loop {
            tokio::select! {
                biased;
                () = self.shutdown.cancelled() => return Ok(None),
                _ = self.ticker.tick() => {
                    self.handler.tick().await.map_err(|failure| End::Error(failed(&self.consumer, failure)))?;
                    self.acknowledge().await;
                    if epoch.is_some_and(|epoch| epoch != self.bus.epoch()) {
                        return Err(End::Broken("reconnected".into()));
                    }
                }
                done = &mut work => return Ok(Some(done)),
            }
        }
    }

    /// Hands messages to the handler. Returns `None` on shutdown.
    async fn work(&mut self, messages: Vec<Received>) -> Result<Option<()>, End> {
        let mut deliveries = Vec::with_capacity(messages.len());
        let mut last = self.handled;
        for message in &messages {
            if message.sequence <= last {
                continue;
            }
            last = message.sequence;
            match message.decode() {
                Ok(delivery) => deliveries.push(delivery),
                Err(error) => {
                    if self.set_aside(message, &dead::undecodable(&error)).await?.is_none() {
                        return Ok(None);
                    }
                    // The handler gets its sequence without items. Otherwise the durable sequence would never pass it.
                    deliveries.push(message.without_items());
                }
            }
        }
        if self.hand_over(deliveries, &messages).await?.is_none() {
            return Ok(None);
        }
        self.handled = last;
        let ack = |received: Received| Some((received.sequence, received.message.message.reply?));
        self.acks.extend(messages.into_iter().filter_map(ack));
        Ok(Some(()))
    }

    /// Calls the handler until it has accepted all messages but those in the dead stream. Returns `None` on shutdown.
    async fn hand_over(
        &mut self,
        mut deliveries: Vec<Delivery<H::Item>>,
        messages: &[Received],
    ) -> Result<Option<()>, End> {
        let mut left: HashSet<u64> = deliveries.iter().map(|delivery| delivery.sequence).collect();
        while !deliveries.is_empty() {
            let (poison, reason) = match pull::handle(self.bus, &self.consumer, self.handler, deliveries).await {
                Ok(()) => return Ok(Some(())),
                Err(Failure::Poison { sequence, reason }) if left.remove(&sequence) => (sequence, reason),
                Err(failure) => return Err(End::Error(failed(&self.consumer, failure))),
            };
            for message in messages.iter().filter(|message| message.sequence == poison) {
                if self.set_aside(message, &reason).await?.is_none() {
                    return Ok(None);
                }
            }
            // What was decoded once can be decoded again. Of dead messages only the sequence is left.
            let decoded = |message: &Received| match left.contains(&message.sequence) {
                true => message.decode().unwrap_or_else(|_| message.without_items()),
                false => message.without_items(),
            };
            deliveries = messages.iter().filter(|message| message.sequence > self.handled).map(decoded).collect();
        }
        Ok(Some(()))
    }

    /// Moves a message to the dead stream. Returns `None` on shutdown.
    async fn set_aside(&mut self, message: &Received, reason: &str) -> Result<Option<()>, End> {
        let (bus, stage) = (self.bus, self.consumer.stage.clone());
        self.ticking(None, dead::set_aside(bus, &stage, message, reason)).await
    }

    /// Acknowledges up to the durable sequence. One acknowledgment covers all before it, so a lost one does no harm.
    async fn acknowledge(&mut self) {
        let Some(durable) = self.handler.durable() else { return };
        let mut last = None;
        while self.acks.front().is_some_and(|(sequence, _)| *sequence <= durable) {
            last = self.acks.pop_front();
        }
        let Some((_, reply)) = last else { return };
        if let Err(error) = self.bus.client.publish(reply, AckKind::Ack.into()).await {
            tracing::debug!(%error, "nats: not acknowledged");
        }
    }

    async fn finish(&mut self) -> Result<(), LoopError> {
        self.handler.finish().await.map_err(|failure| failed(&self.consumer, failure))?;
        self.acknowledge().await;
        self.bus.flush().await;
        Ok(())
    }

    /// Returns the error for an unexpected number of a delivery.
    fn doubt(&self, epoch: u64, expected: u64, found: u64) -> End {
        if self.bus.epoch() != epoch {
            return End::Broken("reconnected".into());
        }
        let consumer = self.consumer.consumer.clone();
        End::Error(LoopError::Doubt { consumer, expected, found })
    }
}

fn delays() -> SteadyBackoff {
    Backoff::steady(Duration::from_millis(50), Duration::from_secs(5))
}

/// Returns the consumer, reset to deliver what follows `handled`.
async fn reset(bus: &Bus, consumer: Consumer, handled: u64, reached: u64) -> Result<PullConsumer, End> {
    check_stream(bus, &consumer, handled, reached).await?;
    let mut handle = pull_consumer(bus, &consumer).await.map_err(End::Broken)?;
    let answer = handle.reset(Some(handled.saturating_add(1))).await;
    answer.map_err(|error| End::Broken(error.into()))?;
    Ok(handle)
}

/// Checks that the stream reaches up to `applied`, and reports a gap where it no longer has messages after `reached`, up
/// to which the partition has no others.
///
/// # Errors
/// [`LoopError::Rewound`] if the stream ends before `applied`.
async fn check_stream(bus: &Bus, consumer: &Consumer, applied: u64, reached: u64) -> Result<(), End> {
    let state = stream_state(bus, consumer).await?;
    if state.last_sequence < applied {
        let (consumer, last) = (consumer.consumer.clone(), state.last_sequence);
        return Err(End::Error(LoopError::Rewound { consumer, applied, last }));
    }
    // A stream that was made again may not reach as far as the former one did.
    let reached = if reached > state.last_sequence { applied } else { reached };
    // Without a checkpoint, reading starts with the oldest message.
    if applied > 0 && state.first_sequence > reached.saturating_add(1) {
        let first = state.first_sequence;
        let name = &consumer.consumer;
        tracing::error!(consumer = %name, applied, reached, first, "gap: the stream lost messages that follow the checkpoint, activities may be missing");
        bus.meter.gap(consumer);
    }
    Ok(())
}

async fn stream_state(bus: &Bus, consumer: &Consumer) -> Result<State, End> {
    let name = consumer.stream.name(&bus.settings.prefix);
    let stream = bus.context.get_stream(name).await.map_err(|error| End::Broken(error.into()))?;
    Ok(stream.cached_info().state.clone())
}

/// Returns the error of a loop that a handler's failure ends.
pub(crate) fn failed(consumer: &Consumer, failure: Failure) -> LoopError {
    let consumer = consumer.consumer.clone();
    match failure {
        Failure::Stop(reason) => LoopError::Stopped { consumer, reason },
        Failure::Retry(reason) | Failure::Unavailable(reason) => LoopError::Handler { consumer, reason },
        Failure::Poison { sequence, reason } => LoopError::UnknownPoison { consumer, sequence, reason },
    }
}
