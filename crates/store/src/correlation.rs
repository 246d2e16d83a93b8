//! Reads and writes of some users' findings, incidents and risk in one transaction.

mod others;
mod rows;
mod write;

pub use others::{LatestIncident, OtherIncidents};
pub use rows::{HistoryWrite, IncidentWrite, OutboxWrite, RiskWrite};

use self::others::OtherRow;
use crate::error::{Context, Result, StoreError};
use crate::incidents::{FindingRow, IncidentRow};
use crate::{Store, StoredFinding, StoredIncident};
use model::{OrgId, Timestamp, UserId};
use sqlx::{Postgres, Transaction};
use std::collections::BTreeSet;
use uuid::Uuid;

/// A transaction that has locked some users. Dropping it without [`Correlation::commit`] rolls it back.
#[derive(Debug)]
pub struct Correlation {
    pub(crate) transaction: Transaction<'static, Postgres>,
    users: BTreeSet<(OrgId, UserId)>,
}

/// A span of event time of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserSpan {
    /// The user.
    pub user: (OrgId, UserId),
    /// Its start.
    pub from: Timestamp,
    /// Its end.
    pub to: Timestamp,
}

impl Store {
    /// Begins a transaction and locks the users, waiting until no other correlation holds any of them.
    ///
    /// Every correlation locks its users in the same order, so that correlations cannot deadlock.
    ///
    /// # Errors
    /// If the database cannot be reached, or another correlation holds a user for longer than the statement timeout.
    pub async fn correlate(&self, users: &[(OrgId, UserId)]) -> Result<Correlation> {
        let transaction = self.pool.begin().await.context("begin a correlation")?;
        let mut correlation = Correlation { transaction, users: users.iter().cloned().collect() };
        correlation.lock().await?;
        Ok(correlation)
    }
}

impl Correlation {
    /// Returns the findings with these ids and those of these incidents, by id.
    ///
    /// # Errors
    /// If they cannot be read or decoded.
    pub async fn findings(&mut self, ids: &[Uuid], incidents: &[Uuid]) -> Result<Vec<StoredFinding>> {
        let rows = sqlx::query_as!(
            FindingRow,
            r#"SELECT finding_id, message, first_observed_at, traceparent, incident_id, hidden_by
               FROM orgwatch.findings
               WHERE finding_id = ANY($1) OR incident_id = ANY($2)
               ORDER BY finding_id"#,
            ids,
            incidents
        )
        .fetch_all(&mut *self.transaction)
        .await
        .context("read the findings of users")?;
        rows.into_iter().map(StoredFinding::try_from).collect()
    }

    /// Returns the findings of the locked users, by id, that were first observed within a span of event time; its end is
    /// exclusive. Withdrawn ones are left out.
    ///
    /// # Errors
    /// If they cannot be read or decoded.
    pub async fn findings_between(&mut self, from: Timestamp, until: Timestamp) -> Result<Vec<StoredFinding>> {
        let (orgs, users) = columns(&self.users);
        let rows = sqlx::query_as!(
            FindingRow,
            r#"SELECT f.finding_id, f.message, f.first_observed_at, f.traceparent, f.incident_id, f.hidden_by
               FROM orgwatch.findings f
               JOIN UNNEST($1::text[], $2::text[]) AS u (org_id, user_id) USING (org_id, user_id)
               WHERE f.first_observed_at >= $3 AND f.first_observed_at < $4
               ORDER BY f.finding_id"#,
            &orgs as &[&str],
            &users as &[&str],
            from.0,
            until.0
        )
        .fetch_all(&mut *self.transaction)
        .await
        .context("read the findings of a span")?;
        rows.into_iter().map(StoredFinding::try_from).collect()
    }

    /// Returns the incidents, by id, that have a moment of a span between their first and last event or one of `ids`,
    /// and none of the ids `without`. Those merged into others are included.
    ///
    /// # Errors
    /// If they cannot be read or decoded.
    pub async fn incidents(
        &mut self,
        spans: &[UserSpan],
        ids: &[Uuid],
        without: &[Uuid],
    ) -> Result<Vec<StoredIncident>> {
        let ids: Vec<Uuid> = ids.iter().filter(|id| !without.contains(id)).copied().collect();
        let mut rows = sqlx::query_as!(
            IncidentRow,
            r#"SELECT incident_id, message, status, disposition, merged_into, trace_id,
                   orgwatch.to_ms(opened_at) AS "opened_at!", orgwatch.to_ms(updated_at) AS "updated_at!",
                   orgwatch.to_ms(closed_at) AS closed_at, ended, assignee,
                   orgwatch.to_ms(snoozed_until) AS snoozed_until
               FROM orgwatch.incidents
               WHERE incident_id = ANY($1)"#,
            &ids
        )
        .fetch_all(&mut *self.transaction)
        .await
        .context("read the incidents of users")?;
        // One query for each: only with the times at hand does the planner know that few incidents match.
        for UserSpan { user: (org, user), from, to } in spans {
            let of_span = sqlx::query_as!(
                IncidentRow,
                r#"SELECT incident_id, message, status, disposition, merged_into, trace_id,
                       orgwatch.to_ms(opened_at) AS "opened_at!", orgwatch.to_ms(updated_at) AS "updated_at!",
                       orgwatch.to_ms(closed_at) AS closed_at, ended, assignee,
                       orgwatch.to_ms(snoozed_until) AS snoozed_until
                   FROM orgwatch.incidents
                   WHERE org_id = $1 AND user_id = $2 AND last_event_at >= $3 AND first_event_at <= $4"#,
                org.as_str(),
                user.as_str(),
                from.0,
                to.0
            );
            let found = of_span.fetch_all(&mut *self.transaction).await;
            rows.extend(found.context("read the incidents of users")?);
        }
        rows.retain(|row| !without.contains(&row.incident_id));
        rows.sort_by_key(|row| row.incident_id);
        rows.dedup_by_key(|row| row.incident_id);
        rows.into_iter().map(StoredIncident::try_from).collect()
    }

