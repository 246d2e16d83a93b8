//! Responses to pushes.

use crate::decode::{DecodeError, Rejected, Rejects};
use crate::meter::Counts;
use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bus::PublishError;
use model::Text;
use serde::Serialize;
use std::collections::BTreeMap;

/// The body of a 202: JetStream has acknowledged the accepted events.
#[derive(Debug, Serialize)]
pub(super) struct Accepted {
    pub(super) accepted: usize,
    /// How many of these are so old that they teach and raise nothing.
    backfill: usize,
    /// Events so far behind the org's latest one that they are set aside.
    too_old: usize,
    /// Events dated more than 5 minutes ahead, which are set aside.
    ahead: usize,
    /// Events of types that orgwatch does not watch.
    ignored: u64,
    /// The same by type.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    not_watched: BTreeMap<Text, u64>,
    /// Values of accepted events that could not be read, by field.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    unread: BTreeMap<&'static str, u64>,
    /// Records that could not be read, by fault.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    faults: Vec<Fault>,
    /// The first of these.
    rejected: Vec<Rejected>,
    pub(super) rejected_total: usize,
}

/// Records that could not be read for the same reason.
#[derive(Debug, Serialize)]
struct Fault {
    fault: String,
    count: u64,
    first: Rejected,
}

/// Why a request is refused.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    #[error("no bearer token")]
    NoToken,
    #[error("unknown token")]
    WrongToken,
    #[error("the server has {0} connections, the most it may have")]
    Connections(u32),
    #[error("there are {0} connections from this address, the most it may have")]
    ConnectionsOfAddress(u32),
    #[error("{0} connections from this address have sent no valid token yet, the most it may have")]
    Unauthenticated(u32),
    #[error("{0} pushes of this org are being processed, the most it may have at a time")]
    OrgIsBusy(u32),
    #[error("{0} pushes of all orgs are being processed, the most at a time")]
    AllAreBusy(u32),
    #[error("the bodies of this org that are being processed have {0} bytes, the most they may have")]
    OrgIsFull(u64),
    #[error("the bodies of all orgs that are being processed have {0} bytes, the most they may have")]
    AllIsFull(u64),
    #[error("the body did not arrive within {0} s")]
    Late(u32),
    #[error("the body arrives at less than {0} bytes per second")]
    Slow(u32),
    #[error("the body broke off")]
    BrokenOff(#[source] axum::Error),
    #[error("more than {0} bytes")]
    TooLarge(u64),
    #[error("{0:?} in the query is not known: there are watch=true and type=NAME")]
    Query(String),
    #[error("{0:?} is no type: it must be the name of an event object or log file, such as ListViewEvent")]
    Type(String),
    #[error("content-encoding {0:?} is not supported: use gzip, zstd or none")]
    Encoding(String),
    #[error(transparent)]
    Decode(#[from] DecodeError),
    #[error("line {}: {}; the records before are stored", .at.line.unwrap_or(1), .at.reason)]
    CutOff { at: Rejected, stored: Box<Accepted> },
    #[error("the body has no event that can be read")]
    NoEvents(Box<Accepted>),
    #[error("too many bodies are waiting to be decoded")]
    NotDecoded,
    #[error("too many events are waiting to be stored")]
    PublisherIsBusy,
    #[error("not stored in time")]
    NotAcknowledged,
    #[error("not stored")]
    NotPublished(#[source] PublishError),
    #[error("decoding failed")]
    Failed(#[source] tokio::task::JoinError),
}

/// The body of a refusal.
#[derive(Serialize)]
struct RefusalBody {
    error: String,
    /// What is stored nevertheless.
    #[serde(flatten)]
    stored: Option<Box<Accepted>>,
}

/// Seconds after which a client may send the request again.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");

impl Accepted {
    pub(super) fn new(counts: Counts, read: salesforce::Counts, rejects: Rejects) -> Self {
        let Rejects { first, faults, total } = rejects;
        let Counts { accepted, backfill, too_old, ahead, ignored, .. } = counts;
        let faults = faults.iter().map(|(name, fault)| Fault {
            fault: name.to_owned(),
            count: fault.count,
            first: fault.first.clone(),
        });
        Self {
            accepted,
            backfill,
            too_old,
            ahead,
            ignored,
            not_watched: read.not_watched,
            unread: read.unread,
            rejected: first,
            rejected_total: total,
            faults: faults.collect(),
        }
    }
}

impl Refusal {
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::NoToken | Self::WrongToken => StatusCode::UNAUTHORIZED,
            Self::Late(_) | Self::Slow(_) => StatusCode::REQUEST_TIMEOUT,
            Self::TooLarge(_) | Self::Decode(DecodeError::TooLarge(_)) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Encoding(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::BrokenOff(_)
            | Self::Query(_)
            | Self::Type(_)
            | Self::Decode(_)
            | Self::CutOff { .. }
            | Self::NoEvents(_) => StatusCode::BAD_REQUEST,
            Self::ConnectionsOfAddress(_)
            | Self::Unauthenticated(_)
            | Self::OrgIsBusy(_)
            | Self::AllAreBusy(_)
            | Self::OrgIsFull(_)
            | Self::AllIsFull(_)
            | Self::PublisherIsBusy => StatusCode::TOO_MANY_REQUESTS,
            Self::Connections(_) | Self::NotDecoded | Self::NotAcknowledged | Self::NotPublished(_) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Self::Failed(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Returns the value of the label `reason`.
    pub(super) fn label(&self) -> &'static str {
        match self {
            Self::NoToken | Self::WrongToken => "token",
            Self::Connections(_) => "connections",
            Self::ConnectionsOfAddress(_) | Self::Unauthenticated(_) => "connections of an address",
            Self::OrgIsBusy(_) => "requests of an org",
            Self::AllAreBusy(_) => "requests",
            Self::OrgIsFull(_) => "bytes of an org",
            Self::AllIsFull(_) => "bytes",
            Self::Late(_) | Self::Slow(_) => "slow",
            Self::TooLarge(_) | Self::Decode(DecodeError::TooLarge(_)) => "too large",
            Self::BrokenOff(_)
            | Self::Query(_)
            | Self::Type(_)
            | Self::Encoding(_)
            | Self::Decode(_)
            | Self::CutOff { .. }
            | Self::NoEvents(_) => "unreadable",
            Self::NotDecoded => "decoders",
            Self::PublisherIsBusy | Self::NotAcknowledged | Self::NotPublished(_) => "not stored",
            Self::Failed(_) => "defect",
        }
    }

    /// Returns the whole response, for a connection from which no request is read.
    pub(super) fn raw(&self) -> String {
        let (status, body) = (self.status(), serde_json::json!({ "error": self.to_string() }).to_string());
        let (reason, length) = (status.canonical_reason().unwrap_or_default(), body.len());
        format!(
            "HTTP/1.1 {} {reason}\r\ncontent-type: application/json\r\nretry-after: 1\r\nconnection: close\r\n\
             content-length: {length}\r\n\r\n{body}",
            status.as_u16()
        )
    }
}

impl IntoResponse for Accepted {
    fn into_response(self) -> Response {
        (StatusCode::ACCEPTED, Json(self)).into_response()
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, error) = (self.status(), self.to_string());
        let stored = match self {
            Self::CutOff { stored, .. } | Self::NoEvents(stored) => Some(stored),
            _ => None,
        };
        let mut response = (status, Json(RefusalBody { error, stored })).into_response();
        let headers = response.headers_mut();
        match status {
            StatusCode::UNAUTHORIZED => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
                // Whoever has no token gets one answer for a connection.
                headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                headers.insert(header::RETRY_AFTER, RETRY_AFTER);
            }
            _ => {}
        }
        response
    }
}
