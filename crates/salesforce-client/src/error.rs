//! What goes wrong between us and Salesforce.

use crate::auth::TOKEN;
use std::sync::Arc;
use tonic::{Code, Status};

pub type Result<T> = std::result::Result<T, Error>;

/// A call that failed. Holds no token and no secret; what Salesforce says of a query may quote it.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// Salesforce has answered, with an error of its own.
    #[error("{call}: {code}: {message}")]
    Refused { call: &'static str, status: u16, code: String, message: String },
    /// An error of the Pub/Sub API, by the code of its trailer, or of gRPC where it has none.
    #[error("{call}: {code}: {message}")]
    Stream { call: &'static str, code: String, grpc: Code, message: String },
    #[error("{call}: cannot be reached")]
    Transport { call: &'static str, source: Arc<dyn std::error::Error + Send + Sync> },
    #[error("{call}: no answer within {seconds} s")]
    Silent { call: &'static str, seconds: u32 },
    #[error("{call}: the answer is not as expected: {problem}")]
    Unexpected { call: &'static str, problem: String },
    #[error("no token: {0}")]
    Key(String),
}

/// What kind of failure it is, for whoever must decide what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Trouble {
    /// Comes and goes: the network, an outage, an answer that broke off. Worth waiting for.
    Passing,
    /// The token is not taken, even after a new one was minted; or none is given out.
    Login,
    /// The user may not do this, or what was asked for does not exist in this org.
    Denied,
    /// A field, object or query that this org does not understand.
    Query,
    /// The query took too long: ask for less.
    QueryTimeout,
    /// The cursor of a query has expired: ask from the start.
    Cursor,
    /// The org's calls of the day, or its subscriptions, are used up.
    Limit,
    /// The replay id is expired or another org's.
    Replay,
}

impl Error {
    pub fn trouble(&self) -> Trouble {
        match self {
            Self::Refused { call, status, code, .. } => refused(call, *status, code),
            Self::Stream { code, grpc, .. } => broken(code, *grpc),
            Self::Transport { .. } | Self::Silent { .. } | Self::Unexpected { .. } => Trouble::Passing,
            Self::Key(_) => Trouble::Login,
        }
    }

    /// An HTTP answer that is no success, by its body: REST's list of errors, OAuth's error, or whatever else.
    pub(crate) fn refusal(call: &'static str, status: reqwest::StatusCode, body: &[u8]) -> Self {
        let told = match serde_json::from_slice(body) {
            Ok(Body::Rest(errors)) => errors.into_iter().next().map(|error| (error.code, error.message)),
            Ok(Body::OAuth { error, error_description }) => Some((error, error_description)),
            Err(_) => None,
        };
        let (code, message) = told.unwrap_or_else(|| {
            let reason = status.canonical_reason().unwrap_or_default();
            (format!("HTTP {}", status.as_u16()), reason.to_owned())
        });
        Self::Refused { call, status: status.as_u16(), code: cut(code), message: cut(message) }
    }

    pub(crate) fn status(call: &'static str, status: &Status) -> Self {
        let trailer = status.metadata().get("error-code").and_then(|value| value.to_str().ok());
        let code = trailer.map_or_else(|| format!("{:?}", status.code()), str::to_owned);
        Self::Stream { call, code: cut(code), grpc: status.code(), message: cut(status.message().to_owned()) }
    }
}

/// The bodies of errors. Of REST's list the first counts.
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

/// Longer texts are cut: some quote a whole query.
const MAX_TEXT: usize = 500;

fn cut(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(MAX_TEXT));
    text
}

fn refused(call: &str, status: u16, code: &str) -> Trouble {
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

fn broken(code: &str, grpc: Code) -> Trouble {
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
        // What a topic that is not there is answered with is not known for sure; a client that asks for one in vain
        // must not take the org for out of order.
        Code::PermissionDenied | Code::NotFound | Code::InvalidArgument | Code::FailedPrecondition => Trouble::Denied,
        _ => Trouble::Passing,
    }
}

#[cfg(test)]
mod tests;
