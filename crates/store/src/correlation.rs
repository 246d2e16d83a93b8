//! Reads and writes of some users' findings, incidents and risk in one transaction.

mod write;

pub use write::{HistoryWrite, IncidentWrite, OutboxWrite, RiskWrite};

use crate::decisions::{Suppression, SuppressionRow};
use crate::error::{Context, Result, StoreError};
use crate::incidents::{FindingRow, IncidentRow};
use crate::{Store, StoredFinding, StoredIncident};
use model::{OrgId, UserId};
use sqlx::{Postgres, Transaction};
use std::collections::BTreeSet;

/// A transaction that has locked some users. Dropping it without [`Correlation::commit`] rolls it back.
#[derive(Debug)]
pub struct Correlation {
    pub(crate) transaction: Transaction<'static, Postgres>,
    users: BTreeSet<(OrgId, UserId)>,
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
    /// Returns all findings of the users, by id.
    ///
    /// # Errors
    /// If they cannot be read or decoded.
    pub async fn findings(&mut self) -> Result<Vec<StoredFinding>> {
        let (orgs, users) = columns(&self.users);
        let rows = sqlx::query_as!(
            FindingRow,
            r#"SELECT f.finding_id, f.message, f.first_observed_at, f.traceparent, f.incident_id
               FROM orgwatch.findings f
               JOIN UNNEST($1::text[], $2::text[]) AS u (org_id, user_id) USING (org_id, user_id)
               ORDER BY f.finding_id"#,
            &orgs as &[&str],
            &users as &[&str]
        )
        .fetch_all(&mut *self.transaction)
        .await
        .context("read the findings of users")?;
        rows.into_iter().map(StoredFinding::try_from).collect()
    }

    /// Returns all incidents of the users, by id, including those merged into others.
    ///
    /// # Errors
    /// If they cannot be read or decoded.
    pub async fn incidents(&mut self) -> Result<Vec<StoredIncident>> {
        let (orgs, users) = columns(&self.users);
        let rows = sqlx::query_as!(
            IncidentRow,
            r#"SELECT i.incident_id, i.message, i.status, i.disposition, i.merged_into, i.trace_id,
                   orgwatch.to_ms(i.opened_at) AS "opened_at!", orgwatch.to_ms(i.updated_at) AS "updated_at!",
                   orgwatch.to_ms(i.closed_at) AS closed_at, i.ended
               FROM orgwatch.incidents i
               JOIN UNNEST($1::text[], $2::text[]) AS u (org_id, user_id) USING (org_id, user_id)
               ORDER BY i.incident_id"#,
            &orgs as &[&str],
            &users as &[&str]
        )
        .fetch_all(&mut *self.transaction)
        .await
        .context("read the incidents of users")?;
        rows.into_iter().map(StoredIncident::try_from).collect()
    }

    /// Returns the org's suppressions, the earliest first.
    ///
    /// # Errors
    /// If they cannot be read.
    pub async fn suppressions_of(&mut self, org: &OrgId) -> Result<Vec<Suppression>> {
        let rows = SuppressionRow::of_org(&mut *self.transaction, org).await?;
        Ok(rows.into_iter().map(Suppression::from).collect())
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
