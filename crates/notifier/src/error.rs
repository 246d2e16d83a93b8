//! What can go wrong with the notifier as a whole; what goes wrong with one message is [`crate::sink::SendError`].

use crate::settings::SettingsError;
use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum NotifierError {
    /// All that is wrong.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Settings(Vec<SettingsError>),
    #[error("channels.{channel}: cannot make an http client")]
    Client {
        channel: String,
        #[source]
        source: reqwest::Error,
    },
    #[error("channels.{channel}.path: cannot append to {}", path.display())]
    File {
        channel: String,
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// The loop that reads the incident stream ended.
    #[error(transparent)]
    Loop(#[from] bus::LoopError),
}

/// The text of an error and of all that caused it.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
