//! Which records changed and which were deleted in a span of time.

use crate::access::Visitor;
use crate::body::{DeletedRecords, UpdatedRecords, time};
use crate::problem::{Problem, Problems};
use axum::Json;
use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use model::Timestamp;
use model::time::DAY;
use serde::Deserialize;
use utoipa::IntoParams;

/// The longest span, as Salesforce has it.
const LONGEST: i64 = 30 * DAY;
/// The most records of an answer: a choice, of 4 MB.
const MOST: u32 = 100_000;

/// A span of time, by the database's clock.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Asked {
    /// Its start.
    #[param(value_type = String, format = DateTime)]
    start: Timestamp,
    /// Its end, which is no part of it: at most 30 days after the start.
    #[param(value_type = String, format = DateTime)]
    end: Timestamp,
}

impl Asked {
    fn check(self) -> Result<(Timestamp, Timestamp), Problem> {
        let Self { start, end } = self;
        if !start.is_in_calendar() || !end.is_in_calendar() {
            return Err(Problem::Malformed("start, end: must be in the years 1 to 9999".to_owned()));
        }
        match end.0.saturating_sub(start.0) {
            ..=0 => Err(Problem::Malformed("end: must be after start".to_owned())),
            length if length > LONGEST => Err(Problem::Malformed("end: at most 30 days after start".to_owned())),
            _ => Ok((start, end)),
        }
    }
}

/// List updated anomalies
///
/// The records that were made or changed in a span of time. The next span starts at `latestDateCovered`.
#[utoipa::path(get, path = "/v1/tenant-security-api-anomalies/updated", operation_id = "listUpdatedAnomalies",
    tag = "anomalies", params(Asked),
    responses(
        (status = 200, description = "The ids of the records", body = UpdatedRecords),
        Problems))]
pub(crate) async fn updated(
    mut visitor: Visitor,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Json<UpdatedRecords>, Problem> {
    let Query(asked) = asked?;
    let (start, end) = asked.check()?;
    let span = visitor.visit.updated_anomalies(start, end, MOST).await?;
    if span.has_more {
        return Err(too_many());
    }
    let ids = span.found.iter().map(ToString::to_string).collect();
    Ok(Json(UpdatedRecords { ids, latest_date_covered: time(span.covered) }))
}

/// List deleted anomalies
///
/// The records of incidents that were withdrawn, absorbed by another one, or erased with their account in a span of time. Of
/// an org that was erased nothing is left to list. The next span starts at `latestDateCovered`.
#[utoipa::path(get, path = "/v1/tenant-security-api-anomalies/deleted", operation_id = "listDeletedAnomalies",
    tag = "anomalies", params(Asked),
    responses(
        (status = 200, description = "The records", body = DeletedRecords),
        Problems))]
pub(crate) async fn deleted(
    mut visitor: Visitor,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Json<DeletedRecords>, Problem> {
    let Query(asked) = asked?;
    let (start, end) = asked.check()?;
    let span = visitor.visit.deleted_anomalies(start, end, MOST).await?;
    if span.has_more {
        return Err(too_many());
    }
    Ok(Json(DeletedRecords {
        deleted_records: span.found.into_iter().map(Into::into).collect(),
        earliest_date_available: time(span.earliest),
        latest_date_covered: time(span.covered),
    }))
}

fn too_many() -> Problem {
    Problem::Invalid(format!("more than {MOST} records: ask for a shorter span"))
}
