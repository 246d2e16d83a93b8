#![doc = include_str!("../README.md")]

mod backlog;
mod decide;
mod error;
mod meter;
mod near;
mod relay;
mod rules;
mod settings;
#[cfg(test)]
mod testing;
mod upkeep;
mod worker;
mod writes;

pub use error::CorrelatorError;
pub use settings::Settings;

use ::settings::Hashed;
use bus::{Bus, Consumer, SharedSettings};
use meter::Meter;
use std::sync::Arc;
use store::Store;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use worker::Worker;

/// The correlator with its connections and settings.
#[derive(Clone)]
pub struct Service {
    /// Connection to NATS.
    pub bus: Bus,
    /// Connection to Postgres.
    pub store: Store,
    /// The settings in force; a new value applies from the next batch on.
    pub rules: watch::Receiver<Arc<Hashed>>,
    /// Section `[correlator]` of the configuration.
    pub settings: Settings,
}

impl Service {
    /// Runs until `shutdown`.
    ///
    /// # Errors
    /// If the loop that reads findings fails.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), CorrelatorError> {
        let shared = SharedSettings { messages: self.settings.messages, ..SharedSettings::default() };
        let meter = Meter::new();
        let mut worker = Worker::new(&self, meter.clone());
        let consumer = Consumer::correlator();
        let merging = bus::shared(&self.bus, &consumer, &mut worker, shared, shutdown.clone());
        let relaying = relay::run(&self.bus, &self.store, self.settings.relay_interval(), shutdown.clone());
        let measuring = backlog::run(&self.store, &meter, &shutdown);
        let keeping = upkeep::run(&self, &meter, &shutdown);
        let deciding = decide::run(&self, &meter, &shutdown);
        let (merged, (), (), (), ()) = tokio::join!(merging, relaying, keeping, measuring, deciding);
        Ok(merged?)
    }
}
