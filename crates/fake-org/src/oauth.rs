//! OAuth: the endpoints that issue tokens and identify their user.

use crate::fault::Fault;
use crate::jwt::{self, Expected};
use crate::org::Org;
use crate::value;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Form, Json};
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;

#[derive(Deserialize)]
pub(crate) struct Grant {
    grant_type: String,
    #[serde(default)]
    assertion: String,
    #[serde(default)]
    client_id: String,
    #[serde(default)]
    client_secret: String,
}

pub(crate) async fn token(State(org): State<Arc<Org>>, Form(grant): Form<Grant>) -> Response {
    org.count("token");
    let settings = &org.settings;
    let granted = match grant.grant_type.as_str() {
        _ if org.faults.occurs(&["token"], &Fault::LoginRefused) => {
            Err(("invalid_grant", "user hasn't approved this consumer"))
        }
        "urn:ietf:params:oauth:grant-type:jwt-bearer" => {
            let expected = Expected {
                key: &settings.public_key,
                client_id: &settings.client_id,
                username: &settings.username,
                audiences: &["https://login.salesforce.com", "https://test.salesforce.com", &org.url],
            };
            jwt::check(&grant.assertion, &expected, chrono::DateTime::from(std::time::SystemTime::now()).timestamp())
        }
        "client_credentials" if grant.client_id != settings.client_id => {
            Err(("invalid_client_id", "client identifier invalid"))
        }
        "client_credentials" if grant.client_secret != settings.client_secret => {
            Err(("invalid_client", "invalid client credentials"))
        }
        "client_credentials" => Ok(()),
        _ => Err(("unsupported_grant_type", "grant type not supported")),
    };
    match granted {
        Err((error, description)) => {
            (StatusCode::BAD_REQUEST, Json(json!({ "error": error, "error_description": description }))).into_response()
        }
        Ok(()) => Json(json!({
            "access_token": org.tokens.mint(org.id.as_str()),
            "scope": "api",
            "instance_url": org.url,
            "id": format!("{}/id/{}/{}", org.url, org.id, user_id(&org)),
            "token_type": "Bearer",
        }))
        .into_response(),
    }
}

pub(crate) async fn userinfo(State(org): State<Arc<Org>>, headers: HeaderMap) -> Response {
    org.count("userinfo");
    if !org.tokens.is_valid(bearer(&headers)) {
        return (StatusCode::FORBIDDEN, "Bad_OAuth_Token").into_response();
    }
    Json(json!({
        "sub": format!("{}/id/{}/{}", org.url, org.id, user_id(&org)),
        "user_id": user_id(&org),
        "organization_id": org.id,
        "preferred_username": org.settings.username,
    }))
    .into_response()
}

/// Returns the bearer token of a request; empty if it has none.
pub(crate) fn bearer(headers: &HeaderMap) -> &str {
    let said = headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
    said.strip_prefix("Bearer ").unwrap_or_default()
}

fn user_id(org: &Org) -> String {
    value::id("005", &org.settings.username)
}
