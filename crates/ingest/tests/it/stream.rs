//! A stream with a few partitions, and a reader of all its entries. The tests of salesforce-source use it, too.

use bus::{Bus, Delivery, DetectorGroup, Failure, Handler, Topology};
use model::partition::Partitions;
use model::{Entry, Item, OrgId};
use servers::Nats;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

pub(crate) const ORG: &str = "00Dhn0000018hrcEAA";
/// How long a test waits for what must happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
const PARTITIONS: u16 = 4;

pub(crate) async fn nats() -> (Nats, Bus) {
    let nats = Nats::start().await.unwrap();
    let settings = bus::Settings { servers: vec![nats.url()], partitions: PARTITIONS, ..bus::Settings::default() };
    let bus = Bus::connect("ingest", &settings).await.unwrap();
    let group = DetectorGroup { name: "all".to_owned(), families: vec!["report".to_owned()] };
    Topology::new(&settings, &[group]).apply(&bus).await.unwrap();
    (nats, bus)
}

/// Returns the partitions, of which [`ORG`] has three.
pub(crate) fn partitions() -> Partitions {
    Partitions::new(PARTITIONS, BTreeMap::from([(OrgId::new(ORG), 3)]))
}

pub(crate) type Received = mpsc::UnboundedReceiver<(u16, Item<Entry>)>;

/// Reads all partitions until `work` has received what it needs; returns the rest.
pub(crate) async fn reading(bus: &Bus, work: impl AsyncFnOnce(&mut Received)) -> Received {
    let stop = CancellationToken::new();
    let (sender, mut received) = mpsc::unbounded_channel();
    let cursors = (0..PARTITIONS).map(|partition| {
        let (bus, stop) = (bus.clone(), stop.clone());
        let mut reader = Reader { partition, sender: sender.clone() };
        tokio::spawn(async move { bus::cursor(&bus, partition, 0, &mut reader, stop).await.unwrap() })
    });
    let cursors: Vec<_> = cursors.collect();
    tokio::time::timeout(PATIENCE, work(&mut received)).await.unwrap();
    stop.cancel();
    for cursor in cursors {
        cursor.await.unwrap();
    }
    received
}

struct Reader {
    partition: u16,
    sender: mpsc::UnboundedSender<(u16, Item<Entry>)>,
}

impl Handler for Reader {
    type Item = Entry;

    async fn handle(&mut self, deliveries: Vec<Delivery<Entry>>) -> Result<(), Failure> {
        for item in deliveries.into_iter().flat_map(|delivery| delivery.items) {
            self.sender.send((self.partition, item)).map_err(|error| Failure::Stop(error.to_string()))?;
        }
        Ok(())
    }
}
