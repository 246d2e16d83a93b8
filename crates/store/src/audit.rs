//! Who did what.

use crate::Store;
use crate::error::{Doing, Result};
use model::Timestamp;
use serde_json::Value;
use sqlx::PgExecutor;

#[derive(Clone, Debug, PartialEq)]
pub struct AuditEntry {
    pub at: Timestamp,
    pub actor: String,
    pub action: String,
    pub subject: String,
    pub detail: Value,
}

impl Store {
    /// Records an action, at the database's time.
    ///
    /// # Errors
    /// If the database refuses.
    pub async fn record(&self, actor: &str, action: &str, subject: &str, detail: &Value) -> Result<()> {
        insert(&self.pool, actor, action, subject, detail).await
    }

    /// Actions before a time, the latest first; at most `limit`.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn records(&self, before: Option<Timestamp>, limit: u32) -> Result<Vec<AuditEntry>> {
        let rows = sqlx::query!(
            r#"SELECT orgwatch.to_ms(at) AS "at!", actor, action, subject, detail FROM orgwatch.audit
               WHERE $1::bigint IS NULL OR at < orgwatch.from_ms($1) ORDER BY audit.at DESC LIMIT $2"#,
            before.map(|before| before.0),
            i64::from(limit)
        )
        .fetch_all(&self.pool)
        .await
        .doing("read recorded actions")?;
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
    .doing("record an action")
    .map(drop)
}
