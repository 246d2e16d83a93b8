//! What the console reads and writes: each of its transactions names the secret of a session, and the row policies show it
//! the rows of that session's orgs alone.

mod accounts;
mod anomalies;
mod detectors;
mod incidents;
mod latency;
mod peers;
mod sessions;
mod stream;
mod thresholds;
mod touched;
mod views;

pub use accounts::{AccountRow, OrgRow, TimelineRow};
pub use anomalies::{Anomalies, Anomaly, AnomalyEvent, AnomalyGroup, Deleted, Span};
pub use detectors::Raised;
pub use incidents::{Counted, Group, IncidentOrder, IncidentPage, IncidentQuery, IncidentRow as ListedIncident, Place};
pub use latency::IncidentTimes;
pub use peers::PeerDay;
pub use sessions::{Check, NewSession, NewToken, OpenSession, Role, Session};
pub use stream::{StreamPosition, StreamedChange};
pub use thresholds::{UnraisedDay, UnraisedDays, WeakIncidents};
pub use touched::{FirstDay, Touched, TouchingAccount};
pub use views::KeptView;

use crate::error::{Context, Result};
use crate::{
    AuditPage, AuditPlace, DecisionFilter, FindingFilter, Gap, Hidden, HistoryEntry, IncidentFilter, RequestMark,
    Store, StoredFinding, StoredIncident, StoredSource, audit, coverage, decisions, incidents as stored,
};
use model::{Decision, OrgId, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use sqlx::{Postgres, Transaction};
use uuid::Uuid;

/// A transaction of the console in which the row policies show the orgs of one session.
#[derive(Debug)]
pub struct Visit {
    pub(crate) transaction: Transaction<'static, Postgres>,
}

impl Store {
    /// Begins a transaction that names the secret of a session. Without a valid secret it sees no row, whatever login the
    /// pool has: it works as the console's role, which the row policies bind.
    ///
    /// # Errors
    /// If the login may not act as the console's role; if the database does not answer.
    pub async fn visit(&self, secret: &SecretString) -> Result<Visit> {
        let mut transaction = self.pool.begin().await.context("begin a transaction of a session")?;
        sqlx::query!("SET LOCAL ROLE orgwatch_console")
            .execute(&mut *transaction)
            .await
            .context("act as the role of the console")?;
        sqlx::query!("SELECT set_config('orgwatch.session', $1, true) AS named", secret.expose_secret())
            .fetch_one(&mut *transaction)
            .await
            .context("name a session")?;
        Ok(Visit { transaction })
    }
}

impl Visit {
    /// Changes settings of the planner by `SET LOCAL`, for the transaction. The planner has no statistics, which would say what
    /// others' rows hold, and expects few rows of any query.
    async fn plan(&mut self, settings: &'static str) -> Result<()> {
        sqlx::raw_sql(settings).execute(&mut *self.transaction).await.context("choose a plan").map(drop)
    }

    /// Commits what was written.
    ///
    /// # Errors
    /// If the database refuses.
    pub async fn commit(self) -> Result<()> {
        self.transaction.commit().await.context("commit a transaction of a session")
    }

    /// Returns the incidents that the filter selects, by id.
    ///
    /// # Errors
    /// If the database cannot be read, or a stored message cannot be decoded.
    pub async fn incidents(&mut self, filter: &IncidentFilter) -> Result<Vec<StoredIncident>> {
        stored::incidents(&mut *self.transaction, filter).await
    }

    /// Returns the findings that the filter selects, by id, including withdrawn ones.
    ///
    /// # Errors
    /// If the database cannot be read, or a stored message cannot be decoded.
    pub async fn findings(&mut self, filter: &FindingFilter) -> Result<Vec<StoredFinding>> {
        stored::findings(&mut *self.transaction, filter).await
    }

    /// Returns at most `limit` changes of an incident, the latest first.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn history(&mut self, incident_id: Uuid, limit: u32) -> Result<Vec<HistoryEntry>> {
        stored::history(&mut *self.transaction, incident_id, limit).await
    }

    /// Returns the decisions that the filter selects, in the order in which they were recorded.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn decisions(&mut self, filter: &DecisionFilter) -> Result<Vec<Decision>> {
        decisions::decisions(&mut *self.transaction, filter).await
    }

    /// Returns how many findings each of these decisions hides; those that hide none are left out.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn hidden(&mut self, ids: &[Uuid]) -> Result<Vec<Hidden>> {
        decisions::hidden(&mut *self.transaction, ids).await
    }

    /// Adds a decision, in the name of the session, and returns it as it is stored; the audit trail names it. If the id
    /// exists, the stored decision stays and is returned.
    ///
    /// # Errors
    /// [`StoreError::NoDecision`](crate::StoreError::NoDecision) if it ends or undoes a decision that its org and account do
    /// not have; if the session may not decide that; if the database refuses.
    pub async fn record(&mut self, decision: &Decision, request: &RequestMark) -> Result<Decision> {
        let recorded = decisions::record(&mut self.transaction, decision, Some(request)).await?;
        let detail = json!({ "kind": recorded.ruling.kind(), "user_id": recorded.user_id });
        self.audit(Some(&recorded.org_id), "decided", &recorded.decision_id.to_string(), &detail).await?;
        Ok(recorded)
    }

    /// Returns the decisions that a request has recorded, with the SHA-256 of its body; `None` if it has recorded none.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn recorded(&mut self, request_id: Uuid) -> Result<Option<(Vec<u8>, Vec<Decision>)>> {
        decisions::recorded(&mut self.transaction, request_id).await
    }

    /// Whether any of these decisions is still to be applied to incidents or sent to the stream.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn is_due(&mut self, ids: &[Uuid]) -> Result<bool> {
        decisions::is_due(&mut *self.transaction, ids).await
    }

    /// Returns the event time up to which the hours of an org are closed in the partition that is furthest.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn org_clock(&mut self, org: &OrgId) -> Result<Option<Timestamp>> {
        decisions::org_clock(&mut *self.transaction, org).await
    }

    /// Returns what each source of an org sees, or of all orgs of the session.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn source_states(&mut self, org: Option<&OrgId>) -> Result<Vec<StoredSource>> {
        coverage::source_states(&mut *self.transaction, org).await
    }

    /// Returns the open gaps of an org, or of all orgs of the session.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn open_gaps(&mut self, org: Option<&OrgId>) -> Result<Vec<Gap>> {
        coverage::all_gaps(&mut *self.transaction, org, None).await
    }

    /// Stores settings, as a text, under their hash. Does nothing if the hash is stored.
    ///
    /// # Errors
    /// If the database refuses.
    pub async fn put_settings(&mut self, hash: &str, toml: &str) -> Result<()> {
        crate::rules::put_settings(&mut *self.transaction, hash, toml).await
    }

    /// Records an action of the session in the audit trail. `detail` must be a JSON object.
    ///
    /// # Errors
    /// If the database refuses.
    pub async fn audit(&mut self, org: Option<&OrgId>, action: &str, subject: &str, detail: &Value) -> Result<()> {
        audit::note(&mut *self.transaction, org, action, subject, detail).await
    }

    /// Returns a page of at most `limit` actions of the orgs that the session administers: the latest ones, or those after a
    /// page that ends at `after`.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn audit_page(&mut self, after: Option<AuditPlace>, limit: u32) -> Result<AuditPage> {
        audit::page(&mut *self.transaction, after, limit).await
    }
}
