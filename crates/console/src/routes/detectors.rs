//! Detectors: what they mean, how well they do, and what another threshold would raise.

use super::days::span;
use super::settings::followed;
use crate::access::Visitor;
use crate::body::{DetectorBody, ScoreCard, Surprised};
use crate::page;
use crate::problem::{Problem, Problems};
use crate::server::App;
use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use model::{DayFacts, OrgId, Timestamp};
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
pub(super) async fn list(mut visitor: Visitor) -> Result<Json<Vec<DetectorBody>>, Problem> {
    let query = IncidentQuery { orgs: visitor.orgs(&[])?, ..IncidentQuery::default() };
    let counted = visitor.visit.count_incidents(&query, Group::Detector, page::MOST).await?;
    let of = |name: &str| counted.iter().find(|counted| counted.value == name);
    Ok(Json(detect::DETECTORS.iter().map(|detector| DetectorBody::of(*detector, of(detector.name()))).collect()))
}

/// Of which time.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct During {
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
        Problems))]
pub(super) async fn score_card(
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
fn check(detector: &str) -> Result<(), Problem> {
    match detect::DETECTORS.iter().any(|known| known.name() == detector) {
        true => Ok(()),
        false => Err(Problem::NotFound(format!("detector {detector}: does not exist, see /v1/detectors"))),
    }
}

/// By which threshold.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Threshold {
    /// The least calibrated surprise, −log10 p, from 1 on: smaller ones are not stored.
    #[param(minimum = 1, maximum = 300)]
    least: f64,
    /// Days that begin at this time or later; without it, 90 days before `to`.
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<Timestamp>,
    /// Days that begin before this time; without it, now.
    #[param(value_type = Option<String>, format = DateTime)]
    to: Option<Timestamp>,
}

/// Try a threshold of a detector
///
/// The closed days that it would raise, by day and account.
#[utoipa::path(get, path = "/v1/orgs/{org_id}/detectors/{detector}/days", operation_id = "listSurprisedDays",
    tag = "operations",
    params(("org_id" = String, Path, description = "Salesforce id of the org"),
           ("detector" = String, Path, description = "Name of the detector"), Threshold),
    responses(
        (status = 200, description = "The days", body = Vec<Surprised>),
        Problems))]
pub(super) async fn surprised(
    mut visitor: Visitor,
    path: Result<Path<(String, String)>, PathRejection>,
    threshold: Result<Query<Threshold>, QueryRejection>,
) -> Result<Json<Vec<Surprised>>, Problem> {
    let (Path((org, detector)), Query(Threshold { least, from, to })) = (path?, threshold?);
    let org = OrgId::new(&org);
    visitor.role_in(&org)?;
    check(&detector)?;
    if !(LEAST..=300.0).contains(&least) {
        return Err(Problem::Malformed(format!("least: from {LEAST} to 300, not {least}")));
    }
    let days = visitor.visit.surprised_days(&org, &detector, span(from, to)?, least).await?;
    Ok(Json(days.into_iter().map(Surprised::from).collect()))
}
