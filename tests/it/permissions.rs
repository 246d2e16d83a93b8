//! Every service works with exactly the permissions that are documented for it.

use crate::kit::{Fleet, SEED, backtest, command, export, org};
use bus::permissions::{Service, render};
use model::Timestamp;
use nkeys::KeyPair;
use orgwatchd::{Config, Node, idle};
use servers::{Nats, NatsOptions, Postgres};
use tokio_util::sync::CancellationToken;

#[tokio::test(flavor = "multi_thread")]
async fn services_work_with_only_their_documented_permissions() {
    let folder = tempfile::tempdir().unwrap();
    let seeds = folder.path().join("seeds");
    std::fs::create_dir(&seeds).unwrap();
    let users: Vec<_> = Service::ALL
        .iter()
        .map(|service| {
            let key = KeyPair::new_user();
            std::fs::write(seeds.join(service.name()), key.seed().unwrap()).unwrap();
            (key.public_key(), service.permissions("orgwatch"))
        })
        .collect();
    let extra_config = render(users.iter().map(|(key, permissions)| (key.as_str(), permissions)));
    let nats = Nats::start_with(NatsOptions { extra_config, ..NatsOptions::default() }).await.unwrap();
    let postgres = Postgres::start().await.unwrap();
    let input = folder.path().join("events.ndjson");
    std::fs::write(&input, org(0, 25, 24)).unwrap();
    let learn_until = Timestamp::parse("2026-01-17").unwrap();
    let path = folder.path().join("orgwatchd.toml");
    let text = format!(
        r#"
        nats = {{ servers = ["{}"], manage_topology = false }}
        postgres.url = "{}"
        detector.learn_until = "{learn_until}"
        baseline = {{ checkpoint_ms = 300, balance_ms = 200 }}
        ingest.files = {{ paths = ["{}"], watch = true, end = true }}
        "#,
        nats.url(),
        postgres.url(),
        input.display()
    );
    std::fs::write(&path, text).unwrap();
    let mut operator = command(&["--config", path.to_str().unwrap(), "topology", "apply"]);
    assert!(operator.env(SEED, seeds.join("operator")).output().await.unwrap().status.success());
    let mut migrate = command(&["--config", path.to_str().unwrap(), "migrate"]);
    assert!(migrate.output().await.unwrap().status.success());

    let mut fleet = Fleet::new(path.clone(), folder.path().to_owned()).with_seeds(seeds.clone());
    ["ingest", "baseline", "detector", "correlator", "notifier"].iter().for_each(|service| fleet.start(service));
    let mut config = Config::load(Some(&path)).unwrap();
    config.nats.auth.nkey_seed_file = Some(seeds.join("operator"));
    let node = Node::connect(config, "operator", &[]).await.unwrap();
    idle::wait(&node, &detector::Group::all(), &CancellationToken::new()).await.unwrap();
    for name in fleet.names() {
        let log = fleet.log(&name);
        assert!(!log.to_lowercase().contains("permissions violation"), "{name}: {log}");
    }
    fleet.stop().await;
    export(&path).await.assert_equals(&backtest(&input, settings::Settings::default(), learn_until));
}
