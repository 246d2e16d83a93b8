//! Queries of `orgwatchd doctor`, and of every service when it starts.

use crate::Store;
use crate::error::{Context, Result, StoreError};
use model::{OrgId, Timestamp};
use sqlx::migrate::Migrate;

impl Store {
    /// Returns the time of the database's clock.
    ///
    /// # Errors
    /// If it does not answer.
    pub async fn clock(&self) -> Result<Timestamp> {
        let milliseconds =
            sqlx::query_scalar!(r#"SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS "milliseconds!""#);
        milliseconds.fetch_one(&self.pool).await.context("read the time").map(Timestamp)
    }

    /// Lists the pairs of partition and org for which behavioral state is stored, by partition and org.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn placements(&self) -> Result<Vec<(i32, OrgId)>> {
        // A loose index scan: one index look-up for each pair, however many records it has.
        let found = sqlx::query!(
            r#"WITH RECURSIVE places AS (
                   (SELECT partition, org_id FROM orgwatch.baseline_state ORDER BY partition, org_id LIMIT 1)
                   UNION ALL
                   SELECT next.partition, next.org_id
                   FROM places p CROSS JOIN LATERAL (
                       SELECT s.partition, s.org_id FROM orgwatch.baseline_state s
                       WHERE (s.partition, s.org_id) > (p.partition, p.org_id)
                       ORDER BY s.partition, s.org_id LIMIT 1) next)
               SELECT partition AS "partition!", org_id AS "org_id!" FROM places"#
        )
        .fetch_all(&self.pool)
        .await
        .context("list the partitions of orgs")?;
        Ok(found.into_iter().map(|row| (row.partition, OrgId::new(&row.org_id))).collect())
    }

    /// Returns the number of migrations that have not run yet.
    ///
    /// # Errors
    /// If the database does not answer, or the role may not read the table of migrations.
    pub async fn pending_migrations(&self) -> Result<usize> {
        let known = sqlx::migrate!().iter().count();
        let exists = sqlx::query_scalar!(r#"SELECT to_regclass('orgwatch.migrations') IS NOT NULL AS "exists!""#);
        if !exists.fetch_one(&self.pool).await.context("look for migrations")? {
            return Ok(known);
        }
        let mut connection = self.pool.acquire().await.context("connect")?;
        let ran = connection.list_applied_migrations("orgwatch.migrations").await.map_err(StoreError::Migrate)?;
        Ok(known.saturating_sub(ran.len()))
    }
}
