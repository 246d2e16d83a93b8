//! Backup and restore: the run continues after a restore, and its outcome equals that of a backtest.
//! [`crate::equality`] shows that the files of events alone are enough.

use crate::kit::{Fleet, PATIENCE, backtest, export, orgs};
use model::Timestamp;
use orgwatchd::{Config, Node, idle};
use serde_json::Value;
use servers::{Nats, NatsOptions, Postgres};
use settings::Settings as Rules;
use std::path::{Path, PathBuf};
use std::time::Duration;
use store::FindingFilter;
use tempfile::TempDir;
use tokio::process::Command;
use tokio_util::sync::CancellationToken;

const SERVICES: [&str; 5] = ["ingest", "baseline", "detector", "correlator", "notifier"];

struct Site {
    folder: TempDir,
    nats: Nats,
    postgres: Postgres,
    fleet: Fleet,
    learn_until: Timestamp,
}

impl Site {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        orgs(folder.path(), 2, 21);
        let nats = nats(&folder.path().join("streams")).await;
        let postgres = Postgres::start().await.unwrap();
        let fleet = Fleet::new(folder.path().join("orgwatchd.toml"), folder.path().to_owned());
        Self { folder, nats, postgres, fleet, learn_until: Timestamp::parse("2026-01-17").unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn configure(&self) {
        let text = format!(
            r#"
            nats.servers = ["{}"]
            postgres.url = "{}"
            detector.learn_until = "{}"
            baseline = {{ checkpoint_ms = 100, balance_ms = 200 }}
            ingest.files = {{ paths = ["{}"], watch = true, end = true }}
            partitions.count = 8
            "#,
            self.nats.url(),
            self.postgres.url(),
            self.learn_until,
            self.path("events").display()
        );
        std::fs::write(self.path("orgwatchd.toml"), text).unwrap();
    }

    fn start(&mut self) {
        self.configure();
        SERVICES.iter().for_each(|service| self.fleet.start(service));
    }

    async fn node(&self) -> Node {
        let config = Config::load(Some(&self.path("orgwatchd.toml"))).unwrap();
        Node::connect(config, "test", &[detector::Group::all().declaration()]).await.unwrap()
    }

    /// Waits until there is a finding.
    async fn midway(&self) {
        let node = self.node().await;
        let found = async {
            while node.store.findings(&FindingFilter::default()).await.unwrap().is_empty() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let found = tokio::time::timeout(PATIENCE, found).await;
        assert!(found.is_ok(), "no finding: {}", SERVICES.map(|service| self.fleet.log(service)).join("\n"));
    }

    async fn until_idle(&self) {
        let (node, group, shutdown) = (self.node().await, detector::Group::all(), CancellationToken::new());
        let done = tokio::time::timeout(PATIENCE, idle::wait(&node, &group, &shutdown)).await;
        assert!(done.is_ok(), "not idle: {}", SERVICES.map(|service| self.fleet.log(service)).join("\n"));
    }

    async fn dump(&self) {
        let mut dump = Command::new(self.postgres.program("pg_dump"));
        dump.args(["--format=custom", "--schema=orgwatch", "--file"]).arg(self.path("dump")).arg(self.postgres.url());
        run(dump).await;
    }

    /// Restores the dump into a new server.
    async fn restore(&mut self) {
        self.postgres = Postgres::start().await.unwrap();
        let mut roles = Command::new(self.postgres.program("psql"));
        roles.arg(self.postgres.url());
        for role in SERVICES.iter().chain(&["console", "operator", "reader"]) {
            roles.args(["--command", &format!("CREATE ROLE orgwatch_{role} NOLOGIN")]);
        }
        run(roles).await;
        let mut restore = Command::new(self.postgres.program("pg_restore"));
        restore.args(["--exit-on-error", "--single-transaction", "--dbname"]).arg(self.postgres.url());
        restore.arg(self.path("dump"));
        run(restore).await;
    }

    /// Continues the run, and compares its outcome.
    async fn ends_as_a_backtest(mut self) {
        let stored = FindingFilter::default();
        self.configure();
        let before = self.node().await.store.findings(&stored).await.unwrap().len();
        self.start();
        self.until_idle().await;
        self.fleet.stop().await;
        let after = self.node().await.store.findings(&stored).await.unwrap().len();
        assert!(0 < before && before < after, "{before} findings were restored of {after}");
        let rules = Rules::parse("[partitions]\ncount = 8\n", Path::new("test")).unwrap();
        let expected = backtest(&self.path("events"), rules, self.learn_until);
        let mut outcome = export(&self.path("orgwatchd.toml")).await;
        // The source, too, goes on from the backup: copies that it sends again far behind the clock of their org are set
        // aside, which is a finding about orgwatch itself.
        for lines in [&mut outcome.findings, &mut outcome.incidents] {
            let (own, about_accounts): (Vec<String>, Vec<String>) =
                std::mem::take(lines).into_iter().partition(|line| line.contains("\"user_id\":\"orgwatch\""));
            *lines = about_accounts;
            for line in own {
                let subjects = subjects(&line);
                assert!(subjects.iter().all(|subject| subject == "set_aside/forgotten"), "{subjects:?}: {line}");
            }
        }
        outcome.assert_equals(&expected);
    }
}

/// Returns what a finding of orgwatch about itself, or the findings of such an incident, are about.
fn subjects(line: &str) -> Vec<Value> {
    let whole: Value = serde_json::from_str(line).unwrap();
    let findings = whole.get("findings").map_or_else(|| vec![whole.clone()], |all| all.as_array().unwrap().clone());
    assert!(!findings.is_empty(), "{line}");
    findings.into_iter().map(|finding| finding["features"][0]["featureValue"].clone()).collect()
}

async fn nats(store: &Path) -> Nats {
    Nats::start_with(NatsOptions { store: Some(store.to_owned()), ..NatsOptions::default() }).await.unwrap()
}

async fn run(mut command: Command) {
    let output = command.kill_on_drop(true).output().await.unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_continues_from_a_backup_of_both() {
    let mut site = Site::new().await;
    site.start();
    site.midway().await;
    site.fleet.stop().await;
    site.dump().await;
    site.nats.stop().await;
    let mut copy = Command::new("cp");
    copy.arg("-a").args([site.path("streams"), site.path("streams.backup")]);
    run(copy).await;

    site.nats = nats(&site.path("streams.backup")).await;
    std::fs::remove_dir_all(site.path("streams")).unwrap();
    site.restore().await;
    site.ends_as_a_backtest().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_database_catches_up_with_the_streams() {
    let mut site = Site::new().await;
    site.start();
    site.midway().await;
    site.dump().await;
    site.until_idle().await;
    site.fleet.stop().await;
    site.restore().await;
    // A new consumer reads again the findings that were merged since the dump.
    let client = async_nats::connect(site.nats.url()).await.unwrap();
    let findings = async_nats::jetstream::new(client).get_stream("ORGWATCH_FINDING").await.unwrap();
    findings.delete_consumer("correlator").await.unwrap();
    site.ends_as_a_backtest().await;
}
