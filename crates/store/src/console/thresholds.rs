//! What another threshold of a detector is tried on.

use super::Visit;
use crate::convert::unsigned;
use crate::error::{Context, Result};
use crate::words;
use model::{OrgId, Timestamp, UserClass, UserId};
use uuid::Uuid;

/// Incidents with findings of a detector that may be weaker than a threshold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WeakIncidents {
    /// The incidents, those of the highest risk first.
    pub ids: Vec<Uuid>,
    /// How many there are in all.
    pub in_all: u64,
}

/// Days that a detector was surprised by, and raised nothing on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UnraisedDays {
    /// The days, the largest surprise first.
    pub days: Vec<UnraisedDay>,
    /// How many there are in all.
    pub in_all: u64,
}

/// A day that a detector was surprised by, and raised nothing on.
#[derive(Clone, Debug, PartialEq)]
pub struct UnraisedDay {
    /// The account.
    pub user_id: UserId,
    /// Its username on the day, if it was known.
    pub username: Option<String>,
    /// Its class on the day.
    pub user_class: UserClass,
    /// Start of the day.
    pub day: Timestamp,
    /// Event time of its last activity.
    pub last_at: Timestamp,
    /// The largest calibrated surprise of the detector.
    pub surprise: f64,
}

impl Visit {
    /// Returns the incidents of an org that have a finding of a detector in a span of event time with an anomaly score of at
    /// most `most_score`, or without one: at most `limit`.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn weak_incidents(
        &mut self,
        (org, detector): (&OrgId, &str),
        (from, to): (Timestamp, Timestamp),
        most_score: f64,
        limit: u32,
    ) -> Result<WeakIncidents> {
        let rows = sqlx::query!(
            r#"SELECT i.incident_id, count(*) OVER () AS "in_all!" FROM orgwatch.incidents i
               WHERE i.org_id = $1 AND i.last_event_at >= $3 AND i.first_event_at < $4 AND i.status <> 'merged'
                 AND $2 = ANY(i.detectors)
                 AND EXISTS (
                     SELECT FROM orgwatch.findings f
                     WHERE f.incident_id = i.incident_id AND f.detector = $2 AND f.first_observed_at >= $3
                       AND f.first_observed_at < $4 AND (f.anomaly_score IS NULL OR f.anomaly_score <= $5))
               ORDER BY i.risk_score DESC, i.incident_id LIMIT $6"#,
            org.as_str(),
            detector,
            from.0,
            to.0,
            most_score,
            i64::from(limit)
        )
        .fetch_all(&mut *self.transaction)
        .await
        .context("find the incidents with weak findings of a detector")?;
        Ok(WeakIncidents {
            in_all: rows.first().map_or(0, |row| unsigned(row.in_all)),
            ids: rows.into_iter().map(|row| row.incident_id).collect(),
        })
    }

    /// Returns the incidents of the same accounts of an org with events on one of these days, or at most `margin` milliseconds
    /// before or after it.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn incidents_of_days(&mut self, org: &OrgId, days: &[UnraisedDay], margin: i64) -> Result<Vec<Uuid>> {
        let users: Vec<String> = days.iter().map(|day| day.user_id.as_str().to_owned()).collect();
        let starts: Vec<i64> = days.iter().map(|day| day.day.0.saturating_sub(margin)).collect();
        let ends: Vec<i64> = days.iter().map(|day| day.last_at.0.saturating_add(margin)).collect();
        sqlx::query_scalar!(
            r#"SELECT DISTINCT i.incident_id FROM unnest($2::text[], $3::bigint[], $4::bigint[]) AS d (user_id, starts, ends)
               CROSS JOIN LATERAL (
                   -- One look-up for each: the planner has no statistics.
                   SELECT incident_id FROM orgwatch.incidents
                   WHERE org_id = $1 AND user_id = d.user_id AND last_event_at >= d.starts AND first_event_at <= d.ends
                   OFFSET 0) i"#,
            org.as_str(),
            &users,
            &starts,
            &ends
        )
        .fetch_all(&mut *self.transaction)
        .await
        .context("find the incidents of days")
    }

    /// Returns the days of an org in a span on which a detector had a calibrated surprise of at least `least` and less than
    /// `below`, and no finding that was not withdrawn since: at most `limit`.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn unraised_days(
        &mut self,
        (org, detector): (&OrgId, &str),
        (from, to): (Timestamp, Timestamp),
        (least, below): (f64, f64),
        limit: u32,
    ) -> Result<UnraisedDays> {
        let rows = sqlx::query!(
            r#"WITH unraised AS (
                   SELECT d.user_id, d.day, d.surprise, count(*) OVER () AS in_all
                   FROM (SELECT user_id, day, orgwatch.to_ms(day) AS starts, orgwatch.to_ms(last_at) AS ends,
                             (surprises ->> $2)::double precision AS surprise
                         FROM orgwatch.user_days
                         WHERE org_id = $1 AND day >= orgwatch.from_ms($3) AND day < orgwatch.from_ms($4)
                           AND surprises IS NOT NULL AND (surprises ->> $2)::double precision >= $5
                           AND (surprises ->> $2)::double precision < $7
                         OFFSET 0) d
                   WHERE NOT EXISTS (
                       SELECT FROM orgwatch.findings f
                       WHERE f.org_id = $1 AND f.user_id = d.user_id AND f.detector = $2 AND NOT f.withdrawn
                         AND f.first_observed_at BETWEEN d.starts AND d.ends)
                   ORDER BY d.surprise DESC, d.day DESC, d.user_id LIMIT $6)
               SELECT unraised.user_id AS "user_id!", orgwatch.to_ms(unraised.day) AS "day!", surprise AS "surprise!",
                   in_all AS "in_all!", n.username, n.user_class AS "user_class!", orgwatch.to_ms(n.last_at) AS "last_at!"
               FROM unraised CROSS JOIN LATERAL (
                   -- One look-up for each: the planner has no statistics.
                   SELECT d.username, d.user_class, d.last_at FROM orgwatch.user_days d
                   WHERE d.org_id = $1 AND d.user_id = unraised.user_id AND d.day = unraised.day
                   OFFSET 0) n
               ORDER BY surprise DESC, unraised.day DESC, unraised.user_id"#,
            org.as_str(),
            detector,
            from.0,
            to.0,
            least,
            i64::from(limit),
            below
        )
        .fetch_all(&mut *self.transaction)
        .await
        .context("find the days on which a detector raised nothing")?;
        let in_all = rows.first().map_or(0, |row| unsigned(row.in_all));
        let days = rows.into_iter().map(|row| {
            Ok(UnraisedDay {
                user_id: UserId::new(&row.user_id),
                username: row.username,
                user_class: words::user_class(&row.user_class)?,
                day: Timestamp(row.day),
                last_at: Timestamp(row.last_at),
                surprise: row.surprise,
            })
        });
        Ok(UnraisedDays { in_all, days: days.collect::<Result<_>>()? })
    }
}
