//! Operators erase an account, remove an org and forget a partition while the services keep running.

use crate::kit::{Fleet, Outcome, backtest, command, export, org_id, orgs};
use model::{OrgId, Timestamp};
use orgwatchd::{Config, Node, idle};
use serde_json::Value;
use servers::{Nats, Postgres};
use settings::Settings as Rules;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const SERVICES: [&str; 6] = ["ingest", "baseline-1", "baseline-2", "detector", "correlator", "notifier"];

/// Runs a command. Returns whether it succeeded, and its output or its errors.
async fn operator(config: &Path, arguments: &[&str]) -> (bool, String) {
    let mut all = vec!["--config", config.to_str().unwrap()];
    all.extend(arguments);
    let output = command(&all).output().await.unwrap();
    let text = if output.status.success() { output.stdout } else { output.stderr };
    (output.status.success(), String::from_utf8(text).unwrap())
}

async fn done(config: &Path, arguments: &[&str]) -> Value {
    let (success, text) = operator(config, arguments).await;
    assert!(success, "{arguments:?}: {text}");
    serde_json::from_str(&text).unwrap()
}

async fn refused(config: &Path, arguments: &[&str]) -> String {
    let (success, text) = operator(config, arguments).await;
    assert!(!success, "{arguments:?}: {text}");
    text
}

/// Returns the findings and incidents that do not contain all of these names.
fn without(outcome: &Outcome, names: &[&str]) -> Outcome {
    let names_all = |line: &&String| names.iter().all(|name| line.contains(name));
    let others = |lines: &[String]| lines.iter().filter(|line| !names_all(line)).cloned().collect();
    Outcome { findings: others(&outcome.findings), incidents: others(&outcome.incidents) }
}

struct Site {
    folder: tempfile::TempDir,
    config: PathBuf,
    input: PathBuf,
    learn_until: Timestamp,
    nats: Nats,
    postgres: Postgres,
}

impl Site {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let input = orgs(folder.path(), 3, 21);
        let (nats, postgres) = (Nats::start().await.unwrap(), Postgres::start().await.unwrap());
        let (config, learn_until) = (folder.path().join("orgwatchd.toml"), Timestamp::parse("2026-01-17").unwrap());
        let site = Self { folder, config, input, learn_until, nats, postgres };
        site.configure("");
        site
    }

    fn configure(&self, more: &str) {
        let text = format!(
            r#"
            nats.servers = ["{}"]
            postgres.url = "{}"
            detector.learn_until = "{}"
            baseline = {{ checkpoint_ms = 300, balance_ms = 200 }}
            ingest.files = {{ paths = ["{}"], watch = true, end = true }}
            partitions.count = 8
            {more}
            "#,
            self.nats.url(),
            self.postgres.url(),
            self.learn_until,
            self.input.display()
        );
        std::fs::write(&self.config, text).unwrap();
    }

    async fn until_idle(&self) {
        let config = Config::load(Some(&self.config)).unwrap();
        let group = detector::Group::all();
        let node = Node::connect(config, "test", &[group.declaration()]).await.unwrap();
        let shutdown = CancellationToken::new();
        let idle = idle::wait(&node, &group, &shutdown);
        tokio::time::timeout(Duration::from_secs(60), idle).await.unwrap().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn erased_data_is_gone_and_everything_else_is_kept() {
    let site = Site::new().await;
    let config = site.config.as_path();
    let mut fleet = Fleet::new(site.config.clone(), site.folder.path().to_owned());
    SERVICES.iter().for_each(|service| fleet.start(service));
    site.until_idle().await;
    let rules = Rules::parse("[partitions]\ncount = 8\n", Path::new("test")).unwrap();
    let all = backtest(&site.input, rules, site.learn_until);
    export(config).await.assert_equals(&all);

    // Erase an account.
    let [first, second, third] = [0, 1, 2].map(org_id);
    let incident = all.incidents.iter().find(|incident| incident.contains(first.as_str())).unwrap();
    let user = serde_json::from_str::<Value>(incident).unwrap()["user_id"].as_str().unwrap().to_owned();
    let erase = ["user", "erase", "--org", first.as_str(), &user];
    let erased = done(config, &erase).await;
    let left = without(&all, &[first.as_str(), &user]);
    let of_user = all.findings.len() - left.findings.len();
    assert!(erased["deleted"]["incidents"].as_i64().unwrap() > 0, "{erased}");
    assert!(erased["deleted"]["findings"].as_i64().unwrap() >= of_user as i64, "{erased}");
    assert_eq!((&erased["state"], &erased["deleted"]["risks"]), (&3.into(), &1.into()));
    export(config).await.assert_equals(&left);
    let again = done(config, &erase).await;
    assert_eq!((&again["state"], &again["deleted"]["findings"]), (&0.into(), &0.into()));

    // Remove an org.
    let remove = ["org", "remove", second.as_str()];
    site.configure(&format!("[ingest.orgs.{second}]\ntokens = [\"a-token-of-sixteen-or-more\"]"));
    assert!(refused(config, &remove).await.contains("is still configured"));
    site.configure("");
    let removed = done(config, &remove).await;
    assert!(removed["state"].as_i64().unwrap() > 20, "{removed}");
    let left = without(&left, &[second.as_str()]);
    export(config).await.assert_equals(&left);

    // Forget another partition: its stream is applied again, with the same outcome.
    let partition = partition_of(&third);
    assert!(![&first, &second].map(partition_of).contains(&partition));
    let partition = partition.to_string();
    let forgotten = done(config, &["partition", "forget", &partition]).await;
    assert!(forgotten["was_applied_to"].as_i64().unwrap() > 0, "{forgotten}");
    assert!(refused(config, &["partition", "forget", "8"]).await.contains("the last one is 7"));
    site.until_idle().await;
    fleet.stop().await;
    export(config).await.assert_equals(&left);

    // Another number of partitions is refused, because the orgs would have to be learned again.
    let text = std::fs::read_to_string(config).unwrap();
    std::fs::write(config, text.replace("partitions.count = 8", "partitions.count = 16")).unwrap();
    for service in ["ingest", "baseline"] {
        let error = refused(config, &[service]).await;
        assert!(
            error.contains("set partitions.count and partitions.spread to the values of the installation"),
            "{error}"
        );
    }
}

fn partition_of(org: &OrgId) -> u16 {
    let partitions = model::partition::Partitions::new(8, std::collections::BTreeMap::new());
    partitions.of_org(org)[0]
}
