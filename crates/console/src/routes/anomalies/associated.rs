//! The associated objects of a record: history, feed and share. ChangeEvent is the event stream.

use super::read;
use crate::access::Visitor;
use crate::body::{Change, Comment, Share};
use crate::problem::{Problem, Problems};
use crate::routes::incidents::CHANGES;
use crate::server::App;
use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use model::Uuid;
use store::{DecisionFilter, Role};

/// Read the history of an anomaly
///
/// The latest revisions of its incident, at most 1,000.
#[utoipa::path(get, path = "/v1/tenant-security-api-anomalies/{incident_id}/history", operation_id = "readAnomalyHistory",
    tag = "anomalies", params(("incident_id" = Uuid, Path, description = "Id of the record")),
    responses(
        (status = 200, description = "The revisions, the latest first", body = Vec<Change>),
        Problems))]
pub(crate) async fn history(
    mut visitor: Visitor,
    incident_id: Result<Path<Uuid>, PathRejection>,
) -> Result<Json<Vec<Change>>, Problem> {
    let Path(incident_id) = incident_id?;
    read(&mut visitor, incident_id).await?;
    let changes = visitor.visit.history(incident_id, CHANGES).await?;
    Ok(Json(changes.into_iter().map(Change::from).collect()))
}

/// Read the feed of an anomaly
///
/// The comments on its incident.
#[utoipa::path(get, path = "/v1/tenant-security-api-anomalies/{incident_id}/feed", operation_id = "readAnomalyFeed",
    tag = "anomalies", params(("incident_id" = Uuid, Path, description = "Id of the record")),
    responses(
        (status = 200, description = "The comments, the latest first", body = Vec<Comment>),
        Problems))]
pub(crate) async fn feed(
    State(app): State<App>,
    mut visitor: Visitor,
    incident_id: Result<Path<Uuid>, PathRejection>,
) -> Result<Json<Vec<Comment>>, Problem> {
    let Path(incident_id) = incident_id?;
    let incident = read(&mut visitor, incident_id).await?.incident;
    let filter = DecisionFilter {
        org_id: Some(incident.org_id.clone()),
        kinds: Some(vec!["comment"]),
        incident_id: Some(incident_id),
        ..DecisionFilter::default()
    };
    let comments = visitor.visit.decisions(&filter).await?;
    let eyes = app.eyes(&visitor.session);
    Ok(Json(comments.iter().rev().map(|comment| Comment::of(comment, &incident, eyes)).collect()))
}

/// Read who sees an anomaly
///
/// The roles in its org; administrators also see the sessions that have one.
#[utoipa::path(get, path = "/v1/tenant-security-api-anomalies/{incident_id}/share", operation_id = "readAnomalyShare",
    tag = "anomalies", params(("incident_id" = Uuid, Path, description = "Id of the record")),
    responses(
        (status = 200, description = "The roles, then the sessions", body = Vec<Share>),
        Problems))]
pub(crate) async fn share(
    State(app): State<App>,
    mut visitor: Visitor,
    incident_id: Result<Path<Uuid>, PathRejection>,
) -> Result<Json<Vec<Share>>, Problem> {
    let Path(incident_id) = incident_id?;
    let org = read(&mut visitor, incident_id).await?.incident.org_id;
    let (own, names_from) = (visitor.role_in(&org)?, app.settings.names_from);
    let share = |kind: &str, name: &str, role: Role| Share::of(kind, name, role, own, names_from);
    let mut shares: Vec<Share> = Role::ALL.into_iter().map(|role| share("role", role.as_str(), role)).collect();
    if own == Role::Administrator {
        for session in visitor.visit.sessions().await? {
            let all = session.roles.get("*").copied();
            if let Some(role) = session.roles.get(org.as_str()).copied().max(all) {
                shares.push(share(&session.kind, &session.name, role));
            }
        }
    }
    Ok(Json(shares))
}
