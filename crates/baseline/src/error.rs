//! What can go wrong.

use bus::{Failure, LoopError, PublishError};
use engine::PartitionError;
use runtime::error::chain;
use store::StoreError;

#[derive(Debug, thiserror::Error)]
pub enum BaselineError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Partition(#[from] PartitionError),
    #[error(transparent)]
    Publish(#[from] PublishError),
    #[error(transparent)]
    Loop(#[from] LoopError),
    /// The state says that the account has a profile, and there is none.
    #[error("stored state: {key}: missing")]
    NoProfile { key: String },
}

impl BaselineError {
    /// Whatever went wrong, the partition goes on from its last checkpoint: what is in memory may be half applied.
    pub(crate) fn failure(&self) -> Failure {
        Failure::Retry(chain(self))
    }
}
