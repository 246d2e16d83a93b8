//! Closed days of accounts.

use super::accounts::OfAccount;
use crate::access::Visitor;
use crate::body::{Day, HeatAccount, PeerBody};
use crate::page;
use crate::problem::{Problem, Problems};
use crate::server::App;
use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use model::time::DAY;
use model::{OrgId, Timestamp};
use runtime::clock::now;
use serde::Deserialize;
use store::HeatMeasure;
use utoipa::{IntoParams, ToSchema};

/// The longest span, in milliseconds: as long as days are kept by default.
const LONGEST: i64 = 400 * DAY;

/// Of which days.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Asked {
    /// Those that begin at this time or later; without it, 90 days before `to`.
    #[param(value_type = Option<String>, format = DateTime)]
    pub(super) from: Option<Timestamp>,
    /// Those that begin before this time; without it, now.
    #[param(value_type = Option<String>, format = DateTime)]
    pub(super) to: Option<Timestamp>,
}

/// Returns the span that is asked for, or the last 90 days.
pub(crate) fn span(from: Option<Timestamp>, to: Option<Timestamp>) -> Result<(Timestamp, Timestamp), Problem> {
    let to = to.unwrap_or_else(now);
    let from = from.unwrap_or_else(|| to.plus(-90 * DAY));
    if !from.is_in_calendar() || !to.is_in_calendar() || from >= to || to.since(from) > LONGEST {
        return Err(Problem::Malformed(format!("from, to: a span of at most 400 days, not from {from} to {to}")));
    }
    Ok((from, to))
}

/// Read the closed days of an account
///
/// What it did against what was usual, by day.
#[utoipa::path(get, path = "/v1/orgs/{org_id}/accounts/{user_id}/days", operation_id = "listDays", tag = "accounts",
    params(OfAccount, Asked),
    responses(
        (status = 200, description = "The days, in their order", body = Vec<Day>),
        Problems))]
pub(crate) async fn list(
    mut visitor: Visitor,
    path: Result<Path<OfAccount>, PathRejection>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Json<Vec<Day>>, Problem> {
    let ((org, user), Query(Asked { from, to })) = (path?.ids(), asked?);
    visitor.role_in(&org)?;
    let span = span(from, to)?;
    let days = visitor.visit.user_days(&org, &user, span).await?;
    // The last day may reach beyond the span.
    let raised = visitor.visit.raised_at(&org, &user, (span.0, span.1.plus(2 * DAY))).await?;
    Ok(Json(days.iter().map(|day| Day::of(day, &raised)).collect()))
}

/// What a heat map shows.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Measure {
    /// Reports exported for the first time.
    FirstReports,
    /// Objects accessed for the first time.
    FirstObjects,
}

/// Which heat map.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Map {
    /// What it shows.
    #[param(inline)]
    measure: Measure,
    /// Days that begin at this time or later; without it, 90 days before `to`.
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<Timestamp>,
    /// Days that begin before this time; without it, now.
    #[param(value_type = Option<String>, format = DateTime)]
    to: Option<Timestamp>,
    /// The most accounts, 1 to 200; 50 without it.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
}

/// Read a heat map of an org
///
/// The accounts with the most first times, by day.
#[utoipa::path(get, path = "/v1/orgs/{org_id}/heat-map", operation_id = "readHeatMap", tag = "accounts",
    params(("org_id" = String, Path, description = "Salesforce id of the org"), Map),
    responses(
        (status = 200, description = "The accounts, the most first times first", body = Vec<HeatAccount>),
        Problems))]
pub(crate) async fn heat_map(
    State(app): State<App>,
    mut visitor: Visitor,
    org: Result<Path<String>, PathRejection>,
    map: Result<Query<Map>, QueryRejection>,
) -> Result<Json<Vec<HeatAccount>>, Problem> {
    let (Path(org), Query(Map { measure, from, to, limit })) = (org?, map?);
    let org = OrgId::new(&org);
    visitor.role_in(&org)?;
    let measure = match measure {
        Measure::FirstReports => HeatMeasure::FirstReports,
        Measure::FirstObjects => HeatMeasure::FirstObjects,
    };
    let rows = visitor.visit.heat_map(&org, span(from, to)?, measure, page::limit(limit)?).await?;
    let eyes = app.eyes(&visitor.session);
    Ok(Json(rows.iter().map(|row| HeatAccount::of(row, &org, eyes)).collect()))
}

/// Which day.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct OneDay {
    /// Its start in the org's time zone, as the days of accounts have it.
    #[param(value_type = String, format = DateTime)]
    day: Timestamp,
}

/// Read what accounts did on a day
///
/// Rows that were read through each surface, by class and of the whole org.
#[utoipa::path(get, path = "/v1/orgs/{org_id}/day", operation_id = "readOrgDay", tag = "accounts",
    params(("org_id" = String, Path, description = "Salesforce id of the org"), OneDay),
    responses(
        (status = 200, description = "By surface and class; empty if the day has not closed", body = Vec<PeerBody>),
        Problems))]
pub(crate) async fn peers(
    mut visitor: Visitor,
    org: Result<Path<String>, PathRejection>,
    asked: Result<Query<OneDay>, QueryRejection>,
) -> Result<Json<Vec<PeerBody>>, Problem> {
    let (Path(org), Query(OneDay { day })) = (org?, asked?);
    let org = OrgId::new(&org);
    visitor.role_in(&org)?;
    // All accounts of an org have the same days.
    let span = span(Some(day), Some(day.plus(1)))?;
    let peers = visitor.visit.peer_days(&org, span).await?;
    Ok(Json(peers.into_iter().map(PeerBody::from).collect()))
}
