//! Sinks: how a message gets to each kind of destination.

mod file;
mod http;
mod slack;
mod stdout;
mod webhook;

use crate::NotifierError;
use crate::destination::{Destination, Target};
use crate::message::{Digest, Message};
use crate::secret::Secret;
use file::File;
use http::Endpoint;
use slack::Slack;
use std::time::Duration;
use stdout::Stdout;
use webhook::Webhook;

/// Sends messages to one destination.
pub(crate) trait Sink: Send + Sync + 'static {
    /// Sends a message, and returns once the receiver has confirmed it.
    fn send(&self, message: &Message) -> impl Future<Output = Result<(), SendError>> + Send;

    /// Returns how many incidents of a digest a message names, from the first on.
    fn named(&self, digest: &Digest) -> usize {
        digest.entries.len()
    }
}

/// Why a message was not confirmed. The texts contain no secrets.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SendError {
    /// Try again; the receiver may have got the message. `after` is the delay that it asks for.
    #[error("{reason}")]
    Retry { after: Option<Duration>, reason: String },
    /// The receiver will never accept the message.
    #[error("{0}")]
    Refused(String),
}

/// The sink of a destination of any kind.
#[derive(Debug)]
pub(crate) enum AnySink {
    Webhook(Webhook),
    Slack(Slack),
    File(File),
    Stdout(Stdout),
}

impl AnySink {
    /// Opens the sink of a destination.
    ///
    /// # Errors
    /// If no HTTP client can be created, or the file cannot be appended to.
    pub(crate) async fn open(destination: &Destination) -> Result<Self, NotifierError> {
        let endpoint = |url: &Secret| {
            Endpoint::new(url.clone(), destination.timeout)
                .map_err(|source| NotifierError::Client { destination: destination.name.clone(), source })
        };
        Ok(match &destination.target {
            Target::Webhook { url, key } => Self::Webhook(Webhook::new(endpoint(url)?, key.clone())),
            Target::Slack { url, mention } => Self::Slack(Slack::new(endpoint(url)?, mention.clone())),
            Target::File { path } => Self::File(File::open(path).await.map_err(|source| NotifierError::File {
                destination: destination.name.clone(),
                path: path.clone(),
                source,
            })?),
            Target::Stdout => Self::Stdout(Stdout::default()),
        })
    }
}

impl Sink for AnySink {
    async fn send(&self, message: &Message) -> Result<(), SendError> {
        match self {
            Self::Webhook(sink) => sink.send(message).await,
            Self::Slack(sink) => sink.send(message).await,
            Self::File(sink) => sink.send(message).await,
            Self::Stdout(sink) => sink.send(message).await,
        }
    }

    fn named(&self, digest: &Digest) -> usize {
        match self {
            Self::Webhook(sink) => sink.named(digest),
            Self::Slack(sink) => sink.named(digest),
            Self::File(sink) => sink.named(digest),
            Self::Stdout(sink) => sink.named(digest),
        }
    }
}

impl SendError {
    /// A failure after which the receiver asks for no delay.
    fn retry(reason: impl Into<String>) -> Self {
        Self::Retry { after: None, reason: reason.into() }
    }
}

impl From<serde_json::Error> for SendError {
    fn from(error: serde_json::Error) -> Self {
        Self::Refused(format!("cannot be encoded as JSON: {error}"))
    }
}
