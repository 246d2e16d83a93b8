//! Which records were changed and deleted in a span of time, by the database's clock.

use super::Visit;
use crate::error::{Context, Result};
use model::{Timestamp, Uuid};

/// A span of time with what happened in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span<T> {
    /// What happened, by id.
    pub found: Vec<T>,
    /// Whether there is more than was asked for.
    pub has_more: bool,
    /// Up to when all that happened is found: the next span starts here. Transactions that are still open may yet commit
    /// changes of the last minute.
    pub covered: Timestamp,
    /// Since when changes are stored: that of the oldest one.
    pub earliest: Timestamp,
}

/// A record that is no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deleted {
    /// Id of the incident.
    pub incident_id: Uuid,
    /// When it was withdrawn, absorbed or erased.
    pub at: Timestamp,
}

impl Visit {
    /// Returns the ids of at most `limit` records that were made or changed from `start`, and before `end`.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn updated_anomalies(&mut self, start: Timestamp, end: Timestamp, limit: u32) -> Result<Span<Uuid>> {
        let ids = sqlx::query_scalar!(
            "SELECT DISTINCT h.incident_id FROM orgwatch.incident_history h JOIN orgwatch.incidents i USING (incident_id)
             WHERE h.at >= orgwatch.from_ms($1) AND h.at < orgwatch.from_ms($2)
               AND i.status NOT IN ('merged', 'withdrawn') AND i.leading_finding_id IS NOT NULL
             ORDER BY h.incident_id LIMIT $3",
            start.0,
            end.0,
            i64::from(limit).saturating_add(1)
        )
        .fetch_all(&mut *self.transaction)
        .await
        .context("read which records changed")?;
        self.span(ids, start, end, limit).await
    }

    /// Returns at most `limit` records that were withdrawn, absorbed or erased from `start`, and before `end`, and did not
    /// return since.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn deleted_anomalies(&mut self, start: Timestamp, end: Timestamp, limit: u32) -> Result<Span<Deleted>> {
        let rows = sqlx::query!(
            r#"SELECT incident_id AS "incident_id!", orgwatch.to_ms(max(at)) AS "at!" FROM (
                   SELECT h.incident_id, h.at FROM orgwatch.incident_history h
                   JOIN orgwatch.incidents i USING (incident_id)
                   WHERE i.status IN ('merged', 'withdrawn')
                     AND h.end_reason IN ('absorbed', 'withdrawn', 'suppressed')
                   UNION ALL
                   SELECT e.incident_id, e.erased_at FROM orgwatch.erased_incidents e
                   WHERE NOT EXISTS (SELECT FROM orgwatch.incidents i WHERE i.incident_id = e.incident_id)
               ) deleted
               WHERE at >= orgwatch.from_ms($1) AND at < orgwatch.from_ms($2)
               GROUP BY incident_id ORDER BY incident_id LIMIT $3"#,
            start.0,
            end.0,
            i64::from(limit).saturating_add(1)
        )
        .fetch_all(&mut *self.transaction)
        .await
        .context("read which records were deleted")?;
        let deleted = rows.into_iter().map(|row| Deleted { incident_id: row.incident_id, at: Timestamp(row.at) });
        self.span(deleted.collect(), start, end, limit).await
    }

    async fn span<T>(&mut self, mut found: Vec<T>, start: Timestamp, end: Timestamp, limit: u32) -> Result<Span<T>> {
        // A change has the time at which its transaction began. Those that write changes take a second, seldom ten.
        let row = sqlx::query!(
            r#"SELECT orgwatch.to_ms(now() - interval '1 minute') AS "settled!",
                   orgwatch.to_ms(coalesce((SELECT h.at FROM orgwatch.incident_history h ORDER BY h.at LIMIT 1), now()))
                       AS "earliest!""#
        )
        .fetch_one(&mut *self.transaction)
        .await
        .context("read the clock of the database")?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let has_more = found.len() > limit;
        found.truncate(limit);
        let covered = Timestamp(row.settled).min(end).max(start);
        Ok(Span { found, has_more, covered, earliest: Timestamp(row.earliest) })
    }
}
