//! Answers that say what is wrong, as RFC 9457 has them: `application/problem+json`.

use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bus::BusError;
use profile::StateError;
use runtime::error::chain;
use serde::Serialize;
use settings::SettingsError;
use store::StoreError;
use utoipa::{IntoResponses, ToSchema};

/// What is unavailable if the message queue does not answer.
pub(crate) const NATS: &str = "NATS";

/// Why a request was not done.
#[derive(Debug)]
pub(crate) enum Problem {
    /// 400: the request is not understood; the text says what to change.
    Malformed(String),
    /// 401: no secret, or one of no session in force.
    NoSession,
    /// 403: the session may not do this.
    Forbidden(String),
    /// 404: it does not exist, or is of an org that the session does not see.
    NotFound(String),
    /// 408: the body does not arrive.
    Slow,
    /// 409: it is not possible as things are.
    Conflict(String),
    /// 412: it has changed since the client read it.
    Changed(String),
    /// 413: the body is too large.
    TooLarge,
    /// 415: the body is no JSON.
    NotJson,
    /// 422: the request is understood, and what it asks for makes no sense.
    Invalid(String),
    /// 429: too many requests; seconds until the next is served.
    TooMany(u64),
    /// 502: the provider of the sign-in does not answer as it should.
    Provider(String),
    /// 503: this does not answer.
    Unavailable(&'static str),
    /// 500: a defect, or stored data that cannot be read. The log says more.
    Internal,
}

/// Why a request was not done, as RFC 9457 has it.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemBody {
    /// Always `about:blank`: the status says the kind.
    r#type: &'static str,
    /// The status in words.
    title: String,
    /// The status.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What is wrong, and what to do.
    detail: String,
}

/// The answers that every operation may give, for its documentation.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "it says what a Problem becomes")]
pub(crate) enum Problems {
    /// The request is not understood
    #[response(status = 400, content_type = "application/problem+json")]
    Malformed(ProblemBody),
    /// No session in force
    #[response(status = 401, content_type = "application/problem+json")]
    NoSession(ProblemBody),
    /// The session may not do this
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(ProblemBody),
    /// It does not exist, or is of an org that the session does not see
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(ProblemBody),
    /// Too many requests: wait as long as `retry-after` says
    #[response(status = 429, content_type = "application/problem+json")]
    TooMany(ProblemBody),
    /// Something is wrong in the console
    #[response(status = 500, content_type = "application/problem+json")]
    Internal(ProblemBody),
    /// The database does not answer: try again soon
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(ProblemBody),
}

/// The further answers of operations that take a body.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "it says what a Problem becomes")]
pub(crate) enum BodyProblems {
    /// The body did not arrive in time
    #[response(status = 408, content_type = "application/problem+json")]
    Slow(ProblemBody),
    /// The body is larger than 1 MiB
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(ProblemBody),
    /// The body is not sent as JSON
    #[response(status = 415, content_type = "application/problem+json")]
    NotJson(ProblemBody),
    /// The body makes no sense
    #[response(status = 422, content_type = "application/problem+json")]
    Invalid(ProblemBody),
}

/// The further answer of operations that depend on how things are.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "it says what a Problem becomes")]
pub(crate) enum Conflicts {
    /// It is not possible as things are
    #[response(status = 409, content_type = "application/problem+json")]
    Conflict(ProblemBody),
}

impl Problem {
    /// Returns the status, its name, and what is wrong.
    pub(crate) fn in_words(self) -> (StatusCode, String, String) {
        let (status, detail) = self.parts();
        (status, status.canonical_reason().unwrap_or_default().to_owned(), detail)
    }

