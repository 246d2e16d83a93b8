//! Accounts and orgs, as far as a session sees them.

use super::Visit;
use crate::StateEntry;
use crate::convert::{severity, unsigned};
use crate::error::{Context, Result};
use crate::user_days::{self, HeatMeasure, HeatRow, SurprisedDay};
use model::{OrgId, Points, Severity, Timestamp, UserDay, UserId};
use uuid::Uuid;

/// The risk of an account.
#[derive(Clone, Debug, PartialEq)]
pub struct AccountRow {
    /// The account's org.
    pub org_id: OrgId,
    /// The account.
    pub user_id: UserId,
    /// Its username, where it is known.
    pub username: Option<String>,
    /// Its class.
    pub user_class: String,
    /// The risk over its incidents.
    pub risk_score: Points,
    /// How many incidents the risk is computed from.
    pub incidents: u64,
    /// Event time of the latest event in any of its findings.
    pub last_event_at: Option<Timestamp>,
}

/// An org that a session sees.
#[derive(Clone, Debug, PartialEq)]
pub struct OrgRow {
    /// The org.
    pub org_id: OrgId,
    /// Event time up to which its hours are closed in the partition that is furthest; `None` while none is.
    pub clock: Option<Timestamp>,
    /// How many of its incidents are open or acknowledged.
    pub open_incidents: u64,
}

/// A finding in the timeline of an account.
#[derive(Clone, Debug, PartialEq)]
pub struct TimelineRow {
    /// Event time at which it was observed.
    pub at: Timestamp,
    /// The finding.
    pub finding_id: Uuid,
    /// Its incident, if it has one.
    pub incident_id: Option<Uuid>,
    /// The detector.
    pub detector: String,
    /// Its severity.
    pub severity: Severity,
    /// Its score, 0 to 10.
    pub score: f64,
    /// What happened, in a sentence.
    pub summary: String,
    /// Whether it was withdrawn.
    pub withdrawn: bool,
    /// The decision because of which it counts for nothing.
    pub hidden_by: Option<Uuid>,
}

