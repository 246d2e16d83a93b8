//! Errors of the notifier as a whole; an error of one message is a [`crate::sink::SendError`].

use crate::settings::SettingsError;
use std::path::PathBuf;

/// Why the notifier could not start, or stopped before it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum NotifierError {
    /// All invalid settings.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Settings(Vec<SettingsError>),
    /// The HTTP client of a destination cannot be created.
    #[error("destination {destination}: cannot create an HTTP client")]
    Client {
        /// Name of the destination.
        destination: String,
        /// Error of the HTTP library, without the URL.
        #[source]
        source: reqwest::Error,
    },
    /// The file of a destination cannot be written.
    #[error("destination {destination}: cannot append to {}", path.display())]
    File {
        /// Name of the destination.
        destination: String,
        /// The file.
        path: PathBuf,
        /// Error of the operating system.
        #[source]
        source: std::io::Error,
    },
    /// The loop that reads the incident stream failed.
    #[error(transparent)]
    Loop(#[from] bus::LoopError),
}
