//! The outbox: messages on their way from Postgres to the bus, published in order and deleted after publishing.

use crate::Store;
use crate::convert::unsigned;
use crate::error::{Context, Result};
use model::{OrgId, Timestamp, id};
use std::future::Future;
use uuid::Uuid;

/// A message that waits to be published.
#[derive(Clone, Debug, PartialEq)]
pub struct OutboxRow {
    /// Ascending and never reused, so that it can identify the message on the bus.
    pub id: i64,
    /// The incident that changed.
    pub incident_id: Uuid,
    /// The incident's revision after the change.
    pub revision: u64,
    /// The incident's org.
    pub org_id: OrgId,
    /// The kind of change, as [`model::ChangeKind`] is written.
    pub change: String,
    /// The encoded [`model::Incident`].
    pub message: Vec<u8>,
    /// W3C trace context of the correlation that wrote it.
    pub traceparent: Option<String>,
    /// When the row was written, by the database's clock.
    pub created_at: Timestamp,
    /// Why the incident ended, as [`model::EndReason`] is written.
    pub end_reason: Option<String>,
    /// The incident that absorbed it.
    pub merged_into: Option<Uuid>,
}

/// What one call of [`Store::relay`] did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RelayCounts {
    /// Rows that were handed to `publish`; if it equals the limit, more may be waiting.
    pub taken: usize,
    /// Rows of these that were published and deleted.
    pub published: usize,
}

impl Store {
    /// Hands the oldest rows, at most `limit`, to `publish`, and deletes the rows with the ids that it returns.
    ///
    /// Returns `None` if another relay of this database is at work; only one works at a time. The revisions of an
    /// incident are committed one after the other, so their ids ascend. `publish` must go through the rows in order
    /// and stop at the first failure, or a later revision of an incident could overtake an earlier one. It has to
    /// finish within [`Settings::idle_in_transaction_timeout_ms`](crate::Settings). After a failure a row may be
    /// handed over again, even if it was published.
    ///
    /// # Errors
    /// If the database fails; published rows then stay in the outbox.
    pub async fn relay<F, P>(&self, limit: u32, publish: F) -> Result<Option<RelayCounts>>
    where
        F: FnOnce(Vec<OutboxRow>) -> P,
        P: Future<Output = Vec<i64>>,
    {
        let mut transaction = self.pool.begin().await.context("begin a relay")?;
        let key = id::hash(b"orgwatch/relay").cast_signed();
        let alone = sqlx::query_scalar!(r#"SELECT pg_try_advisory_xact_lock($1) AS "alone!""#, key)
            .fetch_one(&mut *transaction)
            .await
            .context("take the lock of the relay")?;
        if !alone {
            return Ok(None);
        }
        let rows = sqlx::query!(
            r#"SELECT id, incident_id, revision, org_id, change, message, traceparent,
                   orgwatch.to_ms(created_at) AS "created_at!", end_reason, merged_into
               FROM orgwatch.outbox ORDER BY id LIMIT $1"#,
            i64::from(limit)
        )
        .fetch_all(&mut *transaction)
        .await
        .context("read the outbox")?;
        let rows: Vec<OutboxRow> = rows
            .into_iter()
            .map(|row| OutboxRow {
                id: row.id,
                incident_id: row.incident_id,
                revision: unsigned(row.revision),
                org_id: OrgId::new(&row.org_id),
                change: row.change,
                message: row.message,
                traceparent: row.traceparent,
                created_at: Timestamp(row.created_at),
                end_reason: row.end_reason,
                merged_into: row.merged_into,
            })
            .collect();
        let taken = rows.len();
        if taken == 0 {
            return Ok(Some(RelayCounts { taken, published: 0 }));
        }
        let published = publish(rows).await;
        let deleted = sqlx::query!("DELETE FROM orgwatch.outbox WHERE id = ANY($1)", &published)
            .execute(&mut *transaction)
            .await
            .context("delete published messages")?;
        transaction.commit().await.context("commit a relay")?;
        Ok(Some(RelayCounts { taken, published: usize::try_from(deleted.rows_affected()).unwrap_or(usize::MAX) }))
    }

    /// Returns the number of waiting messages, and when the oldest was written.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn outbox_backlog(&self) -> Result<(u64, Option<Timestamp>)> {
        let row = sqlx::query!(
            r#"SELECT count(*) AS "waiting!", orgwatch.to_ms(min(created_at)) AS oldest FROM orgwatch.outbox"#
        )
        .fetch_one(&self.pool)
        .await
        .context("count the outbox")?;
        Ok((unsigned(row.waiting), row.oldest.map(Timestamp)))
    }
}