    fn parts(self) -> (StatusCode, String) {
        match self {
            Self::Malformed(detail) => (StatusCode::BAD_REQUEST, detail),
            Self::NoSession => (
                StatusCode::UNAUTHORIZED,
                "no session: send a token as `authorization: Bearer …`, or sign in".to_owned(),
            ),
            Self::Forbidden(detail) => (StatusCode::FORBIDDEN, detail),
            Self::NotFound(detail) => (StatusCode::NOT_FOUND, detail),
            Self::Slow => (StatusCode::REQUEST_TIMEOUT, "the body did not arrive in time: send it at once".to_owned()),
            Self::Conflict(detail) => (StatusCode::CONFLICT, detail),
            Self::Changed(detail) => (StatusCode::PRECONDITION_FAILED, detail),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "the body is too large: send at most 1 MiB".to_owned()),
            Self::NotJson => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, "send the body as `content-type: application/json`".to_owned())
            }
            Self::Invalid(detail) => (StatusCode::UNPROCESSABLE_ENTITY, detail),
            Self::TooMany(seconds) => (StatusCode::TOO_MANY_REQUESTS, format!("too many requests: wait {seconds} s")),
            Self::Provider(detail) => (StatusCode::BAD_GATEWAY, detail),
            Self::Unavailable(what) => {
                (StatusCode::SERVICE_UNAVAILABLE, format!("{what} does not answer: try again soon"))
            }
            Self::Internal => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "something is wrong here; the log of the console says what".to_owned(),
            ),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let wait = match self {
            Self::TooMany(seconds) => Some(seconds),
            Self::Unavailable(_) => Some(5),
            _ => None,
        };
        let is_unsigned = matches!(self, Self::NoSession);
        let (status, title, detail) = self.in_words();
        let body = ProblemBody { r#type: "about:blank", title, status: status.as_u16(), detail };
        let mut response = (status, axum::Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if is_unsigned {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = wait {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        if error.is_forbidden() {
            return Self::Forbidden("the role of this session in the org does not allow this".to_owned());
        }
        if let StoreError::NoDecision { decision_id } = error {
            return Self::NotFound(format!("decision {decision_id}: not one of this org and account"));
        }
        if error.is_transient() {
            tracing::warn!(error = chain(&error), "a request failed, as the database does not answer");
            return Self::Unavailable("the database");
        }
        tracing::error!(error = chain(&error), "a request failed");
        Self::Internal
    }
}

impl From<BusError> for Problem {
    fn from(error: BusError) -> Self {
        if let BusError::NoSuchLetter(sequence) = error {
            return Self::NotFound(format!("dead letter {sequence}: does not exist, or was replayed or dropped"));
        }
        if matches!(error, BusError::Truncated(_) | BusError::NeverInStream(_)) {
            return Self::Conflict(error.to_string());
        }
        tracing::warn!(error = chain(&error), "a request failed, as NATS does not answer");
        Self::Unavailable(NATS)
    }
}

impl From<SettingsError> for Problem {
    /// Stored settings can be read unless a later version has stored them.
    fn from(error: SettingsError) -> Self {
        // It quotes the settings, which may have keys of other orgs.
        tracing::warn!(error = chain(&error), "settings cannot be read");
        Self::Conflict("a later version has stored these settings: update the console".to_owned())
    }
}

impl From<StateError> for Problem {
    fn from(error: StateError) -> Self {
        tracing::error!(error = chain(&error), "what baseline has stored cannot be read");
        Self::Internal
    }
}

impl From<ring::error::Unspecified> for Problem {
    fn from(_: ring::error::Unspecified) -> Self {
        tracing::error!("the system has no random numbers");
        Self::Internal
    }
}

impl From<QueryRejection> for Problem {
    fn from(rejection: QueryRejection) -> Self {
        Self::Malformed(rejection.body_text())
    }
}

impl From<PathRejection> for Problem {
    fn from(rejection: PathRejection) -> Self {
        Self::Malformed(rejection.body_text())
    }
}

impl From<JsonRejection> for Problem {
    fn from(rejection: JsonRejection) -> Self {
        match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Self::TooLarge,
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Self::NotJson,
            StatusCode::UNPROCESSABLE_ENTITY => Self::Invalid(rejection.body_text()),
            _ => Self::Malformed(rejection.body_text()),
        }
    }
}