    /// Returns the open and acknowledged incidents of the users that have not ended, by id.
    ///
    /// # Errors
    /// If they cannot be read or decoded.
    pub async fn unended(&mut self) -> Result<Vec<StoredIncident>> {
        let (orgs, users) = columns(&self.users);
        let rows = sqlx::query_as!(
            IncidentRow,
            r#"SELECT i.incident_id, i.message, i.status, i.disposition, i.merged_into, i.trace_id,
                   orgwatch.to_ms(i.opened_at) AS "opened_at!", orgwatch.to_ms(i.updated_at) AS "updated_at!",
                   orgwatch.to_ms(i.closed_at) AS closed_at, i.ended, i.assignee,
                   orgwatch.to_ms(i.snoozed_until) AS snoozed_until
               FROM orgwatch.incidents i
               JOIN UNNEST($1::text[], $2::text[]) AS u (org_id, user_id) USING (org_id, user_id)
               WHERE NOT i.ended AND i.status IN ('open', 'acknowledged')
               ORDER BY i.incident_id"#,
            &orgs as &[&str],
            &users as &[&str]
        )
        .fetch_all(&mut *self.transaction)
        .await
        .context("read the incidents of users")?;
        rows.into_iter().map(StoredIncident::try_from).collect()
    }

    /// Returns what counts of the users' incidents besides those with the ids `without`.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn other_incidents(&mut self, without: &[Uuid]) -> Result<Vec<OtherIncidents>> {
        let (orgs, users) = columns(&self.users);
        let rows = sqlx::query_as!(
            OtherRow,
            r#"SELECT r.org_id, r.user_id, r.incidents, worst.risk_score AS "risk_score?",
                   latest.incident_id AS "incident_id?", latest.last_event_at AS "last_event_at?",
                   latest.username AS "username?", latest.user_class AS "user_class?"
               FROM orgwatch.entity_risk r
               JOIN UNNEST($1::text[], $2::text[]) AS u (org_id, user_id) USING (org_id, user_id)
               LEFT JOIN LATERAL (
                   SELECT i.risk_score FROM orgwatch.incidents i
                   WHERE i.org_id = r.org_id AND i.user_id = r.user_id AND i.status IN ('open', 'acknowledged')
                     AND i.incident_id <> ALL($3::uuid[])
                   ORDER BY i.risk_score DESC LIMIT 1) worst ON true
               LEFT JOIN LATERAL (
                   SELECT i.incident_id, i.last_event_at, i.username, i.user_class FROM orgwatch.incidents i
                   WHERE i.org_id = r.org_id AND i.user_id = r.user_id AND i.incident_id <> ALL($3::uuid[])
                   ORDER BY i.last_event_at DESC, i.incident_id DESC LIMIT 1) latest ON true"#,
            &orgs as &[&str],
            &users as &[&str],
            without
        )
        .fetch_all(&mut *self.transaction)
        .await
        .context("read the risk of users")?;
        rows.into_iter().map(OtherIncidents::try_from).collect()
    }

    /// Commits all writes at once.
    ///
    /// # Errors
    /// If the connection is lost; whether the commit happened is then unknown.
    pub async fn commit(self) -> Result<()> {
        self.transaction.commit().await.context("commit a correlation")
    }

    async fn lock(&mut self) -> Result<()> {
        let (orgs, users) = columns(&self.users);
        // The rows must exist before they can be locked. Both statements go through the users in the same order.
        sqlx::query!(
            r#"INSERT INTO orgwatch.entity_risk (org_id, user_id)
               SELECT org_id, user_id FROM UNNEST($1::text[], $2::text[]) AS u (org_id, user_id)
               ORDER BY org_id COLLATE "C", user_id COLLATE "C"
               ON CONFLICT (org_id, user_id) DO NOTHING"#,
            &orgs as &[&str],
            &users as &[&str]
        )
        .execute(&mut *self.transaction)
        .await
        .context("insert users")?;
        sqlx::query!(
            r#"SELECT 1 AS one FROM orgwatch.entity_risk r
               JOIN UNNEST($1::text[], $2::text[]) AS u (org_id, user_id) USING (org_id, user_id)
               ORDER BY r.org_id COLLATE "C", r.user_id COLLATE "C"
               FOR UPDATE OF r"#,
            &orgs as &[&str],
            &users as &[&str]
        )
        .fetch_all(&mut *self.transaction)
        .await
        .context("lock users")
        .map(drop)
    }

    /// Returns the locked users as a column of orgs and a column of user ids.
    pub(crate) fn columns(&self) -> (Vec<&str>, Vec<&str>) {
        columns(&self.users)
    }

    /// Refuses a user that is not locked: writing it could overwrite the result of a concurrent correlation.
    fn check(&self, org: &OrgId, user: &UserId) -> Result<()> {
        // Ids are short: copying them is cheap.
        if self.users.contains(&(org.clone(), user.clone())) {
            return Ok(());
        }
        Err(StoreError::NotLocked { org_id: org.to_string(), user_id: user.to_string() })
    }
}

/// Splits users into a column of orgs and a column of user ids.
fn columns(users: &BTreeSet<(OrgId, UserId)>) -> (Vec<&str>, Vec<&str>) {
    users.iter().map(|(org, user)| (org.as_str(), user.as_str())).unzip()
}
