//! Reads a partition's activities in order, from where its checkpoint ends.

use crate::delivery::Received;
use crate::error::Cause;
use crate::pull::{self, consumer, pull, ticker};
use crate::{Bus, Consumer, Delivery, Failure, Handler, LoopError, dead};
use async_nats::Subject;
use async_nats::jetstream::AckKind;
use async_nats::jetstream::consumer::PullConsumer;
use runtime::retry::{Backoff, SteadyBackoff};
use std::collections::{HashSet, VecDeque};
use std::pin::pin;
use std::time::Duration;
use tokio::time::Interval;
use tokio_util::sync::CancellationToken;

/// Messages handed over at once.
const MESSAGES: usize = 32;

/// Puts the partition's consumer back to just after `start_after`, the stream sequence that the handler's state has
/// applied (0: nothing), and hands it everything from there, each message once and in order. Whatever happens to the
/// connection, it goes on after the last message handled. Acknowledges what [`Handler::durable`] says is durable.
/// Messages that cannot be decoded, and [`Failure::Poison`], go to the dead stream.
///
/// Ends well after [`Handler::finish`] when `shutdown` is cancelled.
///
/// # Errors
/// All mean that the handler's state is to be restored from its checkpoint before another call; see [`LoopError`].
pub async fn cursor<H: Handler>(
    bus: &Bus,
    partition: u16,
    start_after: u64,
    handler: &mut H,
    shutdown: CancellationToken,
) -> Result<(), LoopError> {
    let (source, acks) = (Consumer::baseline(partition), VecDeque::new());
    let mut cursor = Cursor { bus, source, handler, shutdown, ticker: ticker(), handled: start_after, acks };
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
        let consumer = &cursor.source.consumer;
        tracing::warn!(%consumer, error = %broken, handled = cursor.handled, "nats: reading was interrupted, going on");
        let wait = tokio::time::sleep(delays.delay());
        if let Err(End::Error(error)) = cursor.ticking(None, wait).await {
            return Err(error);
        }
    }
}

struct Cursor<'a, H> {
    bus: &'a Bus,
    source: Consumer,
    handler: &'a mut H,
    shutdown: CancellationToken,
    ticker: Interval,
    /// The last stream sequence that the handler, or the dead stream, has.
    handled: u64,
    /// Where to acknowledge what was delivered in this session, by stream sequence.
    acks: VecDeque<(u64, Subject)>,
}

enum End {
    /// The connection or the consumer failed, the handler's state is whole.
    Broken(Cause),
    Error(LoopError),
}

