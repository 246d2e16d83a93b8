//! The errors of the bus.

use crate::settings::SettingsError;
use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::context::{
    ConsumerInfoError, ConsumerInfoErrorKind, CreateStreamError, CreateStreamErrorKind, GetStreamError,
    GetStreamErrorKind,
};
use async_nats::jetstream::stream::{ConsumerError, ConsumerErrorKind};
use std::error::Error;

pub(crate) type Cause = Box<dyn Error + Send + Sync>;

/// Why an operation on the bus failed.
#[derive(Debug, thiserror::Error)]
pub enum BusError {
    /// The settings are not valid; all problems, one per line.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Settings(Vec<SettingsError>),
    /// No server accepted the connection within `nats.connect_seconds`.
    #[error("nats {servers}: cannot connect")]
    Connect {
        /// The configured servers.
        servers: String,
        /// The cause.
        #[source]
        source: async_nats::ConnectError,
    },
    /// The server lacks features that orgwatch needs.
    #[error("nats-server {found} at {servers} is too old: orgwatch needs {needed} or later")]
    Version {
        /// The configured servers.
        servers: String,
        /// The version of the server.
        found: String,
        /// The oldest version that works.
        needed: &'static str,
    },
    /// JetStream refused a request or did not answer.
    #[error("{object}: cannot {action}")]
    Api {
        /// Such as `stream ORGWATCH_ACTIVITY`.
        object: String,
        /// Such as `create it`.
        action: &'static str,
        /// The cause.
        #[source]
        source: Cause,
    },
    /// The cluster is smaller than `nats.replicas`.
    #[error("{object}: there are fewer servers than nats.replicas asks for copies")]
    Copies {
        /// Such as `stream ORGWATCH_ACTIVITY`.
        object: String,
        /// The cause.
        #[source]
        source: Cause,
    },
    /// The server cannot change this field of a stream or consumer in place.
    #[error(
        "{object}: {field} is {actual} and cannot be changed to {expected}: delete it, or change the settings back"
    )]
    Immutable {
        /// Such as `stream ORGWATCH_ACTIVITY`.
        object: String,
        /// The name of the field.
        field: &'static str,
        /// The declared value.
        expected: String,
        /// The value at the server.
        actual: String,
    },
    /// The dead stream has no message with this sequence.
    #[error("dead letter {0}: does not exist")]
    NoSuchLetter(u64),
    /// The payload of this letter was not kept whole.
    #[error("dead letter {0}: cannot be replayed, it was truncated when it was stored")]
    Truncated(u64),
    /// This letter is a record of a source.
    #[error(
        "dead letter {0}: cannot be replayed, it is a record that a source could not read and was never in a stream"
    )]
    NeverInStream(u64),
    /// The name of a key of the bucket is not valid.
    #[error("{name}: is not a valid settings key, use letters, digits, -, _, /, = and .")]
    Key {
        /// The name.
        name: String,
    },
}

impl BusError {
    /// Returns a function that makes the error of an action on an object, such as `create it` on `stream A`, from its
    /// cause.
    pub(crate) fn api(object: impl Into<String>, action: &'static str) -> impl FnOnce(Cause) -> Self {
        let object = object.into();
        move |source| match code(source.as_ref()) {
            Some(ErrorCode::STREAM_REPLICAS_NOT_SUPPORTED | ErrorCode::CLUSTER_NO_PEERS) => {
                Self::Copies { object, source }
            }
            _ => Self::Api { object, action, source },
        }
    }

    /// Returns whether a retry may succeed: JetStream does not answer while servers elect a leader, and a missing
    /// server may come back.
    pub(crate) fn is_transient(&self) -> bool {
        let (Self::Api { source, .. } | Self::Copies { source, .. }) = self else { return false };
        let elects = [ErrorCode::CLUSTER_NOT_AVAILABLE, ErrorCode::CLUSTER_NOT_LEADER, ErrorCode::CLUSTER_NO_PEERS];
        code(source.as_ref()).is_none_or(|code| elects.contains(&code))
    }
}

/// Returns the code with which JetStream refused; `None` if it did not answer.
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

/// Why items were not published.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// [`crate::PublisherSettings::in_flight`] is used up.
    #[error("too many bytes are waiting for acknowledgment")]
    Busy,
    /// An item does not fit into a message.
    #[error("{subject}: an item of {size} bytes is larger than the server's limit of {limit}")]
    TooLarge {
        /// The subject.
        subject: String,
        /// The size of the item in bytes.
        size: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// The items may or may not be stored: the sender must send them again.
    #[error("the publisher was stopped before the server acknowledged everything")]
    Stopped,
}

/// Why a loop ended before shutdown.
#[derive(Debug, thiserror::Error)]
pub enum LoopError {
    /// A cursor's handler failed: its state must be restored from its checkpoint.
    #[error("{consumer}: the handler failed: {reason}")]
    Handler {
        /// The name of the consumer.
        consumer: String,
        /// The reason that the handler gave.
        reason: String,
    },
    /// The handler returned [`crate::Failure::Stop`].
    #[error("{consumer}: the handler stopped: {reason}")]
    Stopped {
        /// The name of the consumer.
        consumer: String,
        /// The reason that the handler gave.
        reason: String,
    },
    /// Another replica reads the same partition.
    #[error("{consumer}: received delivery {found} instead of {expected}: another replica reads this partition")]
    Doubt {
        /// The name of the consumer.
        consumer: String,
        /// The number of the next delivery.
        expected: u64,
        /// The number of the received delivery.
        found: u64,
    },
    /// The stream ends before the last applied sequence: it lost its last messages or was recreated.
    #[error("{consumer}: the stream ends at {last}, before {applied}, which was already applied")]
    Rewound {
        /// The name of the consumer.
        consumer: String,
        /// The last applied sequence.
        applied: u64,
        /// The last sequence of the stream.
        last: u64,
    },
    /// [`crate::Failure::Poison`] named a message that the handler had not received.
    #[error("{consumer}: the handler rejected message {sequence}, which it had not received: {reason}")]
    UnknownPoison {
        /// The name of the consumer.
        consumer: String,
        /// The sequence that it named.
        sequence: u64,
        /// The reason that the handler gave.
        reason: String,
    },
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
    fn no_answer_is_transient_and_a_refusal_is_not() {
        assert!(error(CreateStreamError::new(CreateStreamErrorKind::TimedOut)).is_transient());
        assert!(error(refused(ErrorCode::CLUSTER_NOT_AVAILABLE)).is_transient());
        assert!(!error(refused(ErrorCode::STREAM_SUBJECT_OVERLAP)).is_transient());
        let within = CreateKeyValueErrorKind::BucketCreate;
        let source = refused(ErrorCode::STREAM_SUBJECT_OVERLAP);
        assert!(!error(CreateKeyValueError::with_source(within, source)).is_transient());
    }

    #[test]
    fn a_cluster_too_small_for_the_copies_is_named() {
        let text = "stream A: there are fewer servers than nats.replicas asks for copies";
        let (few, alone) = (ErrorCode::CLUSTER_NO_PEERS, ErrorCode::STREAM_REPLICAS_NOT_SUPPORTED);
        assert_eq!(error(refused(few)).to_string(), text);
        assert_eq!(error(refused(alone)).to_string(), text);
        // A missing server of a cluster may come back; a server without a cluster never gets peers.
        assert!(error(refused(few)).is_transient() && !error(refused(alone)).is_transient());
    }
}
