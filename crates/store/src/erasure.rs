//! All that is kept of an org, or of one of its accounts, goes. Behavioral state is its owner's to delete:
//! [`Owner::forget_org`](crate::Owner::forget_org), [`Owner::checkpoint`](crate::Owner::checkpoint).

use crate::error::{Doing, Result};
use crate::{Store, audit};
use model::{OrgId, UserId};
use serde::Serialize;
use serde_json::Value;

/// Rows that were deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Erased {
    pub findings: i64,
    pub incidents: i64,
    pub history: i64,
    pub risks: i64,
    pub outbox: i64,
    pub deliveries: i64,
    pub dispositions: i64,
    pub suppressions: i64,
    /// Of a whole org alone: how far its sources were read, what they have seen and what they have missed.
    pub sources: i64,
}

/// What the audit trail says of an erasure, beside the counts.
#[derive(Clone, Copy, Debug)]
pub struct Minutes<'a> {
    pub actor: &'a str,
    pub action: &'a str,
    pub subject: &'a str,
}

impl Store {
    /// Deletes everything of the org, or of one of its accounts, and records that: all or nothing. Doing it again does
    /// no harm. The audit trail itself stays.
    ///
    /// # Errors
    /// If the database fails; nothing is deleted then.
    pub async fn erase(&self, org: &OrgId, user: Option<&UserId>, minutes: Minutes<'_>) -> Result<Erased> {
        let (org, user) = (org.as_str(), user.map(UserId::as_str));
        let mut transaction = self.pool.begin().await.doing("begin an erasure")?;
        // A whole org may be much.
        sqlx::query("SET LOCAL statement_timeout = '5min'")
            .execute(&mut *transaction)
            .await
            .doing("set the time limit of an erasure")?;
        // As the correlation of an account does, so that none is under way.
        sqlx::query!(
            "SELECT user_id FROM orgwatch.entity_risk
             WHERE org_id = $1 AND ($2::text IS NULL OR user_id = $2) ORDER BY org_id, user_id FOR UPDATE",
            org,
            user
        )
        .fetch_all(&mut *transaction)
        .await
        .doing("lock accounts")?;
        let erased = sqlx::query_as!(
            Erased,
            r#"WITH theirs AS (
                   SELECT incident_id FROM orgwatch.incidents WHERE org_id = $1 AND ($2::text IS NULL OR user_id = $2)),
               deliveries AS (
                   DELETE FROM orgwatch.deliveries d USING theirs t WHERE d.incident_id = t.incident_id RETURNING 1),
               outbox AS (
                   DELETE FROM orgwatch.outbox o USING theirs t WHERE o.incident_id = t.incident_id RETURNING 1),
               history AS (
                   DELETE FROM orgwatch.incident_history h USING theirs t
                   WHERE h.incident_id = t.incident_id RETURNING 1),
               dispositions AS (
                   DELETE FROM orgwatch.dispositions d USING theirs t WHERE d.incident_id = t.incident_id RETURNING 1),
               incidents AS (
                   DELETE FROM orgwatch.incidents i USING theirs t WHERE i.incident_id = t.incident_id RETURNING 1),
               findings AS (
                   DELETE FROM orgwatch.findings
                   WHERE org_id = $1 AND ($2::text IS NULL OR user_id = $2) RETURNING 1),
               suppressions AS (
                   DELETE FROM orgwatch.suppressions
                   WHERE org_id = $1 AND ($2::text IS NULL OR user_id = $2) RETURNING 1),
               risks AS (
                   DELETE FROM orgwatch.entity_risk
                   WHERE org_id = $1 AND ($2::text IS NULL OR user_id = $2) RETURNING 1),
               positions AS (
                   DELETE FROM orgwatch.source_positions WHERE org_id = $1 AND $2::text IS NULL RETURNING 1),
               states AS (DELETE FROM orgwatch.source_states WHERE org_id = $1 AND $2::text IS NULL RETURNING 1),
               gaps AS (DELETE FROM orgwatch.source_gaps WHERE org_id = $1 AND $2::text IS NULL RETURNING 1)
               SELECT (SELECT count(*) FROM findings) AS "findings!",
                      (SELECT count(*) FROM incidents) AS "incidents!",
                      (SELECT count(*) FROM history) AS "history!",
                      (SELECT count(*) FROM risks) AS "risks!",
                      (SELECT count(*) FROM outbox) AS "outbox!",
                      (SELECT count(*) FROM deliveries) AS "deliveries!",
                      (SELECT count(*) FROM dispositions) AS "dispositions!",
                      (SELECT count(*) FROM suppressions) AS "suppressions!",
                      (SELECT count(*) FROM positions) + (SELECT count(*) FROM states) + (SELECT count(*) FROM gaps)
                          AS "sources!""#,
            org,
            user
        )
        .fetch_one(&mut *transaction)
        .await
        .doing("erase")?;
        let Minutes { actor, action, subject } = minutes;
        let detail = serde_json::to_value(erased).unwrap_or(Value::Null);
        audit::insert(&mut *transaction, actor, action, subject, &detail).await?;
        transaction.commit().await.doing("commit an erasure")?;
        Ok(erased)
    }
}
