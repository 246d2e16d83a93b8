//! Dead letters.

use crate::access::Visitor;
use crate::body::{ContentBody, LetterBody, ReplayedBody};
use crate::page::{self, Page};
use crate::problem::{Conflicts, Problem, Problems};
use crate::server::App;
use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use bus::dead;
use serde::Deserialize;
use serde_json::json;
use utoipa::IntoParams;

/// The most letters of a page. A choice: they are read one by one, each of up to 1 MiB.
const MOST: usize = 50;

/// Which letters.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Asked {
    /// Those of this stage, such as baseline.
    #[param(min_length = 1, pattern = "^[A-Za-z0-9-]+$")]
    pub(crate) stage: Option<String>,
    /// The `next_cursor` of the page before.
    pub(crate) cursor: Option<String>,
    /// The most letters of a page, 1 to 50; 50 without it.
    #[param(minimum = 1, maximum = 50)]
    pub(crate) limit: Option<u32>,
}

/// List dead letters
///
/// Messages and records that could not be processed, the oldest first. They may be of any org, so this takes the role
/// administrator in all orgs.
#[utoipa::path(get, path = "/v1/dead-letters", operation_id = "listDeadLetters", tag = "operations", params(Asked),
    responses(
        (status = 200, description = "A page of letters", body = Page<LetterBody>),
        Problems))]
pub(crate) async fn list(
    State(app): State<App>,
    visitor: Visitor,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Json<Page<LetterBody>>, Problem> {
    let Query(Asked { stage, cursor, limit }) = asked?;
    visitor.require_administrator_of_all()?;
    let is_stage = |stage: &String| stage.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '-');
    if let Some(stage) = stage.as_ref().filter(|stage| stage.is_empty() || !is_stage(stage)) {
        return Err(Problem::Malformed(format!("stage: letters, digits and hyphens, not {stage:?}")));
    }
    let limit = match usize::try_from(page::limit(limit)?) {
        Ok(limit) if limit <= MOST => limit,
        _ => return Err(Problem::Malformed(format!("limit: from 1 to {MOST}"))),
    };
    let from = match cursor.as_deref().map(page::place::<1>).transpose()? {
        Some([sequence]) => sequence.parse().map_err(|_| page::foreign())?,
        None => 1,
    };
    // The database is not needed while NATS is asked.
    drop(visitor);
    // One more says whether there is a next page.
    let filter = dead::Filter { stage, from, limit: limit.saturating_add(1) };
    let letters = dead::list(app.bus()?, &filter).await?;
    let next_cursor = letters.get(limit).map(|next| page::cursor(&[&next.sequence.to_string()]));
    Ok(Json(Page { items: letters.iter().take(limit).map(LetterBody::from).collect(), next_cursor }))
}

/// Read a dead letter
///
/// With what it says, decoded; the audit trail records who has read it. `orgwatchd dead drop` deletes it.
#[utoipa::path(get, path = "/v1/dead-letters/{sequence}", operation_id = "readDeadLetter", tag = "operations",
    params(("sequence" = u64, Path, description = "Number of the letter, from 1 on")),
    responses(
        (status = 200, description = "The letter", body = ContentBody),
        Problems))]
pub(crate) async fn one(
    State(app): State<App>,
    mut visitor: Visitor,
    sequence: Result<Path<u64>, PathRejection>,
) -> Result<Json<ContentBody>, Problem> {
    let Path(sequence) = sequence?;
    visitor.require_administrator_of_all()?;
    let letter = dead::get(app.bus()?, sequence).await?;
    visitor.visit.audit(None, "dead letter read", &sequence.to_string(), &json!({ "stage": letter.stage })).await?;
    visitor.visit.commit().await?;
    Ok(Json(ContentBody::from(&letter)))
}

/// Replay a dead letter
///
/// Publishes it to its subject again and drops it, once its cause is removed. Services that have processed it already are
/// not affected. The audit trail records who has replayed it.
#[utoipa::path(post, path = "/v1/dead-letters/{sequence}/replay", operation_id = "replayDeadLetter", tag = "operations",
    params(("sequence" = u64, Path, description = "Number of the letter, from 1 on")),
    responses(
        (status = 200, description = "It was published again", body = ReplayedBody),
        Conflicts, Problems))]
pub(crate) async fn replay(
    State(app): State<App>,
    mut visitor: Visitor,
    sequence: Result<Path<u64>, PathRejection>,
) -> Result<Json<ReplayedBody>, Problem> {
    let Path(sequence) = sequence?;
    visitor.require_administrator_of_all()?;
    let bus = app.bus()?;
    let letter = dead::get(bus, sequence).await?;
    // First, so that nothing is replayed that the trail cannot record; a replay that fails takes the line back.
    let detail = json!({ "stage": letter.stage, "subject": letter.subject });
    visitor.visit.audit(None, "dead letter replayed", &sequence.to_string(), &detail).await?;
    let replayed = dead::replay(bus, sequence).await?;
    visitor.visit.commit().await?;
    Ok(Json(ReplayedBody::from(replayed)))
}
