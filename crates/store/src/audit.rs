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

/// Where a page of the audit trail ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditPlace {
    /// The time of its last action, in microseconds since 1970.
    pub at_us: i64,
    /// How many actions of exactly that time the pages so far have.
    pub taken: u32,
}

/// A page of the audit trail, the latest action first.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditPage {
    /// The actions.
    pub entries: Vec<AuditEntry>,
    /// Where it ends, if it is full.
    pub next: Option<AuditPlace>,
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

    /// Returns a page of at most `limit` actions: the latest ones, or those after a page that ends at `after`.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn audit_page(&self, after: Option<AuditPlace>, limit: u32) -> Result<AuditPage> {
        page(&self.pool, after, limit).await
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

/// See [`Store::audit_page`].
pub(crate) async fn page(executor: impl PgExecutor<'_>, after: Option<AuditPlace>, limit: u32) -> Result<AuditPage> {
    // Actions of one transaction have the same time: then the order is that in which they are stored, which stays.
    let rows = sqlx::query!(
        r#"SELECT (extract(epoch FROM at) * 1000000)::bigint AS "at_us!", actor, detail->>'claimed_by' AS claimed_by,
                  action, subject, detail - 'claimed_by' AS "detail!"
           FROM orgwatch.audit
           WHERE $1::bigint IS NULL OR at <= 'epoch'::timestamptz + $1 * interval '1 microsecond'
           ORDER BY at DESC, ctid DESC OFFSET $2 LIMIT $3"#,
        after.map(|place| place.at_us),
        after.map_or(0, |place| i64::from(place.taken)),
        i64::from(limit)
    )
    .fetch_all(executor)
    .await
    .context("read the audit trail")?;
    let is_full = u32::try_from(rows.len()).is_ok_and(|count| count == limit);
    let next = rows.last().filter(|_| is_full).map(|last| {
        let of_page = rows.iter().rev().take_while(|row| row.at_us == last.at_us).count();
        let before = after.filter(|place| place.at_us == last.at_us).map_or(0, |place| place.taken);
        let taken = before.saturating_add(u32::try_from(of_page).unwrap_or(u32::MAX));
        AuditPlace { at_us: last.at_us, taken }
    });
    let entries = rows.into_iter().map(|row| AuditEntry {
        at: Timestamp(row.at_us.div_euclid(1_000)),
        actor: row.actor,
        claimed_by: row.claimed_by,
        action: row.action,
        subject: row.subject,
        detail: row.detail,
    });
    Ok(AuditPage { entries: entries.collect(), next })
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
