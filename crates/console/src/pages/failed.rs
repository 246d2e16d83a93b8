//! Pages that say what went wrong.

use super::asker::Asker;
use super::fields::Fields;
use super::shell::{self, Shell};
use crate::problem::Problem;
use crate::server::App;
use askama::Template;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{FromRequestParts, Request, State};
use axum::http::{HeaderName, StatusCode, header};
use axum::middleware::Next;
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
    /// A decision was not taken, of which the form had these fields.
    Form(Problem, Fields),
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

    /// Keeps what a form has sent, so that nobody has to write it once more. What the session may not do, it may not do by
    /// another try.
    pub(super) fn with_form(self, fields: Fields) -> Self {
        match self {
            Self::SignIn(_) => Self::Form(Problem::NoSession, fields),
            Self::Problem(problem) if !matches!(problem, Problem::Forbidden(_) | Problem::NotFound(_)) => {
                Self::Form(problem, fields)
            }
            other => other,
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
    wrong: Wrong,
}

/// What a page says that is no answer; [`explain`] makes a page of it.
#[derive(Clone)]
struct Wrong {
    status: StatusCode,
    title: String,
    detail: String,
    form: Option<Fields>,
}

impl Wrong {
    /// Whether it goes away by signing in, perhaps as somebody else.
    fn is_of_session(&self) -> bool {
        [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].contains(&self.status)
    }
}

impl IntoResponse for Failed {
    fn into_response(self) -> Response {
        let sign_in = |path: &str| format!("/sign-in?{}", Fields::default().with("return_to", path));
        let (problem, form) = match self {
            Self::SignIn(path) => return (StatusCode::SEE_OTHER, [(header::LOCATION, sign_in(&path))]).into_response(),
            Self::PartWithoutSession(path) => {
                let redirect = HeaderName::from_static("hx-redirect");
                return (StatusCode::UNAUTHORIZED, [(redirect, sign_in(&path))]).into_response();
            }
            Self::Problem(problem) => (problem, None),
            Self::Form(problem, fields) => (problem, Some(fields)),
        };
        let (status, title, detail) = match problem {
            Problem::NoSession => {
                let detail = "your session has ended: sign in in another tab, then go on here";
                (StatusCode::UNAUTHORIZED, "Signed out".to_owned(), detail.to_owned())
            }
            problem => problem.in_words(),
        };
        let mut response = status.into_response();
        response.extensions_mut().insert(Wrong { status, title, detail, form });
        response
    }
}

/// Makes the page of an answer that says what is wrong, with the navigation of the session if there is one.
pub(crate) async fn explain(State(app): State<App>, request: Request, next: Next) -> Response {
    let (method, headers) = (request.method().clone(), request.headers().clone());
    let mut response = next.run(request).await;
    let Some(wrong) = response.extensions_mut().remove::<Wrong>() else { return response };
    let mut asks = Request::new(());
    (*asks.method_mut(), *asks.headers_mut()) = (method, headers);
    // Where the database does not answer, it is not asked who this is.
    let shell = match wrong.status.is_server_error() {
        true => Shell::without_session(),
        false => match Asker::from_request_parts(&mut asks.into_parts().0, &app).await {
            Ok(asker) => Shell::of(&asker, None),
            Err(_) => Shell::without_session(),
        },
    };
    let status = wrong.status;
    let page = Page { shell, wrong };
    let text = page.render().unwrap_or_else(|_| page.wrong.title.clone());
    (status, shell::headers(), Html(text)).into_response()
}
