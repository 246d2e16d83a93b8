//! The whole service, with files and pushes.

use crate::support::{ORG, by_partition, nats, partitions, post, records, settings, texts};
use bus::Bus;
use ingest::{FileSettings, IngestError, Service, Settings};
use model::OrgId;
use model::partition::Partitions;
use runtime::admin::Health;
use servers::Postgres;
use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use store::Store;
use tokio_util::sync::CancellationToken;

async fn store(postgres: &Postgres) -> Store {
    let settings = store::Settings { url: postgres.url().into(), ..store::Settings::default() };
    let store = Store::connect(&settings, "ingest").await.unwrap();
    store.migrate().await.unwrap();
    store
}

fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).unwrap()
}

fn service(settings: &Settings, partitions: Partitions, bus: &Bus, store: &Store) -> Service {
    let (settings, bus, store) = (settings.clone(), bus.clone(), store.clone());
    let (lateness_seconds, lateness_of, identity_hours) = (600, BTreeMap::new(), 96);
    let health = Health::default();
    Service { settings, partitions, lateness_seconds, lateness_of, identity_hours, bus, store, health }
}

/// Runs until a push of `numbers` is accepted and the files are published.
async fn run(settings: &Settings, bus: &Bus, store: &Store, numbers: &[u32]) {
    let shutdown = CancellationToken::new();
    let used = async {
        let answer = post(settings.listen, &records(numbers.iter().copied())).await;
        assert!(answer.starts_with("HTTP/1.1 202 "), "{answer}");
        while !has_ended(store).await {
            tokio::task::yield_now().await;
        }
        shutdown.cancel();
    };
    let service = service(settings, partitions(), bus, store);
    let (ended, ()) = tokio::join!(service.run(Vec::new(), shutdown.clone()), used);
    ended.unwrap();
}

async fn has_ended(store: &Store) -> bool {
    let position = store.position("files", &OrgId::new(ORG)).await.unwrap();
    position.is_some_and(|position| position.get("ended").is_some_and(|ended| ended == true))
}

#[tokio::test]
async fn files_are_published_once_beside_pushes() {
    let (_nats, bus) = nats().await;
    let postgres = Postgres::start().await.unwrap();
    let store = store(&postgres).await;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("late.ndjson"), records((0..1300).filter(|number| number % 3 == 0))).unwrap();
    std::fs::write(folder.path().join("early.ndjson"), records((0..1300).filter(|number| number % 3 != 0))).unwrap();
    let files = FileSettings {
        paths: vec![folder.path().to_owned()],
        org: Some(OrgId::new(ORG)),
        end: true,
        ..FileSettings::default()
    };
    let settings = Settings { listen: free_address(), files, ..settings() };

    run(&settings, &bus, &store, &[1400]).await;
    run(&settings, &bus, &store, &[1401]).await;

    let is_pushed = |text: &String| [crate::support::id(1400), crate::support::id(1401)].contains(text);
    let mut found = texts(&bus, 1300 + 3 + 2).await;
    assert_eq!(found.values().flatten().filter(|text| is_pushed(text)).count(), 2);
    found.values_mut().for_each(|entries| entries.retain(|text| !is_pushed(text)));
    let mut expected = by_partition(0..1300);
    expected.values_mut().for_each(|entries| entries.push("end".to_owned()));
    assert_eq!(found, expected);
}

#[tokio::test]
async fn wrong_settings_stop_the_service() {
    let (_nats, bus) = nats().await;
    let postgres = Postgres::start().await.unwrap();
    let store = store(&postgres).await;
    let check = async |settings: Settings, partitions: Partitions, expect: &str| {
        let service = service(&settings, partitions, &bus, &store);
        let error = service.run(Vec::new(), CancellationToken::new()).await.unwrap_err();
        assert_eq!(error.to_string(), expect);
        error
    };
    let no_body = Settings { max_body_bytes: 0, ..settings() };
    check(no_body, partitions(), "ingest.max_body_bytes: must be at least 1").await;
    let other = Partitions::new(32, BTreeMap::new());
    check(settings(), other, "there are 32 partitions by partitions.count and 4 by nats.partitions").await;
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let error =
        check(Settings { listen: address, ..settings() }, partitions(), &format!("{address}: cannot listen")).await;
    assert!(matches!(error, IngestError::Listen { .. }));
    let of_files = |path: &std::path::Path| {
        let files = FileSettings { paths: vec![path.to_owned()], ..FileSettings::default() };
        Settings { listen: free_address(), files, ..settings() }
    };
    let expect = "ingest.files.paths: /nowhere: No such file or directory (os error 2)";
    check(of_files("/nowhere".as_ref()), partitions(), expect).await;
    let empty = tempfile::tempdir().unwrap();
    check(of_files(empty.path()), partitions(), "source files failed").await;
}
