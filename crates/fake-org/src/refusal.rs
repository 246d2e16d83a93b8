//! Errors of the REST and Pub/Sub APIs.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use std::sync::atomic::{AtomicU64, Ordering};
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::{Code, Status};

/// An error of the REST interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    pub(crate) fn malformed(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "MALFORMED_QUERY", message)
    }

    pub(crate) fn field(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "INVALID_FIELD", message)
    }

    pub(crate) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "NOT_FOUND", "The requested resource does not exist")
    }

    pub(crate) fn session() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "INVALID_SESSION_ID", "Session expired or invalid")
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.status, Json(json!([{ "message": self.message, "errorCode": self.code }]))).into_response()
    }
}

/// Makes an error of the Pub/Sub API, with its error code, if any, in the trailer.
pub(crate) fn status(code: Code, error_code: Option<&str>, message: &str) -> Status {
    let mut trailer = MetadataMap::new();
    let code_of = |text: &str| MetadataValue::try_from(format!("sfdc.platform.eventbus.grpc.{text}")).ok();
    if let Some(value) = error_code.and_then(code_of) {
        trailer.insert("error-code", value);
    }
    if let Ok(value) = MetadataValue::try_from(rpc_id()) {
        trailer.insert("rpc-id", value);
    }
    Status::with_metadata(code, message, trailer)
}

/// Returns a new id for each call.
pub(crate) fn rpc_id() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    format!("{:08x}", COUNT.fetch_add(1, Ordering::Relaxed))
}
