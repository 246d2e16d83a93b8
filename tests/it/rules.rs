//! Rules that are pushed while services run: incidents, receipts and their verification.

use crate::kit::{Fleet, backtest, command, eventually, export, org};
use bus::Bucket;
use model::Timestamp;
use orgwatchd::{Config, Node, idle};
use servers::{Nats, Postgres};
use settings::Settings;
use std::path::Path;
use tokio::process::Command;
use tokio_util::sync::CancellationToken;

/// Services that follow the rules.
const FOLLOWERS: [&str; 3] = ["baseline", "detector", "correlator"];
const PUSHED: &str = "detect.raise_at = 2.5\nrisk = { model = \"sum\", damping = 0.9, merge_hours = 36 }\n";

/// Runs `orgwatchd config` with these arguments. Returns whether it succeeded, and what it printed.
async fn config(path: &Path, arguments: &[&str]) -> (bool, String) {
    let arguments = [&["--config", path.to_str().unwrap(), "config"], arguments].concat();
    let output = command(&arguments).output().await.unwrap();
    (output.status.success(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
}

/// Runs `orgwatchd verify`. Returns whether it succeeded, and what it printed.
async fn verify(path: &Path) -> (bool, String) {
    let output = command(&["--config", path.to_str().unwrap(), "verify"]).output().await.unwrap();
    (output.status.success(), String::from_utf8(output.stdout).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn pushed_rules_hold_for_findings_and_receipts_alike() {
    let folder = tempfile::tempdir().unwrap();
    let (nats, postgres) = (Nats::start().await.unwrap(), Postgres::start().await.unwrap());
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let input = folder.path().join("events.ndjson");
    std::fs::write(&input, org(0, 25, 24)).unwrap();
    let learn_until = Timestamp::parse("2026-01-17").unwrap();
    let deployment = format!(
        "nats.servers = [\"{}\"]\npostgres.url = \"{}\"\ndetector.learn_until = \"{learn_until}\"\n\
         ingest.files = {{ paths = [\"{}\"], watch = true, end = true }}\n",
        nats.url(),
        postgres.url(),
        input.display()
    );
    let path = write("orgwatchd.toml", &deployment);
    // The machine of the operator is configured otherwise than the services are.
    let zone = "profile.time_zone = \"Asia/Tokyo\"\n";
    let operator = write("operator.toml", &format!("{deployment}{zone}"));
    let (pushed, empty) = (write("pushed.toml", PUSHED), write("empty.toml", "[detect]\n"));
    let node = Node::connect(Config::load(Some(&path)).unwrap(), "test", &[]).await.unwrap();
    let mut fleet = Fleet::new(path.clone(), folder.path().to_owned());
    ["baseline", "detector", "correlator", "notifier"].iter().for_each(|service| fleet.start(service));
    let over = Settings::default().overlay(PUSHED, Path::new("pushed")).unwrap();
    let over_operators = Settings::parse(&format!("{zone}{PUSHED}"), Path::new("operator")).unwrap();

    let (done, said) = config(&operator, &["push", pushed.to_str().unwrap()]).await;
    assert!(done, "{said}");
    let said: Vec<&str> = said.lines().collect();
    let rules = format!("rules {} are in force where the configuration is that of this machine", over_operators.hash());
    let changes = [
        "detect.raise_at: 2.0 → 2.5",
        "risk.damping: 0.3 → 0.9",
        "risk.merge_hours: 24 → 36",
        "risk.model: \"noisy_or\" → \"sum\"",
        &rules,
    ];
    assert_eq!(said, changes);
    for service in FOLLOWERS {
        eventually("rules are in use", async || {
            let log = fleet.whole_log(service);
            (log.contains("new rules are in use") && log.contains(over.hash().as_str())).then_some(())
        })
        .await;
    }
    fleet.start("ingest");
    idle::wait(&node, &detector::Group::all(), &CancellationToken::new()).await.unwrap();
    export(&path).await.assert_equals(&backtest(&input, over.clone(), learn_until));

    // An empty file would undo what was pushed.
    let (done, said) = config(&operator, &["push", empty.to_str().unwrap()]).await;
    assert!(!done && said.contains("--reset"), "{said}");
    let (_, live) = config(&path, &["live"]).await;
    let (head, text) = live.split_once('\n').unwrap();
    assert!(head.starts_with(&format!("# rules {}, pushed by postgres at 2", over.hash())), "{head}");
    assert_eq!(Settings::parse(text, Path::new("live")).unwrap(), over);
    let (_, live) = config(&operator, &["live"]).await;
    assert!(live.contains("over the configuration of this machine") && live.contains("Asia/Tokyo"), "{live}");

    // Receipts stay verifiable after the rules have changed in the bucket and in the file.
    let (done, said) = config(&path, &["push", "--reset"]).await;
    assert!(done && said.contains("risk.model: \"sum\" → \"noisy_or\""), "{said}");
    let changed = write("changed.toml", &format!("{deployment}risk.damping = 0.1\n"));
    let (_, live) = config(&changed, &["live"]).await;
    assert!(live.contains("pushed by postgres at 2") && live.contains("damping = 0.1"), "{live}");
    let (holds, verified) = verify(&changed).await;
    assert!(holds && verified.contains("\"do_not_hold\": 0") && !verified.contains("\"hold\": 0"), "{verified}");

    // Settings that cannot be read, as those of a later version, leave the others verifiable.
    let unreadable = format!("UPDATE orgwatch.settings SET toml = 'later = 1' WHERE hash = '{}'", over.hash());
    let mut psql = Command::new(postgres.program("psql"));
    assert!(psql.args([&postgres.url(), "--command", &unreadable]).output().await.unwrap().status.success());
    let (holds, verified) = verify(&changed).await;
    assert!(!holds && verified.contains("\"do_not_hold\": 0") && verified.contains("\"hold\": 0"), "{verified}");
    assert!(!verified.contains("\"not_verifiable\": 0") && verified.contains("\"holds\":null"), "{verified}");
    let audit = node.store.audit_page(None, 10).await.unwrap().entries;
    let actions: Vec<(&str, &str)> = audit.iter().map(|entry| (&*entry.actor, &*entry.action)).collect();
    assert_eq!(actions, [("postgres", "rules pushed"); 2]);
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_pushed_and_cannot_be_read_is_replaced_by_the_next_push() {
    let folder = tempfile::tempdir().unwrap();
    let (nats, postgres) = (Nats::start().await.unwrap(), Postgres::start().await.unwrap());
    let (path, pushed) = (folder.path().join("orgwatchd.toml"), folder.path().join("pushed.toml"));
    let text = format!("nats.servers = [\"{}\"]\npostgres.url = \"{}\"\n", nats.url(), postgres.url());
    std::fs::write(&path, text).unwrap();
    std::fs::write(&pushed, PUSHED).unwrap();
    let node = Node::connect(Config::load(Some(&path)).unwrap(), "test", &[]).await.unwrap();
    let bucket = Bucket::open(&node.bus).await.unwrap();
    bucket.put("rules", "[detect]\nof_a_later_version = 1\n".into()).await.unwrap();
    const WARNING: &str = "warning: what was pushed cannot be read";

    let (done, live) = config(&path, &["live"]).await;
    assert!(done && live.contains(WARNING) && live.contains("raise_at = 2.0"), "{live}");
    let (done, said) = config(&path, &["push", pushed.to_str().unwrap()]).await;
    assert!(done && said.contains(WARNING) && said.contains("detect.raise_at: 2.0 → 2.5"), "{said}");
    let (done, live) = config(&path, &["live"]).await;
    assert!(done && !live.contains(WARNING) && live.contains("raise_at = 2.5"), "{live}");

    // No rules come into force that the audit trail does not have.
    let refuse = "ALTER TABLE orgwatch.audit ADD CONSTRAINT full_disk CHECK (false) NOT VALID";
    let mut psql = Command::new(postgres.program("psql"));
    assert!(psql.args([&postgres.url(), "--command", refuse]).output().await.unwrap().status.success());
    let (done, said) = config(&path, &["push", "--reset"]).await;
    assert!(!done && said.contains("full_disk"), "{said}");
    let (_, live) = config(&path, &["live"]).await;
    assert!(live.contains("raise_at = 2.5"), "{live}");
}
