//! Errors of the service.

use bus::{Failure, LoopError, PublishError};
use engine::PartitionError;
use runtime::error::chain;
use store::StoreError;

/// Why a partition cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum BaselineError {
    /// Postgres does not answer, or refuses.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An entry cannot be applied, or stored state not be read.
    #[error(transparent)]
    Partition(#[from] PartitionError),
    /// JetStream does not take an observation.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// The stream cannot be read any further.
    #[error(transparent)]
    Loop(#[from] LoopError),
}

impl BaselineError {
    /// Returns the failure that restarts the partition from its last checkpoint: the state in memory may be half applied.
    pub(crate) fn failure(&self) -> Failure {
        Failure::Retry(chain(self))
    }
}
