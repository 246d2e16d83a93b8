//! Sessions and tokens.

use crate::access::Visitor;
use crate::body::SessionBody;
use crate::decide::roles;
use crate::problem::{BodyProblems, Problem, Problems};
use crate::secret;
use axum::Json;
use axum::extract::Path;
use axum::extract::rejection::{JsonRejection, PathRejection};
use axum::http::StatusCode;
use model::time::DAY;
use model::{OrgId, Uuid};
use runtime::clock::now;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;
use store::Role;
use utoipa::ToSchema;

/// Read one's own session
#[utoipa::path(get, path = "/v1/session", operation_id = "readSession", tag = "sessions",
    responses(
        (status = 200, description = "The session", body = SessionBody),
        Problems))]
pub(crate) async fn own(visitor: Visitor) -> Json<SessionBody> {
    Json(SessionBody::from(&visitor.session))
}

/// List sessions and tokens
///
/// Those in force of which the session administers all orgs.
#[utoipa::path(get, path = "/v1/sessions", operation_id = "listSessions", tag = "sessions",
    responses(
        (status = 200, description = "The sessions, the oldest first", body = Vec<SessionBody>),
        Problems))]
pub(crate) async fn list(mut visitor: Visitor) -> Result<Json<Vec<SessionBody>>, Problem> {
    visitor.require_administrator()?;
    let sessions = visitor.visit.sessions().await?;
    Ok(Json(sessions.into_iter().map(SessionBody::from).collect()))
}

/// A token to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AskedToken {
    /// What it is for.
    #[schema(min_length = 1, max_length = 200, pattern = r"^[^\x00]*[^\s\x00][^\x00]*$")]
    name: String,
    /// The role by org; `*` stands for all orgs.
    #[schema(schema_with = roles)]
    roles: BTreeMap<String, Role>,
    /// In how many days it ends, 1 to 366.
    #[schema(minimum = 1, maximum = 366)]
    days: u32,
}

/// A token that was made.
#[derive(Serialize, ToSchema)]
pub(crate) struct MadeToken {
    /// Its secret. It is shown now and never again.
    token: String,
    /// The id of its session.
    #[schema(format = Uuid)]
    session_id: String,
    /// When it ends.
    #[schema(format = DateTime)]
    expires_at: String,
}

/// Make a token
///
/// With no more than one's own rights.
#[utoipa::path(post, path = "/v1/sessions", operation_id = "makeToken", tag = "sessions", request_body = AskedToken,
    responses(
        (status = 201, description = "The token", body = MadeToken),
        BodyProblems, Problems))]
pub(crate) async fn create(
    mut visitor: Visitor,
    body: Result<Json<AskedToken>, JsonRejection>,
) -> Result<(StatusCode, Json<MadeToken>), Problem> {
    let Json(AskedToken { name, roles, days }) = body?;
    if name.trim().is_empty() || name.contains('\0') || name.chars().count() > 200 {
        return Err(Problem::Invalid("name: 1 to 200 characters".to_owned()));
    }
    if roles.is_empty() || !(1..=366).contains(&days) {
        return Err(Problem::Invalid("a token has a role in an org, and ends within 1 to 366 days".to_owned()));
    }
    let administers_all = visitor.session.roles.get("*") == Some(&Role::Administrator);
    for org in roles.keys() {
        match org.as_str() {
            "*" if !administers_all => {
                return Err(Problem::Forbidden("only an administrator of all orgs makes a token for all".to_owned()));
            }
            org => visitor.require(&OrgId::new(org), Role::Administrator)?,
        }
    }
    let expires_at = now().plus(i64::from(days) * DAY);
    let (secret, token) = secret::token(name.trim(), roles, expires_at)?;
    visitor.visit.create_token(&token).await?;
    for org in token.roles.keys() {
        let org = (org != "*").then(|| OrgId::new(org));
        let detail = json!({ "session_id": token.session_id, "roles": token.roles, "days": days });
        visitor.visit.audit(org.as_ref(), "token made", &token.name, &detail).await?;
    }
    visitor.visit.commit().await?;
    let made = MadeToken {
        token: secret.expose_secret().to_owned(),
        session_id: token.session_id.to_string(),
        expires_at: expires_at.to_string(),
    };
    Ok((StatusCode::CREATED, Json(made)))
}

/// End a session or token
///
/// One's own, or another one as an administrator of all its orgs.
#[utoipa::path(delete, path = "/v1/sessions/{session_id}", operation_id = "endSession", tag = "sessions",
    params(("session_id" = Uuid, Path, description = "Id of the session")),
    responses(
        (status = 204, description = "It has ended"),
        Problems))]
pub(crate) async fn end(
    mut visitor: Visitor,
    session_id: Result<Path<Uuid>, PathRejection>,
) -> Result<StatusCode, Problem> {
    let Path(session_id) = session_id?;
    // Before it ends, since one's own is known no more then; undone with the rest if there is none to end.
    for org in visitor.session.roles.keys() {
        let org = (org != "*").then(|| OrgId::new(org));
        visitor.visit.audit(org.as_ref(), "session ended", &session_id.to_string(), &json!({})).await?;
    }
    if !visitor.visit.end_session(session_id).await? {
        return Err(Problem::NotFound(format!("session {session_id}: none in force that this session may end")));
    }
    visitor.visit.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
