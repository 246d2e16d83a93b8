//! A stream with a few partitions, and its activities.

use bus::{Bus, Delivery, DetectorGroup, Failure, Handler, Topology};
use ingest::testing::ORG;
use model::partition::Partitions;
use model::{Entry, OrgId};
use servers::{Nats, Postgres};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;
use store::Store;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

const PATIENCE: Duration = Duration::from_secs(30);
const PARTITIONS: u16 = 4;

pub(crate) async fn nats() -> (Nats, Bus) {
    let nats = Nats::start().await.unwrap();
    let settings = bus::Settings { servers: vec![nats.url()], partitions: PARTITIONS, ..bus::Settings::default() };
    let bus = Bus::connect("ingest", &settings).await.unwrap();
    let group = DetectorGroup { name: "all".to_owned(), families: vec!["report".to_owned()] };
    Topology::new(&settings, &[group]).apply(&bus).await.unwrap();
    (nats, bus)
}

pub(crate) async fn store(postgres: &Postgres) -> Store {
    let settings = store::Settings { url: postgres.url().into(), ..store::Settings::default() };
    let store = Store::connect(&settings, "ingest").await.unwrap();
    store.migrate().await.unwrap();
    store
}

pub(crate) fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).unwrap()
}

/// Returns the partitions, of which [`ORG`] has three.
pub(crate) fn partitions() -> Partitions {
    Partitions::new(PARTITIONS, BTreeMap::from([(OrgId::new(ORG), 3)]))
}

/// Returns the ids of the first `count` activities, whatever other entries the stream has.
pub(crate) async fn activities(bus: &Bus, count: usize) -> BTreeSet<String> {
    let stop = CancellationToken::new();
    let (sender, mut received) = mpsc::unbounded_channel();
    let cursors = (0..PARTITIONS).map(|partition| {
        let (bus, stop) = (bus.clone(), stop.clone());
        let mut reader = Reader(sender.clone());
        tokio::spawn(async move { bus::cursor(&bus, partition, 0, &mut reader, stop).await.unwrap() })
    });
    let cursors: Vec<_> = cursors.collect();
    let mut ids = BTreeSet::new();
    let reading = async {
        while ids.len() < count {
            if let Entry::Activity(activity) = received.recv().await.unwrap() {
                ids.insert(activity.id.to_string());
            }
        }
    };
    tokio::time::timeout(PATIENCE, reading).await.unwrap();
    stop.cancel();
    for cursor in cursors {
        cursor.await.unwrap();
    }
    ids
}

struct Reader(mpsc::UnboundedSender<Entry>);

impl Handler for Reader {
    type Item = Entry;

    async fn handle(&mut self, deliveries: Vec<Delivery<Entry>>) -> Result<(), Failure> {
        for item in deliveries.into_iter().flat_map(|delivery| delivery.items) {
            self.0.send(item.value).map_err(|error| Failure::Stop(error.to_string()))?;
        }
        Ok(())
    }
}
