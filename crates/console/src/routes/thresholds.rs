//! What another threshold of a detector would do.

use super::days::span;
use super::detectors::{check, check_least};
use super::settings::followed;
use crate::access::Visitor;
use crate::body::{ChangedIncident, ThresholdBody, UnraisedBody};
use crate::decide::recent_of;
use crate::page::MOST;
use crate::problem::{Conflicts, Problem, Problems};
use crate::server::App;
use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use detect::score::anomaly_score;
use model::{Finding, OrgId, Text, Timestamp, UserId};
use risk::Effect;
use serde::Deserialize;
use store::{IncidentFilter, Role, StoredFinding};
use utoipa::IntoParams;

/// The most incidents that are worked out. A choice: with 20 findings each they are a few megabytes.
const MOST_INCIDENTS: u32 = 1_000;

/// Which threshold, over which time.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Tried {
    /// The least calibrated surprise, −log10 p, from 1 on: smaller ones are not stored.
    #[param(minimum = 1, maximum = 40)]
    least: f64,
    /// Event time from which findings and days count; without it, 90 days before `to`.
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<Timestamp>,
    /// Event time before which they count; without it, now.
    #[param(value_type = Option<String>, format = DateTime)]
    to: Option<Timestamp>,
}

/// Try a threshold on incidents
///
/// Which incidents would vanish or have another risk without the weaker findings of the detector, by the same arithmetic as
/// the preview of a decision; and which closed days reach the threshold and have no finding of it. Nothing is recorded, and
/// nothing is learned again.
///
/// Of a day that would be raised, the score, the risk of its incident, and whether it would be merged into one are not known:
/// a detector's reasons are stored with its findings alone. A day may also have no finding because the detector was off, or
/// had another threshold, or because its finding was withdrawn. It takes the role analyst.
#[utoipa::path(get, path = "/v1/orgs/{org_id}/detectors/{detector}/what-if", operation_id = "tryThreshold",
    tag = "operations",
    params(("org_id" = String, Path, description = "Salesforce id of the org"),
           ("detector" = String, Path, description = "Name of the detector"), Tried),
    responses(
        (status = 200, description = "What it would have done", body = ThresholdBody),
        Conflicts, Problems))]
pub(crate) async fn what_if(
    State(app): State<App>,
    mut visitor: Visitor,
    path: Result<Path<(String, String)>, PathRejection>,
    tried: Result<Query<Tried>, QueryRejection>,
) -> Result<Json<ThresholdBody>, Problem> {
    let (Path((org, detector)), Query(Tried { least, from, to })) = (path?, tried?);
    let org = OrgId::new(&org);
    visitor.require(&org, Role::Analyst)?;
    check(&detector)?;
    check_least(least, 40.0)?;
    let span = span(from, to)?;
    let raise_at = followed(&app, &mut visitor, &org).await?.settings.detect.raise_at(&detector);
    let of = (&org, &*detector);
    let (changed, incidents_left_out) = changed(&app, &mut visitor, of, span, least).await?;
    let unraised = visitor.visit.unraised_days(of, span, least, MOST).await?;
    let eyes = app.eyes(&visitor.session);
    let most = usize::try_from(MOST).unwrap_or(usize::MAX);
    Ok(Json(ThresholdBody {
        incidents: changed.iter().take(most).map(|changed| ChangedIncident::of(changed, &org, eyes)).collect(),
        incident_count: changed.len(),
        incidents_left_out,
        days: unraised.days.iter().map(|day| UnraisedBody::of(day, &org, eyes)).collect(),
        day_count: unraised.in_all,
        ..ThresholdBody::of(of, span, (raise_at, least))
    }))
}

/// Returns the incidents that would be others without the weaker findings of a detector, the highest risk first, and how many
/// were not worked out.
async fn changed(
    app: &App,
    visitor: &mut Visitor,
    (org, detector): (&OrgId, &str),
    (from, to): (Timestamp, Timestamp),
    least: f64,
) -> Result<(Vec<(UserId, Option<Text>, Effect)>, u64), Problem> {
    // It is stored in six decimals.
    let most_score = anomaly_score(least) + 1e-6;
    let weak = visitor.visit.weak_incidents((org, detector), (from, to), most_score, MOST_INCIDENTS).await?;
    let left_out = weak.in_all.saturating_sub(weak.ids.len() as u64);
    // Fewer findings of an incident change no other one: only findings that are added merge incidents.
    let filter = IncidentFilter { ids: Some(weak.ids), ..IncidentFilter::default() };
    let incidents = visitor.visit.incidents(&filter).await?;
    let found = incidents.into_iter().flat_map(|stored| {
        let incident_id = stored.incident.incident_id;
        stored.incident.findings.into_iter().map(move |finding| StoredFinding {
            first_observed_at: Some(finding.observed_at),
            finding,
            traceparent: None,
            incident_id: Some(incident_id),
            hidden_by: None,
        })
    });
    let recent = recent_of(app, visitor, (org, from), found.collect()).await?;
    let is_weak =
        |finding: &Finding| finding.surprise < least && finding.observed_at >= from && finding.observed_at < to;
    let mut changed = recent.without(detector, is_weak);
    let risk = |effect: &Effect| effect.before.or(effect.after).map(|standing| standing.risk_score);
    changed.sort_by(|(.., a), (.., b)| risk(b).cmp(&risk(a)).then(a.incident_id.cmp(&b.incident_id)));
    Ok((changed, left_out))
}
