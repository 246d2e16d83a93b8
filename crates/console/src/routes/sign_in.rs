//! Sign-in and sign-out of persons.

use crate::access::{COOKIE, Visitor, cookie};
use crate::problem::{Problem, ProblemBody, Problems};
use crate::secret::Secret;
use crate::server::App;
use crate::sign_in::{Answer, Person, Refused, SignIn, Step, audit, is_own_path};
use axum::extract::rejection::QueryRejection;
use axum::extract::{ConnectInfo, FromRequestParts, Query, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Response};
use model::time::HOUR;
use runtime::clock::now;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use store::NewSession;
use utoipa::IntoParams;

/// The cookie that a browser has while a person is at the provider.
const STATE: &str = "__Host-orgwatch-sign-in";
/// What each cookie of the console says. `Lax`, since the way back from the provider starts on another site.
pub(crate) const ATTRIBUTES: &str = "Path=/; Secure; HttpOnly; SameSite=Lax";

/// A sign-in to begin.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Asked {
    /// The path of the console to go to afterwards; without it, `/`.
    return_to: Option<String>,
}

/// Sign in
///
/// Redirects to the OpenID provider of `console.sign_in`.
#[utoipa::path(get, path = "/v1/sign-in", operation_id = "beginSignIn", tag = "sessions", params(Asked), security(()),
    responses(
        (status = 303, description = "To the provider"),
        (status = 502, description = "The provider does not answer as it should",
            content_type = "application/problem+json", body = ProblemBody),
        Problems))]
pub(crate) async fn begin(
    Provider(sign_in): Provider,
    parts: Parts,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, Problem> {
    sign_in.throttle(address(&parts, sign_in.settings.proxies), Step::Begin)?;
    let Query(Asked { return_to }) = asked?;
    let return_to = return_to.unwrap_or_else(|| "/".to_owned());
    if !is_own_path(&return_to) {
        let detail = "return_to: must be a path of this console, such as /incidents, of at most 1,000 characters";
        return Err(Problem::Malformed(detail.to_owned()));
    }
    let begun = sign_in.begin(return_to).await.map_err(Refused::problem)?;
    let kept = format!("{STATE}={}; {ATTRIBUTES}; Max-Age=600", begun.state);
    let headers = [(header::LOCATION, begun.location), (header::SET_COOKIE, kept)];
    Ok((StatusCode::SEE_OTHER, headers).into_response())
}

/// Come back from the provider
///
/// Opens a session for who has access, with a cookie, and redirects to where the sign-in began.
#[utoipa::path(get, path = crate::sign_in::CALLBACK, operation_id = "finishSignIn", tag = "sessions", security(()),
    params(
        ("state" = Option<String>, Query, description = "As the console sent it"),
        ("code" = Option<String>, Query, description = "What the console exchanges for tokens"),
        ("iss" = Option<String>, Query, description = "The issuer"),
        ("error" = Option<String>, Query, description = "Why the provider refused")),
    responses(
        (status = 303, description = "Signed in"),
        (status = 502, description = "The provider does not answer as it should",
            content_type = "application/problem+json", body = ProblemBody),
        Problems))]
pub(crate) async fn finish(
    State(app): State<App>,
    Provider(sign_in): Provider,
    parts: Parts,
    answer: Result<Query<Answer>, QueryRejection>,
) -> Result<Response, Problem> {
    sign_in.throttle(address(&parts, sign_in.settings.proxies), Step::Finish)?;
    let Query(answer) = answer?;
    // What the browser kept is good for one attempt.
    let forget = format!("{STATE}=; {ATTRIBUTES}; Max-Age=0");
    let person = match sign_in.finish(cookie(&parts.headers, STATE), &answer).await {
        Ok(person) => person,
        Err(refused) => {
            let subject = refused.name().unwrap_or("unknown").to_owned();
            app.store.audit_unsigned("sign-in refused", &subject, &json!({ "reason": refused.reason() })).await?;
            return Ok(([(header::SET_COOKIE, forget)], refused.problem()).into_response());
        }
    };
    let secret = open(&app, &sign_in, &person).await?;
    let session = format!("{COOKIE}={}; {ATTRIBUTES}", secret.expose_secret());
    let cookies = AppendHeaders([(header::SET_COOKIE, forget), (header::SET_COOKIE, session)]);
    Ok((StatusCode::SEE_OTHER, [(header::LOCATION, person.return_to)], cookies).into_response())
}

