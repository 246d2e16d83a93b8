//! Who asks: the session of a request, and what it may do.

use crate::problem::Problem;
use crate::server::App;
use crate::sign_in;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};
use model::OrgId;
use secrecy::SecretString;
use store::{Role, Session, StoreError, Visit};

/// The cookie of a person's session. The prefix makes browsers refuse it without `Secure`, with a domain, or from plain
/// HTTP of another machine.
pub(crate) const COOKIE: &str = "__Host-orgwatch";

/// A session with a transaction in which the database shows its orgs alone.
pub(crate) struct Visitor {
    /// The session.
    pub(crate) session: Session,
    /// The transaction.
    pub(crate) visit: Visit,
}

impl Visitor {
    /// Opens a transaction of a session, after the check of the person's groups if that is due; `None` if the session has
    /// ended.
    ///
    /// # Errors
    /// If the database does not answer.
    pub(crate) async fn open(app: &App, secret: &SecretString) -> Result<Option<Self>, StoreError> {
        let mut visit = app.store.visit(secret).await?;
        let Some(mut session) = visit.session().await? else { return Ok(None) };
        if session.is_check_due {
            drop(visit);
            sign_in::check(app, secret).await?;
            visit = app.store.visit(secret).await?;
            session = match visit.session().await? {
                Some(session) if !session.is_check_due => session,
                _ => return Ok(None),
            };
        }
        Ok(Some(Self { session, visit }))
    }

    /// Returns the role in an org.
    ///
    /// # Errors
    /// 404 if the session does not see the org: whether it exists is not said.
    pub(crate) fn role_in(&self, org: &OrgId) -> Result<Role, Problem> {
        self.session.role_in(org).ok_or_else(|| Problem::NotFound(format!("org {org}: not one of this session")))
    }

    /// Returns the named orgs, or without any all orgs of the session; empty if it sees every org. The database hides all
    /// others anyway, but finds the rows of named ones by an index.
    ///
    /// # Errors
    /// 404 if the session does not see one of them.
    pub(crate) fn orgs(&self, named: &[String]) -> Result<Vec<OrgId>, Problem> {
        if !named.is_empty() {
            let named = named.iter().map(|org| OrgId::new(org));
            return named.map(|org| self.role_in(&org).map(|_| org)).collect();
        }
        if self.session.roles.contains_key("*") {
            return Ok(Vec::new());
        }
        Ok(self.session.roles.keys().map(|org| OrgId::new(org)).collect())
    }

    /// Returns an error unless the session has at least a role in an org.
    ///
    /// # Errors
    /// 404 if it does not see the org, 403 if its role is lower.
    pub(crate) fn require(&self, org: &OrgId, role: Role) -> Result<(), Problem> {
        let own = self.role_in(org)?;
        if own >= role {
            return Ok(());
        }
        let (role, own) = (role.as_str(), own.as_str());
        Err(Problem::Forbidden(format!("this takes the role {role} in org {org}, this session is {own}")))
    }

    /// Returns an error unless the session is an administrator of some org.
    ///
    /// # Errors
    /// 403 if it is not.
    pub(crate) fn require_administrator(&self) -> Result<(), Problem> {
        match self.session.highest_role() {
            Some(Role::Administrator) => Ok(()),
            _ => Err(Problem::Forbidden("this takes the role administrator".to_owned())),
        }
    }

    /// Returns an error unless the session has a role in all orgs.
    ///
    /// # Errors
    /// 403 if it has not.
    pub(crate) fn require_all_orgs(&self) -> Result<(), Problem> {
        match self.session.roles.contains_key("*") {
            true => Ok(()),
            false => Err(Problem::Forbidden("this takes a role in all orgs".to_owned())),
        }
    }

