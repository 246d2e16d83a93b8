//! Where messages go.

mod file;
mod http;
mod slack;
mod stdout;
mod webhook;

use crate::NotifierError;
use crate::channel::{Channel, Target};
use crate::message::Message;
use crate::secret::Secret;
use file::File;
use http::Endpoint;
use slack::Slack;
use std::time::Duration;
use stdout::Stdout;
use webhook::Webhook;

pub(crate) trait Sink: Send + Sync + 'static {
    /// Returns when the receiver has confirmed the message.
    fn send(&self, message: &Message) -> impl Future<Output = Result<(), SendError>> + Send;
}

/// Why a message was not confirmed. The texts hold no secrets.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SendError {
    /// It may be taken later, and may have been taken: `after` is what the receiver asks for.
    #[error("{reason}")]
    Retry { after: Option<Duration>, reason: String },
    /// It never will be taken.
    #[error("{0}")]
    Refused(String),
}

/// The sink of a channel.
#[derive(Debug)]
pub(crate) enum AnySink {
    Webhook(Webhook),
    Slack(Slack),
    File(File),
    Stdout(Stdout),
}

impl AnySink {
    pub(crate) async fn open(channel: &Channel) -> Result<Self, NotifierError> {
        let endpoint = |url: &Secret| {
            Endpoint::new(url.clone(), channel.timeout)
                .map_err(|source| NotifierError::Client { channel: channel.name.clone(), source })
        };
        Ok(match &channel.target {
            Target::Webhook { url, key } => Self::Webhook(Webhook::new(endpoint(url)?, key.clone())),
            Target::Slack { url } => Self::Slack(Slack::new(endpoint(url)?)),
            Target::File { path } => Self::File(File::open(path).await.map_err(|source| NotifierError::File {
                channel: channel.name.clone(),
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
}

impl SendError {
    fn retry(reason: impl Into<String>) -> Self {
        Self::Retry { after: None, reason: reason.into() }
    }
}

impl From<serde_json::Error> for SendError {
    fn from(error: serde_json::Error) -> Self {
        Self::Refused(format!("cannot be written as json: {error}"))
    }
}
