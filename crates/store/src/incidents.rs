//! Incidents and findings as they are stored.

use crate::convert::{severity, unsigned};
use crate::error::{Doing, Result, StoreError};
use crate::{Disposition, Status, Store};
use model::codec::Message;
use model::{Finding, Incident, OrgId, Points, Severity, Timestamp, UserId};
use uuid::Uuid;

/// A finding at its latest revision, with what the ledger and the way to it need.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredFinding {
    pub finding: Finding,
    /// The earliest time at which any revision was anomalous; `None` while none was.
    pub first_observed_at: Option<Timestamp>,
    pub traceparent: Option<String>,
    pub incident_id: Option<Uuid>,
}

/// An incident as it was last written, and what became of it.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredIncident {
    pub incident: Incident,
    pub status: Status,
    pub disposition: Option<Disposition>,
    /// Present exactly if the status is `merged`.
    pub merged_into: Option<Uuid>,
    pub trace_id: Option<String>,
    pub opened_at: Timestamp,
    pub updated_at: Timestamp,
    /// When it was resolved or merged.
    pub closed_at: Option<Timestamp>,
    /// It cannot grow any more, by its org's event time.
    pub ended: bool,
}

impl StoredIncident {
    pub fn finding_ids(&self) -> impl Iterator<Item = Uuid> {
        self.incident.findings.iter().map(|finding| finding.finding_id)
    }
}

/// An account with incidents that cannot grow any more.
#[derive(Clone, Debug, PartialEq)]
pub struct Ending {
    pub org_id: OrgId,
    pub user_id: UserId,
    /// The latest event that any finding of the org tells of.
    pub clock: Timestamp,
}

/// Which incidents; the default is all that are not merged into another one.
#[derive(Clone, Debug, Default)]
pub struct IncidentFilter {
    pub org_id: Option<OrgId>,
    pub user_id: Option<UserId>,
    pub ids: Option<Vec<Uuid>>,
    /// `None`: all but `merged`.
    pub statuses: Option<Vec<Status>>,
}

/// Which findings; the default is all.
#[derive(Clone, Debug, Default)]
pub struct FindingFilter {
    pub org_id: Option<OrgId>,
    pub user_id: Option<UserId>,
    pub incident_ids: Option<Vec<Uuid>>,
}

/// One change of an incident.
#[derive(Clone, Debug, PartialEq)]
pub struct HistoryEntry {
    pub revision: u64,
    pub change: String,
    pub risk_score: Points,
    pub severity: Severity,
    pub at: Timestamp,
    /// The exact message of that change.
    pub message: Vec<u8>,
}

impl Store {
    /// The incidents that pass the filter, by id.
    ///
    /// # Errors
    /// If the database cannot be read, or a message in it not decoded.
    pub async fn incidents(&self, filter: &IncidentFilter) -> Result<Vec<StoredIncident>> {
        let statuses: Vec<String> = match &filter.statuses {
            Some(statuses) => statuses.iter().map(|status| status.as_str().to_owned()).collect(),
            None => Status::ALL.iter().filter(|s| **s != Status::Merged).map(|s| s.as_str().to_owned()).collect(),
        };
        let rows = sqlx::query_as!(
            IncidentRow,
            r#"SELECT incident_id, message, status, disposition, merged_into, trace_id,
                   orgwatch.to_ms(opened_at) AS "opened_at!", orgwatch.to_ms(updated_at) AS "updated_at!",
                   orgwatch.to_ms(closed_at) AS closed_at, ended
               FROM orgwatch.incidents
               WHERE status = ANY($1) AND ($2::text IS NULL OR org_id = $2) AND ($3::text IS NULL OR user_id = $3)
                 AND ($4::uuid[] IS NULL OR incident_id = ANY($4))
               ORDER BY incident_id"#,
            &statuses,
            filter.org_id.as_ref().map(OrgId::as_str),
            filter.user_id.as_ref().map(UserId::as_str),
            filter.ids.as_deref()
        )
        .fetch_all(&self.pool)
        .await
        .doing("read incidents")?;
        rows.into_iter().map(StoredIncident::try_from).collect()
    }

