//! Measures all services, from a file to incidents.

use crate::figures::{Histogram, cpu, memory};
use crate::org::Org;
use bus::{Bus, Consumer};
use detector::Group;
use orgwatchd::{Node, idle};
use prometheus::Registry;
use std::time::{Duration, Instant};
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

/// The services in this process, except ingest.
pub(crate) struct Services {
    shutdown: CancellationToken,
    tasks: JoinSet<()>,
    node: Node,
}

/// Starts ingest.
pub(crate) struct Ingest(Node, CancellationToken);

impl Services {
    pub(crate) async fn start(node: &Node, group: &Group) -> Self {
        let shutdown = CancellationToken::new();
        let mut tasks = JoinSet::new();
        let (baseline, correlator, notifier) = (
            node.baseline(1, shutdown.clone()).await.unwrap(),
            node.correlator(shutdown.clone()).await.unwrap(),
            node.clone(),
        );
        let detector = node.detector(group.clone(), shutdown.clone()).await.unwrap();
        let token = || shutdown.clone();
        let (first, second, third, fourth) = (token(), token(), token(), token());
        tasks.spawn(async move { baseline.run(first).await.unwrap() });
        tasks.spawn(async move { detector.run(second).await.unwrap() });
        tasks.spawn(async move { correlator.run(third).await.unwrap() });
        tasks.spawn(async move { notifier.notifier(fourth).await.unwrap() });
        Self { shutdown, tasks, node: node.clone() }
    }

    pub(crate) fn ingest(&self) -> Ingest {
        Ingest(self.node.clone(), self.shutdown.clone())
    }

    pub(crate) async fn stop(mut self) {
        self.shutdown.cancel();
        while let Some(outcome) = self.tasks.join_next().await {
            outcome.unwrap();
        }
    }
}

/// Services, each with the stream that it reads.
const STAGES: [(&str, &str); 3] = [("baseline", "activity"), ("detector", "observation"), ("correlator", "finding")];

/// Prints the figures. Returns events per second until the correlator has the last finding; the stages are idle only
/// after the next checkpoint.
pub(crate) async fn measure(node: &Node, group: &Group, org: &Org, registry: &Registry, ingest: Ingest) -> f64 {
    let partitions = node.config.partitions.partitions();
    let [partition] = partitions.of_org(&org.id)[..] else { panic!("the org is spread") };
    let consumers = [Consumer::baseline(partition), Consumer::detector(group.name()), Consumer::correlator()];
    let stop = CancellationToken::new();
    let watching = watch(node.bus.clone(), consumers, registry.clone(), stop.clone());
    let (before, cpu_before) = (memory("VmRSS"), cpu());
    let started = Instant::now();
    let Ingest(ingesting, shutdown) = ingest;
    let ingesting = tokio::spawn(ingesting.ingest(1, shutdown.clone()));
    idle::wait(node, group, &shutdown).await.unwrap();
    let idle = started.elapsed().as_secs_f64();
    let (after, cpu) = (memory("VmRSS"), cpu() - cpu_before);
    stop.cancel();
    let seen = watching.await.unwrap();
    drop(ingesting);

    let seconds = seen.iter().map(|seen| seen.done).fold(0.0, f64::max);
    let rate = org.events as f64 / seconds;
    println!(
        "\nend to end: {rate:.0} events/s, {seconds:.2} s; idle after {idle:.2} s; {cpu:.2} s of CPU in this process"
    );
    println!(
        "memory: {before:.0} MiB before, {after:.0} MiB after, peak {:.0} MiB; {:.0} KiB a user",
        memory("VmHWM"),
        (after - before) * 1_024.0 / f64::from(org.users)
    );
    println!("\n{:>14} {:>8} {:>8} {:>8} {:>12}", "stage", "calls", "busy s", "done s", "most behind");
    for ((stage, destination), Seen { most, done, .. }) in STAGES.into_iter().zip(seen) {
        let busy = busy(registry, destination);
        println!("{stage:>14} {:>8} {:>8.2} {done:>8.2} {most:>12}", busy.count, busy.sum);
    }
    let checkpoints = Histogram::read(registry, "orgwatch_baseline_checkpoint_duration_seconds", None);
    println!("{:>14} {:>8} {:>8.2}", "checkpoints", checkpoints.count, checkpoints.sum);
    for destination in ["activity", "observation", "finding", "incident"] {
        let label = Some(("messaging_destination_name", destination));
        let sent = Histogram::read(registry, "messaging_client_operation_duration_seconds", label);
        println!("{:>14} {:>8} {:>8.2}", format!("→ {destination}"), sent.count, sent.sum);
    }
    rate
}

/// The observed progress of a stage.
#[derive(Clone, Copy, Default)]
struct Seen {
    /// The most messages that waited.
    most: u64,
    calls: u64,
    /// Seconds from the start to the last call.
    done: f64,
}

/// Polls the stages until `stop`.
fn watch(bus: Bus, consumers: [Consumer; 3], registry: Registry, stop: CancellationToken) -> JoinHandle<[Seen; 3]> {
    const EVERY: Duration = Duration::from_millis(50);
    let started = Instant::now();
    tokio::spawn(async move {
        let mut all = [Seen::default(); 3];
        while !stop.is_cancelled() {
            for ((consumer, seen), (_, destination)) in consumers.iter().zip(&mut all).zip(STAGES) {
                let calls = busy(&registry, destination).count;
                if calls > seen.calls {
                    (seen.calls, seen.done) = (calls, started.elapsed().as_secs_f64());
                }
                seen.most = seen.most.max(bus.backlog(consumer).await.unwrap().pending);
            }
            tokio::time::sleep(EVERY).await;
        }
        all
    })
}

fn busy(registry: &Registry, destination: &str) -> Histogram {
    Histogram::read(registry, "messaging_process_duration_seconds", Some(("messaging_destination_name", destination)))
}
