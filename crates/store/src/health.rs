//! What a doctor asks, and every service when it starts.

use crate::Store;
use crate::error::{Doing, Result, StoreError};
use model::{OrgId, Timestamp};
use sqlx::migrate::Migrate;

impl Store {
    /// The database's clock.
    ///
    /// # Errors
    /// If it does not answer.
    pub async fn clock(&self) -> Result<Timestamp> {
        let milliseconds =
            sqlx::query_scalar!(r#"SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS "milliseconds!""#);
        milliseconds.fetch_one(&self.pool).await.doing("ask for the time").map(Timestamp)
    }

    /// Which partitions hold state of which orgs.
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn placements(&self) -> Result<Vec<(i32, OrgId)>> {
        // From one org to the next by the index, however many records each has.
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
        .doing("look where orgs are")?;
        Ok(found.into_iter().map(|place| (place.partition, OrgId::new(&place.org_id))).collect())
    }

    /// How many migrations have not run yet.
    ///
    /// # Errors
    /// If the database does not answer, or the role may not look.
    pub async fn pending_migrations(&self) -> Result<usize> {
        let known = sqlx::migrate!().iter().count();
        let exists = sqlx::query_scalar!(r#"SELECT to_regclass('orgwatch.migrations') IS NOT NULL AS "exists!""#);
        if !exists.fetch_one(&self.pool).await.doing("look for migrations")? {
            return Ok(known);
        }
        let mut connection = self.pool.acquire().await.doing("connect")?;
        let ran = connection.list_applied_migrations("orgwatch.migrations").await.map_err(StoreError::Migrate)?;
        Ok(known.saturating_sub(ran.len()))
    }
}