impl Visit {
    /// Returns the accounts of an org with a finding, the highest risk first: at most `limit`, those after `after`.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn accounts(
        &mut self,
        org: &OrgId,
        after: Option<(Points, &UserId)>,
        limit: u32,
    ) -> Result<Vec<AccountRow>> {
        let rows = sqlx::query!(
            r#"SELECT org_id, user_id, username, user_class, risk_score, incidents, last_event_at
               FROM orgwatch.entity_risk
               WHERE org_id = $1 AND ($2::integer IS NULL OR risk_score < $2 OR (risk_score = $2 AND user_id > $3))
               ORDER BY risk_score DESC, user_id LIMIT $4"#,
            org.as_str(),
            after.map(|(risk, _)| risk.0),
            after.map_or("", |(_, user)| user.as_str()),
            i64::from(limit)
        )
        .fetch_all(&mut *self.transaction)
        .await
        .context("list the accounts of an org by risk")?;
        let account = rows.into_iter().map(|row| AccountRow {
            org_id: OrgId::new(&row.org_id),
            user_id: UserId::new(&row.user_id),
            username: row.username,
            user_class: row.user_class,
            risk_score: Points(row.risk_score),
            incidents: u64::try_from(row.incidents).unwrap_or(0),
            last_event_at: row.last_event_at.map(Timestamp),
        });
        Ok(account.collect())
    }

    /// Returns the risk of an account; `None` if it never had a finding.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn account(&mut self, org: &OrgId, user: &UserId) -> Result<Option<AccountRow>> {
        let row = sqlx::query!(
            "SELECT username, user_class, risk_score, incidents, last_event_at
             FROM orgwatch.entity_risk WHERE org_id = $1 AND user_id = $2",
            org.as_str(),
            user.as_str()
        )
        .fetch_optional(&mut *self.transaction)
        .await
        .context("read the risk of an account")?;
        Ok(row.map(|row| AccountRow {
            org_id: org.clone(),
            user_id: user.clone(),
            username: row.username,
            user_class: row.user_class,
            risk_score: Points(row.risk_score),
            incidents: u64::try_from(row.incidents).unwrap_or(0),
            last_event_at: row.last_event_at.map(Timestamp),
        }))
    }

    /// Returns what baseline has stored of an org under these keys with its last checkpoint, by partition and key: of the
    /// head, populations, names and accounts. Other keys, and those that do not exist, are left out.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn state(&mut self, org: &OrgId, keys: &[String]) -> Result<Vec<(i32, StateEntry)>> {
        let rows = sqlx::query!(
            r#"SELECT partition AS "partition!", key AS "key!", bytes AS "bytes!" FROM orgwatch.learned_state($1, $2)"#,
            org.as_str(),
            keys
        )
        .fetch_all(&mut *self.transaction)
        .await
        .context("read what was learned of an account")?;
        let entry = |key, bytes| StateEntry { org_id: org.clone(), key, bytes };
        Ok(rows.into_iter().map(|row| (row.partition, entry(row.key, row.bytes))).collect())
    }

    /// Returns the name of an account with a finding or a closed day: `Some(None)` if none of its records had one, `None` if
    /// there is no such account.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn username(&mut self, org: &OrgId, user: &UserId) -> Result<Option<Option<String>>> {
        sqlx::query_scalar!(
            r#"(SELECT username FROM orgwatch.entity_risk WHERE org_id = $1 AND user_id = $2)
               UNION ALL
               (SELECT username FROM orgwatch.user_days WHERE org_id = $1 AND user_id = $2 ORDER BY day DESC LIMIT 1)
               LIMIT 1"#,
            org.as_str(),
            user.as_str()
        )
        .fetch_optional(&mut *self.transaction)
        .await
        .context("read the name of an account")
    }

    /// Returns the findings of an account, the latest first: at most `limit`, those before a time and finding.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn timeline(
        &mut self,
        org: &OrgId,
        user: &UserId,
        before: Option<(Timestamp, Uuid)>,
        limit: u32,
    ) -> Result<Vec<TimelineRow>> {
        let rows = sqlx::query!(
            "SELECT finding_id, incident_id, detector, severity, score, observed_at, summary, withdrawn, hidden_by
             FROM orgwatch.findings
             WHERE org_id = $1 AND user_id = $2 AND ($3::bigint IS NULL OR (observed_at, finding_id) < ($3, $4))
             ORDER BY observed_at DESC, finding_id DESC LIMIT $5",
            org.as_str(),
            user.as_str(),
            before.map(|(at, _)| at.0),
            before.map(|(_, finding_id)| finding_id),
            i64::from(limit)
        )
        .fetch_all(&mut *self.transaction)
        .await
        .context("read the timeline of an account")?;
        let row = rows.into_iter().map(|row| {
            Ok(TimelineRow {
                at: Timestamp(row.observed_at),
                finding_id: row.finding_id,
                incident_id: row.incident_id,
                detector: row.detector,
                severity: severity(row.severity)?,
                score: row.score,
                summary: row.summary,
                withdrawn: row.withdrawn,
                hidden_by: row.hidden_by,
            })
        });
        row.collect()
    }

    /// Returns the event times, in a span, at which findings of an account were first observed that were not withdrawn, in
    /// their order.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn raised_at(
        &mut self,
        org: &OrgId,
        user: &UserId,
        (from, to): (Timestamp, Timestamp),
    ) -> Result<Vec<Timestamp>> {
        let times = sqlx::query_scalar!(
            r#"SELECT first_observed_at AS "at!" FROM orgwatch.findings
               WHERE org_id = $1 AND user_id = $2 AND NOT withdrawn AND first_observed_at >= $3 AND first_observed_at < $4
               ORDER BY first_observed_at"#,
            org.as_str(),
            user.as_str(),
            from.0,
            to.0
        )
        .fetch_all(&mut *self.transaction)
        .await
        .context("read when findings of an account were raised")?;
        Ok(times.into_iter().map(Timestamp).collect())
    }

    /// Returns the closed days of an account that begin from `from` on and before `to`, by day.
    ///
    /// # Errors
    /// If the database fails, or has a word that this version does not know.
    pub async fn user_days(
        &mut self,
        org: &OrgId,
        user: &UserId,
        (from, to): (Timestamp, Timestamp),
    ) -> Result<Vec<UserDay>> {
        user_days::user_days(&mut *self.transaction, org, user, from, to).await
    }

    /// Returns the accounts of an org with the largest sums of a measure over days that begin from `from` on and before
    /// `to`, the largest first, at most `limit`.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn heat_map(
        &mut self,
        org: &OrgId,
        (from, to): (Timestamp, Timestamp),
        measure: HeatMeasure,
        limit: u32,
    ) -> Result<Vec<HeatRow>> {
        user_days::heat_map(&mut *self.transaction, org, from, to, measure, limit).await
    }

    /// Returns the days of an org in a span on which a detector had at least the calibrated surprise `least`, by day and
    /// account: what a threshold would raise. At most `limit`, those after `after`. Below
    /// [`DayFacts::LEAST_SURPRISE`](model::DayFacts::LEAST_SURPRISE) nothing is stored.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn surprised_days(
        &mut self,
        org_and_detector: (&OrgId, &str),
        span: (Timestamp, Timestamp),
        least: f64,
        after: Option<(Timestamp, &UserId)>,
        limit: u32,
    ) -> Result<Vec<SurprisedDay>> {
        // Otherwise the planner would read all days of the span and sort them, instead of following the index by day.
        self.plan("SET LOCAL enable_bitmapscan = off").await?;
        let days =
            user_days::surprised_days(&mut *self.transaction, org_and_detector, span, least, after, limit).await?;
        self.plan("SET LOCAL enable_bitmapscan TO DEFAULT").await?;
        Ok(days)
    }

    /// Returns the orgs that the session sees and that have events, by id.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn orgs(&mut self) -> Result<Vec<OrgRow>> {
        let rows = sqlx::query!(
            r#"SELECT o.org_id AS "org_id!", (SELECT max(c.clock) FROM orgwatch.org_clocks c WHERE c.org_id = o.org_id) AS clock,
                   (SELECT count(*) FROM orgwatch.incidents i
                    WHERE i.org_id = o.org_id AND i.status IN ('open', 'acknowledged')) AS "open!"
               FROM (SELECT org_id FROM orgwatch.org_clocks UNION SELECT org_id FROM orgwatch.source_states) o
               ORDER BY o.org_id"#
        )
        .fetch_all(&mut *self.transaction)
        .await
        .context("list orgs")?;
        let org = rows.into_iter().map(|row| OrgRow {
            org_id: OrgId::new(&row.org_id),
            clock: row.clock.map(Timestamp),
            open_incidents: unsigned(row.open),
        });
        Ok(org.collect())
    }
}
