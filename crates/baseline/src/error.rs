//! What can go wrong.

use crate::partition::PartitionError;
use bus::{Failure, LoopError, PublishError};
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

/// The error and its causes in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text.push_str(": ");
        text.push_str(&next.to_string());
        cause = next.source();
    }
    text
}
