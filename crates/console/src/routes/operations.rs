//! Sources, and the audit trail.

use crate::access::Visitor;
use crate::body::{Action, Source, SourceGap};
use crate::page::{self, AskedPage, Page};
use crate::problem::{Problem, Problems};
use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query};
use model::{OrgId, Timestamp};
use store::{AuditPage, AuditPlace};

/// List what sources see
///
/// One row for each org, source and kind of events.
#[utoipa::path(get, path = "/v1/sources", operation_id = "listSources", tag = "operations",
    responses(
        (status = 200, description = "The sources", body = Vec<Source>),
        Problems))]
pub(crate) async fn sources(mut visitor: Visitor) -> Result<Json<Vec<Source>>, Problem> {
    let states = visitor.visit.source_states(None).await?;
    Ok(Json(states.into_iter().map(Source::from).collect()))
}

/// List open gaps
///
/// Of all orgs of the session.
#[utoipa::path(get, path = "/v1/gaps", operation_id = "listAllGaps", tag = "operations",
    responses(
        (status = 200, description = "The gaps, the oldest first", body = Vec<SourceGap>),
        Problems))]
pub(crate) async fn all_gaps(mut visitor: Visitor) -> Result<Json<Vec<SourceGap>>, Problem> {
    let gaps = visitor.visit.open_gaps(None).await?;
    Ok(Json(gaps.into_iter().map(SourceGap::from).collect()))
}

/// List open gaps of an org
#[utoipa::path(get, path = "/v1/orgs/{org_id}/gaps", operation_id = "listGaps", tag = "operations",
    params(("org_id" = String, Path, description = "Salesforce id of the org")),
    responses(
        (status = 200, description = "The gaps, the oldest first", body = Vec<SourceGap>),
        Problems))]
pub(crate) async fn gaps(
    mut visitor: Visitor,
    org: Result<Path<String>, PathRejection>,
) -> Result<Json<Vec<SourceGap>>, Problem> {
    let Path(org) = org?;
    let org = OrgId::new(&org);
    visitor.role_in(&org)?;
    let gaps = visitor.visit.open_gaps(Some(&org)).await?;
    Ok(Json(gaps.into_iter().map(SourceGap::from).collect()))
}

/// Read the audit trail
///
/// The actions in the orgs that the session administers, the latest first.
#[utoipa::path(get, path = "/v1/audit", operation_id = "readAudit", tag = "operations", params(AskedPage),
    responses(
        (status = 200, description = "A page of actions", body = Page<Action>),
        Problems))]
pub(crate) async fn audit(
    mut visitor: Visitor,
    asked: Result<Query<AskedPage>, QueryRejection>,
) -> Result<Json<Page<Action>>, Problem> {
    let Query(asked) = asked?;
    visitor.require_administrator()?;
    let after = match asked.cursor.as_deref().map(page::place::<2>).transpose()? {
        None => None,
        Some([at_us, taken]) => {
            let place = at_us.parse().ok().zip(taken.parse().ok()).map(|(at_us, taken)| AuditPlace { at_us, taken });
            let is_time = |place: &AuditPlace| Timestamp(place.at_us / 1_000).is_in_calendar();
            Some(place.filter(is_time).ok_or_else(page::foreign)?)
        }
    };
    let AuditPage { entries, next } = visitor.visit.audit_page(after, page::limit(asked.limit)?).await?;
    let next_cursor = next.map(|place| page::cursor(&[&place.at_us.to_string(), &place.taken.to_string()]));
    Ok(Json(Page { items: entries.into_iter().map(Action::from).collect(), next_cursor }))
}
