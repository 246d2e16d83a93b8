//! All services with a fake Salesforce that serves the events of a file.

use crate::kit::{Outcome, backtest, dev_with, org, org_id};
use bus::{Consumer, Publisher, PublisherSettings};
use detector::Group;
use fake_org::{Event, FakeOrg, Script, Speed};
use ingest::Sink;
use model::{Incident, Timestamp};
use orgwatchd::{Config, Node};
use salesforce_source::{Backfill, ConnectedOrg, Purpose};
use servers::{Nats, Postgres};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const LEARN_UNTIL: &str = "2026-01-17";

/// Returns the outcomes of a live run by `channels` and of a backtest of the same org.
async fn outcomes(channels: &str) -> (Outcome, Outcome) {
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("events.ndjson");
    std::fs::write(&input, org(0, 25, 24)).unwrap();
    let config = folder.path().join("orgwatchd.toml");
    std::fs::write(&config, "").unwrap();
    let learn_until = Timestamp::parse(LEARN_UNTIL).unwrap();
    let tested = backtest(&input, settings::Settings::default(), learn_until);
    let id = org_id(0);
    let live = dev_with(&input, &config, learn_until, "1", &["--salesforce", channels, "--org", id.as_str()]).await;
    (live, tested)
}

#[tokio::test(flavor = "multi_thread")]
async fn one_stream_in_order_equals_the_backtest() {
    let (live, tested) = outcomes("stream").await;
    live.assert_equals(&tested);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_channels_at_once_give_the_same_incidents() {
    let (live, tested) = outcomes("all").await;
    let summaries = |outcome: &Outcome| {
        let summaries = outcome.incidents.iter().map(|incident| summary(incident));
        // Findings about sources exist only live: the channels catch up side by side, so some events come too late.
        let mut summaries: Vec<String> = summaries.filter(|summary| !summary.ends_with("blind_source")).collect();
        summaries.sort_unstable();
        summaries
    };
    assert!(!tested.incidents.is_empty());
    assert_eq!(summaries(&live), summaries(&tested));
}

/// Returns the account, the severity and the detectors of an incident.
fn summary(incident: &str) -> String {
    let mut fields: serde_json::Value = serde_json::from_str(incident).unwrap();
    // An outcome holds neither of the two.
    fields["incident_id"] = model::Uuid::nil().to_string().into();
    fields["revision"] = 0.into();
    let incident: Incident = serde_json::from_value(fields).unwrap();
    let mut detectors: Vec<&str> = incident.findings.iter().map(|finding| finding.detector.as_str()).collect();
    detectors.sort_unstable();
    format!("{} {} {}", incident.user_id, incident.severity, detectors.join(" "))
}

/// Events from before an org was connected are learned and raise nothing; later events are judged by them.
#[tokio::test(flavor = "multi_thread")]
async fn a_backfill_is_learned_and_raises_nothing() {
    runtime::run::install_tls();
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("events.ndjson");
    std::fs::write(&input, org(0, 25, 24)).unwrap();
    let (nats, postgres) = (Nats::start().await.unwrap(), Postgres::start().await.unwrap());
    let mut script = Script::read(&[input], org_id(0)).unwrap();
    let distinct = |field: &str| {
        let value = |event: &Event| event.record.fields().get(field).map(ToString::to_string);
        script.events.iter().filter_map(value).collect::<BTreeSet<String>>().len()
    };
    let (events, users) = (distinct("EventIdentifier"), distinct("UserId"));
    let (begin, end) = (script.events[0].at, script.end());
    script.settings = fake_org::Settings { start: end, speed: Speed::Manual, ..script.settings };
    let (id, secret) = (script.settings.client_id.clone(), script.settings.client_secret.clone());
    let fake = FakeOrg::start(script).await.unwrap();
    let connection = salesforce_client::Settings {
        login_url: fake.login_url(),
        pubsub_url: fake.pubsub_url(),
        client_id: id,
        client_secret: Some(secret.into()),
        ..salesforce_client::Settings::default()
    };
    let settings = ConnectedOrg { connection, org_id: org_id(0), context_seconds: 0, ..ConnectedOrg::default() };
    let mut config = Config::default();
    config.nats.servers = vec![nats.url()];
    config.nats.partitions = config.partitions.count;
    config.postgres.url = postgres.url().into();
    config.ingest.salesforce.orgs.insert("prod".to_owned(), settings);
    let group = Group::all();
    let node = Node::connect(config, "test", &[group.declaration()]).await.unwrap();

    let publisher = Publisher::start(&node.bus, PublisherSettings::default(), CancellationToken::new());
    let sink = Sink::to_stream(publisher, "orgwatch", node.config.partitions.partitions());
    let orgs = &node.config.ingest.salesforce;
    let backfill = Backfill { name: "prod", from: begin, to: end, purpose: Purpose::Backfill };
    let (_, filled) = backfill.run(orgs, &node.store, &sink).await.unwrap();
    assert_eq!((filled.activities as usize, filled.truncations), (events, 0));

    let shutdown = CancellationToken::new();
    let service = node.baseline(1, shutdown.clone()).await.unwrap();
    let stop = shutdown.clone();
    let baseline = tokio::spawn(async move { service.run(stop).await });
    for partition in 0..node.config.partitions.count {
        while !node.bus.backlog(&Consumer::baseline(partition)).await.unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    shutdown.cancel();
    baseline.await.unwrap().unwrap();
    let backlog = node.bus.backlog(&Consumer::detector(group.name())).await.unwrap();
    assert!(backlog.is_empty(), "a backfill was observed: {backlog:?}");
    let partition = node.config.partitions.partitions().of_org(&org_id(0))[0];
    let owner = store::Owner::connect(&node.config.postgres, "test", "test", 9).await.unwrap();
    let state = owner.load_page(partition.into(), "none", None).await.unwrap();
    assert_eq!(state.iter().filter(|entry| entry.key.starts_with("user/")).count(), users);
}
