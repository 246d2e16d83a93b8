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
use ::settings::Hashed;
use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use detect::score::anomaly_score;
use detect::{QuietDay, supposed};
use model::time::DAY;
use model::{Finding, OrgId, Text, Timestamp, UserId};
use risk::Effect;
use serde::Deserialize;
use store::{FindingFilter, IncidentFilter, Role, StoredFinding, UnraisedDay, UnraisedDays};
use utoipa::IntoParams;

/// The most incidents that are worked out. A choice: as many as are listed, with some milliseconds each at worst.
const MOST_INCIDENTS: u32 = MOST;

/// Incidents that end or begin so long before or after a day are looked at at least, since findings merge by the settings of
/// their time, of which the window may have been wider than it is now. A choice: seven times the default; a window that was
/// wider still is not thought of.
const LEAST_MARGIN: i64 = 7 * DAY;

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
/// Which incidents would vanish, appear or have another risk: without the weaker findings of the detector, and with findings
/// on the closed days that reach the threshold and not the one in force, by the same arithmetic as the preview of a decision.
/// Nothing is recorded, and nothing is learned again.
///
/// What a day would add is worked out from its surprise: at most the 200 days of the largest surprise are, and since a
/// detector's reasons are stored with its findings alone, without the objects, of which the sensitivity may change the risk. A
/// day that reaches the threshold in force may have no finding because the detector was off, or had another threshold, or
/// because its finding was withdrawn: it is listed, and changes no incident. It takes the role analyst.
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
    let followed = followed(&app, &mut visitor, &org).await?;
    let raise_at = followed.settings.detect.raise_at(&detector);
    let of = (&org, &*detector);
    let (mut changed, incidents_left_out) = weakened(&app, &mut visitor, of, span, least).await?;
    let reached = visitor.visit.unraised_days(of, span, (least.max(raise_at), f64::INFINITY), MOST).await?;
    let quiet = if least < raise_at {
        visitor.visit.unraised_days(of, span, (least, raise_at), MOST).await?
    } else {
        UnraisedDays::default()
    };
    changed.extend(raised(&app, &mut visitor, of, span.0, &followed, &quiet.days).await?);
    let risk = |effect: &Effect| effect.before.or(effect.after).map(|standing| standing.risk_score);
    changed.sort_by(|(.., a), (.., b)| risk(b).cmp(&risk(a)).then(a.incident_id.cmp(&b.incident_id)));
    let eyes = app.eyes(&visitor.session);
    let most = usize::try_from(MOST).unwrap_or(usize::MAX);
    Ok(Json(ThresholdBody {
        incidents: changed.iter().take(most).map(|changed| ChangedIncident::of(changed, &org, eyes)).collect(),
        incident_count: changed.len(),
        incidents_left_out,
        days: reached.days.iter().chain(&quiet.days).take(most).map(|day| UnraisedBody::of(day, &org, eyes)).collect(),
        day_count: reached.in_all + quiet.in_all,
        days_left_out: quiet.in_all.saturating_sub(quiet.days.len() as u64),
        ..ThresholdBody::of(of, span, (raise_at, least))
    }))
}

/// An account, its name, and what would become of an incident of it.
type Changed = (UserId, Option<Text>, Effect);

/// Returns the incidents that would be others without the weaker findings of a detector, and how many were not worked out.
async fn weakened(
    app: &App,
    visitor: &mut Visitor,
    (org, detector): (&OrgId, &str),
    (from, to): (Timestamp, Timestamp),
    least: f64,
) -> Result<(Vec<Changed>, u64), Problem> {
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
    Ok((recent.without(detector, is_weak), left_out))
}

/// Returns the incidents that would be others with findings of a detector on these days.
async fn raised(
    app: &App,
    visitor: &mut Visitor,
    (org, detector): (&OrgId, &str),
    from: Timestamp,
    followed: &Hashed,
    days: &[UnraisedDay],
) -> Result<Vec<Changed>, Problem> {
    let Some(detector) = detect::DETECTORS.iter().find(|known| known.name() == detector) else { return Ok(Vec::new()) };
    let more = days.iter().map(|day| {
        let day = QuietDay {
            org_id: org.clone(),
            user_id: day.user_id.clone(),
            username: day.username.as_deref().map(Text::from),
            user_class: day.user_class,
            day: day.day,
            last_at: day.last_at,
            surprise: day.surprise,
            config_hash: followed.hash.clone(),
        };
        supposed(*detector, &followed.settings.detect, day)
    });
    let settings = followed.settings.risk_of(org);
    let margin = settings.merge_window().max(LEAST_MARGIN);
    let filter = FindingFilter {
        org_id: Some(org.clone()),
        incident_ids: Some(visitor.visit.incidents_of_days(org, days, margin).await?),
        ..FindingFilter::default()
    };
    let found = visitor.visit.findings(&filter).await?;
    let recent = recent_of(app, visitor, (org, from), found).await?;
    let recent = recent.knowing(followed.hash.clone(), settings);
    Ok(recent.with(more.collect()))
}
