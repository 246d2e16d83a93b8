//! A server, numbered items, and a handler that reports its deliveries.

use bus::{
    Bus, Consumer, Delivery, DetectorGroup, Failure, Handler, Publisher, PublisherSettings, Settings, SharedSettings,
    Topology, subject,
};
use model::{Command, Control, Entry, Item, OrgId, Timestamp};
use servers::Nats;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn settings(url: String) -> Settings {
    Settings { servers: vec![url], partitions: 2, ..Settings::default() }
}

pub(crate) fn topology(settings: &Settings) -> Topology {
    let group = DetectorGroup { name: "all".to_owned(), families: vec!["report".to_owned()] };
    Topology::new(settings, &[group])
}

/// A server with the topology, and a connection to it.
pub(crate) async fn server() -> (Nats, Bus) {
    let nats = Nats::start().await.unwrap();
    let settings = settings(nats.url());
    let bus = Bus::connect("test", &settings).await.unwrap();
    topology(&settings).apply(&bus).await.unwrap();
    (nats, bus)
}

pub(crate) fn publisher(bus: &Bus) -> Publisher<Entry> {
    Publisher::start(bus, PublisherSettings::default(), CancellationToken::new())
}

pub(crate) fn item(number: i64) -> Item<Entry> {
    let org_id = OrgId::new("00D000000000001");
    Item::new(Entry::Control(Control { org_id, command: Command::Watermark(Timestamp(number)) }))
}

pub(crate) fn number(item: &Item<Entry>) -> i64 {
    match &item.value {
        Entry::Control(Control { command: Command::Watermark(time), .. }) => time.0,
        other => panic!("not a numbered item: {other:?}"),
    }
}

/// Publishes each number as a separate message.
pub(crate) async fn publish(bus: &Bus, subject: &str, numbers: impl IntoIterator<Item = i64>) {
    let publisher = publisher(bus);
    for number in numbers {
        publisher.send(subject.to_owned(), vec![item(number)]).await.unwrap().await.unwrap();
    }
}

pub(crate) async fn publish_activity(bus: &Bus, numbers: impl IntoIterator<Item = i64>) {
    publish(bus, &subject::activity("orgwatch", 0), numbers).await;
}

pub(crate) async fn publish_finding(bus: &Bus, numbers: impl IntoIterator<Item = i64>) {
    publish(bus, &subject::finding("orgwatch", 0), numbers).await;
}

/// One message as a handler received it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Seen {
    pub(crate) numbers: Vec<i64>,
    pub(crate) sequence: u64,
    pub(crate) deliveries: i64,
    /// Messages handled in the same call.
    pub(crate) together: usize,
}

type Answer = Box<dyn FnMut(&[Delivery<Entry>]) -> Result<(), Failure> + Send>;

/// A handler that returns what a function decides, and reports the messages that it accepted.
pub(crate) struct Probe {
    answer: Answer,
    handled: mpsc::UnboundedSender<Seen>,
    durable: Option<u64>,
    reached: Arc<AtomicU64>,
}

/// Reads the findings of the correlator's consumer until one message is handled. Returns its report.
pub(crate) async fn read_one(bus: &Bus, probe: &mut Probe, handled: &mut Handled, settings: SharedSettings) -> Seen {
    let (consumer, shutdown) = (Consumer::correlator(), CancellationToken::new());
    let reading = bus::shared(bus, &consumer, probe, settings, shutdown.clone());
    let collecting = async {
        let seen = handled.next().await;
        shutdown.cancel();
        seen
    };
    let (outcome, seen) = tokio::join!(reading, collecting);
    outcome.unwrap();
    seen
}

/// Receives the reports of a [`Probe`].
pub(crate) struct Handled(mpsc::UnboundedReceiver<Seen>);

impl Probe {
    pub(crate) fn new(
        answer: impl FnMut(&[Delivery<Entry>]) -> Result<(), Failure> + Send + 'static,
    ) -> (Self, Handled) {
        let (handled, receiver) = mpsc::unbounded_channel();
        (Self { answer: Box::new(answer), handled, durable: None, reached: Arc::default() }, Handled(receiver))
    }

    pub(crate) fn accepting() -> (Self, Handled) {
        Self::new(|_| Ok(()))
    }

    /// Returns a function that returns how far the stream was seen to have no messages.
    pub(crate) fn reached(&self) -> impl Fn() -> u64 + use<> {
        let reached = Arc::clone(&self.reached);
        move || reached.load(Ordering::Relaxed)
    }

    /// Returns a second handler that reports to the same receiver.
    pub(crate) fn twin(&self) -> Self {
        Self { answer: Box::new(|_| Ok(())), handled: self.handled.clone(), durable: None, reached: Arc::default() }
    }
}

impl Handler for Probe {
    type Item = Entry;

    async fn handle(&mut self, deliveries: Vec<Delivery<Entry>>) -> Result<(), Failure> {
        (self.answer)(&deliveries)?;
        self.durable = deliveries.last().map(|delivery| delivery.sequence);
        for delivery in &deliveries {
            let numbers = delivery.items.iter().map(number).collect();
            let (sequence, together) = (delivery.sequence, deliveries.len());
            self.handled
                .send(Seen { numbers, sequence, deliveries: delivery.deliveries, together })
                .unwrap_or_default();
        }
        Ok(())
    }

    fn durable(&self) -> Option<u64> {
        self.durable
    }

    fn reach(&mut self, sequence: u64) {
        self.reached.store(sequence, Ordering::Relaxed);
    }

    fn reached(&self) -> u64 {
        self.reached.load(Ordering::Relaxed)
    }
}

impl Handled {
    pub(crate) async fn next(&mut self) -> Seen {
        tokio::time::timeout(PATIENCE, self.0.recv()).await.expect("no message in time").unwrap()
    }

    /// Waits for this number of messages.
    pub(crate) async fn seen(&mut self, messages: usize) -> Vec<Seen> {
        let mut seen = Vec::new();
        while seen.len() < messages {
            seen.push(self.next().await);
        }
        seen
    }

    /// Waits for messages with at least this many numbers.
    pub(crate) async fn numbers(&mut self, count: usize) -> Vec<i64> {
        let mut numbers = Vec::new();
        while numbers.len() < count {
            numbers.extend(self.next().await.numbers);
        }
        numbers
    }

    /// Returns the messages that arrived and were not taken.
    pub(crate) fn rest(&mut self) -> Vec<Seen> {
        std::iter::from_fn(|| self.0.try_recv().ok()).collect()
    }
}

/// Polls until a condition holds that no event reports.
pub(crate) async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("never: {what}"));
}
