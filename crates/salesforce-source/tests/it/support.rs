//! Stores, addresses, and the activities of the stream.

pub(crate) use crate::stream::{nats, partitions};

use crate::stream::reading;
use bus::Bus;
use model::Entry;
use servers::Postgres;
use std::collections::BTreeSet;
use std::net::{SocketAddr, TcpListener};
use store::Store;

pub(crate) async fn store(postgres: &Postgres) -> Store {
    let settings = store::Settings { url: postgres.url().into(), ..store::Settings::default() };
    let store = Store::connect(&settings, "ingest").await.unwrap();
    store.migrate().await.unwrap();
    store
}

pub(crate) fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).unwrap()
}

/// Returns the ids of the first `count` activities, whatever other entries the stream has.
pub(crate) async fn activities(bus: &Bus, count: usize) -> BTreeSet<String> {
    let mut ids = BTreeSet::new();
    reading(bus, async |received| {
        while ids.len() < count {
            if let Entry::Activity(activity) = received.recv().await.unwrap().1.value {
                ids.insert(activity.id.to_string());
            }
        }
    })
    .await;
    ids
}
