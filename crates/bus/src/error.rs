//! What can go wrong on the bus.

use crate::settings::SettingsError;

pub(crate) type Cause = Box<dyn std::error::Error + Send + Sync>;

#[derive(Debug, thiserror::Error)]
pub enum BusError {
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Settings(Vec<SettingsError>),
    #[error("nats {servers}: cannot connect")]
    Connect {
        servers: String,
        #[source]
        source: async_nats::ConnectError,
    },
    #[error("nats-server {found} at {servers} is too old: orgwatch needs {needed} or later")]
    Version { servers: String, found: String, needed: &'static str },
    /// JetStream refused or did not answer.
    #[error("{object}: cannot {action}")]
    Api {
        object: String,
        action: &'static str,
        #[source]
        source: Cause,
    },
    #[error(
        "{object}: {field} is {actual} and cannot be changed to {expected}: delete it, or change the settings back"
    )]
    Immutable { object: String, field: &'static str, expected: String, actual: String },
    #[error("dead letter {0}: there is none")]
    NoSuchLetter(u64),
    #[error("dead letter {0}: cannot be replayed, it was truncated when it was stored")]
    Truncated(u64),
    #[error("{name}: not a name of a settings key: letters, digits, -, _, /, = and . are allowed")]
    Key { name: String },
}

impl BusError {
    pub(crate) fn api(object: impl Into<String>, action: &'static str) -> impl FnOnce(Cause) -> Self {
        let object = object.into();
        move |source| Self::Api { object, action, source }
    }
}

/// Why something was not published.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    #[error("too much is waiting to be published")]
    Busy,
    #[error("{subject}: an item of {size} bytes is more than the server takes ({limit})")]
    TooLarge { subject: String, size: usize, limit: usize },
    /// It may or may not have been stored: whoever sent it must send it again.
    #[error("the publisher was stopped before the server had acknowledged everything")]
    Stopped,
}

/// Why a loop ended though it was not asked to.
#[derive(Debug, thiserror::Error)]
pub enum LoopError {
    /// A cursor's handler failed: its state is to be restored from its checkpoint.
    #[error("{consumer}: the handler failed: {reason}")]
    Handler { consumer: String, reason: String },
    /// The handler answered [`crate::Failure::Stop`].
    #[error("{consumer}: given up: {reason}")]
    Stopped { consumer: String, reason: String },
    /// Somebody else reads with the same cursor.
    #[error("{consumer}: delivery {found} came where {expected} was due: another replica reads this partition")]
    Doubt { consumer: String, expected: u64, found: u64 },
    /// The stream ends before what was already applied: it has lost its tail or was made anew.
    #[error("{consumer}: the stream ends at {last}, before {applied}, which was already applied")]
    Rewound { consumer: String, applied: u64, last: u64 },
    /// [`crate::Failure::Poison`] named a message that the handler was not given.
    #[error("{consumer}: the handler found message {sequence} bad, which it was not given: {reason}")]
    UnknownPoison { consumer: String, sequence: u64, reason: String },
}
