//! What a doctor asks.

use crate::Store;
use crate::error::{Doing, Result, StoreError};
use model::Timestamp;
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
