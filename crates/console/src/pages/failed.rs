//! Pages that say what went wrong.

use super::fields::Fields;
use super::shell::{self, Shell};
use crate::problem::Problem;
use askama::Template;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use store::StoreError;

/// Why there is no page.
pub(super) enum Failed {
    /// Nobody is signed in: to the sign-in, and back to this path.
    SignIn(String),
    /// As `SignIn`, where script has asked for a part of a page.
    PartWithoutSession(String),
    /// The API has no answer.
    Problem(Problem),
}

impl Failed {
    /// Makes it of a problem with a path.
    pub(super) fn of(problem: Problem, path: &str, is_partial: bool) -> Self {
        match (problem, is_partial) {
            (Problem::NoSession, false) => Self::SignIn(path.to_owned()),
            (Problem::NoSession, true) => Self::PartWithoutSession(path.to_owned()),
            (problem, _) => Self::Problem(problem),
        }
    }
}

impl From<Problem> for Failed {
    fn from(problem: Problem) -> Self {
        Self::of(problem, "/", false)
    }
}

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        Problem::from(error).into()
    }
}

impl From<QueryRejection> for Failed {
    fn from(rejection: QueryRejection) -> Self {
        Problem::from(rejection).into()
    }
}

impl From<PathRejection> for Failed {
    fn from(rejection: PathRejection) -> Self {
        Problem::from(rejection).into()
    }
}

impl From<askama::Error> for Failed {
    fn from(error: askama::Error) -> Self {
        tracing::error!(error = runtime::error::chain(&error), "a page cannot be rendered");
        Self::Problem(Problem::Internal)
    }
}

#[derive(Template)]
#[template(path = "failed.html", whitespace = "minimize")]
struct Page {
    shell: Shell,
    status: u16,
    title: String,
    detail: String,
}

impl IntoResponse for Failed {
    fn into_response(self) -> Response {
        let sign_in = |path: &str| format!("/sign-in?{}", Fields::default().with("return_to", path));
        match self {
            Self::SignIn(path) => (StatusCode::SEE_OTHER, [(header::LOCATION, sign_in(&path))]).into_response(),
            Self::PartWithoutSession(path) => {
                let redirect = HeaderName::from_static("hx-redirect");
                (StatusCode::UNAUTHORIZED, [(redirect, sign_in(&path))]).into_response()
            }
            Self::Problem(problem) => {
                let (status, title, detail) = problem.in_words();
                let page = Page { shell: Shell::without_session(), status: status.as_u16(), title, detail };
                let text = page.render().unwrap_or_else(|_| page.title.clone());
                (status, shell::headers(), Html(text)).into_response()
            }
        }
    }
}
