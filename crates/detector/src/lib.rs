//! Observations to findings. Stateless: it scales by adding replicas, and any group of detectors can run apart.

mod group;
mod settings;
mod worker;

pub use group::{Group, GroupError};
pub use settings::Settings;

use bus::{Bus, Consumer, LoopError, Publisher, PublisherSettings, SharedSettings};
use model::{Finding, Text, Timestamp};
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

/// What decides a verdict, all of one time.
#[derive(Clone, Debug)]
pub struct Rules {
    pub detect: detect::Settings,
    /// Findings carry the hash of the settings that judged them.
    pub config_hash: Text,
}

impl Service {
    /// Works until `shutdown`.
    ///
    /// # Errors
    /// If the consumer's loop cannot go on.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), LoopError> {
        let abandon = CancellationToken::new();
        let publisher: Publisher<Finding> = Publisher::start(&self.bus, PublisherSettings::default(), abandon.clone());
        let source = Consumer::detector(self.group.name());
        let shared = SharedSettings { messages: self.settings.messages, ..SharedSettings::default() };
        let learn_until = self.settings.learn_until.map_or(Timestamp(i64::MIN), |time| time);
        let bus = self.bus.clone();
        let mut worker = Worker::new(self, publisher, learn_until);
        let ended = bus::shared(&bus, &source, &mut worker, shared, shutdown).await;
        abandon.cancel();
        ended
    }
}
