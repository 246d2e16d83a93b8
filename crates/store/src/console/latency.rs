//! How long incidents took to be opened and delivered.

use super::Visit;
use crate::convert::text;
use crate::error::{Context, Result};
use model::{OrgId, Timestamp};

/// When an incident went through the stages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IncidentTimes {
    /// Event time of its first finding.
    pub first_event_at: Timestamp,
    /// When it was stored, by the database's clock.
    pub opened_at: Timestamp,
    /// When the first destination confirmed the notification of its opening; `None`: none has. One that was first notified
    /// after it had grown has none, either.
    pub delivered_at: Option<Timestamp>,
}

impl Visit {
    /// Returns the times of the incidents of an org that have the latest events, at most `limit`, without merged ones.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn incident_times(&mut self, org: &OrgId, limit: u32) -> Result<Vec<IncidentTimes>> {
        // Otherwise the planner would sort all rows of an org.
        self.plan("SET LOCAL enable_sort = off").await?;
        // An incident opens with its first revision.
        let rows = sqlx::query!(
            r#"SELECT i.first_event_at, orgwatch.to_ms(i.opened_at) AS "opened_at!",
                   orgwatch.to_ms((SELECT min(d.confirmed_at) FROM orgwatch.deliveries d
                       WHERE d.incident_id = i.incident_id AND d.revision = 1)) AS delivered_at
               FROM orgwatch.incidents i WHERE i.org_id = $1 AND i.status <> 'merged'
               ORDER BY i.last_event_at DESC, i.incident_id LIMIT $2"#,
            &text(org.as_str()),
            i64::from(limit)
        );
        let rows = rows.fetch_all(&mut *self.transaction).await.context("read the times of incidents")?;
        self.plan("SET LOCAL enable_sort TO DEFAULT").await?;
        let times = rows.into_iter().map(|row| IncidentTimes {
            first_event_at: Timestamp(row.first_event_at),
            opened_at: Timestamp(row.opened_at),
            delivered_at: row.delivered_at.map(Timestamp),
        });
        Ok(times.collect())
    }
}
