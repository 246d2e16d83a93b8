//! What can go wrong.

use bus::{Failure, LoopError};
use store::StoreError;

#[derive(Debug, thiserror::Error)]
pub enum CorrelatorError {
    #[error(transparent)]
    Loop(#[from] LoopError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A database that is away is no fault of the messages.
pub(crate) fn failure(error: &StoreError) -> Failure {
    if error.is_transient() { Failure::Unavailable(chain(error)) } else { Failure::Retry(chain(error)) }
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
