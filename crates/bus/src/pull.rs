//! Pulling messages and calling the handler, for both loops.

use crate::delivery::Received;
use crate::error::Cause;
use crate::{Bus, Consumer, Delivery, Failure, Handler, trace};
use async_nats::jetstream::consumer::PullConsumer;
use futures::StreamExt;
use model::Batch;
use std::collections::HashSet;
use std::time::Duration;
use tokio::time::{Instant, Interval, MissedTickBehavior};
use tracing::{Instrument, Span, field::Empty};

/// The interval of [`Handler::tick`].
pub(crate) const TICK: Duration = Duration::from_millis(100);
/// How long the server keeps a request for messages while there are none. Shutdown waits for that long.
const EXPIRY: Duration = Duration::from_secs(1);
/// The most links that a span keeps, by OpenTelemetry's default limit.
const MOST_LINKS: usize = 128;

/// Looks up a consumer at the server.
///
/// # Errors
/// If it does not exist, or the server does not answer.
pub(crate) async fn pull_consumer(bus: &Bus, consumer: &Consumer) -> Result<PullConsumer, Cause> {
    let stream = bus.context.get_stream_no_info(consumer.stream.name(&bus.settings.prefix)).await?;
    stream.get_consumer(&consumer.consumer).await
}

/// Returns up to `most` messages that are ready. Waits a second for the first one, then returns none.
///
/// Nothing is requested ahead: a message that waits here could exceed its ack wait, and no other replica could have it.
///
/// The future must not be dropped before it resolves. Messages delivered to it would be redelivered only after the ack
/// wait.
pub(crate) async fn pull(consumer: &PullConsumer, most: usize) -> Result<Vec<Received>, Cause> {
    let mut ready = consumer.fetch().max_messages(most).expires(EXPIRY).messages().await?;
    let mut messages = Vec::new();
    while let Some(next) = ready.next().await {
        match next {
            Ok(message) => messages.extend(Received::new(message)),
            // Messages already received are handled. Dropped, they would be redelivered only after the ack wait.
            Err(_) if !messages.is_empty() => break,
            Err(error) => return Err(error),
        }
    }
    Ok(messages)
}

/// Returns the timer of [`Handler::tick`].
pub(crate) fn ticker() -> Interval {
    let mut ticker = tokio::time::interval(TICK);
    ticker.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticker
}

/// Calls the handler in a span: of the item's trace if there is one item, otherwise linked to the traces of all items.
pub(crate) async fn handle<H: Handler>(
    bus: &Bus,
    consumer: &Consumer,
    handler: &mut H,
    deliveries: Vec<Delivery<H::Item>>,
) -> Result<(), Failure> {
    let messages = deliveries.len();
    let pending = deliveries.last().map(|delivery| delivery.pending);
    let span = span(consumer, &deliveries);
    let started = Instant::now();
    let outcome = handler.handle(deliveries).instrument(span.clone()).await;
    if outcome.is_err() {
        span.record("otel.status_code", "ERROR");
    }
    bus.meter.processed(consumer, messages, started.elapsed(), &outcome);
    if let Some(pending) = pending {
        bus.meter.pending(consumer, pending);
    }
    outcome
}

fn span<T: Batch>(consumer: &Consumer, deliveries: &[Delivery<T>]) -> Span {
    let span = tracing::info_span!(
        "process",
        otel.name = format!("process {}", consumer.stream.word()),
        otel.kind = "consumer",
        otel.status_code = Empty,
        messaging.system = "nats",
        messaging.operation.name = "process",
        messaging.destination.name = consumer.stream.word(),
        messaging.consumer.group.name = consumer.consumer,
        messaging.batch.message_count = deliveries.len(),
    );
    let items = || deliveries.iter().flat_map(|delivery| &delivery.items);
    let mut first_two = items();
    if let (Some(only), None) = (first_two.next(), first_two.next()) {
        trace::parent(&span, &only.traceparent);
        return span;
    }
    let mut linked = HashSet::new();
    for item in items().filter(|item| !item.traceparent.is_empty()) {
        if linked.len() < MOST_LINKS && linked.insert(&item.traceparent) {
            trace::link(&span, &item.traceparent);
        }
    }
    span
}