    /// Accounts with an incident that is live and lies further back than `window` milliseconds from the latest event
    /// that any finding of its org tells of; `limit` at most.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn ending(&self, window: i64, limit: u32) -> Result<Vec<Ending>> {
        let rows = sqlx::query!(
            r#"SELECT i.org_id, i.user_id, max(c.clock) AS "clock!"
               FROM orgwatch.incidents i
               JOIN (SELECT org_id, max(last_event_at) AS clock FROM orgwatch.entity_risk GROUP BY org_id) c
                   USING (org_id)
               WHERE NOT i.ended AND i.status IN ('open', 'acknowledged') AND i.last_event_at + $1 < c.clock
               GROUP BY i.org_id, i.user_id ORDER BY i.org_id, i.user_id LIMIT $2"#,
            window,
            i64::from(limit)
        )
        .fetch_all(&self.pool)
        .await
        .doing("look for incidents that have ended")?;
        let ending = rows.into_iter().map(|row| Ending {
            org_id: OrgId::new(&row.org_id),
            user_id: UserId::new(&row.user_id),
            clock: Timestamp(row.clock),
        });
        Ok(ending.collect())
    }

    /// The findings that pass the filter, by id, withdrawn ones included.
    ///
    /// # Errors
    /// If the database cannot be read, or a message in it not decoded.
    pub async fn findings(&self, filter: &FindingFilter) -> Result<Vec<StoredFinding>> {
        let rows = sqlx::query_as!(
            FindingRow,
            r#"SELECT finding_id, message, first_observed_at, traceparent, incident_id
               FROM orgwatch.findings
               WHERE ($1::text IS NULL OR org_id = $1) AND ($2::text IS NULL OR user_id = $2)
                 AND ($3::uuid[] IS NULL OR incident_id = ANY($3))
               ORDER BY finding_id"#,
            filter.org_id.as_ref().map(OrgId::as_str),
            filter.user_id.as_ref().map(UserId::as_str),
            filter.incident_ids.as_deref()
        )
        .fetch_all(&self.pool)
        .await
        .doing("read findings")?;
        rows.into_iter().map(StoredFinding::try_from).collect()
    }

    /// What became of an incident, the earliest change first.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn history(&self, incident_id: Uuid) -> Result<Vec<HistoryEntry>> {
        let rows = sqlx::query!(
            r#"SELECT revision, change, risk_score, severity, orgwatch.to_ms(at) AS "at!", message
               FROM orgwatch.incident_history WHERE incident_id = $1 ORDER BY at, revision, change"#,
            incident_id
        )
        .fetch_all(&self.pool)
        .await
        .doing("read the history of an incident")?;
        rows.into_iter()
            .map(|row| {
                Ok(HistoryEntry {
                    revision: unsigned(row.revision),
                    change: row.change,
                    risk_score: Points(row.risk_score),
                    severity: severity(row.severity)?,
                    at: Timestamp(row.at),
                    message: row.message,
                })
            })
            .collect()
    }
}

pub(crate) struct IncidentRow {
    pub(crate) incident_id: Uuid,
    pub(crate) message: Vec<u8>,
    pub(crate) status: String,
    pub(crate) disposition: Option<String>,
    pub(crate) merged_into: Option<Uuid>,
    pub(crate) trace_id: Option<String>,
    pub(crate) opened_at: i64,
    pub(crate) updated_at: i64,
    pub(crate) closed_at: Option<i64>,
    pub(crate) ended: bool,
}

impl TryFrom<IncidentRow> for StoredIncident {
    type Error = StoreError;

    fn try_from(row: IncidentRow) -> Result<Self> {
        let unreadable = |source| StoreError::Message { what: "incident", id: row.incident_id.to_string(), source };
        Ok(Self {
            incident: Incident::decode(&row.message).map_err(unreadable)?,
            status: Status::parse(&row.status)?,
            disposition: row.disposition.as_deref().map(Disposition::parse).transpose()?,
            merged_into: row.merged_into,
            trace_id: row.trace_id,
            opened_at: Timestamp(row.opened_at),
            updated_at: Timestamp(row.updated_at),
            closed_at: row.closed_at.map(Timestamp),
            ended: row.ended,
        })
    }
}

pub(crate) struct FindingRow {
    pub(crate) finding_id: Uuid,
    pub(crate) message: Vec<u8>,
    pub(crate) first_observed_at: Option<i64>,
    pub(crate) traceparent: Option<String>,
    pub(crate) incident_id: Option<Uuid>,
}

impl TryFrom<FindingRow> for StoredFinding {
    type Error = StoreError;

    fn try_from(row: FindingRow) -> Result<Self> {
        let unreadable = |source| StoreError::Message { what: "finding", id: row.finding_id.to_string(), source };
        Ok(Self {
            finding: Finding::decode(&row.message).map_err(unreadable)?,
            first_observed_at: row.first_observed_at.map(Timestamp),
            traceparent: row.traceparent,
            incident_id: row.incident_id,
        })
    }
}
