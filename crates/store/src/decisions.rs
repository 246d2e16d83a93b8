//! Decisions of people: suppressions before the event, dispositions after it.

use crate::error::{Context, Result};
use crate::{Disposition, Store};
use model::{OrgId, Text, Timestamp, UserId};
use sqlx::PgExecutor;
use uuid::Uuid;

/// Findings that open no incident by themselves.
#[derive(Clone, Debug, PartialEq)]
pub struct Suppression {
    /// Chosen by the caller.
    pub id: Uuid,
    /// The org.
    pub org_id: OrgId,
    /// The account; `None`: every account.
    pub user_id: Option<UserId>,
    /// The detector; `None`: every detector.
    pub detector: Option<Text>,
    /// The end in event time, exclusive; `None`: no end.
    pub until: Option<Timestamp>,
    /// Why.
    pub reason: String,
    /// Who created it.
    pub created_by: String,
}

/// A person's decision on an incident. The last decision on an incident holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// Chosen by the caller.
    pub id: Uuid,
    /// The incident.
    pub incident_id: Uuid,
    /// What the incident was.
    pub disposition: Disposition,
    /// Who decided.
    pub by: String,
    /// Why.
    pub note: String,
    /// When, by the database's clock; ignored when writing.
    pub at: Timestamp,
}

impl Store {
    /// Adds a suppression. If the id exists, the stored one stays unchanged.
    ///
    /// # Errors
    /// If the database refuses.
    pub async fn suppress(&self, suppression: &Suppression) -> Result<()> {
        sqlx::query!(
            r#"INSERT INTO orgwatch.suppressions (id, org_id, user_id, detector, until, reason, created_by)
               VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id) DO NOTHING"#,
            suppression.id,
            suppression.org_id.as_str(),
            suppression.user_id.as_ref().map(UserId::as_str),
            suppression.detector.as_deref(),
            suppression.until.map(|until| until.0),
            suppression.reason,
            suppression.created_by
        )
        .execute(&self.pool)
        .await
        .context("add a suppression")
        .map(drop)
    }

    /// Deletes a suppression. `false` if there is none with this id.
    ///
    /// # Errors
    /// If the database refuses.
    pub async fn unsuppress(&self, id: Uuid) -> Result<bool> {
        let deleted = sqlx::query!("DELETE FROM orgwatch.suppressions WHERE id = $1", id).execute(&self.pool).await;
        Ok(deleted.context("delete a suppression")?.rows_affected() > 0)
    }

    /// Returns the org's suppressions, the earliest first.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn suppressions(&self, org: &OrgId) -> Result<Vec<Suppression>> {
        let rows = SuppressionRow::of_org(&self.pool, org).await?;
        Ok(rows.into_iter().map(Suppression::from).collect())
    }

    /// Records a decision, and makes it the incident's disposition. `false` if there is no such incident.
    ///
    /// # Errors
    /// If the database refuses, for instance because the decision's id exists.
    pub async fn decide(&self, decision: &Decision) -> Result<bool> {
        let found =
            sqlx::query!("SELECT org_id, user_id FROM orgwatch.incidents WHERE incident_id = $1", decision.incident_id)
                .fetch_optional(&self.pool)
                .await
                .context("find an incident")?;
        let Some(found) = found else { return Ok(false) };
        // The lock of the correlator, so that neither overwrites the other's result.
        let mut correlation = self.correlate(&[(OrgId::new(&found.org_id), UserId::new(&found.user_id))]).await?;
        correlation.put_decision(decision).await?;
        correlation.commit().await?;
        Ok(true)
    }

    /// Returns all decisions on an incident, the earliest first.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn decisions(&self, incident_id: Uuid) -> Result<Vec<Decision>> {
        let rows = sqlx::query!(
            r#"SELECT id, incident_id, disposition, by, note, orgwatch.to_ms(at) AS "at!"
               FROM orgwatch.dispositions WHERE incident_id = $1 ORDER BY dispositions.at, id"#,
            incident_id
        )
        .fetch_all(&self.pool)
        .await
        .context("read dispositions")?;
        let decision = rows.into_iter().map(|row| {
            Ok(Decision {
                id: row.id,
                incident_id: row.incident_id,
                disposition: crate::words::disposition(&row.disposition)?,
                by: row.by,
                note: row.note,
                at: Timestamp(row.at),
            })
        });
        decision.collect()
    }
}

pub(crate) struct SuppressionRow {
    id: Uuid,
    org_id: String,
    user_id: Option<String>,
    detector: Option<String>,
    until: Option<i64>,
    reason: String,
    created_by: String,
}

impl SuppressionRow {
    pub(crate) async fn of_org(executor: impl PgExecutor<'_>, org: &OrgId) -> Result<Vec<Self>> {
        sqlx::query_as!(
            Self,
            r#"SELECT id, org_id, user_id, detector, until, reason, created_by FROM orgwatch.suppressions
               WHERE org_id = $1 ORDER BY created_at, id"#,
            org.as_str()
        )
        .fetch_all(executor)
        .await
        .context("read suppressions")
    }
}

impl From<SuppressionRow> for Suppression {
    fn from(row: SuppressionRow) -> Self {
        Self {
            id: row.id,
            org_id: OrgId::new(&row.org_id),
            user_id: row.user_id.as_deref().map(UserId::new),
            detector: row.detector.map(Text::from),
            until: row.until.map(Timestamp),
            reason: row.reason,
            created_by: row.created_by,
        }
    }
}
