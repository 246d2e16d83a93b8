//! What people have seen of incidents, so that lists say what has changed since.

use crate::Store;
use crate::convert::{bigint, unsigned};
use crate::error::{Context, Result};
use model::Uuid;
use sqlx::PgExecutor;
use std::collections::BTreeMap;

impl Store {
    /// Notes that the login of the session has seen an incident at a revision. An earlier look at a later one stays.
    ///
    /// # Errors
    /// If the database refuses.
    pub async fn look(&self, incident_id: Uuid, revision: u64) -> Result<()> {
        look(&self.pool, incident_id, revision).await
    }

    /// Returns the revisions at which the login of the session has seen these incidents; those that it has not are left
    /// out.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn looks(&self, incident_ids: &[Uuid]) -> Result<BTreeMap<Uuid, u64>> {
        let rows = sqlx::query!(
            "SELECT incident_id, revision FROM orgwatch.looks
             WHERE subject = orgwatch.looker() AND incident_id = ANY($1)",
            incident_ids
        )
        .fetch_all(&self.pool)
        .await
        .context("read what was seen of incidents")?;
        Ok(rows.into_iter().map(|row| (row.incident_id, unsigned(row.revision))).collect())
    }
}

/// Notes a look by the person of the session, or by the login where there is none.
pub(crate) async fn look(executor: impl PgExecutor<'_>, incident_id: Uuid, revision: u64) -> Result<()> {
    sqlx::query!(
        "INSERT INTO orgwatch.looks AS l (subject, incident_id, revision) VALUES (orgwatch.looker(), $1, $2)
         ON CONFLICT (subject, incident_id) DO UPDATE SET revision = EXCLUDED.revision, at = now()
         WHERE l.revision < EXCLUDED.revision",
        incident_id,
        bigint("revision", revision)?
    )
    .execute(executor)
    .await
    .context("note a look at an incident")
    .map(drop)
}
