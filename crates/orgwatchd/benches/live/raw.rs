//! Measures JetStream alone with the same bytes in equal batches.

use crate::org::Org;
use async_nats::jetstream;
use async_nats::jetstream::consumer::pull;
use async_nats::jetstream::context::{ContextBuilder, PublishAckFuture};
use bytes::Bytes;
use futures::StreamExt;
use model::batch::{Batch, ITEM_OVERHEAD, push_item};
use model::{Entry, Item};
use std::collections::VecDeque;
use std::time::Instant;

/// The limits of the services' publisher.
const BATCH_ITEMS: usize = 256;
const BATCH_BYTES: usize = 512 * 1024;
/// Messages that wait for acknowledgment.
const IN_FLIGHT: usize = 256;
/// Messages pulled at once.
const PULL: usize = 256;
const STREAM: &str = "RAW";
const SUBJECT: &str = "raw.items";

/// Returns items per second, published and consumed at the same time.
pub(crate) async fn measure(url: &str, org: &Org) -> f64 {
    let batches = batches(org);
    let (items, messages) = (batches.iter().map(|(items, _)| items).sum::<usize>(), batches.len());
    // Each side has a separate connection, as separate processes would.
    let (publishing, consuming) = (async_nats::connect(url).await.unwrap(), async_nats::connect(url).await.unwrap());
    let context = ContextBuilder::new().max_ack_inflight(IN_FLIGHT + 1).build(publishing);
    let config = jetstream::stream::Config {
        name: STREAM.to_owned(),
        subjects: vec![SUBJECT.to_owned()],
        ..jetstream::stream::Config::default()
    };
    context.create_stream(config).await.unwrap();
    let stream = jetstream::new(consuming).get_stream(STREAM).await.unwrap();
    let config = pull::Config { durable_name: Some("raw".to_owned()), ..pull::Config::default() };
    let consumer = stream.create_consumer(config).await.unwrap();
    let started = Instant::now();
    let consumed = tokio::spawn(async move {
        let mut left = messages;
        let mut messages = consumer.stream().max_messages_per_batch(PULL).messages().await.unwrap();
        while left > 0 {
            messages.next().await.unwrap().unwrap().ack().await.unwrap();
            left -= 1;
        }
    });
    let mut acknowledgments = VecDeque::with_capacity(IN_FLIGHT);
    for (_, batch) in batches {
        if acknowledgments.len() == IN_FLIGHT {
            let oldest: PublishAckFuture = acknowledgments.pop_front().unwrap();
            oldest.await.unwrap();
        }
        acknowledgments.push_back(context.publish(SUBJECT, batch).await.unwrap());
    }
    for acknowledgment in acknowledgments {
        acknowledgment.await.unwrap();
    }
    consumed.await.unwrap();
    items as f64 / started.elapsed().as_secs_f64()
}

/// Returns encoded batches, each with its number of items.
fn batches(org: &Org) -> Vec<(usize, Bytes)> {
    let mut batches = Vec::new();
    let (mut items, mut bytes) = (0, Vec::new());
    org.read(|batch| {
        for activity in batch.activities.drain(..) {
            let item = Entry::encode_item(&Item::new(Entry::from(activity)));
            if items == BATCH_ITEMS || bytes.len() + item.len() + ITEM_OVERHEAD > BATCH_BYTES {
                batches.push((std::mem::take(&mut items), Bytes::from(std::mem::take(&mut bytes))));
            }
            push_item(&mut bytes, &item);
            items += 1;
        }
    });
    batches.push((items, Bytes::from(bytes)));
    batches
}
