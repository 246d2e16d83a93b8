//! What a process reports when it starts, and when it cannot.

use crate::kit::command;
use serde_json::Value;
use servers::{Nats, Postgres};
use std::path::PathBuf;
use tempfile::TempDir;

const NOWHERE: &str = "nats://127.0.0.1:1";

struct Site {
    _folder: TempDir,
    config: PathBuf,
}

/// A configuration of these lines.
fn site(text: &str) -> Site {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("orgwatchd.toml");
    std::fs::write(&config, text).unwrap();
    Site { _folder: folder, config }
}

/// What a process that ended wrote.
struct Ended {
    code: Option<i32>,
    lines: Vec<Value>,
    error: String,
}

impl Site {
    async fn run(&self, arguments: &[&str]) -> Ended {
        let all = [&["--config", self.config.to_str().unwrap()], arguments].concat();
        let output = command(&all).env_remove("ORGWATCH_POSTGRES__URL").output().await.unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let lines = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        Ended { code: output.status.code(), lines, error: String::from_utf8(output.stderr).unwrap() }
    }
}

impl Ended {
    /// The log line with this message.
    fn line(&self, message: &str) -> Option<&Value> {
        self.lines.iter().find(|line| line["message"] == message)
    }
}

#[tokio::test]
async fn an_unmigrated_database_is_named_with_what_to_do() {
    let (nats, postgres) = (Nats::start().await.unwrap(), Postgres::start().await.unwrap());
    let text = format!(
        "nats.servers = [\"{}\"]\npostgres = {{ url = \"{}\", migrate = false }}",
        nats.url(),
        postgres.url().replace("postgres@", "postgres:s3cret@")
    );
    let site = site(&text);
    let expected =
        format!("postgres {}/postgres has no schema of orgwatch: run `orgwatchd migrate`", postgres.address());
    for arguments in [
        &["correlator"][..],
        &["ingest"],
        &["verify"],
        &["export", "--incidents", "/dev/null"],
        &["sources", "status"],
        &["partition", "forget", "1"],
        &["org", "remove", "00D000000000001"],
        &["user", "erase", "--org", "00D000000000001", "005000000000001"],
    ] {
        let ended = site.run(arguments).await;
        assert_eq!((ended.code, ended.error.as_str()), (Some(1), format!("orgwatchd: {expected}\n").as_str()));
    }
}

#[tokio::test]
async fn a_role_that_may_not_migrate_gets_one_line() {
    let (nats, postgres) = (Nats::start().await.unwrap(), Postgres::start().await.unwrap());
    let owner = site(&format!("postgres.url = \"{}\"", postgres.url()));
    let psql = postgres.program("psql");
    let psql = tokio::process::Command::new(psql).args([&postgres.url(), "-c", "CREATE ROLE stranger LOGIN"]).output();
    assert!(psql.await.unwrap().status.success());
    let url = postgres.url().replace("postgres@", "stranger@");
    let stranger = site(&format!("nats.servers = [\"{}\"]\npostgres.url = \"{url}\"", nats.url()));
    for arguments in [["migrate"], ["notifier"]] {
        let ended = stranger.run(&arguments).await;
        let error = ended.error;
        assert_eq!((ended.code, error.lines().count()), (Some(1), 1), "{error}");
        let expected = format!("orgwatchd: role stranger at postgres {}/postgres may not migrate", postgres.address());
        assert!(error.starts_with(&expected) && error.contains("run `orgwatchd migrate` as its owner"), "{error}");
    }
    assert_eq!(owner.run(&["migrate"]).await.code, Some(0));
}

#[tokio::test]
async fn a_missing_database_url_is_reported_before_nats_is_tried() {
    let site = site(&format!("nats = {{ servers = [\"{NOWHERE}\"], connect_seconds = 3600 }}"));
    for service in ["ingest", "baseline", "detector", "correlator", "notifier", "migrate", "verify"] {
        let ended = site.run(&[service]).await;
        assert_eq!(ended.code, Some(1), "{service}");
        assert!(ended.error.contains("postgres.url: no database url is set; set postgres.url"), "{}", ended.error);
        assert!(ended.line("nats: cannot connect, retrying").is_none());
    }
}

#[tokio::test]
async fn errors_of_connections_name_the_host_and_no_password() {
    let postgres = "postgres://me:s3cret@127.0.0.1:1/orgwatch";
    let servers = "nats://me:s3cret@127.0.0.1:1";
    let site =
        site(&format!("nats = {{ servers = [\"{servers}\"], connect_seconds = 0 }}\npostgres.url = \"{postgres}\""));
    let expected = [
        ("correlator", "nats nats://127.0.0.1:1: cannot connect"),
        ("verify", "cannot connect as me at postgres 127.0.0.1:1/orgwatch"),
    ];
    for (command, text) in expected {
        let ended = site.run(&[command]).await;
        assert!(ended.error.contains(text), "{}", ended.error);
        let all = format!("{} {:?}", ended.error, ended.lines);
        assert!(!all.contains("s3cret"), "{all}");
    }
}

#[tokio::test]
async fn one_line_says_what_a_service_starts_with() {
    let servers =
        format!("nats = {{ servers = [\"{NOWHERE}\"], connect_seconds = 0 }}\npostgres.url = \"postgres://a@b/c\"\n");
    let configured = site(&format!(
        "{servers}
        [ingest.orgs.00D000000000001]
        tokens = [\"a-token-of-sixteen-or-more\"]
        [notifier.destinations.soar]
        kind = \"stdout\""
    ));
    let missing = [
        (
            "ingest",
            "no org is configured, nothing will be read: set ingest.orgs for pushes, ingest.salesforce.orgs or ingest.files",
        ),
        ("notifier", "no destination is configured, nobody will be notified: set notifier.destinations"),
    ];
    let (bare, rules) = (site(&servers), settings::Settings::default().hash());
    for (service, warning) in missing {
        let ended = configured.run(&[service]).await;
        let fields = &ended.line("starting").unwrap()["fields"];
        let expected = [
            ("service", service),
            ("version", env!("CARGO_PKG_VERSION")),
            ("config", configured.config.to_str().unwrap()),
            ("rules", rules.as_str()),
            ("orgs", "00D000000000001EAA"),
            ("destinations", "soar"),
        ];
        for (field, value) in expected {
            assert_eq!(fields[field], value, "{service}: {fields}");
        }
        assert!(ended.line(warning).is_none(), "{service}");
        let ended = bare.run(&[service]).await;
        assert_eq!(ended.line(warning).unwrap()["level"], "WARN");
        assert_eq!(ended.line("starting").unwrap()["fields"]["orgs"], "none");
    }
}
