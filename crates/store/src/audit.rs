//! The audit trail: what people and operators did.

use crate::Store;
use crate::error::{Context, Result};
use model::Timestamp;
use serde_json::Value;
use sqlx::PgExecutor;

/// One recorded action.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditEntry {
    /// When it was recorded, by the database's clock.
    pub at: Timestamp,
    /// Who did it.
    pub actor: String,
    /// What was done, such as `org removed`.
    pub action: String,
    /// To what.
    pub subject: String,
    /// More about it; its shape depends on the action.
    pub detail: Value,
}

impl Store {
    /// Appends an action to the audit trail, at the database's time.
    ///
    /// # Errors
    /// If the database refuses.
    pub async fn audit(&self, actor: &str, action: &str, subject: &str, detail: &Value) -> Result<()> {
        insert(&self.pool, actor, action, subject, detail).await
    }

    /// Returns at most `limit` actions, the latest first; only those before `before` if it is given.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn audit_entries(&self, before: Option<Timestamp>, limit: u32) -> Result<Vec<AuditEntry>> {
        let rows = sqlx::query!(
            r#"SELECT orgwatch.to_ms(at) AS "at!", actor, action, subject, detail FROM orgwatch.audit
               WHERE $1::bigint IS NULL OR at < orgwatch.from_ms($1) ORDER BY audit.at DESC LIMIT $2"#,
            before.map(|before| before.0),
            i64::from(limit)
        )
        .fetch_all(&self.pool)
        .await
        .context("read the audit trail")?;
        let entries = rows.into_iter().map(|row| AuditEntry {
            at: Timestamp(row.at),
            actor: row.actor,
            action: row.action,
            subject: row.subject,
            detail: row.detail,
        });
        Ok(entries.collect())
    }
}

/// Appends an action to the audit trail, as part of a transaction or by itself.
pub(crate) async fn insert(
    executor: impl PgExecutor<'_>,
    actor: &str,
    action: &str,
    subject: &str,
    detail: &Value,
) -> Result<()> {
    sqlx::query!(
        "INSERT INTO orgwatch.audit (actor, action, subject, detail) VALUES ($1, $2, $3, $4)",
        actor,
        action,
        subject,
        detail
    )
    .execute(executor)
    .await
    .context("record an action")
    .map(drop)
}
