//! Who asks for a page, and the answers of the API that it is made of.

use super::decided::Decided;
use super::failed::Failed;
use super::fields::Fields;
use crate::Secret;
use crate::access::{Credential, Visitor};
use crate::body::{Eyes, Org};
use crate::problem::Problem;
use crate::routes::accounts;
use crate::server::App;
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method};
use secrecy::SecretString;
use store::Session;

/// The browser of a session, and the page that it asks for.
pub(super) struct Asker {
    pub(super) app: App,
    pub(super) session: Session,
    /// The path of the page with its query.
    pub(super) path: String,
    /// The query of the page.
    pub(super) query: Fields,
    /// A text that no other request has, for forms that decide once.
    pub(super) key: String,
    /// What the browser has just decided.
    pub(super) decided: Decided,
    secret: SecretString,
}

impl Asker {
    /// Opens a transaction of the session, for one answer of the API.
    ///
    /// # Errors
    /// If the session has ended, or the database does not answer.
    pub(super) async fn visitor(&self) -> Result<Visitor, Problem> {
        Visitor::open(&self.app, &self.secret).await?.ok_or(Problem::NoSession)
    }

    /// Returns the state that functions of the API take.
    pub(super) fn state(&self) -> State<App> {
        State(self.app.clone())
    }

    /// Returns the secret of the session as functions of the API take it.
    pub(super) fn credential(&self) -> Credential {
        Credential(self.secret.clone())
    }

    /// Returns how the session sees names.
    pub(super) fn eyes(&self) -> Eyes<'_> {
        self.app.eyes(&self.session)
    }

    /// Lists the orgs of the session.
    ///
    /// # Errors
    /// As of the API.
    pub(super) async fn orgs(&self) -> Result<Vec<Org>, Problem> {
        Ok(accounts::orgs(self.state(), self.visitor().await?).await?.0)
    }
}

impl FromRequestParts<App> for Asker {
    type Rejection = Failed;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failed> {
        let is_partial = is_partial(&parts.headers);
        let path = parts.uri.path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string);
        // After signing in, a form that was sent goes back to the list.
        let back = if parts.method == Method::GET { path.as_str() } else { "/" };
        let failed = |problem| Failed::of(problem, back, is_partial);
        let visitor = Visitor::from_request_parts(parts, app).await.map_err(failed)?;
        let Credential(secret) = Credential::from_request_parts(parts, app).await.map_err(failed)?;
        let query = Fields::of(parts.uri.query().unwrap_or_default());
        let key = Secret::draw().map_err(Problem::from)?.session_id.to_string();
        let decided = Decided::read(&parts.headers);
        Ok(Self { app: app.clone(), session: visitor.session, path, query, key, decided, secret })
    }
}

/// Whether a part of a page is asked for by script, which follows redirects by itself.
fn is_partial(headers: &HeaderMap) -> bool {
    headers.contains_key("hx-request")
}
