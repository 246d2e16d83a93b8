//! What grows is cut: months of history and audit, deliveries that are done, and gaps that are filled.

use crate::Store;
use crate::error::{Doing, Result};
use model::time::DAY;
use model::{Timestamp, id};
use serde::{Deserialize, Serialize};

/// How long what is kept for the record is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Retention {
    /// History of incidents goes by whole months, once all of a month is older than this, and than 30 days at
    /// least. So do gaps, one by one, once they have been closed for as long.
    pub history_days: u32,
    /// As `history_days`, for what people did.
    pub audit_days: u32,
    /// Deliveries that are confirmed, given up or suppressed. Longer than a message may be redelivered: what is
    /// forgotten would be sent again.
    pub delivery_days: u32,
}

impl Default for Retention {
    fn default() -> Self {
        Self { history_days: 400, audit_days: 400, delivery_days: 90 }
    }
}

/// What was made and dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Housekept {
    pub months_made: u64,
    pub months_dropped: u64,
    pub deliveries_deleted: u64,
    pub gaps_deleted: u64,
}

/// Months ahead of the present one, so that housekeeping may stand still for long before rows have no month to go to.
const MONTHS_AHEAD: i32 = 2;

impl Store {
    /// Makes the coming months, drops old ones, and deletes old deliveries and gaps. `now` is the wall clock.
    ///
    /// `None` if another replica is at it.
    ///
    /// # Errors
    /// If the database fails, or is too busy to give the locks; nothing is changed then.
    pub async fn housekeeping(&self, now: Timestamp, retention: &Retention) -> Result<Option<Housekept>> {
        let mut transaction = self.pool.begin().await.doing("begin housekeeping")?;
        let key = id::hash(b"orgwatch/housekeeping").cast_signed();
        let alone = sqlx::query_scalar!(r#"SELECT pg_try_advisory_xact_lock($1) AS "alone!""#, key)
            .fetch_one(&mut *transaction)
            .await
            .doing("become the housekeeper")?;
        if !alone {
            return Ok(None);
        }
        // Months and deliveries may be many after a long pause.
        sqlx::query("SET LOCAL statement_timeout = '5min'")
            .execute(&mut *transaction)
            .await
            .doing("set the time limit of housekeeping")?;
        let months = sqlx::query!(
            r#"SELECT orgwatch.create_months('incident_history', orgwatch.from_ms($1), $2)
                   + orgwatch.create_months('audit', orgwatch.from_ms($1), $2) AS "made!",
                   orgwatch.drop_old_months('incident_history', orgwatch.from_ms($3))
                   + orgwatch.drop_old_months('audit', orgwatch.from_ms($4)) AS "dropped!""#,
            now.0,
            MONTHS_AHEAD,
            before(now, retention.history_days),
            before(now, retention.audit_days)
        )
        .fetch_one(&mut *transaction)
        .await
        .doing("make and drop months")?;
        let deleted = sqlx::query!(
            "DELETE FROM orgwatch.deliveries WHERE state <> 'pending' AND updated_at < orgwatch.from_ms($1)",
            before(now, retention.delivery_days)
        )
        .execute(&mut *transaction)
        .await
        .doing("delete old deliveries")?;
        let gaps = sqlx::query!(
            "DELETE FROM orgwatch.source_gaps WHERE closed_at < orgwatch.from_ms($1)",
            before(now, retention.history_days)
        )
        .execute(&mut *transaction)
        .await
        .doing("delete old gaps")?;
        transaction.commit().await.doing("commit housekeeping")?;
        Ok(Some(Housekept {
            months_made: u64::from(months.made.unsigned_abs()),
            months_dropped: u64::from(months.dropped.unsigned_abs()),
            deliveries_deleted: deleted.rows_affected(),
            gaps_deleted: gaps.rows_affected(),
        }))
    }
}

fn before(now: Timestamp, days: u32) -> i64 {
    now.plus(-i64::from(days) * DAY).0
}
