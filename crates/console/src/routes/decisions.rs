//! What people decide.

use super::{incidents, settings};
use crate::access::{Credential, Visitor};
use crate::body::{Applied, DecisionBody, EffectBody, Recorded};
use crate::decide::{AskedDecision, Effects, Plan, plan, standing};
use crate::page::Page;
use crate::problem::{BodyProblems, Conflicts, Problem, ProblemBody, Problems};
use crate::server::App;
use crate::{decide, page};
use axum::Json;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use model::{Decision, OrgId, Ruling, UserId, Uuid, id};
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::time::{Duration, Instant};
use store::{DecisionFilter, RequestMark, Role};
use utoipa::IntoParams;
use utoipa::openapi::Object;

/// How often to look whether decisions are applied. A choice: the correlator looks every quarter of a second.
const PAUSE: Duration = Duration::from_millis(100);

/// Which decisions.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Asked {
    /// Those of this org.
    org: String,
    /// Those of this account, without those of all accounts.
    user: Option<String>,
    /// Those of this kind.
    #[param(schema_with = kinds)]
    kind: Option<String>,
    /// Those about this incident.
    incident: Option<Uuid>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
    /// The most decisions of a page, 1 to 200; 50 without it.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u32>,
}

fn kinds() -> Object {
    decide::words("The kind.", Ruling::KINDS.into_iter()).build()
}

/// List decisions
///
/// The latest first. Suppressions and allowlists say how many findings they hide.
#[utoipa::path(get, path = "/v1/decisions", operation_id = "listDecisions", tag = "decisions", params(Asked),
    responses(
        (status = 200, description = "A page of decisions", body = Page<DecisionBody>),
        Problems))]
pub(crate) async fn list(
    State(app): State<App>,
    mut visitor: Visitor,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Json<Page<DecisionBody>>, Problem> {
    let Query(asked) = asked?;
    let limit = usize::try_from(page::limit(asked.limit)?).unwrap_or(usize::MAX);
    let org = OrgId::new(&asked.org);
    visitor.role_in(&org)?;
    let kind = match asked.kind.as_deref() {
        None => None,
        Some(kind) => {
            let known = Ruling::KINDS.into_iter().find(|known| *known == kind);
            Some(known.ok_or_else(|| Problem::Malformed(format!("kind: one of {}", Ruling::KINDS.join(", "))))?)
        }
    };
    let before: usize = match asked.cursor.as_deref().map(page::place::<1>).transpose()? {
        Some([number]) => number.parse().map_err(|_| page::foreign())?,
        None => usize::MAX,
    };
    let filter = DecisionFilter { org_id: Some(org.clone()), ..DecisionFilter::default() };
    // How one stands depends on the others.
    let mut all = visitor.visit.decisions(&filter).await?;
    let clock = visitor.visit.org_clock(&org).await?;
    let standings = standing(&all, |_| clock);
    let user = asked.user.as_deref().map(UserId::new);
    all.retain(|decision| {
        let is_about = |incident| decision.ruling.incident_id() == Some(incident);
        user.as_ref().is_none_or(|user| decision.user_id.as_ref() == Some(user))
            && kind.is_none_or(|kind| decision.ruling.kind() == kind)
            && asked.incident.is_none_or(is_about)
    });
    // Decisions are only ever added: numbered from the first one, a page stays the same.
    let end = before.min(all.len());
    let start = end.saturating_sub(limit);
    let shown = all.get(start..end).unwrap_or_default();
    let hidden = visitor.visit.hidden(&shown.iter().map(|decision| decision.decision_id).collect::<Vec<_>>()).await?;
    let of = |decision: &Decision| hidden.iter().find(|hidden| hidden.decision_id == decision.decision_id);
    let eyes = app.eyes(&visitor.session);
    let body = |decision: &Decision| {
        DecisionBody::of(decision, standings.get(&decision.decision_id).copied(), of(decision), eyes)
    };
    let items = shown.iter().rev().map(body).collect();
    let next_cursor = (start > 0).then(|| page::cursor(&[&start.to_string()]));
    Ok(Json(Page { items, next_cursor }))
}

/// Preview a decision
///
/// What would follow from it, on the incidents of the last 30 days. Nothing is recorded. Of settings, weights and merge
/// windows are previewed; what other thresholds of detectors would find is not known before days are judged by them, and
/// `listSurprisedDays` comes nearest. It takes the role analyst.
#[utoipa::path(post, path = "/v1/decisions/preview", operation_id = "previewDecision", tag = "decisions", request_body = AskedDecision,
    responses(
        (status = 200, description = "What would follow", body = Applied),
        BodyProblems, Conflicts, Problems))]
