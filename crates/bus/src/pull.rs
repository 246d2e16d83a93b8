//! Takes messages from a consumer, as both loops do, and hands them to the handler under a span.

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

pub(crate) const TICK: Duration = Duration::from_millis(100);
/// How long the server keeps a request that it has nothing for.
const PATIENCE: Duration = Duration::from_secs(1);
/// A span of OpenTelemetry keeps this many links.
const MOST_LINKS: usize = 128;

/// The consumer of a source; an error if there is none yet.
pub(crate) async fn consumer(bus: &Bus, source: &Consumer) -> Result<PullConsumer, Cause> {
    let stream = bus.context.get_stream_no_info(source.stream.name(&bus.settings.prefix)).await?;
    stream.get_consumer(&source.consumer).await
}

/// What is ready, up to `most`; waits a second for the first message, and then returns empty. Nothing is requested
/// ahead of need: a message that waits here would run into its ack wait, and could not be had by another replica.
///
/// Must not be dropped before it is done, or messages that were delivered to it come again only later.
pub(crate) async fn pull(consumer: &PullConsumer, most: usize) -> Result<Vec<Received>, Cause> {
    let mut ready = consumer.fetch().max_messages(most).expires(PATIENCE).messages().await?;
    let mut messages = Vec::new();
    while let Some(next) = ready.next().await {
        match next {
            Ok(message) => messages.extend(Received::new(message)),
            // What has come is worked on: dropped, it would come again only after the ack wait.
            Err(_) if !messages.is_empty() => break,
            Err(error) => return Err(error),
        }
    }
    Ok(messages)
}

pub(crate) fn ticker() -> Interval {
    let mut ticker = tokio::time::interval(TICK);
    ticker.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticker
}

/// Calls the handler under a span of its own: a part of the item's trace when there is one item, linked to all traces
/// otherwise.
pub(crate) async fn handle<H: Handler>(
    bus: &Bus,
    source: &Consumer,
    handler: &mut H,
    deliveries: Vec<Delivery<H::Item>>,
) -> Result<(), Failure> {
    let messages = deliveries.len();
    let pending = deliveries.last().map(|delivery| delivery.pending);
    let span = span(source, &deliveries);
    let started = Instant::now();
    let outcome = handler.handle(deliveries).instrument(span.clone()).await;
    if outcome.is_err() {
        span.record("otel.status_code", "ERROR");
    }
    bus.meter.processed(source, messages, started.elapsed(), outcome.is_err());
    if let Some(pending) = pending {
        bus.meter.pending(source, pending);
    }
    outcome
}

fn span<T: Batch>(source: &Consumer, deliveries: &[Delivery<T>]) -> Span {
    let span = tracing::info_span!(
        "process",
        otel.name = format!("process {}", source.stream.word()),
        otel.kind = "consumer",
        otel.status_code = Empty,
        messaging.system = "nats",
        messaging.operation.name = "process",
        messaging.destination.name = source.stream.word(),
        messaging.consumer.group.name = source.consumer,
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
