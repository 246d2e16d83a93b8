//! Measures events per second from file to incident, compares them with JetStream alone on the same bytes, and measures
//! the latency at half that rate: `cargo xtask bench-live`.
//!
//! All services run in this process, with a nats-server that writes to disk and a Postgres on the same cores. Arguments
//! choose phases (`whole`, `latency`, `raw`), all by default. `ORGWATCH_BENCH_USERS` and `ORGWATCH_BENCH_DAYS` set the
//! size of the org, `ORGWATCH_BENCH_RATE` the events per second of the second phase (by default half of the first
//! phase's result), and `ORGWATCH_BENCH_TRACE_RATIO` the share of traces that is recorded.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a bench that cannot go on fails")]
#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

mod figures;
mod latency;
mod org;
mod raw;
mod whole;

use mimalloc::MiMalloc;
use org::Org;
use orgwatchd::{Config, Node};
use runtime::telemetry::{Telemetry, TelemetrySettings};
use servers::{Nats, Postgres};

/// The allocator of the executable.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// The rate of the second phase if none was measured or set.
const RATE: f64 = 30_000.0;

fn main() {
    runtime::run::block_on(bench()).unwrap();
}

async fn bench() {
    let chosen: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let wants = |phase: &str| chosen.is_empty() || chosen.iter().any(|argument| argument == phase);
    let telemetry = Telemetry::start("orgwatch-bench", "1", &settings()).unwrap();
    let (first, second) = (Org::write(1), Org::write(2));
    let (nats, postgres) = (Nats::start().await.unwrap(), Postgres::start().await.unwrap());
    let mut config = Config::default();
    config.nats.servers = vec![nats.url()];
    config.postgres.url = postgres.url().into();
    config.ingest.listen = ([127, 0, 0, 1], 0).into();
    config.ingest.files.paths = vec![first.path.clone()];
    config.ingest.files.org = Some(first.id.clone());
    config.ingest.files.end = true;
    println!("{} events of {} users, {} MiB; load {}", first.events, first.users, first.bytes >> 20, figures::load());

    let group = detector::Group::all();
    let node = Node::connect(config, "bench", &[group.declaration()]).await.unwrap();
    let mut rate = None;
    if wants("whole") || wants("latency") {
        let services = whole::Services::start(&node, &group).await;
        if wants("whole") {
            rate = Some(whole::measure(&node, &group, &first, &telemetry.registry(), services.ingest()).await);
        }
        if wants("latency") {
            let rate = org::number("ORGWATCH_BENCH_RATE").unwrap_or_else(|| rate.map_or(RATE, |rate| rate / 2.0));
            latency::measure(&node, &second, &telemetry.registry(), rate).await;
        }
        services.stop().await;
    }
    if wants("raw") {
        let raw = raw::measure(&nats.url(), &first).await;
        println!("\nraw JetStream: {raw:.0} items/s published and consumed");
        if let Some(rate) = rate {
            println!("end to end / raw: {:.2}", rate / raw);
        }
    }
    println!("load {}", figures::load());
    node.bus.close().await;
    node.store.close().await;
}

fn settings() -> TelemetrySettings {
    let ratio = org::number("ORGWATCH_BENCH_TRACE_RATIO").unwrap_or(TelemetrySettings::default().trace_ratio);
    TelemetrySettings { level: "warn".to_owned(), trace_ratio: ratio, ..TelemetrySettings::default() }
}
