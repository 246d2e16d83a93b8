//! Errors of the correlator.

use bus::{Failure, LoopError};
use runtime::error::chain;
use store::StoreError;

/// Why the correlator stopped before it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum CorrelatorError {
    /// The loop that reads findings failed.
    #[error(transparent)]
    Loop(#[from] LoopError),
}

/// A transient error means that the database is away: that does not count as an attempt of the messages.
pub(crate) fn failure(error: &StoreError) -> Failure {
    if error.is_transient() { Failure::Unavailable(chain(error)) } else { Failure::Retry(chain(error)) }
}
