#![doc = include_str!("../README.md")]

mod decided;
mod group;
mod settings;
mod worker;

pub use group::{Group, GroupError};
pub use settings::Settings;

use bus::{Bus, Consumer, LoopError, Publisher, PublisherSettings, SharedSettings};
use engine::Rules;
use model::Finding;
use std::sync::Arc;
use store::Store;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use worker::Worker;

/// The service and its connections.
#[derive(Clone)]
pub struct Service {
    /// Where observations are read and findings published.
    pub bus: Bus,
    /// The detectors that run here.
    pub group: Group,
    /// Where the settings are stored that people have decided on for single orgs.
    pub store: Store,
    /// The rules in force; a new value applies from the next delivery on.
    pub rules: watch::Receiver<Arc<Rules>>,
    /// Which partition a finding belongs to.
    pub partitions: model::partition::Partitions,
    /// Settings of this service.
    pub settings: Settings,
}

impl Service {
    /// Runs until `shutdown`.
    ///
    /// # Errors
    /// If the consumer cannot be read any further.
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
