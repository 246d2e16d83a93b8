//! How far a consumer is behind.

use crate::pull::consumer;
use crate::{Bus, BusError, Consumer};

/// What a consumer has still to do, over all replicas.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Messages that were not delivered yet.
    pub pending: u64,
    /// Messages that were delivered and are not acknowledged.
    pub unacknowledged: u64,
}

impl Backlog {
    pub fn is_empty(self) -> bool {
        self.pending == 0 && self.unacknowledged == 0
    }
}

impl Bus {
    /// Asks the server, which costs it something: for operators and tests, not for loops.
    ///
    /// # Errors
    /// If there is no such consumer, or the server does not answer.
    pub async fn backlog(&self, source: &Consumer) -> Result<Backlog, BusError> {
        let failed = || BusError::api(format!("consumer {}", source.consumer), "ask how far it is");
        let mut consumer = consumer(self, source).await.map_err(failed())?;
        let info = consumer.info().await.map_err(|error| failed()(error.into()))?;
        Ok(Backlog { pending: info.num_pending, unacknowledged: info.num_ack_pending as u64 })
    }
}
