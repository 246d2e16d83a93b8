//! Findings, incidents and risk of some users, read and written in one transaction.

mod write;

pub use write::{HistoryWrite, IncidentWrite, OutboxWrite, RiskWrite};

use crate::decisions::{Suppression, SuppressionRow};
use crate::error::{Doing, Result, StoreError};
use crate::incidents::{FindingRow, IncidentRow};
use crate::{Store, StoredFinding, StoredIncident};
use model::{OrgId, UserId};
use sqlx::{Postgres, Transaction};
use std::collections::BTreeSet;

/// A transaction that has locked some users. Dropped without [`Correlation::commit`], it changes nothing.
#[derive(Debug)]
pub struct Correlation {
    transaction: Transaction<'static, Postgres>,
    users: BTreeSet<(OrgId, UserId)>,
}

impl Store {
    /// Begins a transaction and locks the users, waiting for other correlations of any of them.
    ///
    /// They are locked in one order everywhere, so that correlations cannot wait for each other in a circle.
    ///
    /// # Errors
    /// If the database cannot be reached, or another correlation holds a user for longer than the time limit.
    pub async fn correlate(&self, users: &[(OrgId, UserId)]) -> Result<Correlation> {
        let transaction = self.pool.begin().await.doing("begin a correlation")?;
        let mut correlation = Correlation { transaction, users: users.iter().cloned().collect() };
        correlation.lock().await?;
        Ok(correlation)
    }
}

impl Correlation {
    /// All findings of the users, by id.
    ///
    /// # Errors
    /// If they cannot be read, or a message not decoded.
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
        .doing("read the findings of users")?;
        rows.into_iter().map(StoredFinding::try_from).collect()
    }

    /// All incidents of the users, by id, those included that are merged into others.
    ///
    /// # Errors
    /// If they cannot be read, or a message not decoded.
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
        .doing("read the incidents of users")?;
        rows.into_iter().map(StoredIncident::try_from).collect()
    }

    /// What is suppressed in the org, the earliest first.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn suppressions_of(&mut self, org: &OrgId) -> Result<Vec<Suppression>> {
        let rows = SuppressionRow::of_org(&mut *self.transaction, org).await?;
        Ok(rows.into_iter().map(Suppression::from).collect())
    }

    /// Makes everything that was put durable and visible, all at once.
    ///
    /// # Errors
    /// If the connection is lost; then it may have happened or not.
    pub async fn commit(self) -> Result<()> {
        self.transaction.commit().await.doing("commit a correlation")
    }

    async fn lock(&mut self) -> Result<()> {
        let (orgs, users) = columns(&self.users);
        // Both statements go through the users in the same order.
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
        .doing("enter users")?;
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
        .doing("lock users")
        .map(drop)
    }

    /// What is written about a user that is not locked could undo what another correlation writes meanwhile.
    fn check(&self, org: &OrgId, user: &UserId) -> Result<()> {
        // Ids are short: copying them is cheap.
        if self.users.contains(&(org.clone(), user.clone())) {
            return Ok(());
        }
        Err(StoreError::NotLocked { org_id: org.to_string(), user_id: user.to_string() })
    }
}

/// The columns of a list of users.
fn columns(users: &BTreeSet<(OrgId, UserId)>) -> (Vec<&str>, Vec<&str>) {
    users.iter().map(|(org, user)| (org.as_str(), user.as_str())).unzip()
}
