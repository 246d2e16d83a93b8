//! How far each source of each org was read.

use crate::Store;
use crate::error::{Doing, Result};
use model::OrgId;
use serde_json::Value;

impl Store {
    /// Where to go on; `None` if the source was never read. Only the source knows the shape.
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
        .doing("read the position in a source")
    }

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
        .doing("write the position in a source")
        .map(drop)
    }
}
