//! Errors of calls to Salesforce, and their classification.

use crate::auth::TOKEN;
use std::sync::Arc;
use tonic::{Code, Status};

/// The result of a call to Salesforce.
pub type Result<T> = std::result::Result<T, Error>;

/// A failed call. It contains no token and no secret, but Salesforce's message may quote a query.
///
/// `call` is `token`, `userinfo`, `query`, `describe`, `limits`, `download`, `topic`, `schema` or `subscribe`.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// REST or OAuth answered with an error.
    #[error("{call}: {code}: {message}")]
    Refused {
        /// The call.
        call: &'static str,
        /// HTTP status.
        status: u16,
        /// Salesforce's error code, or `HTTP` and the status if the body has none.
        code: String,
        /// Salesforce's message, or the status's reason phrase; at most 500 bytes.
        message: String,
    },
    /// The Pub/Sub API answered with an error.
    #[error("{call}: {code}: {message}")]
    Stream {
        /// The call.
        call: &'static str,
        /// The trailer `error-code`, or the name of the gRPC code if there is none.
        code: String,
        /// The gRPC code.
        grpc: Code,
        /// The status's message; at most 500 bytes.
        message: String,
    },
    /// The connection failed.
    #[error("{call}: cannot be reached")]
    Transport {
        /// The call.
        call: &'static str,
        /// Why.
        source: Arc<dyn std::error::Error + Send + Sync>,
    },
    /// The answer, or its next part, did not arrive in time.
    #[error("{call}: no answer within {seconds} s")]
    Silent {
        /// The call.
        call: &'static str,
        /// How long the client waited.
        seconds: u32,
    },
    /// The answer is not one that Salesforce's documentation describes.
    #[error("{call}: the answer is not as expected: {problem}")]
    Unexpected {
        /// The call.
        call: &'static str,
        /// What is wrong, without quoting the answer.
        problem: String,
    },
    /// The configured secret cannot be read or used.
    #[error("no token: {0}")]
    Key(String),
}

/// The class of a failure, by which a caller decides what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Trouble {
    /// Transient: the network, an outage, a truncated answer. Try again later.
    Passing,
    /// Salesforce refuses a token, or the call even with a new token.
    Login,
    /// The user lacks a permission, or the object or topic does not exist in this org.
    Denied,
    /// The org does not know a field or object of the query, or does not support the query.
    Query,
    /// The query took too long: ask for less.
    QueryTimeout,
    /// The cursor of a query has expired: run the query again.
    Cursor,
    /// The org's API calls of the day, or its subscriptions, are used up.
    Limit,
    /// The replay id has expired or belongs to another org.
    Replay,
}

impl Error {
    /// Classifies the failure.
    pub fn trouble(&self) -> Trouble {
        match self {
            Self::Refused { call, status, code, .. } => classify_http(call, *status, code),
            Self::Stream { code, grpc, .. } => classify_grpc(code, *grpc),
            Self::Transport { .. } | Self::Silent { .. } | Self::Unexpected { .. } => Trouble::Passing,
            Self::Key(_) => Trouble::Login,
        }
    }

    /// Reads the error of an HTTP answer without success. The body is REST's list of errors, OAuth's error, or neither.
    pub(crate) fn refusal(call: &'static str, status: reqwest::StatusCode, body: &[u8]) -> Self {
        let parsed = match serde_json::from_slice(body) {
            Ok(Body::Rest(errors)) => errors.into_iter().next().map(|error| (error.code, error.message)),
            Ok(Body::OAuth { error, error_description }) => Some((error, error_description)),
            Err(_) => None,
        };
        let (code, message) = parsed.unwrap_or_else(|| {
            let reason = status.canonical_reason().unwrap_or_default();
            (format!("HTTP {}", status.as_u16()), reason.to_owned())
        });
        Self::Refused { call, status: status.as_u16(), code: cut(code), message: cut(message) }
    }

    /// Reads the error of a gRPC status.
    pub(crate) fn status(call: &'static str, status: &Status) -> Self {
        let trailer = status.metadata().get("error-code").and_then(|value| value.to_str().ok());
        let code = trailer.map_or_else(|| format!("{:?}", status.code()), str::to_owned);
        Self::Stream { call, code: cut(code), grpc: status.code(), message: cut(status.message().to_owned()) }
    }
}

/// The body of an error. Of REST's list only the first error is used.
#[derive(serde::Deserialize)]
#[serde(untagged)]
enum Body {
    Rest(Vec<RestError>),
    OAuth {
        error: String,
        #[serde(default)]
        error_description: String,
    },
}

#[derive(serde::Deserialize)]
struct RestError {
    #[serde(rename = "errorCode")]
    code: String,
    #[serde(default)]
    message: String,
}

/// The longest code or message that is kept, in bytes. A choice: some messages quote a whole query.
const MAX_TEXT: usize = 500;

fn cut(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(MAX_TEXT));
    text
}

/// Classifies by the status codes and error codes of the REST API Developer Guide ("Status Codes and Error
/// Responses").
fn classify_http(call: &str, status: u16, code: &str) -> Trouble {
    match (code, status) {
        ("INVALID_SESSION_ID", _) | (_, 401) => Trouble::Login,
        ("REQUEST_LIMIT_EXCEEDED", _) | (_, 429) => Trouble::Limit,
        ("QUERY_TIMEOUT", _) => Trouble::QueryTimeout,
        ("INVALID_QUERY_LOCATOR", _) => Trouble::Cursor,
        (_, 400..=499) if call == TOKEN => Trouble::Login,
        (_, 403 | 404) => Trouble::Denied,
        (_, 400 | 414 | 431) => Trouble::Query,
        _ => Trouble::Passing,
    }
}

/// Classifies by the documented error codes of the Pub/Sub API, which end in the texts compared here, then by gRPC's
/// code.
fn classify_grpc(code: &str, grpc: Code) -> Trouble {
    let has_suffix = |suffixes: &[&str]| suffixes.iter().any(|suffix| code.ends_with(suffix));
    if has_suffix(&["replayid.corrupted", "replayid.validation.failed"]) {
        return Trouble::Replay;
    }
    if has_suffix(&["service.auth.error", "auth.refresh.invalid"]) {
        return Trouble::Login;
    }
    if has_suffix(&["limit.exceeded"]) {
        return Trouble::Limit;
    }
    match grpc {
        Code::Unauthenticated => Trouble::Login,
        Code::ResourceExhausted => Trouble::Limit,
        // It is not documented which of these a missing topic is answered with. None of them may count as transient,
        // or a client would wait for an outage to end.
        Code::PermissionDenied | Code::NotFound | Code::InvalidArgument | Code::FailedPrecondition => Trouble::Denied,
        _ => Trouble::Passing,
    }
}

#[cfg(test)]
mod tests;
