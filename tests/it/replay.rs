//! A notification that the receiver refused is a dead letter, and is sent again when the letter is replayed.

use crate::kit::orgwatchd;
use bus::{Publisher, PublisherSettings, dead, subject};
use model::{
    Change, ChangeKind, Incident, Item, OrgId, Points, Receipt, RiskModel, Severity, Timestamp, UserClass, UserId, Uuid,
};
use notifier::{DestinationKind, DestinationSettings};
use orgwatchd::{Config, Node};
use secrecy::SecretString;
use servers::{Nats, Postgres};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

const ORG: &str = "00Dhn0000018hrcEAA";

fn change() -> Change {
    let risk_score = Points(9_000);
    let receipt = Receipt { model: RiskModel::Sum, config_hash: "hash".into(), risk_score, terms: Vec::new() };
    let incident = Incident {
        incident_id: Uuid::from_u128(1),
        revision: 1,
        org_id: OrgId::new(ORG),
        user_id: UserId::new("005hn00000EmmaMAAU"),
        username: None,
        user_class: UserClass::Normal,
        severity: Severity::Critical,
        risk_score,
        first_event_at: Timestamp(0),
        last_event_at: Timestamp(0),
        findings: Vec::new(),
        receipt,
        disposition: None,
    };
    Change::new(incident, ChangeKind::Opened)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_notification_is_sent_again_on_replay() {
    runtime::run::install_tls();
    let (nats, postgres) = (Nats::start().await.unwrap(), Postgres::start().await.unwrap());
    let receiver = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", receiver.local_addr().unwrap());
    let (received, mut ids) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        for answer in ["404 Not Found", "204 No Content", "204 No Content"] {
            let mut stream = BufReader::new(receiver.accept().await.unwrap().0);
            let mut line = String::new();
            while !line.ends_with("\r\n\r\n") {
                stream.read_line(&mut line).await.unwrap();
            }
            let answer = format!("HTTP/1.1 {answer}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            stream.write_all(answer.as_bytes()).await.unwrap();
            let id = line.lines().find_map(|field| field.strip_prefix("webhook-id: ")).unwrap().to_owned();
            received.send(id).unwrap_or_default();
        }
    });
    let mut config = Config::default();
    config.nats.servers = vec![nats.url()];
    config.nats.partitions = config.partitions.count;
    config.postgres.url = postgres.url().into();
    let webhook = DestinationSettings {
        url: Some(SecretString::from(url)),
        ..DestinationSettings::new(DestinationKind::Webhook)
    };
    config.notifier.destinations.insert("soc".to_owned(), webhook);
    let node = Node::connect(config, "test", &[detector::Group::all().declaration()]).await.unwrap();
    let shutdown = CancellationToken::new();
    let notifying = tokio::spawn(node.clone().notifier(shutdown.clone()));

    let publisher = Publisher::start(&node.bus, PublisherSettings::default(), CancellationToken::new());
    let subject = subject::incident("orgwatch", ORG);
    publisher.send(subject.clone(), vec![Item::new(change())]).await.unwrap().await.unwrap();
    assert_eq!(ids.recv().await.unwrap(), format!("{}/1", Uuid::from_u128(1)));
    let letter = loop {
        if let [letter] = dead::list(&node.bus, &dead::Filter::default()).await.unwrap().as_slice() {
            break letter.clone();
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!((letter.stage.as_str(), &letter.subject), ("notifier", &subject));
    assert_eq!(letter.reason, "destination soc: answered 404 Not Found");
    // The letter is stored before the delivery is given up, and is not sent again until then.
    let failed = store::DeliveryKey { incident_id: Uuid::from_u128(1), revision: 1, destination: "soc".to_owned() };
    while node.store.claim(&failed, Duration::from_secs(60)).await.unwrap() != store::Claim::GivenUp {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("orgwatchd.toml");
    let text = format!("nats.servers = [\"{}\"]\npostgres.url = \"{}\"\n", nats.url(), postgres.url());
    std::fs::write(&path, text).unwrap();
    orgwatchd(&["--config", path.to_str().unwrap(), "dead", "replay", &letter.sequence.to_string()]).await;
    let again = tokio::time::timeout(Duration::from_secs(30), ids.recv()).await.unwrap().unwrap();
    assert_eq!(again, format!("{}/1", Uuid::from_u128(1)), "the same webhook-id");
    shutdown.cancel();
    notifying.await.unwrap().unwrap();
    let claim = node.store.claim(&failed, Duration::from_secs(60)).await.unwrap();
    assert_eq!(claim, store::Claim::AlreadyConfirmed);
    assert_eq!(dead::list(&node.bus, &dead::Filter::default()).await.unwrap(), []);
    assert!(ids.try_recv().is_err(), "sent more than once");
}