pub(crate) async fn preview(
    State(app): State<App>,
    mut visitor: Visitor,
    body: Result<Json<AskedDecision>, JsonRejection>,
) -> Result<Json<Applied>, Problem> {
    let Json(asked) = body?;
    let plan = plan(&app, &mut visitor, &asked, "preview").await?;
    for decision in &plan.decisions {
        visitor.require(&decision.org_id, Role::Analyst)?;
    }
    let preview = plan.preview(&app, &mut visitor).await?;
    Ok(Json(Applied::of(&plan, &preview, app.eyes(&visitor.session))))
}

/// Record a decision
///
/// It is attributed to the session. An `idempotency-key` makes a repeated request record nothing new. `if-match` with the
/// tag of an incident, or of an org's settings, refuses a decision on what has changed since.
#[utoipa::path(post, path = "/v1/decisions", operation_id = "recordDecision", tag = "decisions", request_body = AskedDecision,
    params(
        ("idempotency-key" = Option<String>, Header, min_length = 1, max_length = 255, pattern = "^[!-~]+$",
            description = "A text of the client's choice, the same in each repetition"),
        ("if-match" = Option<String>, Header, description = "The tag of the one incident, or of the org's settings, that the decision is about")),
    responses(
        (status = 200, description = "What the same request recorded before, without effects", body = Recorded),
        (status = 201, description = "The decisions, as they are stored", body = Recorded),
        (status = 409, description = "Not possible as things are, or another request was sent with this `idempotency-key`",
            content_type = "application/problem+json", body = ProblemBody),
        (status = 412, description = "It has changed: read it, and decide on what it is now",
            content_type = "application/problem+json", body = ProblemBody),
        BodyProblems, Problems))]
pub(crate) async fn record(
    State(app): State<App>,
    mut visitor: Visitor,
    credential: Credential,
    headers: HeaderMap,
    body: Result<Json<Value>, JsonRejection>,
) -> Result<(StatusCode, Json<Recorded>), Problem> {
    let Json(body) = body?;
    let request = mark(&visitor, &headers, &body)?;
    if let Some((hash, recorded)) = visitor.visit.recorded(request.request_id).await? {
        if hash != request.hash {
            let detail = "idempotency-key: another request was sent with it, choose another key";
            return Err(Problem::Conflict(detail.to_owned()));
        }
        return Ok((StatusCode::OK, answer(&app, visitor, &credential, &recorded, &[]).await?));
    }
    let asked: AskedDecision = serde_json::from_value(body).map_err(|error| Problem::Invalid(error.to_string()))?;
    let plan = plan(&app, &mut visitor, &asked, &request.request_id.to_string()).await?;
    check_tag(&mut visitor, &headers, &plan).await?;
    let mut recorded = Vec::with_capacity(plan.decisions.len());
    for decision in &plan.decisions {
        visitor.require(&decision.org_id, role_to_decide(decision))?;
        if let Ruling::Settings { hash, toml } = &decision.ruling {
            // Findings name settings by their hash, so they are stored before they are in force.
            visitor.visit.put_settings(hash, toml).await?;
        }
        recorded.push(visitor.visit.record(decision, &request).await?);
    }
    Ok((StatusCode::CREATED, answer(&app, visitor, &credential, &recorded, &plan.effects).await?))
}

