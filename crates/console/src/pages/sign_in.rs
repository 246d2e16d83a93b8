//! Signing in and out.

use super::shell::Shell;
use super::{Asker, Failed, Fields, Page, render};
use crate::access::{COOKIE, Visitor, is_from_own_page};
use crate::problem::Problem;
use crate::routes;
use crate::routes::sign_in::ATTRIBUTES;
use crate::server::App;
use crate::sign_in::is_own_path;
use askama::Template;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use secrecy::SecretString;

#[derive(Template)]
#[template(path = "sign_in.html", whitespace = "minimize")]
struct SignIn {
    shell: Shell,
    /// The path of the sign-in at the provider; `None` if there is no provider.
    provider: Option<String>,
    return_to: String,
    /// Whether a token was refused.
    is_refused: bool,
}

impl SignIn {
    fn of(app: &App, fields: &Fields) -> Self {
        let return_to = fields.get("return_to").filter(|path| is_own_path(path)).unwrap_or("/").to_owned();
        let back = Fields::default().with("return_to", &return_to);
        let provider = app.sign_in.is_some().then(|| format!("/v1/sign-in?{back}"));
        Self { shell: Shell::without_session(), provider, return_to, is_refused: false }
    }
}

/// Serves the page of the sign-in.
pub(super) async fn page(State(app): State<App>, RawQuery(query): RawQuery) -> Page {
    render(&SignIn::of(&app, &Fields::of(&query.unwrap_or_default())))
}

/// Signs in with a token, which the browser keeps until it is closed.
pub(super) async fn with_token(State(app): State<App>, headers: HeaderMap, fields: Fields) -> Page {
    if !is_from_own_page(&headers) {
        let detail = "sign in on the page of this console".to_owned();
        return Err(Problem::Forbidden(detail).into());
    }
    let page = SignIn::of(&app, &fields);
    let token = fields.get("token").unwrap_or_default().trim();
    // What could end a cookie is in no token.
    let is_token =
        !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    if !is_token || Visitor::open(&app, &SecretString::from(token)).await?.is_none() {
        let response = render(&SignIn { is_refused: true, ..page })?;
        return Ok((StatusCode::UNAUTHORIZED, response).into_response());
    }
    let cookie = format!("{COOKIE}={token}; {ATTRIBUTES}");
    Ok((StatusCode::SEE_OTHER, [(header::LOCATION, page.return_to), (header::SET_COOKIE, cookie)]).into_response())
}

/// Ends the session of a person; of a token only the browser's copy is forgotten.
pub(super) async fn leave(asker: Asker) -> Result<Response, Failed> {
    if asker.session.kind == "person" {
        routes::sign_in::sign_out(asker.visitor().await?).await?;
    }
    let forget = format!("{COOKIE}=; {ATTRIBUTES}; Max-Age=0");
    let headers = [(header::LOCATION, "/sign-in".to_owned()), (header::SET_COOKIE, forget)];
    Ok((StatusCode::SEE_OTHER, headers).into_response())
}
