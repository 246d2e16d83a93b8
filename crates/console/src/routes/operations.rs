//! Sources, and the audit trail.

use crate::access::Visitor;
use crate::body::{Action, Source, SourceGap};
use crate::page;
use crate::problem::{Problem, Problems};
use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query};
use model::{OrgId, Timestamp};
use serde::Deserialize;
use utoipa::IntoParams;

/// List what sources see
///
/// One row for each org, source and kind of events.
#[utoipa::path(get, path = "/v1/sources", operation_id = "listSources", tag = "operations",
    responses(
        (status = 200, description = "The sources", body = Vec<Source>),
        Problems))]
pub(super) async fn sources(mut visitor: Visitor) -> Result<Json<Vec<Source>>, Problem> {
    let states = visitor.visit.source_states(None).await?;
    Ok(Json(states.into_iter().map(Source::from).collect()))
}

/// List open gaps of an org
#[utoipa::path(get, path = "/v1/orgs/{org_id}/gaps", operation_id = "listGaps", tag = "operations",
    params(("org_id" = String, Path, description = "Salesforce id of the org")),
    responses(
        (status = 200, description = "The gaps, the oldest first", body = Vec<SourceGap>),
        Problems))]
pub(super) async fn gaps(
    mut visitor: Visitor,
    org: Result<Path<String>, PathRejection>,
) -> Result<Json<Vec<SourceGap>>, Problem> {
    let Path(org) = org?;
    let org = OrgId::new(&org);
    visitor.role_in(&org)?;
    let gaps = visitor.visit.open_gaps(&org).await?;
    Ok(Json(gaps.into_iter().map(SourceGap::from).collect()))
}

/// Which actions.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Asked {
    /// Those before this time, by the database's clock.
    #[param(value_type = Option<String>, format = DateTime)]
    before: Option<Timestamp>,
    /// The most actions, 1 to 200; 50 without it.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
}

/// Read the audit trail
///
/// The actions in the orgs that the session administers, the latest first.
#[utoipa::path(get, path = "/v1/audit", operation_id = "readAudit", tag = "operations", params(Asked),
    responses(
        (status = 200, description = "The actions", body = Vec<Action>),
        Problems))]
pub(super) async fn audit(
    mut visitor: Visitor,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Json<Vec<Action>>, Problem> {
    let Query(asked) = asked?;
    visitor.require_administrator()?;
    if asked.before.is_some_and(|before| !before.is_in_calendar()) {
        return Err(Problem::Malformed("before: a time of the years 1 to 9999".to_owned()));
    }
    let entries = visitor.visit.audit_entries(asked.before, page::limit(asked.limit)?).await?;
    Ok(Json(entries.into_iter().map(Action::from).collect()))
}
