//! Detectors: what they mean, how well they do, and what another threshold would raise.

use super::days::span;
use super::settings::followed;
use crate::access::Visitor;
use crate::body::{DetectorBody, ScoreCard, Surprised};
use crate::page::{self, Page};
use crate::problem::{Conflicts, Problem, Problems};
use crate::server::App;
use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use model::{DayFacts, OrgId, Timestamp, UserId};
use profile::Credited;
use runtime::clock::now;
use serde::Deserialize;
use store::{DecisionFilter, Group, IncidentQuery};
use utoipa::IntoParams;

/// The least surprise that is stored.
const LEAST: f64 = DayFacts::LEAST_SURPRISE;

/// List detectors
///
/// With how many incidents of the session's orgs have findings of each.
#[utoipa::path(get, path = "/v1/detectors", operation_id = "listDetectors", tag = "operations",
    responses(
        (status = 200, description = "The detectors, in the order in which they judge", body = Vec<DetectorBody>),
        Problems))]
pub(crate) async fn list(mut visitor: Visitor) -> Result<Json<Vec<DetectorBody>>, Problem> {
    let query = IncidentQuery { orgs: visitor.orgs(&[])?, ..IncidentQuery::default() };
    let counted = visitor.visit.count_incidents(&query, Group::Detector, page::MOST).await?;
    let of = |name: &str| counted.iter().find(|counted| counted.value == name);
    Ok(Json(detect::DETECTORS.iter().map(|detector| DetectorBody::of(*detector, of(detector.name()))).collect()))
}

/// Of which time.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct During {
    /// Event time from which incidents and days count; without it, 90 days before `to`.
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<Timestamp>,
    /// Event time before which they count; without it, now.
    #[param(value_type = Option<String>, format = DateTime)]
    to: Option<Timestamp>,
}

/// Read the score card of a detector
///
/// What it raised in an org, what people said of it, and how often it was surprised against what its surprises promise.
#[utoipa::path(get, path = "/v1/orgs/{org_id}/detectors/{detector}", operation_id = "readScoreCard", tag = "operations",
    params(("org_id" = String, Path, description = "Salesforce id of the org"),
           ("detector" = String, Path, description = "Name of the detector"), During),
    responses(
        (status = 200, description = "The score card", body = ScoreCard),
        Conflicts, Problems))]
pub(crate) async fn score_card(
    State(app): State<App>,
    mut visitor: Visitor,
    path: Result<Path<(String, String)>, PathRejection>,
    during: Result<Query<During>, QueryRejection>,
) -> Result<Json<ScoreCard>, Problem> {
    let (Path((org, detector)), Query(During { from, to })) = (path?, during?);
    let org = OrgId::new(&org);
    visitor.role_in(&org)?;
    check(&detector)?;
    let span = span(from, to)?;
    let raised = visitor.visit.raised(&org, &detector, span).await?;
    let weight = followed(&app, &mut visitor, &org).await?.settings.risk_of(&org).weight(&detector).weight;
    let filter = DecisionFilter { org_id: Some(org.clone()), ..DecisionFilter::default() };
    let decisions = visitor.visit.decisions(&filter).await?;
    let at = visitor.visit.org_clock(&org).await?.unwrap_or_else(now);
    let credited = Credited::by(&decisions, at);
    Ok(Json(ScoreCard::of((&org, &detector), span, &raised, (weight, &credited))))
}

/// Returns an error unless there is such a detector.
pub(super) fn check(detector: &str) -> Result<(), Problem> {
    match detect::DETECTORS.iter().any(|known| known.name() == detector) {
        true => Ok(()),
        false => Err(Problem::NotFound(format!("detector {detector}: does not exist, see /v1/detectors"))),
    }
}

/// Returns an error unless surprises of at least so much are stored, and there are such.
pub(super) fn check_least(least: f64, most: f64) -> Result<(), Problem> {
    match (LEAST..=most).contains(&least) {
        true => Ok(()),
        false => Err(Problem::Malformed(format!("least: from {LEAST} to {most}, not {least}"))),
    }
}

/// By which threshold.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Threshold {
    /// The least calibrated surprise, −log10 p, from 1 on: smaller ones are not stored.
    #[param(minimum = 1, maximum = 300)]
    least: f64,
    /// Days that begin at this time or later; without it, 90 days before `to`.
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<Timestamp>,
    /// Days that begin before this time; without it, now.
    #[param(value_type = Option<String>, format = DateTime)]
    to: Option<Timestamp>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
    /// The most days of a page, 1 to 200; 50 without it.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
}

/// List surprised days
///
/// The closed days that it would raise, by day and account.
#[utoipa::path(get, path = "/v1/orgs/{org_id}/detectors/{detector}/days", operation_id = "listSurprisedDays",
    tag = "operations",
    params(("org_id" = String, Path, description = "Salesforce id of the org"),
           ("detector" = String, Path, description = "Name of the detector"), Threshold),
    responses(
        (status = 200, description = "A page of days", body = Page<Surprised>),
        Problems))]
pub(crate) async fn surprised(
    mut visitor: Visitor,
    path: Result<Path<(String, String)>, PathRejection>,
    threshold: Result<Query<Threshold>, QueryRejection>,
) -> Result<Json<Page<Surprised>>, Problem> {
    let (Path((org, detector)), Query(threshold)) = (path?, threshold?);
    let Threshold { least, from, to, cursor, limit } = threshold;
    let (org, limit) = (OrgId::new(&org), page::limit(limit)?);
    visitor.role_in(&org)?;
    check(&detector)?;
    check_least(least, 300.0)?;
    let after = cursor.as_deref().map(place).transpose()?;
    let after = after.as_ref().map(|(day, user)| (*day, user));
    let of = (&org, &*detector);
    // One more than the page has says whether there is another page.
    let mut days = visitor.visit.surprised_days(of, span(from, to)?, least, after, limit.saturating_add(1)).await?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let is_last = days.len() <= limit;
    days.truncate(limit);
    let last = days.last().filter(|_| !is_last);
    let next_cursor = last.map(|last| page::cursor(&[&last.day.0.to_string(), last.user_id.as_str()]));
    Ok(Json(Page { items: days.into_iter().map(Surprised::from).collect(), next_cursor }))
}

/// Reads where a page of days ends: its last day, and the account.
fn place(cursor: &str) -> Result<(Timestamp, UserId), Problem> {
    let [day, user] = page::place(cursor)?;
    let day = day.parse().ok().map(Timestamp).filter(|day| day.is_in_calendar());
    Ok((day.ok_or_else(page::foreign)?, UserId::new(&user)))
}
