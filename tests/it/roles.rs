//! Every service works with its own role in a database of another owner, and so do operators.

use crate::kit::{Fleet, Outcome, backtest, export, org, org_id, orgwatchd};
use model::Timestamp;
use orgwatchd::{Config, Node, idle};
use servers::{Nats, Postgres};
use std::path::Path;
use tokio::process::Command;
use tokio_util::sync::CancellationToken;

const SERVICES: [&str; 5] = ["ingest", "baseline", "detector", "correlator", "notifier"];

#[tokio::test(flavor = "multi_thread")]
async fn services_work_with_their_own_roles() {
    let folder = tempfile::tempdir().unwrap();
    let (nats, postgres) = (Nats::start().await.unwrap(), Postgres::start().await.unwrap());
    administer(&postgres).await;
    let input = folder.path().join("events.ndjson");
    std::fs::write(&input, org(0, 25, 24)).unwrap();
    let learn_until = Timestamp::parse("2026-01-17").unwrap();
    let configure = |user: &str| {
        let text = format!(
            r#"
            nats.servers = ["{}"]
            postgres = {{ url = "{}", migrate = false }}
            detector.learn_until = "{learn_until}"
            baseline = {{ checkpoint_ms = 300, balance_ms = 200 }}
            ingest.files = {{ paths = ["{}"], watch = true, end = true }}
            "#,
            nats.url(),
            postgres.url_of("orgwatch").replace("postgres@", &format!("{user}@")),
            input.display()
        );
        let path = folder.path().join(format!("{user}.toml"));
        std::fs::write(&path, text).unwrap();
        path
    };
    let owner = configure("orgwatch");
    operate(&owner, &["migrate"]).await;

    let fleets: Vec<Fleet> = SERVICES
        .iter()
        .map(|service| {
            let mut fleet = Fleet::new(configure(&format!("orgwatch_{service}_1")), folder.path().to_owned());
            fleet.start(service);
            fleet
        })
        .collect();
    let node = Node::connect(Config::load(Some(&owner)).unwrap(), "test", &[]).await.unwrap();
    idle::wait(&node, &detector::Group::all(), &CancellationToken::new()).await.unwrap();
    for (mut fleet, service) in fleets.into_iter().zip(SERVICES) {
        fleet.stop().await;
        let log = std::fs::read_to_string(folder.path().join(service)).unwrap();
        assert!(!log.contains("permission denied"), "{service}: {log}");
    }

    let operator = configure("orgwatch_operator_1");
    export(&operator).await.assert_equals(&backtest(&input, settings::Settings::default(), learn_until));
    operate(&operator, &["verify"]).await;
    assert_eq!(seen_by_reader(&postgres).await, 0, "bound to no org");
    operate(&operator, &["readers", "grant", "orgwatch_reader_1", "00D000000000999AAA"]).await;
    assert_eq!(seen_by_reader(&postgres).await, 0, "bound to another org");
    operate(&operator, &["readers", "grant", "orgwatch_reader_1", org_id(0).as_str()]).await;
    assert_eq!(seen_by_reader(&postgres).await, export(&operator).await.incidents.len());
    operate(&operator, &["readers", "revoke", "orgwatch_reader_1", "00D000000000999AAA"]).await;
    operate(&operator, &["readers", "list"]).await;
    operate(&operator, &["org", "remove", org_id(0).as_str()]).await;
    assert_eq!(export(&operator).await, Outcome { findings: vec![], incidents: vec![] });
}

/// Sets up the database as in docs/install.md: an owner who may not create roles, and logins that are members of them.
async fn administer(postgres: &Postgres) {
    let mut statements = vec![
        "CREATE ROLE orgwatch LOGIN".to_owned(),
        "CREATE DATABASE orgwatch OWNER orgwatch".to_owned(),
        "CREATE ROLE orgwatch_reader NOLOGIN".to_owned(),
        "CREATE ROLE orgwatch_reader_1 LOGIN IN ROLE orgwatch_reader".to_owned(),
    ];
    for service in SERVICES.iter().chain(&["operator"]) {
        statements.push(format!("CREATE ROLE orgwatch_{service} NOLOGIN"));
        statements.push(format!("CREATE ROLE orgwatch_{service}_1 LOGIN IN ROLE orgwatch_{service}"));
    }
    let mut psql = Command::new(postgres.program("psql"));
    psql.arg(postgres.url()).arg("--set=ON_ERROR_STOP=1");
    psql.args(statements.iter().flat_map(|statement| ["--command", statement]));
    assert!(psql.output().await.unwrap().status.success());
}

/// Returns the number of incidents that a reader's login sees.
async fn seen_by_reader(postgres: &Postgres) -> usize {
    let url = postgres.url_of("orgwatch").replace("postgres@", "orgwatch_reader_1@");
    let mut psql = Command::new(postgres.program("psql"));
    psql.arg(url).args([
        "--tuples-only",
        "--no-align",
        "--command",
        "SELECT count(*) FROM orgwatch.reader_incidents WHERE closed_at IS NULL",
    ]);
    let output = psql.output().await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().parse().unwrap()
}

async fn operate(config: &Path, arguments: &[&str]) {
    orgwatchd(&[&["--config", config.to_str().unwrap()], arguments].concat()).await;
}
