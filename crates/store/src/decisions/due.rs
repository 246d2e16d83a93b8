//! What has still to be done about decisions.

use super::DecisionRow;
use crate::Store;
use crate::error::{Context, Result};
use model::Decision;
use sqlx::{Postgres, Transaction};
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

/// Some decisions that are due, locked so that nobody else takes them. Dropping it leaves all of them due.
#[derive(Debug)]
pub struct Due {
    transaction: Transaction<'static, Postgres>,
    purpose: Purpose,
    decisions: Vec<Decision>,
}

impl Store {
    /// Locks and returns at most `limit` decisions that are due, in the order in which they were recorded; those that
    /// somebody else has locked are left out.
    ///
    /// They stay locked, and a connection of the pool in use, until [`Due::done`], which must be called within
    /// [`Settings::idle_in_transaction_timeout_ms`](crate::Settings). Their effect has to be durable before, and may happen
    /// twice: if `done` fails, they are due again.
    ///
    /// # Errors
    /// If the database cannot be read, or a stored decision cannot be decoded.
    pub async fn due_decisions(&self, purpose: Purpose, limit: u32) -> Result<Due> {
        let mut transaction = self.pool.begin().await.context("begin to take decisions that are due")?;
        let rows = sqlx::query_as!(
            DecisionRow,
            r#"SELECT d.decision_id, d.org_id, d.user_id, d.payload, d.reason, d.valid_from, d.valid_until, d.decided_by,
                   d.claimed_by, orgwatch.to_ms(d.decided_at) AS "decided_at!",
                   ARRAY(SELECT e.partition FROM orgwatch.decision_effects e WHERE e.decision_id = d.decision_id
                         ORDER BY e.partition) AS "partitions!",
                   ARRAY(SELECT e.hour FROM orgwatch.decision_effects e WHERE e.decision_id = d.decision_id
                         ORDER BY e.partition) AS "hours!"
               FROM orgwatch.decisions_due due JOIN orgwatch.decisions d USING (decision_id)
               WHERE due.purpose = $1
               ORDER BY d.sequence LIMIT $2 FOR UPDATE OF due SKIP LOCKED"#,
            purpose.as_str(),
            i64::from(limit)
        )
        .fetch_all(&mut *transaction)
        .await
        .context("read decisions that are due")?;
        let decisions = rows.into_iter().map(Decision::try_from).collect::<Result<_>>()?;
        Ok(Due { transaction, purpose, decisions })
    }

    /// Returns whether anything has still to be done about one of the decisions.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn is_due(&self, ids: &[Uuid]) -> Result<bool> {
        sqlx::query_scalar!(
            r#"SELECT EXISTS (SELECT FROM orgwatch.decisions_due WHERE decision_id = ANY($1)) AS "due!""#,
            ids
        )
        .fetch_one(&self.pool)
        .await
        .context("look for decisions that are due")
    }
}

impl Due {
    /// Returns the decisions.
    pub fn decisions(&self) -> &[Decision] {
        &self.decisions
    }

    /// Takes the decisions with these ids from what is due, and unlocks the others.
    ///
    /// # Errors
    /// If the database refuses; they are then due again.
    pub async fn done(mut self, ids: &[Uuid]) -> Result<()> {
        sqlx::query!(
            "DELETE FROM orgwatch.decisions_due WHERE purpose = $1 AND decision_id = ANY($2)",
            self.purpose.as_str(),
            ids
        )
        .execute(&mut *self.transaction)
        .await
        .context("take decisions from what is due")?;
        self.transaction.commit().await.context("commit what was done about decisions")
    }
}