impl<H: Handler> Cursor<'_, H> {
    /// From a reset until shutdown, or until something is wrong.
    async fn session(&mut self) -> Result<(), End> {
        let epoch = self.bus.epoch();
        self.acks.clear();
        let reset = reset(self.bus, self.source.clone(), self.handled);
        let Some(reset) = self.ticking(None, reset).await? else { return Ok(()) };
        let consumer = reset?;
        // Deliveries are counted anew after a reset, by whomever.
        let mut delivered = 0_u64;
        loop {
            let pulled = pull(&consumer, MESSAGES);
            let Some(messages) = self.ticking(Some(epoch), pulled).await? else { return Ok(()) };
            let messages = messages.map_err(End::Broken)?;
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

    /// Awaits something while the handler ticks. `None` on shutdown. Where an epoch is given, the connection must
    /// be the same all the while.
    async fn ticking<T>(&mut self, epoch: Option<u64>, work: impl Future<Output = T>) -> Result<Option<T>, End> {
        let mut work = pin!(work);
        loop {
            tokio::select! {
                biased;
                () = self.shutdown.cancelled() => return Ok(None),
                _ = self.ticker.tick() => {
                    self.handler.tick().await.map_err(|failure| End::Error(failed(&self.source, failure)))?;
                    self.acknowledge().await;
                    if epoch.is_some_and(|epoch| epoch != self.bus.epoch()) {
                        return Err(End::Broken("connected anew".into()));
                    }
                }
                done = &mut work => return Ok(Some(done)),
            }
        }
    }

    /// `None` on shutdown.
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
                    if self.bury(message, &dead::undecodable(&error)).await?.is_none() {
                        return Ok(None);
                    }
                    // The handler must get past it, too, or what it calls durable would stop short of it for good.
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

    /// Until the handler has used them all, or they are dead. `None` on shutdown.
    async fn hand_over(
        &mut self,
        mut deliveries: Vec<Delivery<H::Item>>,
        messages: &[Received],
    ) -> Result<Option<()>, End> {
        let mut left: HashSet<u64> = deliveries.iter().map(|delivery| delivery.sequence).collect();
        while !deliveries.is_empty() {
            let (poison, reason) = match pull::handle(self.bus, &self.source, self.handler, deliveries).await {
                Ok(()) => return Ok(Some(())),
                Err(Failure::Poison { sequence, reason }) if left.remove(&sequence) => (sequence, reason),
                Err(failure) => return Err(End::Error(failed(&self.source, failure))),
            };
            for message in messages.iter().filter(|message| message.sequence == poison) {
                if self.bury(message, &reason).await?.is_none() {
                    return Ok(None);
                }
            }
            // What was decoded once can be decoded again; of the dead ones, the places are left.
            let decoded = |message: &Received| match left.contains(&message.sequence) {
                true => message.decode().unwrap_or_else(|_| message.without_items()),
                false => message.without_items(),
            };
            deliveries = messages.iter().filter(|message| message.sequence > self.handled).map(decoded).collect();
        }
        Ok(Some(()))
    }

    /// `None` on shutdown.
    async fn bury(&mut self, message: &Received, reason: &str) -> Result<Option<()>, End> {
        let (bus, stage) = (self.bus, self.source.stage.clone());
        self.ticking(None, dead::bury(bus, &stage, message, reason)).await
    }

    /// One acknowledgement stands for all before it; a lost one is made good by the next.
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
        self.handler.finish().await.map_err(|failure| failed(&self.source, failure))?;
        self.acknowledge().await;
        self.bus.flush().await;
        Ok(())
    }

    fn doubt(&self, epoch: u64, expected: u64, found: u64) -> End {
        if self.bus.epoch() != epoch {
            return End::Broken("connected anew".into());
        }
        let consumer = self.source.consumer.clone();
        End::Error(LoopError::Doubt { consumer, expected, found })
    }
}

fn delays() -> SteadyBackoff {
    Backoff::steady(Duration::from_millis(50), Duration::from_secs(5))
}

/// The consumer, put back to after what was handled.
async fn reset(bus: &Bus, source: Consumer, handled: u64) -> Result<PullConsumer, End> {
    check_stream(bus, &source, handled).await?;
    let mut consumer = consumer(bus, &source).await.map_err(End::Broken)?;
    let answer = consumer.reset(Some(handled.saturating_add(1))).await;
    answer.map_err(|error| End::Broken(error.into()))?;
    Ok(consumer)
}

/// The stream must still have what was applied, and should have all that is to come next.
async fn check_stream(bus: &Bus, source: &Consumer, applied: u64) -> Result<(), End> {
    let name = source.stream.name(&bus.settings.prefix);
    let stream = bus.context.get_stream(name).await.map_err(|error| End::Broken(error.into()))?;
    let state = &stream.cached_info().state;
    let consumer = &source.consumer;
    if state.last_sequence < applied {
        let (consumer, last) = (consumer.clone(), state.last_sequence);
        return Err(End::Error(LoopError::Rewound { consumer, applied, last }));
    }
    // A partition without a checkpoint starts with what there is.
    if applied > 0 && state.first_sequence > applied.saturating_add(1) {
        let first = state.first_sequence;
        tracing::error!(%consumer, applied, first, "gap: the stream lost messages that follow the checkpoint, activities may be missing");
        bus.meter.gap(source);
    }
    Ok(())
}

/// What a handler's failure means to the loop that cannot go on.
pub(crate) fn failed(source: &Consumer, failure: Failure) -> LoopError {
    let consumer = source.consumer.clone();
    match failure {
        Failure::Stop(reason) => LoopError::Stopped { consumer, reason },
        Failure::Retry(reason) | Failure::Unavailable(reason) => LoopError::Handler { consumer, reason },
        Failure::Poison { sequence, reason } => LoopError::UnknownPoison { consumer, sequence, reason },
    }
}
