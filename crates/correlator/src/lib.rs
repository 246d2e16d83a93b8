//! Merges findings per user into incidents, in one transaction: findings, incidents, risk and outbox together.
//!
//! Replicas share one consumer. Locking a user's row serializes what concerns that user, and an incident is a function
//! of the set of the user's findings, so neither redelivery nor order changes the outcome.
//!
//! | instrument | labels | what |
//! |---|---|---|
//! | `orgwatch.incidents` | `change` (`opened`, `escalated`, `reopened`, `closed`), `severity`, `detector` | changes of incidents that are told; the detector is that of the incident's first finding |
//! | `orgwatch.correlator.findings` | `detector`, `severity` | findings merged for the first time; later revisions do not count |
//! | `orgwatch.outbox.messages`, `.age` | | changes that wait to be published, and for how many seconds the oldest has |
//! | `orgwatch.latency.pipeline` | | seconds from an event's arrival to the incident that tells of it |

mod backlog;
mod error;
mod merge;
mod meter;
mod relay;
mod settings;
mod upkeep;
mod worker;

pub use error::CorrelatorError;
pub use merge::{Known, Merged, Written, merge};
pub use settings::Settings;

use bus::{Bus, Consumer, SharedSettings};
use meter::Meter;
use model::Text;
use store::Store;
use tokio_util::sync::CancellationToken;
use worker::Worker;

/// What the service works with.
#[derive(Clone)]
pub struct Service {
    pub bus: Bus,
    pub store: Store,
    pub risk: risk::Settings,
    /// Hash of all settings that decide; receipts carry it.
    pub config_hash: Text,
    pub settings: Settings,
}

impl Service {
    /// Works until `shutdown`.
    ///
    /// # Errors
    /// If the consumer's loop or the relay cannot go on.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), CorrelatorError> {
        let shared = SharedSettings { messages: self.settings.messages, ..SharedSettings::default() };
        let meter = Meter::new();
        let mut worker = Worker::new(&self, meter.clone());
        let source = Consumer::correlator();
        let merging = bus::shared(&self.bus, &source, &mut worker, shared, shutdown.clone());
        let relaying = relay::run(&self.bus, &self.store, self.settings.relay_interval(), shutdown.clone());
        let measuring = backlog::run(&self.store, &meter, &shutdown);
        let (merged, (), (), ()) = tokio::join!(merging, relaying, upkeep::run(&self, &meter, &shutdown), measuring);
        Ok(merged?)
    }
}
