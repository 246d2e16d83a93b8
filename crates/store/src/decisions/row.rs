//! A decision as a row.

use crate::error::{Result, StoreError};
use model::{Decision, OrgId, Ruling, Text, Timestamp, UserId};
use serde_json::Value;
use uuid::Uuid;

pub(super) struct DecisionRow {
    pub(super) decision_id: Uuid,
    pub(super) org_id: String,
    pub(super) user_id: Option<String>,
    pub(super) payload: Value,
    pub(super) reason: String,
    pub(super) valid_from: i64,
    pub(super) valid_until: Option<i64>,
    pub(super) decided_by: String,
    pub(super) claimed_by: Option<String>,
    pub(super) decided_at: i64,
    pub(super) partitions: Vec<i32>,
    pub(super) hours: Vec<i64>,
}

/// Returns the ruling as it is stored, with U+0000, which Postgres cannot hold, replaced.
pub(super) fn payload(decision: &Decision) -> Result<Value> {
    crate::convert::json(&decision.ruling).map_err(|source| unreadable(decision.decision_id, source))
}

/// Returns the decisions of rows, and logs those that this version cannot read: one of them must not hold up the others.
pub(super) fn readable(rows: Vec<DecisionRow>) -> Vec<Decision> {
    let read = |row: DecisionRow| {
        let decision_id = row.decision_id;
        let read = Decision::try_from(row);
        read.inspect_err(|error| tracing::error!(%decision_id, %error, "a stored decision cannot be read")).ok()
    };
    rows.into_iter().filter_map(read).collect()
}

impl TryFrom<DecisionRow> for Decision {
    type Error = StoreError;

    fn try_from(row: DecisionRow) -> Result<Self> {
        let ruling: Ruling =
            serde_json::from_value(row.payload).map_err(|source| unreadable(row.decision_id, source))?;
        // Numbers of partitions are written by this crate, and fit.
        let partitions = row.partitions.into_iter().map(|partition| u16::try_from(partition).unwrap_or(u16::MAX));
        Ok(Self {
            decision_id: row.decision_id,
            org_id: OrgId::new(&row.org_id),
            user_id: row.user_id.as_deref().map(UserId::new),
            ruling,
            from: Timestamp(row.valid_from),
            until: row.valid_until.map(Timestamp),
            decided_by: Text::from(row.decided_by),
            claimed_by: row.claimed_by.map(Text::from),
            reason: row.reason,
            decided_at: Timestamp(row.decided_at),
            in_force: partitions.zip(row.hours.into_iter().map(Timestamp)).collect(),
        })
    }
}

fn unreadable(decision_id: Uuid, source: serde_json::Error) -> StoreError {
    StoreError::Decision { decision_id, source }
}
