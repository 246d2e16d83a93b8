//! The latency of events at a rate that the pipeline can sustain.

use crate::figures::{Histogram, quantile};
use crate::org::Org;
use async_nats::jetstream;
use async_nats::jetstream::consumer::DeliverPolicy;
use async_nats::jetstream::consumer::pull::OrderedConfig;
use bus::{Publisher, PublisherSettings, Stream};
use futures::StreamExt;
use ingest::Sink;
use model::batch::Batch;
use model::{Activity, Command, Finding};
use orgwatchd::Node;
use prometheus::Registry;
use runtime::clock::now;
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// The time without a new finding after which all events count as processed.
const SILENCE: Duration = Duration::from_secs(2);
/// How often events are sent.
const EVERY: Duration = Duration::from_millis(5);
const PIPELINE: &str = "orgwatch_latency_pipeline_seconds";

/// Sends the events of an org at a rate, and prints the latencies.
pub(crate) async fn measure(node: &Node, org: &Org, registry: &Registry, rate: f64) {
    let mut activities = Vec::with_capacity(org.events);
    org.read(|batch| activities.append(&mut batch.activities));
    let before = Histogram::read(registry, PIPELINE, None);
    let stop = CancellationToken::new();
    let findings = findings(node, stop.clone()).await;
    let count = activities.len();
    let seconds = send(node, org, activities, rate).await;
    settle(registry).await;
    stop.cancel();
    let mut delays = findings.await.unwrap();
    let incidents = Histogram::read(registry, PIPELINE, None).since(&before);
    println!("\nat {:.0} events/s, {count} events in {seconds:.1} s:", count as f64 / seconds);
    let [half, most, all] = [0.5, 0.99, 1.0].map(|part| quantile(&mut delays, part));
    println!("event to finding: p50 {half} ms, p99 {most} ms, most {all} ms, of {}", delays.len());
    let range = |part| {
        let (from, to) = incidents.quantile(part);
        format!("{:.0} to {:.0} ms", from * 1_000.0, to * 1_000.0)
    };
    println!("event to incident: p50 {}, p99 {}, of {}", range(0.5), range(0.99), incidents.count);
}

/// Sends activities in order, at the rate. Returns the seconds that it took.
async fn send(node: &Node, org: &Org, activities: Vec<Activity>, rate: f64) -> f64 {
    let publisher = Publisher::start(&node.bus, PublisherSettings::default(), CancellationToken::new());
    let sink = Sink::to_stream(publisher, &node.bus.settings().prefix, node.config.partitions.partitions());
    let mut rest = activities.into_iter();
    let mut sent = 0;
    let started = Instant::now();
    let mut ticks = tokio::time::interval(EVERY);
    loop {
        ticks.tick().await;
        let due = (started.elapsed().as_secs_f64() * rate) as usize;
        let received_at = Some(now());
        let next = rest.by_ref().take(due.saturating_sub(sent)).map(|activity| Activity { received_at, ..activity });
        let next: Vec<Activity> = next.collect();
        if next.is_empty() && rest.len() == 0 {
            break;
        }
        sent += next.len();
        drop(sink.send(next).await.unwrap());
    }
    let seconds = started.elapsed().as_secs_f64();
    sink.command(&org.id, Command::End).await.unwrap().await.unwrap();
    seconds
}

/// Waits until the correlator receives no more findings.
async fn settle(registry: &Registry) {
    let count = || Histogram::read(registry, PIPELINE, None).count;
    let (mut last, mut since) = (count(), Instant::now());
    while since.elapsed() < SILENCE {
        tokio::time::sleep(Duration::from_millis(100)).await;
        if count() != last {
            (last, since) = (count(), Instant::now());
        }
    }
}

/// Collects the milliseconds from the receipt of events to their findings, of all findings from now on.
async fn findings(node: &Node, stop: CancellationToken) -> JoinHandle<Vec<i64>> {
    let settings = node.bus.settings();
    let client = async_nats::connect(&settings.servers).await.unwrap();
    let stream = jetstream::new(client).get_stream(Stream::Finding.name(&settings.prefix)).await.unwrap();
    let config = OrderedConfig { deliver_policy: DeliverPolicy::New, ..OrderedConfig::default() };
    let consumer = stream.create_consumer(config).await.unwrap();
    let mut messages = consumer.messages().await.unwrap();
    tokio::spawn(async move {
        let mut delays = Vec::new();
        loop {
            tokio::select! {
                () = stop.cancelled() => return delays,
                Some(message) = messages.next() => {
                    let items = Finding::decode_batch(&message.unwrap().payload).unwrap();
                    let now = now();
                    delays.extend(items.iter().filter_map(|item| Some(now.since(item.received_at?))));
                }
            }
        }
    })
}
