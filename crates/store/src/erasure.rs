//! Erasure of an org, or of one of its accounts. Behavioral state is deleted by the partition's owner:
//! [`Owner::forget_org`](crate::Owner::forget_org), [`Owner::checkpoint`](crate::Owner::checkpoint).

use crate::error::{Context, Result};
use crate::{Store, audit};
use model::{OrgId, UserId};
use serde::Serialize;
use serde_json::Value;

/// The numbers of deleted rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Erased {
    /// Findings.
    pub findings: i64,
    /// Incidents, including merged ones.
    pub incidents: i64,
    /// Lines of histories.
    pub history: i64,
    /// Risks of accounts.
    pub risks: i64,
    /// Messages that were not published yet.
    pub outbox: i64,
    /// Deliveries.
    pub deliveries: i64,
    /// Closed days of accounts.
    pub user_days: i64,
    /// Decisions on the org or account.
    pub decisions: i64,
    /// Positions, states and gaps of the org's sources; 0 when one account is erased.
    pub sources: i64,
    /// Logins that were bound to the org as its readers; 0 when one account is erased.
    pub readers: i64,
}

/// The entry of the audit trail for an erasure, without the counts, which become its detail.
#[derive(Clone, Copy, Debug)]
pub struct ErasureRecord<'a> {
    /// Who asked for it, as they claimed; the actor is the login of the session.
    pub claimed_by: Option<&'a str>,
    /// What was done, such as `org removed`.
    pub action: &'a str,
    /// What was erased.
    pub subject: &'a str,
}

impl Store {
    /// Returns whether anything is stored about the org.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn knows_org(&self, org: &OrgId) -> Result<bool> {
        if self.placements().await?.iter().any(|(_, placed)| placed == org) {
            return Ok(true);
        }
        let known = sqlx::query_scalar!(
            r#"SELECT EXISTS (SELECT FROM orgwatch.findings WHERE org_id = $1)
                   OR EXISTS (SELECT FROM orgwatch.incidents WHERE org_id = $1)
                   OR EXISTS (SELECT FROM orgwatch.entity_risk WHERE org_id = $1)
                   OR EXISTS (SELECT FROM orgwatch.user_days WHERE org_id = $1)
                   OR EXISTS (SELECT FROM orgwatch.decisions WHERE org_id = $1)
                   OR EXISTS (SELECT FROM orgwatch.source_positions WHERE org_id = $1)
                   OR EXISTS (SELECT FROM orgwatch.source_states WHERE org_id = $1)
                   OR EXISTS (SELECT FROM orgwatch.source_gaps WHERE org_id = $1)
                   OR EXISTS (SELECT FROM orgwatch.erased_incidents WHERE org_id = $1)
                   OR EXISTS (SELECT FROM orgwatch.readers WHERE org_id = $1) AS "known!""#,
            org.as_str()
        );
        known.fetch_one(&self.pool).await.context("look for an org")
    }

    /// Deletes everything about the org, or about one of its accounts, and records the erasure, in one transaction.
    /// The audit trail itself stays. A second call finds nothing to delete.
    ///
    /// Of the incidents of an account, the ids stay with the time of the erasure, so that clients with copies delete theirs;
    /// of an org nothing stays.
    ///
    /// # Errors
    /// If the database fails; nothing is deleted then.
    pub async fn erase(&self, org: &OrgId, user: Option<&UserId>, record: ErasureRecord<'_>) -> Result<Erased> {
        let (org, user) = (org.as_str(), user.map(UserId::as_str));
        let mut transaction = self.pool.begin().await.context("begin an erasure")?;
        // A large org takes longer than a usual statement may.
        sqlx::query("SET LOCAL statement_timeout = '5min'")
            .execute(&mut *transaction)
            .await
            .context("set the time limit of an erasure")?;
        // Otherwise the database lets nobody delete decisions.
        sqlx::query("SELECT set_config('orgwatch.erasing', 'on', true)")
            .execute(&mut *transaction)
            .await
            .context("begin to erase decisions")?;
        // The locks of correlations, so that none is under way.
        sqlx::query!(
            "SELECT user_id FROM orgwatch.entity_risk
             WHERE org_id = $1 AND ($2::text IS NULL OR user_id = $2) ORDER BY org_id, user_id FOR UPDATE",
            org,
            user
        )
        .fetch_all(&mut *transaction)
        .await
        .context("lock accounts")?;
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
               decisions AS (
                   DELETE FROM orgwatch.decisions
                   WHERE org_id = $1 AND ($2::text IS NULL OR user_id = $2) RETURNING decision_id),
               effects AS (
                   DELETE FROM orgwatch.decision_effects e USING decisions d WHERE e.decision_id = d.decision_id),
               tombstones AS (
                   INSERT INTO orgwatch.erased_incidents (incident_id, org_id, erased_at)
                   SELECT incident_id, $1, clock_timestamp() FROM theirs WHERE $2::text IS NOT NULL
                   ON CONFLICT (incident_id) DO UPDATE SET erased_at = EXCLUDED.erased_at),
               old_tombstones AS (DELETE FROM orgwatch.erased_incidents WHERE org_id = $1 AND $2::text IS NULL),
               incidents AS (
                   DELETE FROM orgwatch.incidents i USING theirs t WHERE i.incident_id = t.incident_id RETURNING 1),
               findings AS (
                   DELETE FROM orgwatch.findings
                   WHERE org_id = $1 AND ($2::text IS NULL OR user_id = $2) RETURNING 1),
               risks AS (
                   DELETE FROM orgwatch.entity_risk
                   WHERE org_id = $1 AND ($2::text IS NULL OR user_id = $2) RETURNING 1),
               user_days AS (
                   DELETE FROM orgwatch.user_days
                   WHERE org_id = $1 AND ($2::text IS NULL OR user_id = $2) RETURNING 1),
               positions AS (
                   DELETE FROM orgwatch.source_positions WHERE org_id = $1 AND $2::text IS NULL RETURNING 1),
               states AS (DELETE FROM orgwatch.source_states WHERE org_id = $1 AND $2::text IS NULL RETURNING 1),
               gaps AS (DELETE FROM orgwatch.source_gaps WHERE org_id = $1 AND $2::text IS NULL RETURNING 1),
               readers AS (DELETE FROM orgwatch.readers WHERE org_id = $1 AND $2::text IS NULL RETURNING 1)
               SELECT (SELECT count(*) FROM findings) AS "findings!",
                      (SELECT count(*) FROM incidents) AS "incidents!",
                      (SELECT count(*) FROM history) AS "history!",
                      (SELECT count(*) FROM risks) AS "risks!",
                      (SELECT count(*) FROM outbox) AS "outbox!",
                      (SELECT count(*) FROM deliveries) AS "deliveries!",
                      (SELECT count(*) FROM user_days) AS "user_days!",
                      (SELECT count(*) FROM decisions) AS "decisions!",
                      (SELECT count(*) FROM positions) + (SELECT count(*) FROM states) + (SELECT count(*) FROM gaps)
                          AS "sources!",
                      (SELECT count(*) FROM readers) AS "readers!""#,
            org,
            user
        )
        .fetch_one(&mut *transaction)
        .await
        .context("erase")?;
        let ErasureRecord { claimed_by, action, subject } = record;
        let detail = serde_json::to_value(erased).unwrap_or_else(|_| Value::Object(Default::default()));
        audit::insert(&mut *transaction, claimed_by, action, subject, &detail).await?;
        transaction.commit().await.context("commit an erasure")?;
        Ok(erased)
    }
}
