//! Three nats-servers with three copies of each stream. Each server is killed in turn while events flow. The events
//! keep flowing with the other two, and the outcome in Postgres equals that of a run without faults.

use crate::kit::{Fleet, PATIENCE, backtest, command, eventually, export, orgs};
use async_nats::jetstream::{self, Context, consumer, stream};
use bus::{Stream, dead};
use model::Timestamp;
use orgwatchd::{Config, Node, idle};
use servers::{Nats, NatsCluster, Postgres};
use settings::Settings as Rules;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

const SERVICES: [&str; 5] = ["ingest", "baseline", "detector", "correlator", "notifier"];
/// One consumer of each stream that is read.
const CONSUMERS: [(Stream, &str); 4] = [
    (Stream::Activity, "baseline-0"),
    (Stream::Observation, "detector-all"),
    (Stream::Finding, "correlator"),
    (Stream::Incident, "notifier"),
];
const BUCKET: &str = "KV_orgwatch-settings";
/// Event seconds per second, chosen so that events still flow while the third server is killed.
const SPEED: u32 = 15_000;

struct Site {
    folder: TempDir,
    cluster: NatsCluster,
    postgres: Postgres,
    jetstream: Context,
    learn_until: Timestamp,
}

impl Site {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (cluster, postgres) = tokio::join!(NatsCluster::start(), Postgres::start());
        let (cluster, postgres) = (cluster.unwrap(), postgres.unwrap());
        let jetstream = jetstream(&cluster.urls()).await;
        let learn_until = Timestamp::parse("2026-01-17").unwrap();
        Self { folder, cluster, postgres, jetstream, learn_until }
    }

    /// Writes the configuration, with further settings of `ingest.files`.
    fn configure(&self, input: &Path, played: &str) -> PathBuf {
        let settings = format!(
            r#"
            {}
            postgres.url = "{}"
            telemetry.level = "info"
            detector.learn_until = "{}"
            baseline = {{ checkpoint_ms = 300, balance_ms = 200 }}
            ingest.files = {{ paths = ["{}"], watch = true, end = true{played} }}
            "#,
            nats(&self.cluster.urls(), 3),
            self.postgres.url(),
            self.learn_until,
            input.display(),
        );
        self.write("orgwatchd.toml", &settings)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    async fn stream(&self, name: &str) -> stream::Info {
        eventually(name, async || Some(self.jetstream.get_stream(name).await.ok()?.cached_info().clone())).await
    }

    async fn consumer(&self, stream: &str, name: &str) -> consumer::Info {
        eventually(name, async || {
            let stream = self.jetstream.get_stream_no_info(stream).await.ok()?;
            stream.consumer_info(name).await.ok()
        })
        .await
    }

    async fn last(&self, stream: Stream) -> u64 {
        self.stream(&name(stream)).await.state.last_sequence
    }

    /// Returns the index of the server that leads the stream of activities. Waits until one does.
    async fn leader(&self) -> usize {
        eventually("a leader", async || {
            let leader = self.stream(&name(Stream::Activity)).await.cluster?.leader?;
            self.cluster.servers().iter().position(|server| server.name() == leader)
        })
        .await
    }

    /// Waits until all three servers have a complete copy of each stream and consumer.
    async fn three_copies(&self) {
        let whole = |cluster: Option<stream::ClusterInfo>| {
            let others = cluster?.replicas;
            (others.len() == 2 && others.iter().all(|other| other.current)).then_some(())
        };
        for name in Stream::ALL.map(name).iter().map(String::as_str).chain([BUCKET]) {
            let info = eventually(name, async || {
                let info = self.stream(name).await;
                whole(info.cluster)?;
                Some(info.config)
            });
            assert_eq!(info.await.num_replicas, 3, "{name}");
        }
        for (stream, consumer) in CONSUMERS {
            eventually(consumer, async || whole(self.consumer(&name(stream), consumer).await.cluster)).await;
        }
    }

    /// Waits until detectors receive an observation after this sequence.
    async fn flows_after(&self, observed: u64) {
        let observations = name(Stream::Observation);
        eventually("events flow", async || {
            let info = self.consumer(&observations, "detector-all").await;
            (info.delivered.stream_sequence > observed).then_some(())
        })
        .await;
    }
}

/// Connects with a short timeout, because the tests poll.
async fn jetstream(urls: &[String]) -> Context {
    let client = async_nats::connect(urls).await.unwrap();
    jetstream::context::ContextBuilder::new().timeout(Duration::from_millis(500)).build(client)
}

