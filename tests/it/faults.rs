//! Services and servers are killed and connections are cut at random. No event is lost or counted twice, and the
//! outcome in Postgres equals that of a run without faults.
//!
//! `CHAOS_FAULTS=200` sets the number of faults.

use crate::kit::{self, Fleet, Outcome, assert_equal_days, backtest_with_days, export};
use bus::dead;
use model::Timestamp;
use orgwatchd::{Config, Node, idle};
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use servers::{Nats, Postgres, PostgresOptions, Proxy};
use settings::Settings as Rules;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const SERVICES: [&str; 8] =
    ["ingest", "baseline-1", "baseline-2", "detector-1", "detector-2", "correlator-1", "correlator-2", "notifier"];

struct Field {
    folder: tempfile::TempDir,
    nats: Nats,
    postgres: Postgres,
    to_nats: Proxy,
    to_postgres: Proxy,
    config: PathBuf,
    learn_until: Timestamp,
}

impl Field {
    /// Plays enough orgs that work is left at the last fault.
    async fn new(orgs: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let input = kit::orgs(folder.path(), orgs, 24);
        let nats = Nats::start().await.unwrap();
        // It is killed, and must keep what it committed, as in production.
        let durable = PostgresOptions { durable: true, ..PostgresOptions::default() };
        let postgres = Postgres::start_with(durable).await.unwrap();
        let to_nats = Proxy::start(nats.address()).await.unwrap();
        let to_postgres = Proxy::start(postgres.address()).await.unwrap();
        let learn_until = Timestamp::parse("2026-01-17").unwrap();
        let config = folder.path().join("orgwatchd.toml");
        let text = text(&nats_url(to_nats.port()), &postgres_url(to_postgres.port()), &input, learn_until);
        std::fs::write(&config, text).unwrap();
        Self { folder, nats, postgres, to_nats, to_postgres, config, learn_until }
    }

    fn input(&self) -> PathBuf {
        self.folder.path().join("events")
    }

    /// Connects without the proxies.
    async fn node(&self) -> Node {
        let mut config = Config::load(Some(&self.config)).unwrap();
        config.nats.servers = vec![self.nats.url()];
        config.postgres.url = self.postgres.url().into();
        Node::connect(config, "test", &[detector::Group::all().declaration()]).await.unwrap()
    }

    fn expected(&self) -> (Outcome, Vec<engine::DayScores>) {
        let rules = Rules::parse("[partitions]\ncount = 8\n", Path::new("test")).unwrap();
        backtest_with_days(&self.input(), rules, self.learn_until)
    }
}

fn nats_url(port: u16) -> String {
    format!("nats://127.0.0.1:{port}")
}

fn postgres_url(port: u16) -> String {
    format!("postgres://postgres@127.0.0.1:{port}/postgres")
}

fn text(nats: &str, postgres: &str, input: &Path, learn_until: Timestamp) -> String {
    format!(
        r#"
        nats.servers = ["{nats}"]
        postgres.url = "{postgres}"
        telemetry.level = "info"
        detector.learn_until = "{learn_until}"
        baseline = {{ checkpoint_ms = 300, balance_ms = 200 }}
        ingest.files = {{ paths = ["{}"], watch = true, end = true }}
        partitions.count = 8
        "#,
        input.display()
    )
}

async fn fault(dice: &mut ChaCha8Rng, field: &mut Field, fleet: &mut Fleet) {
    match dice.random_range(0..12) {
        0 => {
            field.nats.kill().await;
            field.nats.restart().await.unwrap();
        }
        1 => {
            field.postgres.kill().await;
            field.postgres.restart().await.unwrap();
        }
        2 => field.to_nats.cut_now().await,
        3 => field.to_postgres.cut_now().await,
        4 => {
            field.to_nats.cut().await;
            tokio::time::sleep(Duration::from_millis(dice.random_range(50..1_500))).await;
            field.to_nats.restore().await.unwrap();
        }
        5 => {
            field.to_postgres.cut().await;
            tokio::time::sleep(Duration::from_millis(dice.random_range(50..1_500))).await;
            field.to_postgres.restore().await.unwrap();
        }
        _ => {
            let victim = SERVICES.choose(dice).unwrap();
            fleet.kill(victim).await;
            fleet.start(victim);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_or_counted_twice() {
    let faults: u32 = std::env::var("CHAOS_FAULTS").map_or(12, |count| count.parse().unwrap());
    let mut dice = ChaCha8Rng::seed_from_u64(7);
    let mut field = Field::new((u64::from(faults) / 4).max(3)).await;
    let mut fleet = Fleet::new(field.config.clone(), field.folder.path().to_owned());
    SERVICES.iter().for_each(|service| fleet.start(service));
    for _ in 0..faults {
        // The progress between two faults is random; the outcome must not depend on it.
        tokio::time::sleep(Duration::from_millis(dice.random_range(100..1_200))).await;
        fault(&mut dice, &mut field, &mut fleet).await;
    }
    // A service that stopped, for want of a server at its start, is restarted as Kubernetes would.
    let (expected, days) = field.expected();
    let node = field.node().await;
    let shutdown = CancellationToken::new();
    let group = detector::Group::all();
    let idle = idle::wait(&node, &group, &shutdown);
    let ended = tokio::select! {
        done = idle => done.map(|()| true).unwrap(),
        () = fleet.keep_alive() => false,
        () = tokio::time::sleep(Duration::from_secs(120)) => false,
    };
    if !ended {
        let logs: Vec<String> = fleet.names().iter().map(|name| format!("{name}: {}", fleet.log(name))).collect();
        panic!("not idle after two minutes\n{}", logs.join("\n"));
    }
    fleet.stop().await;
    let letters = dead::list(&node.bus, &dead::Filter::default()).await.unwrap();
    let letters: Vec<_> = letters.iter().map(|letter| (&letter.stage, &letter.subject, &letter.reason)).collect();
    assert!(letters.is_empty(), "no message should be dead: {letters:?}");
    export(&field.config).await.assert_equals(&expected);
    assert_equal_days(&node.store, &days, field.learn_until).await;
}