/// Sign out
///
/// Ends the session of the cookie, and its event streams.
#[utoipa::path(post, path = "/v1/sign-out", operation_id = "signOut", tag = "sessions", security(("session" = [])),
    responses(
        (status = 204, description = "Signed out"),
        Problems))]
pub(crate) async fn sign_out(mut visitor: Visitor) -> Result<Response, Problem> {
    let session = &visitor.session;
    if session.kind != "person" {
        let detail = "a token does not sign out: end it by DELETE /v1/sessions/{session_id}";
        return Err(Problem::Forbidden(detail.to_owned()));
    }
    let detail = json!({ "session_id": session.session_id });
    audit(&mut visitor.visit, session.roles.keys(), "signed out", &session.name, &detail).await?;
    visitor.visit.end_session(session.session_id).await?;
    visitor.visit.commit().await?;
    let forget = format!("{COOKIE}=; {ATTRIBUTES}; Max-Age=0");
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, forget)]).into_response())
}

/// The sign-in of the console, if it has one.
pub(crate) struct Provider(Arc<SignIn>);

impl FromRequestParts<App> for Provider {
    type Rejection = Problem;

    async fn from_request_parts(_: &mut Parts, app: &App) -> Result<Self, Problem> {
        let detail = "this console has no sign-in: set console.sign_in, or send a token";
        app.sign_in.clone().map(Self).ok_or_else(|| Problem::NotFound(detail.to_owned()))
    }
}

/// Opens the session of a person, and records that, in one transaction.
async fn open(app: &App, sign_in: &SignIn, person: &Person) -> Result<SecretString, Problem> {
    let Secret { text, hash, session_id } = Secret::draw()?;
    let session = NewSession {
        session_id,
        secret_hash: hash,
        name: person.name.clone(),
        subject: person.subject.clone(),
        expires_at: now().plus(i64::from(app.settings.session_hours) * HOUR),
        idle_seconds: app.settings.idle_minutes * 60,
        roles: person.roles.clone(),
        sealed: person.sealed(&text, session_id)?,
        check_seconds: sign_in.settings.check_seconds,
    };
    let mut visit = app.store.visit(&text).await?;
    visit.open_session(&session).await?;
    let detail = json!({ "session_id": session_id, "roles": person.roles });
    audit(&mut visit, person.roles.keys(), "signed in", &person.name, &detail).await?;
    visit.commit().await?;
    Ok(text)
}

/// Returns the address of the client: that of the connection, or what the outermost of this many own proxies has seen.
fn address(parts: &Parts, proxies: u32) -> IpAddr {
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(address)| address.ip());
    // Without a connection, as in tests, all clients count as one.
    let peer = peer.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    forwarded(&parts.headers, proxies).unwrap_or(peer)
}

/// Returns the address that the outermost of one's own proxies has added. Whatever stands before it is from the client.
fn forwarded(headers: &HeaderMap, proxies: u32) -> Option<IpAddr> {
    let before = usize::try_from(proxies).ok()?.checked_sub(1)?;
    let all = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
    let all: Vec<&str> = all.flat_map(|value| value.split(',')).map(str::trim).collect();
    all.iter().rev().nth(before)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_cannot_choose_its_address() {
        let check = |proxies: u32, values: &[&str], expect: Option<&str>| {
            let name = header::HeaderName::from_static("x-forwarded-for");
            let headers = values.iter().map(|value| (name.clone(), value.parse().unwrap())).collect();
            let expect = expect.map(|address| address.parse::<IpAddr>().unwrap());
            assert_eq!(forwarded(&headers, proxies), expect, "{proxies} {values:?}");
        };
        check(0, &["192.0.2.1"], None);
        check(1, &["198.51.100.9, 192.0.2.1"], Some("192.0.2.1"));
        check(2, &["198.51.100.9, 192.0.2.1", "10.0.0.1"], Some("192.0.2.1"));
        check(1, &["unknown"], None);
        check(2, &["192.0.2.1"], None);
        check(1, &[], None);
    }
}