    /// Returns an error unless the session is an administrator of all orgs.
    ///
    /// # Errors
    /// 403 if it is not.
    pub(crate) fn require_administrator_of_all(&self) -> Result<(), Problem> {
        match self.session.roles.get("*") {
            Some(Role::Administrator) => Ok(()),
            _ => Err(Problem::Forbidden("this takes the role administrator in all orgs".to_owned())),
        }
    }
}

impl FromRequestParts<App> for Visitor {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let secret = secret(&parts.method, &parts.headers)?;
        let Self { session, mut visit } = Self::open(app, &secret).await?.ok_or(Problem::NoSession)?;
        app.limits.check(session.session_id)?;
        if !session.is_noted {
            visit.touch().await?;
            // Never two connections at once: requests that wait for each other's would all fail.
            visit.commit().await?;
            visit = app.store.visit(&secret).await?;
        }
        tracing::Span::current().record("orgwatch.session.id", tracing::field::display(session.session_id));
        Ok(Self { session, visit })
    }
}

/// The secret of a request, to open further transactions of its session.
pub(crate) struct Credential(pub(crate) SecretString);

impl FromRequestParts<App> for Credential {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Problem> {
        secret(&parts.method, &parts.headers).map(Self)
    }
}

/// Returns the secret of a request: its token, or the cookie of a session.
///
/// Browsers send cookies by themselves, so a request that changes something has to come from our own pages.
fn secret(method: &Method, headers: &HeaderMap) -> Result<SecretString, Problem> {
    if let Some(authorization) = headers.get(header::AUTHORIZATION) {
        let text = authorization.to_str().unwrap_or_default();
        let bearer = text.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        let (_, token) = bearer.ok_or(Problem::NoSession)?;
        return Ok(SecretString::from(token.trim()));
    }
    let session = cookie(headers, COOKIE).ok_or(Problem::NoSession)?;
    if !method.is_safe() && !is_from_own_page(headers) {
        let detail = "a request with the cookie of a session must come from the pages of this console";
        return Err(Problem::Forbidden(detail.to_owned()));
    }
    Ok(SecretString::from(session))
}

/// Returns the value of a cookie.
pub(crate) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = all.flat_map(|cookies| cookies.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
}

/// Whether a browser says that a request comes from a page of the same origin: by `Sec-Fetch-Site`, or where an older one
/// does not send it, by `Origin` and `Host`.
pub(crate) fn is_from_own_page(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    match (text("sec-fetch-site"), text("origin"), text("host")) {
        (Some(site), ..) => site == "same-origin",
        (None, Some(origin), Some(host)) => origin.split_once("://").is_some_and(|(_, of)| of == host),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;
    use secrecy::ExposeSecret;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn a_cookie_changes_things_from_our_own_pages_alone() {
        let check = |method: Method, pairs: &[(&'static str, &'static str)], expect: Option<&str>| {
            let found = secret(&method, &headers(pairs)).ok();
            assert_eq!(found.as_ref().map(|secret| secret.expose_secret()), expect, "{method} {pairs:?}");
        };
        let cookie = ("cookie", "theme=dark; __Host-orgwatch=secret");
        check(Method::GET, &[cookie], Some("secret"));
        check(Method::POST, &[cookie], None);
        check(Method::POST, &[cookie, ("sec-fetch-site", "same-origin")], Some("secret"));
        check(Method::POST, &[cookie, ("sec-fetch-site", "same-site")], None);
        check(Method::POST, &[cookie, ("sec-fetch-site", "none")], None);
        check(Method::POST, &[cookie, ("origin", "https://a.example"), ("host", "a.example")], Some("secret"));
        check(Method::POST, &[cookie, ("origin", "https://evil.example"), ("host", "a.example")], None);
        check(Method::POST, &[cookie, ("origin", "null"), ("host", "a.example")], None);
        check(Method::POST, &[("authorization", "bearer token")], Some("token"));
        check(Method::GET, &[("authorization", "Basic token"), cookie], None);
        check(Method::GET, &[], None);
    }
}
