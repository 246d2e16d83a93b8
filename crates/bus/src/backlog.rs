//! How many messages a consumer has not processed.

use crate::pull::pull_consumer;
use crate::{Bus, BusError, Consumer};

/// The messages that a consumer has not processed, over all replicas.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Messages that have not been delivered.
    pub pending: u64,
    /// Messages that were delivered and have not been acknowledged.
    pub unacknowledged: u64,
}

impl Backlog {
    /// Returns whether every message was acknowledged.
    pub fn is_empty(self) -> bool {
        self.pending == 0 && self.unacknowledged == 0
    }
}

impl Bus {
    /// Asks the server for the backlog of a consumer. The request has a cost for the server: for operators and tests,
    /// not for loops.
    ///
    /// # Errors
    /// If there is no such consumer, or the server does not answer.
    pub async fn backlog(&self, consumer: &Consumer) -> Result<Backlog, BusError> {
        let failed = || BusError::api(format!("consumer {}", consumer.consumer), "read its state");
        let mut handle = pull_consumer(self, consumer).await.map_err(failed())?;
        let info = handle.info().await.map_err(|error| failed()(error.into()))?;
        Ok(Backlog { pending: info.num_pending, unacknowledged: info.num_ack_pending as u64 })
    }
}
