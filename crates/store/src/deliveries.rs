//! One delivery for each incident, revision and channel, whoever tries it and however often.

use crate::Store;
use crate::convert::{bigint, unsigned};
use crate::error::{Doing, Result, StoreError};
use model::Timestamp;
use std::time::Duration;
use uuid::Uuid;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeliveryKey {
    pub incident_id: Uuid,
    pub revision: u64,
    pub channel: String,
}

/// What to do about a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// Send it, and say what came of it. Above 1, an earlier attempt failed or was cut off: the channel may have got
    /// it, so send it under the same identity.
    Send {
        attempt: u32,
    },
    /// Somebody is sending it, or it is to be tried again, but not before this time.
    Wait {
        until: Timestamp,
    },
    AlreadyConfirmed,
    /// It failed for good.
    GivenUp,
    Suppressed,
}

impl Store {
    /// Claims the delivery for the time of `lease`. If nothing is heard until then, it may be claimed again.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn claim(&self, key: &DeliveryKey, lease: Duration) -> Result<Claim> {
        let revision = bigint("revision", key.revision)?;
        let attempt = sqlx::query_scalar!(
            r#"INSERT INTO orgwatch.deliveries AS d (incident_id, revision, channel, state, attempts, next_attempt_at)
               VALUES ($1, $2, $3, 'pending', 1, now() + make_interval(secs => $4))
               ON CONFLICT (incident_id, revision, channel) DO UPDATE SET
                   attempts = d.attempts + 1, next_attempt_at = EXCLUDED.next_attempt_at, updated_at = now()
               WHERE d.state = 'pending' AND d.next_attempt_at <= now()
               RETURNING attempts"#,
            key.incident_id,
            revision,
            key.channel,
            lease.as_secs_f64()
        )
        .fetch_optional(&self.pool)
        .await
        .doing("claim a delivery")?;
        if let Some(attempt) = attempt {
            return Ok(Claim::Send { attempt: attempt.unsigned_abs() });
        }
        let found = sqlx::query!(
            r#"SELECT state, orgwatch.to_ms(next_attempt_at) AS next_attempt_at FROM orgwatch.deliveries
               WHERE incident_id = $1 AND revision = $2 AND channel = $3"#,
            key.incident_id,
            revision,
            key.channel
        )
        .fetch_one(&self.pool)
        .await
        .doing("read a delivery")?;
        match found.state.as_str() {
            "pending" => Ok(Claim::Wait { until: Timestamp(found.next_attempt_at.unwrap_or(0)) }),
            "confirmed" => Ok(Claim::AlreadyConfirmed),
            "failed" => Ok(Claim::GivenUp),
            "suppressed" => Ok(Claim::Suppressed),
            _ => Err(StoreError::UnknownWord { field: "state of a delivery", value: found.state }),
        }
    }

    /// Claims a delivery that was given up before `told`, as if it had never been tried: somebody wants it told again.
    /// `false`, and nothing changes, if it was given up later, or not at all.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn revive(&self, key: &DeliveryKey, lease: Duration, told: Timestamp) -> Result<bool> {
        let changed = sqlx::query!(
            r#"UPDATE orgwatch.deliveries SET state = 'pending', attempts = 1,
                   next_attempt_at = now() + make_interval(secs => $4), last_error = NULL, updated_at = now()
               WHERE incident_id = $1 AND revision = $2 AND channel = $3 AND state = 'failed'
                 AND updated_at < orgwatch.from_ms($5)"#,
            key.incident_id,
            bigint("revision", key.revision)?,
            key.channel,
            lease.as_secs_f64(),
            told.0
        )
        .execute(&self.pool)
        .await
        .doing("revive a delivery")?;
        Ok(changed.rows_affected() > 0)
    }

    /// The channel has it. `false` if the delivery is not pending, so for instance confirmed already.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn confirmed(&self, key: &DeliveryKey) -> Result<bool> {
        let changed = sqlx::query!(
            r#"UPDATE orgwatch.deliveries SET state = 'confirmed', confirmed_at = now(), next_attempt_at = NULL,
                   last_error = NULL, updated_at = now()
               WHERE incident_id = $1 AND revision = $2 AND channel = $3 AND state = 'pending'"#,
            key.incident_id,
            bigint("revision", key.revision)?,
            key.channel
        )
        .execute(&self.pool)
        .await
        .doing("confirm a delivery")?;
        Ok(changed.rows_affected() > 0)
    }

    /// The attempt failed: to be tried again after `retry_after`, or given up if that is `None`.
    ///
    /// `false`, and nothing changes, if a later attempt has begun or the delivery is not pending.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn failed(
        &self,
        key: &DeliveryKey,
        attempt: u32,
        retry_after: Option<Duration>,
        error: &str,
    ) -> Result<bool> {
        let changed = sqlx::query!(
            r#"UPDATE orgwatch.deliveries SET state = CASE WHEN $5::double precision IS NULL THEN 'failed' ELSE 'pending' END,
                   next_attempt_at = now() + make_interval(secs => $5), last_error = $6, updated_at = now()
               WHERE incident_id = $1 AND revision = $2 AND channel = $3 AND state = 'pending' AND attempts = $4"#,
            key.incident_id,
            bigint("revision", key.revision)?,
            key.channel,
            attempt.cast_signed(),
            retry_after.map(|after| after.as_secs_f64()),
            error
        )
        .execute(&self.pool)
        .await
        .doing("record a failed delivery")?;
        Ok(changed.rows_affected() > 0)
    }

    /// The delivery shall never be sent. `false` if it was claimed before.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn suppressed(&self, key: &DeliveryKey) -> Result<bool> {
        let inserted = sqlx::query!(
            r#"INSERT INTO orgwatch.deliveries (incident_id, revision, channel, state) VALUES ($1, $2, $3, 'suppressed')
               ON CONFLICT (incident_id, revision, channel) DO NOTHING"#,
            key.incident_id,
            bigint("revision", key.revision)?,
            key.channel
        )
        .execute(&self.pool)
        .await
        .doing("suppress a delivery")?;
        Ok(inserted.rows_affected() > 0)
    }

    /// Deliveries that may be claimed again, the longest due first; at most `limit`.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn due(&self, limit: u32) -> Result<Vec<DeliveryKey>> {
        let rows = sqlx::query!(
            r#"SELECT incident_id, revision, channel FROM orgwatch.deliveries
               WHERE state = 'pending' AND next_attempt_at <= now()
               ORDER BY next_attempt_at, incident_id, revision, channel LIMIT $1"#,
            i64::from(limit)
        )
        .fetch_all(&self.pool)
        .await
        .doing("list due deliveries")?;
        let keys = rows.into_iter().map(|row| DeliveryKey {
            incident_id: row.incident_id,
            revision: unsigned(row.revision),
            channel: row.channel,
        });
        Ok(keys.collect())
    }
}
