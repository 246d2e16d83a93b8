//! Deliveries: one for each incident, revision and destination, whichever replica attempts it and however often.

use crate::Store;
use crate::convert::{bigint, unsigned};
use crate::error::{Context, Result, StoreError};
use crate::words;
use model::{Status, Timestamp};
use std::time::Duration;
use uuid::Uuid;

/// The identity of a delivery.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeliveryKey {
    /// The incident.
    pub incident_id: Uuid,
    /// The revision that is reported.
    pub revision: u64,
    /// The destination's configured name; the column is called `channel`.
    pub destination: String,
}

/// The answer to a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// Send it, then call [`Store::confirmed`] or [`Store::failed`].
    Send {
        /// From 1 on. Above 1, an earlier attempt failed or was cut off: the destination may have received it, so send
        /// it with the same identity.
        attempt: u32,
    },
    /// Another replica is sending it, or its backoff is not over.
    Wait {
        /// When it may be claimed again, by the database's clock.
        until: Timestamp,
    },
    /// It was delivered.
    AlreadyConfirmed,
    /// A digest has counted it, without naming the incident.
    Counted,
    /// It failed for good.
    GivenUp,
    /// It must not be sent.
    Suppressed,
}

/// An incident that is snoozed, or was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnoozedIncident {
    /// The end of the snooze.
    pub until: Timestamp,
    /// The time by the database's clock.
    pub now: Timestamp,
    /// Where the incident is in its life.
    pub status: Status,
}

impl Store {
    /// Claims the delivery for the duration of `lease`. If neither outcome is recorded until then, it may be claimed
    /// again.
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
            key.destination,
            lease.as_secs_f64()
        )
        .fetch_optional(&self.pool)
        .await
        .context("claim a delivery")?;
        if let Some(attempt) = attempt {
            return Ok(Claim::Send { attempt: attempt.unsigned_abs() });
        }
        let found = sqlx::query!(
            r#"SELECT state, orgwatch.to_ms(next_attempt_at) AS next_attempt_at FROM orgwatch.deliveries
               WHERE incident_id = $1 AND revision = $2 AND channel = $3"#,
            key.incident_id,
            revision,
            key.destination
        )
        .fetch_one(&self.pool)
        .await
        .context("read a delivery")?;
        match found.state.as_str() {
            "pending" => Ok(Claim::Wait { until: Timestamp(found.next_attempt_at.unwrap_or(0)) }),
            "confirmed" => Ok(Claim::AlreadyConfirmed),
            "counted" => Ok(Claim::Counted),
            "failed" => Ok(Claim::GivenUp),
            "suppressed" => Ok(Claim::Suppressed),
            _ => Err(StoreError::UnknownWord { field: "state of a delivery", value: found.state }),
        }
    }

    /// Claims a delivery that was given up before `published_at`, as if it had never been attempted: an operator has
    /// published the change again since. `false`, and nothing changes, if it was given up later or not at all.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn revive(&self, key: &DeliveryKey, lease: Duration, published_at: Timestamp) -> Result<bool> {
        let changed = sqlx::query!(
            r#"UPDATE orgwatch.deliveries SET state = 'pending', attempts = 1,
                   next_attempt_at = now() + make_interval(secs => $4), last_error = NULL, updated_at = now()
               WHERE incident_id = $1 AND revision = $2 AND channel = $3 AND state = 'failed'
                 AND updated_at < orgwatch.from_ms($5)"#,
            key.incident_id,
            bigint("revision", key.revision)?,
            key.destination,
            lease.as_secs_f64(),
            published_at.0
        )
        .execute(&self.pool)
        .await
        .context("revive a delivery")?;
        Ok(changed.rows_affected() > 0)
    }

    /// Records that the destination has accepted the delivery. `false` if it was not pending, for instance because it
    /// was confirmed already.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn confirmed(&self, key: &DeliveryKey) -> Result<bool> {
        self.settled(key, "confirmed").await
    }

    /// Records that the destination has accepted a digest that counts the delivery without naming its incident. `false` if
    /// it was not pending.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn counted(&self, key: &DeliveryKey) -> Result<bool> {
        self.settled(key, "counted").await
    }

    /// Moves a pending delivery to the state `confirmed`, `counted` or `suppressed`. `false` if it was not pending.
    async fn settled(&self, key: &DeliveryKey, state: &str) -> Result<bool> {
        let changed = sqlx::query!(
            r#"UPDATE orgwatch.deliveries SET state = $4, next_attempt_at = NULL, last_error = NULL, updated_at = now(),
                   confirmed_at = CASE WHEN $4 = 'confirmed' THEN now() ELSE confirmed_at END
               WHERE incident_id = $1 AND revision = $2 AND channel = $3 AND state = 'pending'"#,
            key.incident_id,
            bigint("revision", key.revision)?,
            key.destination,
            state
        )
        .execute(&self.pool)
        .await
        .context("settle a delivery")?;
        Ok(changed.rows_affected() > 0)
    }

    /// Records that an attempt was not made, because the destination gets no more for now. It may be claimed again after
    /// `wait`, and the attempt does not count.
    ///
    /// `false`, and nothing changes, if a later attempt has begun or the delivery is not pending.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn postponed(&self, key: &DeliveryKey, attempt: u32, wait: Duration) -> Result<bool> {
        let changed = sqlx::query!(
            r#"UPDATE orgwatch.deliveries SET attempts = attempts - 1, next_attempt_at = now() + make_interval(secs => $5),
                   updated_at = now()
               WHERE incident_id = $1 AND revision = $2 AND channel = $3 AND state = 'pending' AND attempts = $4"#,
            key.incident_id,
            bigint("revision", key.revision)?,
            key.destination,
            attempt.cast_signed(),
            wait.as_secs_f64()
        )
        .execute(&self.pool)
        .await
        .context("postpone a delivery")?;
        Ok(changed.rows_affected() > 0)
    }

    /// Records that an attempt failed. It may be attempted again after `retry_after`; with `None` it is given up.
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
            key.destination,
            attempt.cast_signed(),
            retry_after.map(|after| after.as_secs_f64()),
            error
        )
        .execute(&self.pool)
        .await
        .context("record a failed delivery")?;
        Ok(changed.rows_affected() > 0)
    }

    /// Records that the delivery must never be sent. `false` if it was not pending.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn suppressed(&self, key: &DeliveryKey) -> Result<bool> {
        self.settled(key, "suppressed").await
    }

    /// Returns how an incident stands that was ever snoozed; `None` if it never was, or is gone.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn snoozed(&self, incident_id: Uuid) -> Result<Option<SnoozedIncident>> {
        let row = sqlx::query!(
            r#"SELECT orgwatch.to_ms(snoozed_until) AS "until!", orgwatch.to_ms(now()) AS "now!", status
               FROM orgwatch.incidents WHERE incident_id = $1 AND snoozed_until IS NOT NULL"#,
            incident_id
        )
        .fetch_optional(&self.pool)
        .await
        .context("read the snooze of an incident")?;
        let snoozed = row.map(|row| {
            let status = words::status(&row.status)?;
            Ok(SnoozedIncident { until: Timestamp(row.until), now: Timestamp(row.now), status })
        });
        snoozed.transpose()
    }

    /// Returns at most `limit` pending deliveries that may be claimed again, the longest due first.
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
        .context("list due deliveries")?;
        let keys = rows.into_iter().map(|row| DeliveryKey {
            incident_id: row.incident_id,
            revision: unsigned(row.revision),
            destination: row.channel,
        });
        Ok(keys.collect())
    }
}