/// Returns what makes a request the same as an earlier one: who asks with which key, and what.
fn mark(visitor: &Visitor, headers: &HeaderMap, body: &Value) -> Result<RequestMark, Problem> {
    let key = match headers.get("idempotency-key").map(|key| key.to_str()) {
        Some(Ok(key)) if (1..=255).contains(&key.len()) => format!("key {key}"),
        Some(_) => return Err(Problem::Malformed("idempotency-key: 1 to 255 visible characters".to_owned())),
        None => format!("random {}", crate::Secret::draw()?.session_id),
    };
    let request_id = id::derive(&["request", &visitor.session.subject, &key]);
    Ok(RequestMark { request_id, hash: Sha256::digest(body.to_string().as_bytes()).into() })
}

/// Commits decisions, waits until they are applied, and returns what was recorded.
async fn answer(
    app: &App,
    visitor: Visitor,
    credential: &Credential,
    recorded: &[Decision],
    effects: &[Effects],
) -> Result<Json<Recorded>, Problem> {
    let Visitor { session, visit } = visitor;
    visit.commit().await?;
    let ids: Vec<Uuid> = recorded.iter().map(|decision| decision.decision_id).collect();
    // It is recorded: that nobody knows whether it is applied is no failure of it.
    let applied = wait(app, credential, &ids).await.unwrap_or_else(|problem| {
        tracing::warn!(?problem, "a recorded decision was not seen to be applied");
        false
    });
    let eyes = app.eyes(&session);
    let decisions = recorded.iter().map(|decision| DecisionBody::of(decision, None, None, eyes)).collect();
    Ok(Json(Recorded { decisions, effects: effects.iter().map(EffectBody::from).collect(), applied }))
}

/// Returns the least role that takes a decision; the database has the same rule, and knows what ended ones were.
fn role_to_decide(decision: &Decision) -> Role {
    match (&decision.ruling, &decision.user_id) {
        (Ruling::Settings { .. }, _) => Role::Administrator,
        (_, None) => Role::Responder,
        (_, Some(_)) => Role::Analyst,
    }
}

/// Refuses a decision on an incident or on settings that have changed since the client read them.
async fn check_tag(visitor: &mut Visitor, headers: &HeaderMap, plan: &Plan) -> Result<(), Problem> {
    let Some(known) = headers.get(header::IF_MATCH) else { return Ok(()) };
    if let Some(new) = plan.settings.first() {
        if known.as_bytes() == settings::tag(&new.before).as_bytes() {
            return Ok(());
        }
        let detail =
            format!("the settings of org {} have changed: read them, and decide on what they are now", new.org_id);
        return Err(Problem::Changed(detail));
    }
    let about: std::collections::BTreeSet<Uuid> =
        plan.decisions.iter().filter_map(|decision| decision.ruling.incident_id()).collect();
    let mut about = about.into_iter();
    let (Some(incident_id), None) = (about.next(), about.next()) else {
        return Err(Problem::Malformed("if-match: only for a decision about one incident, or on settings".to_owned()));
    };
    let (stored, row) = incidents::read(visitor, incident_id).await?;
    if known.as_bytes() == incidents::tag(&stored, &row).as_bytes() {
        return Ok(());
    }
    Err(Problem::Changed(format!("incident {incident_id} has changed: read it, and decide on what it is now")))
}

/// Waits until the correlator has applied decisions. `false` if it has not.
async fn wait(app: &App, credential: &Credential, ids: &[Uuid]) -> Result<bool, Problem> {
    let start = Instant::now();
    loop {
        if !app.store.visit(&credential.0).await?.is_due(ids).await? {
            return Ok(true);
        }
        if start.elapsed() >= Duration::from_millis(app.settings.apply_wait_ms) {
            return Ok(false);
        }
        tokio::time::sleep(PAUSE).await;
    }
}
