//! What has still to be done about decisions.

use super::row::{DecisionRow, readable};
use crate::Store;
use crate::error::{Context, Result};
use model::{Decision, Ruling};
use sqlx::PgExecutor;
use uuid::Uuid;

/// What has to be done about a decision once it is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Purpose {
    /// Apply it to incidents.
    Incidents,
    /// Send it into the activity stream.
    Stream,
}

impl Purpose {
    /// Returns the word that the database has.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Incidents => "incidents",
            Self::Stream => "stream",
        }
    }
}

impl Store {
    /// Returns at most `limit` decisions that are due, in the order in which they were recorded, without the hours with which
    /// they took effect. Those of kinds that only a later version knows stay due for it; another one that cannot be read is
    /// logged, and due no more.
    ///
    /// Several callers may take the same ones: what is done about them may happen twice. Call [`Store::done_with`] once
    /// its effect is durable.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn due_decisions(&self, purpose: Purpose, limit: u32) -> Result<Vec<Decision>> {
        let rows = sqlx::query_as!(
            DecisionRow,
            r#"SELECT d.decision_id, d.org_id, d.user_id, d.payload, d.reason, d.valid_from, d.valid_until, d.decided_by,
                   d.claimed_by, orgwatch.to_ms(d.decided_at) AS "decided_at!",
                   '{}'::integer[] AS "partitions!", '{}'::bigint[] AS "hours!"
               FROM orgwatch.decisions_due due JOIN orgwatch.decisions d USING (decision_id)
               WHERE due.purpose = $1 AND d.kind = ANY($3::text[])
               ORDER BY d.sequence LIMIT $2"#,
            purpose.as_str(),
            i64::from(limit),
            &Ruling::KINDS as &[&str]
        )
        .fetch_all(&self.pool)
        .await
        .context("read decisions that are due")?;
        let taken: Vec<Uuid> = rows.iter().map(|row| row.decision_id).collect();
        let decisions = readable(rows);
        let is_unreadable = |id: &Uuid| !decisions.iter().any(|decision| decision.decision_id == *id);
        let unreadable: Vec<Uuid> = taken.into_iter().filter(is_unreadable).collect();
        if !unreadable.is_empty() {
            self.done_with(purpose, &unreadable).await?;
        }
        Ok(decisions)
    }

    /// Takes the decisions with these ids from what is due.
    ///
    /// # Errors
    /// If the database refuses; they are then due again.
    pub async fn done_with(&self, purpose: Purpose, ids: &[Uuid]) -> Result<()> {
        sqlx::query!(
            "DELETE FROM orgwatch.decisions_due WHERE purpose = $1 AND decision_id = ANY($2)",
            purpose.as_str(),
            ids
        )
        .execute(&self.pool)
        .await
        .context("take decisions from what is due")
        .map(drop)
    }

    /// Returns whether anything has still to be done about one of the decisions.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn is_due(&self, ids: &[Uuid]) -> Result<bool> {
        is_due(&self.pool, ids).await
    }
}

/// See [`Store::is_due`].
pub(crate) async fn is_due(executor: impl PgExecutor<'_>, ids: &[Uuid]) -> Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM orgwatch.decisions_due WHERE decision_id = ANY($1)) AS "due!""#,
        ids
    )
    .fetch_one(executor)
    .await
    .context("look for decisions that are due")
}