fn nats(urls: &[String], replicas: u8) -> String {
    format!("nats = {{ servers = {urls:?}, replicas = {replicas} }}\npartitions.count = 4\n")
}

fn name(stream: Stream) -> String {
    stream.name("orgwatch")
}

async fn topology(config: &Path, action: &str) -> Output {
    command(&["--config", config.to_str().unwrap(), "topology", action]).output().await.unwrap()
}

/// Pushes the same rules again, and waits until detectors have received rules for the `times`th time.
async fn push_rules(fleet: &Fleet, config: &Path, rules: &Path, times: usize) {
    let arguments = ["--config", config.to_str().unwrap(), "config", "push", rules.to_str().unwrap()];
    eventually("rules are pushed", async || command(&arguments).output().await.unwrap().status.success().then_some(()))
        .await;
    eventually("rules are received", async || {
        (fleet.whole_log("detector").matches("new rules are in use").count() >= times).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_server_is_killed_and_restarted_while_events_flow() {
    let mut site = Site::new().await;
    let input = orgs(site.folder.path(), 2, 24);
    let paced = format!(", speed = {SPEED}, paced_from = \"{}\"", site.learn_until);
    let config = site.configure(&input, &paced);
    let rules = site.write("rules.toml", "detect.raise_at = 2.0\n");
    let mut fleet = Fleet::new(config.clone(), site.folder.path().to_owned());
    SERVICES.iter().for_each(|service| fleet.start(service));
    let group = detector::Group::all();
    let node = Node::connect(Config::load(Some(&config)).unwrap(), "test", &[group.declaration()]).await.unwrap();

    site.flows_after(0).await;
    site.three_copies().await;
    let (mut left, mut led) = (vec![0, 1, 2], 0);
    for round in 1..=3 {
        let observed = site.last(Stream::Observation).await;
        site.flows_after(observed).await;
        let leader = site.leader().await;
        let victim = left.remove(left.iter().position(|index| *index == leader).unwrap_or(0));
        led += usize::from(victim == leader);
        site.cluster.servers_mut()[victim].kill().await;
        // This detector starts while the stream has no leader.
        fleet.start(&format!("detector-{round}"));

        assert_ne!(site.leader().await, victim);
        let observed = site.last(Stream::Observation).await;
        site.flows_after(observed).await;
        push_rules(&fleet, &config, &rules, round).await;

        site.cluster.servers_mut()[victim].restart().await.unwrap();
    }
    assert!(led > 0, "no leader of the stream was killed");

    // Read the rest without pacing.
    fleet.kill("ingest").await;
    site.configure(&input, "");
    fleet.start("ingest");
    let done = tokio::time::timeout(PATIENCE, idle::wait(&node, &group, &CancellationToken::new())).await;
    assert!(
        matches!(done, Ok(Ok(()))),
        "not idle: {done:?}: {}",
        SERVICES.map(|service| fleet.log(service)).join("\n")
    );
    // No service may have stopped by itself.
    fleet.stop().await;
    let letters = dead::list(&node.bus, &dead::Filter::default()).await.unwrap();
    let letters: Vec<_> = letters.iter().map(|letter| (&letter.stage, &letter.subject, &letter.reason)).collect();
    assert!(letters.is_empty(), "unexpected dead letters: {letters:?}");
    let same = Rules::parse("[partitions]\ncount = 4\n", Path::new("test")).unwrap();
    export(&config).await.assert_equals(&backtest(&input, same, site.learn_until));
}

#[tokio::test(flavor = "multi_thread")]
async fn copies_can_be_added_later_and_are_refused_without_servers() {
    let site = Site::new().await;
    let one = site.write("one.toml", &nats(&site.cluster.urls(), 1));
    let three = site.write("three.toml", &nats(&site.cluster.urls(), 3));
    assert!(topology(&one, "apply").await.status.success());
    let shown = topology(&three, "show").await;
    assert!(!shown.status.success());
    // Five streams and the bucket.
    assert_eq!(String::from_utf8_lossy(&shown.stdout).matches("\"field\": \"replicas\"").count(), 6);

    assert!(topology(&three, "apply").await.status.success());
    assert!(topology(&three, "show").await.status.success());
    site.three_copies().await;

    let alone = Nats::start().await.unwrap();
    let alone = site.write("alone.toml", &nats(&[alone.url()], 3));
    let refused = topology(&alone, "apply").await;
    assert!(!refused.status.success());
    let error = String::from_utf8_lossy(&refused.stderr);
    assert!(error.contains("fewer servers than nats.replicas asks for copies"), "{error}");
}
