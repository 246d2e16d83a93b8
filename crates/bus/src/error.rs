//! What can go wrong on the bus.

use crate::settings::SettingsError;
use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::context::{
    ConsumerInfoError, ConsumerInfoErrorKind, CreateStreamError, CreateStreamErrorKind, GetStreamError,
    GetStreamErrorKind,
};
use async_nats::jetstream::stream::{ConsumerError, ConsumerErrorKind};
use std::error::Error;

pub(crate) type Cause = Box<dyn Error + Send + Sync>;

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
    #[error("{object}: there are not enough servers for as many copies as nats.replicas says")]
    Copies {
        object: String,
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
    #[error(
        "dead letter {0}: cannot be replayed, it is a record that a source could not read and was never in a stream"
    )]
    NeverInStream(u64),
    #[error("{name}: not a name of a settings key: letters, digits, -, _, /, = and . are allowed")]
    Key { name: String },
}

impl BusError {
    pub(crate) fn api(object: impl Into<String>, action: &'static str) -> impl FnOnce(Cause) -> Self {
        let object = object.into();
        move |source| match code(source.as_ref()) {
            Some(ErrorCode::STREAM_REPLICAS_NOT_SUPPORTED | ErrorCode::CLUSTER_NO_PEERS) => {
                Self::Copies { object, source }
            }
            _ => Self::Api { object, action, source },
        }
    }

    /// Whether JetStream may answer otherwise in a while: nobody answers while servers elect a leader, and one that is
    /// missing may come.
    pub(crate) fn is_passing(&self) -> bool {
        let (Self::Api { source, .. } | Self::Copies { source, .. }) = self else { return false };
        let elects = [ErrorCode::CLUSTER_NOT_AVAILABLE, ErrorCode::CLUSTER_NOT_LEADER, ErrorCode::CLUSTER_NO_PEERS];
        code(source.as_ref()).is_none_or(|code| elects.contains(&code))
    }
}

/// With which JetStream refused; `None` if it did not answer.
fn code(error: &(dyn Error + 'static)) -> Option<ErrorCode> {
    let answer = match (
        error.downcast_ref::<GetStreamError>().map(GetStreamError::kind),
        error.downcast_ref::<CreateStreamError>().map(CreateStreamError::kind),
        error.downcast_ref::<ConsumerInfoError>().map(ConsumerInfoError::kind),
        error.downcast_ref::<ConsumerError>().map(ConsumerError::kind),
    ) {
        (Some(GetStreamErrorKind::JetStream(answer)), ..)
        | (_, Some(CreateStreamErrorKind::JetStream(answer)), ..)
        | (_, _, Some(ConsumerInfoErrorKind::JetStream(answer)), _)
        | (.., Some(ConsumerErrorKind::JetStream(answer))) => answer,
        _ => return error.source().and_then(code),
    };
    Some(answer.error_code())
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

#[cfg(test)]
mod tests {
    use super::*;
    use async_nats::jetstream;
    use async_nats::jetstream::context::{CreateKeyValueError, CreateKeyValueErrorKind};

    fn refused(code: ErrorCode) -> CreateStreamError {
        let answer = format!(r#"{{"code": 500, "err_code": {}, "description": "no"}}"#, code.0);
        let answer: jetstream::Error = serde_json::from_str(&answer).unwrap();
        CreateStreamError::new(CreateStreamErrorKind::JetStream(answer))
    }

    fn error(source: impl Into<Cause>) -> BusError {
        BusError::api("stream A", "create it")(source.into())
    }

    #[test]
    fn what_nobody_answers_passes_and_a_refusal_does_not() {
        assert!(error(CreateStreamError::new(CreateStreamErrorKind::TimedOut)).is_passing());
        assert!(error(refused(ErrorCode::CLUSTER_NOT_AVAILABLE)).is_passing());
        assert!(!error(refused(ErrorCode::STREAM_SUBJECT_OVERLAP)).is_passing());
        let within = CreateKeyValueErrorKind::BucketCreate;
        let source = refused(ErrorCode::STREAM_SUBJECT_OVERLAP);
        assert!(!error(CreateKeyValueError::with_source(within, source)).is_passing());
    }

    #[test]
    fn copies_that_cannot_be_kept_are_named() {
        let text = "stream A: there are not enough servers for as many copies as nats.replicas says";
        let (few, alone) = (ErrorCode::CLUSTER_NO_PEERS, ErrorCode::STREAM_REPLICAS_NOT_SUPPORTED);
        assert_eq!(error(refused(few)).to_string(), text);
        assert_eq!(error(refused(alone)).to_string(), text);
        // The third may come; one that stands alone stays alone.
        assert!(error(refused(few)).is_passing() && !error(refused(alone)).is_passing());
    }
}
