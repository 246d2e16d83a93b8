//! The audit trail: what people and operators did.

use crate::Store;
use crate::convert::text;
use crate::error::{Context, Result};
use model::{OrgId, Timestamp};
use serde_json::Value;
use sqlx::PgExecutor;

/// One recorded action.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditEntry {
    /// When it was recorded, by the database's clock.
    pub at: Timestamp,
    /// The database login that did it.
    pub actor: String,
    /// Who asked for it, as they claimed; nobody has checked it.
    pub claimed_by: Option<String>,
    /// What was done, such as `org removed`.
    pub action: String,
    /// To what.
    pub subject: String,
    /// More about it; its shape depends on the action.
    pub detail: Value,
}

impl Store {
    /// Appends an action to the audit trail, at the database's time. The actor is the login of the session;
    /// `claimed_by` is who asked for it, as they say. `detail` must be a JSON object.
    ///
    /// # Errors
    /// If the database refuses.
    pub async fn audit(&self, claimed_by: Option<&str>, action: &str, subject: &str, detail: &Value) -> Result<()> {
        insert(&self.pool, claimed_by, action, subject, detail).await
    }

    /// Appends an action of nobody who is signed in, such as a refused sign-in; the actor is the login of the service.
    /// `detail` must be a JSON object.
    ///
    /// # Errors
    /// If the database refuses.
    pub async fn audit_unsigned(&self, action: &str, subject: &str, detail: &Value) -> Result<()> {
        note(&self.pool, None, action, subject, detail).await
    }

    /// Returns at most `limit` actions, the latest first; only those before `before` if it is given.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn audit_entries(&self, before: Option<Timestamp>, limit: u32) -> Result<Vec<AuditEntry>> {
        entries(&self.pool, before, limit).await
    }
}

/// Appends an action to the audit trail, as part of a transaction or by itself.
pub(crate) async fn insert(
    executor: impl PgExecutor<'_>,
    claimed_by: Option<&str>,
    action: &str,
    subject: &str,
    detail: &Value,
) -> Result<()> {
    // The login, which SET ROLE does not change.
    sqlx::query!(
        "INSERT INTO orgwatch.audit (actor, action, subject, detail)
         VALUES (session_user, $2, $3, $4 || jsonb_strip_nulls(jsonb_build_object('claimed_by', $1::text)))",
        claimed_by,
        action,
        subject,
        detail
    )
    .execute(executor)
    .await
    .context("record an action")
    .map(drop)
}

/// See [`Store::audit_entries`].
pub(crate) async fn entries(
    executor: impl PgExecutor<'_>,
    before: Option<Timestamp>,
    limit: u32,
) -> Result<Vec<AuditEntry>> {
    let rows = sqlx::query!(
        r#"SELECT orgwatch.to_ms(at) AS "at!", actor, detail->>'claimed_by' AS claimed_by, action, subject,
                  detail - 'claimed_by' AS "detail!"
           FROM orgwatch.audit
           WHERE $1::bigint IS NULL OR at < orgwatch.from_ms($1) ORDER BY audit.at DESC LIMIT $2"#,
        before.map(|before| before.0),
        i64::from(limit)
    )
    .fetch_all(executor)
    .await
    .context("read the audit trail")?;
    let entries = rows.into_iter().map(|row| AuditEntry {
        at: Timestamp(row.at),
        actor: row.actor,
        claimed_by: row.claimed_by,
        action: row.action,
        subject: row.subject,
        detail: row.detail,
    });
    Ok(entries.collect())
}

/// Appends an action of a session to the audit trail, in the name of the session.
pub(crate) async fn note(
    executor: impl PgExecutor<'_>,
    org: Option<&OrgId>,
    action: &str,
    subject: &str,
    detail: &Value,
) -> Result<()> {
    sqlx::query!(
        "INSERT INTO orgwatch.audit (org_id, action, subject, detail) VALUES ($1, $2, $3, $4)",
        org.map(OrgId::as_str),
        action,
        &text(subject),
        detail
    )
    .execute(executor)
    .await
    .context("record an action of a session")
    .map(drop)
}
