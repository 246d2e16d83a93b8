//! Responses to pushes.

use crate::decode::{DecodeError, Rejected};
use crate::meter::Counts;
use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bus::PublishError;
use serde::Serialize;

/// The body of a 202: JetStream has acknowledged the accepted events.
#[derive(Debug, Serialize)]
pub(super) struct Accepted {
    pub(super) accepted: usize,
    /// Events of kinds that orgwatch does not watch.
    ignored: u64,
    /// The first records that could not be read.
    rejected: Vec<Rejected>,
    pub(super) rejected_total: usize,
}

/// Why a request is refused.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    #[error("no bearer token")]
    NoToken,
    #[error("unknown token")]
    WrongToken,
    #[error("the body took too long to arrive")]
    Slow,
    #[error("the body broke off")]
    BrokenOff(#[source] axum::Error),
    #[error("more than {0} bytes")]
    TooLarge(u64),
    #[error("content-encoding {0:?} is not supported: use gzip, zstd or none")]
    Encoding(String),
    #[error(transparent)]
    Decode(#[from] DecodeError),
    #[error("the body has no event that can be read")]
    NoEvents(Vec<Rejected>),
    #[error("too many events are waiting to be stored")]
    Busy,
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
    #[serde(flatten)]
    rejects: Option<Rejects>,
}

#[derive(Serialize)]
struct Rejects {
    rejected: Vec<Rejected>,
    rejected_total: usize,
}

/// The most unreadable records that a response lists.
const MAX_REJECTS: usize = 100;
/// Seconds after which a client may send the request again.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");

impl Accepted {
    pub(super) fn new(counts: Counts, mut rejected: Vec<Rejected>) -> Self {
        rejected.truncate(MAX_REJECTS);
        Self { accepted: counts.accepted, ignored: counts.ignored, rejected, rejected_total: counts.rejected }
    }
}

impl Refusal {
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::NoToken | Self::WrongToken => StatusCode::UNAUTHORIZED,
            Self::Slow => StatusCode::REQUEST_TIMEOUT,
            Self::TooLarge(_) | Self::Decode(DecodeError::TooLarge(_)) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Encoding(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::BrokenOff(_) | Self::Decode(_) | Self::NoEvents(_) => StatusCode::BAD_REQUEST,
            Self::Busy => StatusCode::TOO_MANY_REQUESTS,
            Self::NotAcknowledged | Self::NotPublished(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Failed(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
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
        let rejects = match self {
            Self::NoEvents(mut rejected) => {
                let rejected_total = rejected.len();
                rejected.truncate(MAX_REJECTS);
                Some(Rejects { rejected, rejected_total })
            }
            _ => None,
        };
        let mut response = (status, Json(RefusalBody { error, rejects })).into_response();
        match status {
            StatusCode::UNAUTHORIZED => {
                response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER);
            }
            _ => {}
        }
        response
    }
}
