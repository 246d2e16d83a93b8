//! Read positions: how far each source of each org has been read.

use crate::Store;
use crate::error::{Context, Result};
use model::OrgId;
use serde_json::Value;

impl Store {
    /// Returns the stored position; `None` if the source was never read. Only the source interprets the JSON.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn position(&self, source: &str, org: &OrgId) -> Result<Option<Value>> {
        sqlx::query_scalar!(
            "SELECT position FROM orgwatch.source_positions WHERE source = $1 AND org_id = $2",
            source,
            org.as_str()
        )
        .fetch_optional(&self.pool)
        .await
        .context("read the position in a source")
    }

    /// Stores the position, replacing the one before.
    ///
    /// # Errors
    /// If the database refuses.
    pub async fn put_position(&self, source: &str, org: &OrgId, position: &Value) -> Result<()> {
        sqlx::query!(
            r#"INSERT INTO orgwatch.source_positions (source, org_id, position) VALUES ($1, $2, $3)
               ON CONFLICT (source, org_id) DO UPDATE SET position = EXCLUDED.position, updated_at = now()"#,
            source,
            org.as_str(),
            position
        )
        .execute(&self.pool)
        .await
        .context("write the position in a source")
        .map(drop)
    }
}
