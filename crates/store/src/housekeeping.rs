//! Housekeeping: drops old months of history, audit trail and days of accounts, finished deliveries, closed gaps, and replicas
//! that are gone.

use crate::Store;
use crate::error::{Context, Result};
use model::time::DAY;
use model::{Timestamp, id};
use serde::{Deserialize, Serialize};

/// How long records are kept, in days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Retention {
    /// Histories of incidents. A month is dropped as a whole, once all of it is older than this and than 30 days.
    /// Closed gaps are deleted one by one at the same age.
    pub history_days: u32,
    /// The audit trail, by whole months as `history_days`. The ids of erased incidents are deleted one by one at the same
    /// age.
    pub audit_days: u32,
    /// Deliveries that are confirmed, counted, given up or suppressed. Must be longer than a message may be redelivered: a
    /// change is sent again if its delivery was deleted before.
    pub delivery_days: u32,
    /// Closed days of accounts, by whole months as `history_days`.
    pub user_day_days: u32,
}

impl Default for Retention {
    fn default() -> Self {
        // Choices: more than a year, so that a month can be compared with the same month of the year before, and a
        // quarter for deliveries.
        Self { history_days: 400, audit_days: 400, delivery_days: 90, user_day_days: 400 }
    }
}

/// What a call of [`Store::housekeeping`] created and deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HousekeepingCounts {
    /// Created monthly partitions, over all tables.
    pub months_made: u64,
    /// Dropped monthly partitions, over all tables.
    pub months_dropped: u64,
    /// Deleted deliveries.
    pub deliveries_deleted: u64,
    /// Deleted gaps.
    pub gaps_deleted: u64,
    /// Deleted ids of erased incidents.
    pub erased_deleted: u64,
    /// Deleted sessions and tokens that had ended.
    pub sessions_deleted: u64,
    /// Deleted replicas of services that have not reported themselves for a day.
    pub replicas_deleted: u64,
}

/// How many months after the present one get a partition in advance. With two, housekeeping may fail for two months
/// before rows land in the default partition.
const MONTHS_AHEAD: i32 = 2;
/// Days of accounts in months of their own: those before share the default partition. A choice: three years.
const MOST_DAYS_IN_MONTHS: f64 = 1_096.0;

impl Store {
    /// Creates the coming months, drops old ones, and deletes old deliveries and gaps. `now` is the wall clock.
    ///
    /// Returns `None` if another replica is at work.
    ///
    /// # Errors
    /// If the database fails, or the tables cannot be locked in time; nothing changes then.
    pub async fn housekeeping(&self, now: Timestamp, retention: &Retention) -> Result<Option<HousekeepingCounts>> {
        let mut transaction = self.pool.begin().await.context("begin housekeeping")?;
        let key = id::hash(b"orgwatch/housekeeping").cast_signed();
        let alone = sqlx::query_scalar!(r#"SELECT pg_try_advisory_xact_lock($1) AS "alone!""#, key)
            .fetch_one(&mut *transaction)
            .await
            .context("take the lock of housekeeping")?;
        if !alone {
            return Ok(None);
        }
        // After a long pause there may be many months and deliveries.
        sqlx::query("SET LOCAL statement_timeout = '5min'")
            .execute(&mut *transaction)
            .await
            .context("set the time limit of housekeeping")?;
        // Days of long ago come with a backfill, so past months have tables, too.
        let months = sqlx::query!(
            r#"SELECT orgwatch.create_months('incident_history', orgwatch.from_ms($1), $2)
                   + orgwatch.create_months('audit', orgwatch.from_ms($1), $2)
                   + orgwatch.create_months('user_days', kept.first, $2 + kept.months) AS "made!",
                   orgwatch.drop_old_months('incident_history', orgwatch.from_ms($3))
                   + orgwatch.drop_old_months('audit', orgwatch.from_ms($4))
                   + orgwatch.drop_old_months('user_days', orgwatch.from_ms($5)) AS "dropped!"
               FROM (SELECT greatest(orgwatch.from_ms($5), orgwatch.from_ms($1) - $6 * interval '1 day') AS first,
                   orgwatch.from_ms($1) AT TIME ZONE 'UTC' AS last) AS days,
                   LATERAL (SELECT days.first, days.first AT TIME ZONE 'UTC' AS begun) AS start,
                   LATERAL (SELECT start.first, (12 * (date_part('year', last) - date_part('year', begun))
                       + date_part('month', last) - date_part('month', begun))::integer AS months) AS kept"#,
            now.0,
            MONTHS_AHEAD,
            before(now, retention.history_days),
            before(now, retention.audit_days),
            before(now, retention.user_day_days),
            MOST_DAYS_IN_MONTHS
        )
        .fetch_one(&mut *transaction)
        .await
        .context("create and drop months")?;
        let deleted = sqlx::query!(
            "DELETE FROM orgwatch.deliveries WHERE state <> 'pending' AND updated_at < orgwatch.from_ms($1)",
            before(now, retention.delivery_days)
        )
        .execute(&mut *transaction)
        .await
        .context("delete old deliveries")?;
        let gaps = sqlx::query!(
            "DELETE FROM orgwatch.source_gaps WHERE closed_at < orgwatch.from_ms($1)",
            before(now, retention.history_days)
        )
        .execute(&mut *transaction)
        .await
        .context("delete old gaps")?;
        let erased = sqlx::query!(
            "DELETE FROM orgwatch.erased_incidents WHERE erased_at < orgwatch.from_ms($1)",
            before(now, retention.audit_days)
        )
        .execute(&mut *transaction)
        .await
        .context("delete ids of erased incidents")?;
        let sessions = sqlx::query!(
            "DELETE FROM orgwatch.sessions WHERE coalesce(ended_at, expires_at) < orgwatch.from_ms($1)",
            before(now, retention.audit_days)
        )
        .execute(&mut *transaction)
        .await
        .context("delete sessions that have ended")?;
        // A choice: long enough for somebody to see that a replica crashed. By the database's clock, as they report by it.
        let replicas = sqlx::query!("DELETE FROM orgwatch.services WHERE seen_at < now() - interval '1 day'")
            .execute(&mut *transaction)
            .await
            .context("delete replicas that are gone")?;
        transaction.commit().await.context("commit housekeeping")?;
        Ok(Some(HousekeepingCounts {
            months_made: u64::from(months.made.unsigned_abs()),
            months_dropped: u64::from(months.dropped.unsigned_abs()),
            deliveries_deleted: deleted.rows_affected(),
            gaps_deleted: gaps.rows_affected(),
            erased_deleted: erased.rows_affected(),
            sessions_deleted: sessions.rows_affected(),
            replicas_deleted: replicas.rows_affected(),
        }))
    }
}

/// The time so many days before `now`, in milliseconds since 1970.
fn before(now: Timestamp, days: u32) -> i64 {
    now.plus(-i64::from(days) * DAY).0
}
