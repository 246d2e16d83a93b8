//! From the outbox to the bus: in order, and nothing is deleted before it is published.

use crate::Store;
use crate::convert::unsigned;
use crate::error::{Doing, Result};
use model::{OrgId, Timestamp, id};
use std::future::Future;
use uuid::Uuid;

/// A message that waits to be published.
#[derive(Clone, Debug, PartialEq)]
pub struct OutboxRow {
    /// Grows, and is never used again: a good identity for the bus.
    pub id: i64,
    pub incident_id: Uuid,
    pub revision: u64,
    pub org_id: OrgId,
    pub change: String,
    pub message: Vec<u8>,
    pub traceparent: Option<String>,
    pub created_at: Timestamp,
}

/// What one round did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Relayed {
    /// How many rows were handed over; as many as the limit if more may be waiting.
    pub taken: usize,
    /// How many of them were published and are deleted.
    pub published: usize,
}

impl Store {
    /// Hands the oldest rows, at most `limit`, to `publish`, and deletes those whose ids it returns.
    ///
    /// Only one relay of a database works at a time; `None` if another one does. The revisions of an incident are
    /// committed one after the other, so their ids are in order. `publish` must go through the rows in order and stop
    /// at the first failure, or an incident's later revision could overtake an earlier one. It has to finish within
    /// the time limit of idle transactions. A row may be handed over again after a failure, even if it was published.
    ///
    /// # Errors
    /// If the database fails; then what was published stays in the outbox.
    pub async fn relay<F, P>(&self, limit: u32, publish: F) -> Result<Option<Relayed>>
    where
        F: FnOnce(Vec<OutboxRow>) -> P,
        P: Future<Output = Vec<i64>>,
    {
        let mut transaction = self.pool.begin().await.doing("begin a relay")?;
        let key = id::hash(b"orgwatch/relay").cast_signed();
        let alone = sqlx::query_scalar!(r#"SELECT pg_try_advisory_xact_lock($1) AS "alone!""#, key)
            .fetch_one(&mut *transaction)
            .await
            .doing("become the relay")?;
        if !alone {
            return Ok(None);
        }
        let rows = sqlx::query!(
            r#"SELECT id, incident_id, revision, org_id, change, message, traceparent,
                   orgwatch.to_ms(created_at) AS "created_at!"
               FROM orgwatch.outbox ORDER BY id LIMIT $1"#,
            i64::from(limit)
        )
        .fetch_all(&mut *transaction)
        .await
        .doing("read the outbox")?;
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
            })
            .collect();
        let taken = rows.len();
        if taken == 0 {
            return Ok(Some(Relayed { taken, published: 0 }));
        }
        let published = publish(rows).await;
        let deleted = sqlx::query!("DELETE FROM orgwatch.outbox WHERE id = ANY($1)", &published)
            .execute(&mut *transaction)
            .await
            .doing("delete what is published")?;
        transaction.commit().await.doing("commit a relay")?;
        Ok(Some(Relayed { taken, published: usize::try_from(deleted.rows_affected()).unwrap_or(usize::MAX) }))
    }

    /// How many messages wait, and since when the oldest does.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn outbox_backlog(&self) -> Result<(u64, Option<Timestamp>)> {
        let row = sqlx::query!(
            r#"SELECT count(*) AS "waiting!", orgwatch.to_ms(min(created_at)) AS oldest FROM orgwatch.outbox"#
        )
        .fetch_one(&self.pool)
        .await
        .doing("count the outbox")?;
        Ok((unsigned(row.waiting), row.oldest.map(Timestamp)))
    }
}
