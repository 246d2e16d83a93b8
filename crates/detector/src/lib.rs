//! Observations to findings. Stateless: it scales by adding replicas, and any group of detectors can run apart.

mod group;
mod settings;
mod worker;

pub use group::{Group, GroupError};
pub use settings::Settings;

use bus::{Bus, Consumer, LoopError, Publisher, PublisherSettings, SharedSettings};
use engine::Rules;
use model::Finding;
use std::sync::Arc;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use worker::Worker;

/// What the service works with.
#[derive(Clone)]
pub struct Service {
    pub bus: Bus,
    /// Which detectors run here.
    pub group: Group,
    /// What decides; a new value decides from the next message on.
    pub rules: watch::Receiver<Arc<Rules>>,
    pub partitions: model::partition::Partitions,
    pub settings: Settings,
}

impl Service {
    /// Works until `shutdown`.
    ///
    /// # Errors
    /// If the consumer's loop cannot go on.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), LoopError> {
        let abandon = CancellationToken::new();
        let publisher: Publisher<Finding> = Publisher::start(&self.bus, PublisherSettings::default(), abandon.clone());
        let consumer = Consumer::detector(self.group.name());
        let shared = SharedSettings { messages: self.settings.messages, ..SharedSettings::default() };
        let bus = self.bus.clone();
        let mut worker = Worker::new(self, publisher);
        let ended = bus::shared(&bus, &consumer, &mut worker, shared, shutdown).await;
        abandon.cancel();
        ended
    }
}
