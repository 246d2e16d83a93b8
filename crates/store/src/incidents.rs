//! Stored incidents and findings.

use crate::convert::{bigint, severity, unsigned};
use crate::error::{Context, Result, StoreError};
use crate::{Disposition, Status, Store, words};
use model::codec::Message;
use model::{Finding, Incident, OrgId, Points, Severity, Timestamp, UserId};
use sqlx::PgExecutor;
use std::collections::BTreeMap;
use uuid::Uuid;

/// A finding at its latest revision, with the fields that merging needs.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredFinding {
    /// The finding.
    pub finding: Finding,
    /// The earliest event time at which any of its revisions was anomalous; `None` while none was.
    pub first_observed_at: Option<Timestamp>,
    /// W3C trace context of the finding.
    pub traceparent: Option<String>,
    /// The incident that it belongs to, if any.
    pub incident_id: Option<Uuid>,
    /// The suppression or allowlist because of which it counts for nothing.
    pub hidden_by: Option<Uuid>,
}

/// An incident as it was last written, with its life.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredIncident {
    /// The incident.
    pub incident: Incident,
    /// Where it stands in its life.
    pub status: Status,
    /// What people decided that it was.
    pub disposition: Option<Disposition>,
    /// The incident that absorbed it; present exactly if the status is `merged`.
    pub merged_into: Option<Uuid>,
    /// The trace that opened it.
    pub trace_id: Option<String>,
    /// When it was first stored, by the database's clock.
    pub opened_at: Timestamp,
    /// When it was last stored, by the database's clock.
    pub updated_at: Timestamp,
    /// When it was resolved, merged or withdrawn, by the database's clock.
    pub closed_at: Option<Timestamp>,
    /// Whether it has ended, and not resumed since.
    pub ended: bool,
    /// Who works on it.
    pub assignee: Option<String>,
    /// Until when, by the wall clock, it is of no concern.
    pub snoozed_until: Option<Timestamp>,
}

impl StoredIncident {
    /// Returns the ids of its findings.
    pub fn finding_ids(&self) -> impl Iterator<Item = Uuid> {
        self.incident.findings.iter().map(|finding| finding.finding_id)
    }
}

/// An account with incidents that its org's event time has passed, and that are not marked as ended yet.
#[derive(Clone, Debug, PartialEq)]
pub struct EndingAccount {
    /// The account's org.
    pub org_id: OrgId,
    /// The account.
    pub user_id: UserId,
    /// Event time up to which the org's hours are closed.
    pub clock: Timestamp,
}

/// Selects incidents by all given fields; the default selects all that are not merged into another one.
#[derive(Clone, Debug, Default)]
pub struct IncidentFilter {
    /// Those of this org.
    pub org_id: Option<OrgId>,
    /// Those of this account.
    pub user_id: Option<UserId>,
    /// Those with these ids.
    pub ids: Option<Vec<Uuid>>,
    /// Those with these statuses; `None`: all but `merged`.
    pub statuses: Option<Vec<Status>>,
    /// Those with an event at this event time or later.
    pub since: Option<Timestamp>,
}

/// Selects findings by all given fields; the default selects all.
#[derive(Clone, Debug, Default)]
pub struct FindingFilter {
    /// Those of this org.
    pub org_id: Option<OrgId>,
    /// Those of this account.
    pub user_id: Option<UserId>,
    /// Those with these ids.
    pub ids: Option<Vec<Uuid>>,
    /// Those that belong to these incidents.
    pub incident_ids: Option<Vec<Uuid>>,
    /// Those that were first observed at this event time or later.
    pub since: Option<Timestamp>,
}

/// One change of an incident.
#[derive(Clone, Debug, PartialEq)]
pub struct HistoryEntry {
    /// The incident's revision after the change.
    pub revision: u64,
    /// The kind of change, as [`model::ChangeKind`] is written.
    pub change: String,
    /// The risk score after the change.
    pub risk_score: Points,
    /// The severity after the change.
    pub severity: Severity,
    /// When it was recorded, by the database's clock.
    pub at: Timestamp,
    /// The encoded incident after the change, exactly as it was published; empty if it was not.
    pub message: Vec<u8>,
    /// Why it ended, as [`model::EndReason`] is written.
    pub end_reason: Option<String>,
    /// The incident that absorbed it.
    pub merged_into: Option<Uuid>,
}

impl Store {
    /// Returns the incidents that the filter selects, by id.
    ///
    /// # Errors
    /// If the database cannot be read, or a stored message cannot be decoded.
    pub async fn incidents(&self, filter: &IncidentFilter) -> Result<Vec<StoredIncident>> {
        incidents(&self.pool, filter).await
    }

    /// Returns at most `limit` accounts with an open or acknowledged incident that its org has passed: its last event
    /// lies more than `window` milliseconds, or those of its org in `own`, before the event time up to which the org's
    /// hours are closed, see [`Owner::put_clocks`](crate::Owner::put_clocks).
    ///
    /// The earliest clock of an org with several partitions counts: the partition of an account is not stored, and no
    /// incident may end before its own partition has passed it. A partition without events of the org has the clock of
    /// another one once it has read the stream as far as that one had when its clock got there: all that was published
    /// before is then applied, as in an org with one partition.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn ending_accounts(
        &self,
        window: i64,
        own: &BTreeMap<OrgId, i64>,
        limit: u32,
    ) -> Result<Vec<EndingAccount>> {
        let (orgs, windows): (Vec<&str>, Vec<i64>) = own.iter().map(|(org, own)| (org.as_str(), *own)).unzip();
        let rows = sqlx::query!(
            r#"SELECT i.org_id, i.user_id, min(c.clock) AS "clock!"
               FROM orgwatch.incidents i
               JOIN (SELECT org_id, min(clock) AS clock FROM (
                         SELECT own.org_id, greatest(own.clock, max(other.passed) FILTER (
                             WHERE other.sequence <= greatest(read.applied, read.reached))) AS clock
                         FROM orgwatch.org_clocks own
                         JOIN orgwatch.org_clocks other USING (org_id)
                         LEFT JOIN orgwatch.checkpoints read ON read.partition = own.partition
                         GROUP BY own.partition, own.org_id, own.clock) of_partitions
                     GROUP BY org_id) c USING (org_id)
               LEFT JOIN UNNEST($3::text[], $4::bigint[]) AS own (org_id, milliseconds) USING (org_id)
               WHERE NOT i.ended AND i.status IN ('open', 'acknowledged')
                 AND i.last_event_at + coalesce(own.milliseconds, $1) < c.clock
               GROUP BY i.org_id, i.user_id ORDER BY i.org_id, i.user_id LIMIT $2"#,
            window,
            i64::from(limit),
            &orgs as &[&str],
            &windows
        )
        .fetch_all(&self.pool)
        .await
        .context("list accounts with incidents to end")?;
        let ending = rows.into_iter().map(|row| EndingAccount {
            org_id: OrgId::new(&row.org_id),
            user_id: UserId::new(&row.user_id),
            clock: Timestamp(row.clock),
        });
        Ok(ending.collect())
    }

    /// Returns the findings that the filter selects, by id, including withdrawn ones.
    ///
    /// # Errors
    /// If the database cannot be read, or a stored message cannot be decoded.
    pub async fn findings(&self, filter: &FindingFilter) -> Result<Vec<StoredFinding>> {
        findings(&self.pool, filter).await
    }

    /// Returns the change that gave an incident a revision; `None` if it is not stored, or no longer.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn change(&self, incident_id: Uuid, revision: u64) -> Result<Option<HistoryEntry>> {
        let row = sqlx::query_as!(
            HistoryRow,
            r#"SELECT revision, change, risk_score, severity, orgwatch.to_ms(at) AS "at!", message, end_reason,
                   merged_into
               FROM orgwatch.incident_history WHERE incident_id = $1 AND revision = $2 ORDER BY at LIMIT 1"#,
            incident_id,
            bigint("revision", revision)?
        )
        .fetch_optional(&self.pool)
        .await
        .context("read a change of an incident")?;
        row.map(HistoryEntry::try_from).transpose()
    }

    /// Returns the kinds of change with the severities that an incident had after them, each once, before a revision.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn earlier_changes(&self, incident_id: Uuid, revision: u64) -> Result<Vec<(String, Severity)>> {
        let rows = sqlx::query!(
            r#"SELECT DISTINCT change, severity FROM orgwatch.incident_history
               WHERE incident_id = $1 AND revision < $2 ORDER BY change, severity"#,
            incident_id,
            bigint("revision", revision)?
        )
        .fetch_all(&self.pool)
        .await
        .context("read the history of an incident")?;
        rows.into_iter().map(|row| Ok((row.change, severity(row.severity)?))).collect()
    }
}

/// See [`Store::incidents`].
pub(crate) async fn incidents(executor: impl PgExecutor<'_>, filter: &IncidentFilter) -> Result<Vec<StoredIncident>> {
    let statuses: Vec<String> = match &filter.statuses {
        Some(statuses) => statuses.iter().map(|status| status.as_str().to_owned()).collect(),
        None => Status::ALL.iter().filter(|s| **s != Status::Merged).map(|s| s.as_str().to_owned()).collect(),
    };
    let rows = sqlx::query_as!(
        IncidentRow,
        r#"SELECT incident_id, message, status, disposition, merged_into, trace_id,
               orgwatch.to_ms(opened_at) AS "opened_at!", orgwatch.to_ms(updated_at) AS "updated_at!",
               orgwatch.to_ms(closed_at) AS closed_at, ended, assignee,
               orgwatch.to_ms(snoozed_until) AS snoozed_until
           FROM orgwatch.incidents
           WHERE status = ANY($1) AND ($2::text IS NULL OR org_id = $2) AND ($3::text IS NULL OR user_id = $3)
             AND ($4::uuid[] IS NULL OR incident_id = ANY($4)) AND ($5::bigint IS NULL OR last_event_at >= $5)
           ORDER BY incident_id"#,
        &statuses,
        filter.org_id.as_ref().map(OrgId::as_str),
        filter.user_id.as_ref().map(UserId::as_str),
        filter.ids.as_deref(),
        filter.since.map(|since| since.0)
    )
    .fetch_all(executor)
    .await
    .context("read incidents")?;
    rows.into_iter().map(StoredIncident::try_from).collect()
}

/// See [`Store::findings`].
pub(crate) async fn findings(executor: impl PgExecutor<'_>, filter: &FindingFilter) -> Result<Vec<StoredFinding>> {
    let rows = sqlx::query_as!(
        FindingRow,
        r#"SELECT finding_id, message, first_observed_at, traceparent, incident_id, hidden_by
           FROM orgwatch.findings
           WHERE ($1::text IS NULL OR org_id = $1) AND ($2::text IS NULL OR user_id = $2)
             AND ($3::uuid[] IS NULL OR incident_id = ANY($3)) AND ($4::bigint IS NULL OR observed_at >= $4)
             AND ($5::uuid[] IS NULL OR finding_id = ANY($5))
           ORDER BY finding_id"#,
        filter.org_id.as_ref().map(OrgId::as_str),
        filter.user_id.as_ref().map(UserId::as_str),
        filter.incident_ids.as_deref(),
        filter.since.map(|since| since.0),
        filter.ids.as_deref()
    )
    .fetch_all(executor)
    .await
    .context("read findings")?;
    rows.into_iter().map(StoredFinding::try_from).collect()
}

/// Returns at most `limit` changes of an incident, the latest first.
///
/// # Errors
/// If the database cannot be read.
pub(crate) async fn history(executor: impl PgExecutor<'_>, incident_id: Uuid, limit: u32) -> Result<Vec<HistoryEntry>> {
    let rows = sqlx::query_as!(
        HistoryRow,
        r#"SELECT revision, change, risk_score, severity, orgwatch.to_ms(at) AS "at!", message, end_reason, merged_into
           FROM orgwatch.incident_history WHERE incident_id = $1 ORDER BY revision DESC, at DESC LIMIT $2"#,
        incident_id,
        i64::from(limit)
    )
    .fetch_all(executor)
    .await
    .context("read the history of an incident")?;
    rows.into_iter().map(HistoryEntry::try_from).collect()
}

pub(crate) struct HistoryRow {
    pub(crate) revision: i64,
    pub(crate) change: String,
    pub(crate) risk_score: i32,
    pub(crate) severity: i16,
    pub(crate) at: i64,
    pub(crate) message: Vec<u8>,
    pub(crate) end_reason: Option<String>,
    pub(crate) merged_into: Option<Uuid>,
}

impl TryFrom<HistoryRow> for HistoryEntry {
    type Error = StoreError;

    fn try_from(row: HistoryRow) -> Result<Self> {
        Ok(Self {
            revision: unsigned(row.revision),
            change: row.change,
            risk_score: Points(row.risk_score),
            severity: severity(row.severity)?,
            at: Timestamp(row.at),
            message: row.message,
            end_reason: row.end_reason,
            merged_into: row.merged_into,
        })
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
    pub(crate) assignee: Option<String>,
    pub(crate) snoozed_until: Option<i64>,
}

impl TryFrom<IncidentRow> for StoredIncident {
    type Error = StoreError;

    fn try_from(row: IncidentRow) -> Result<Self> {
        let unreadable = |source| StoreError::Message { what: "incident", id: row.incident_id.to_string(), source };
        Ok(Self {
            incident: Incident::decode(&row.message).map_err(unreadable)?,
            status: words::status(&row.status)?,
            disposition: row.disposition.as_deref().map(words::disposition).transpose()?,
            merged_into: row.merged_into,
            trace_id: row.trace_id,
            opened_at: Timestamp(row.opened_at),
            updated_at: Timestamp(row.updated_at),
            closed_at: row.closed_at.map(Timestamp),
            ended: row.ended,
            assignee: row.assignee,
            snoozed_until: row.snoozed_until.map(Timestamp),
        })
    }
}

pub(crate) struct FindingRow {
    pub(crate) finding_id: Uuid,
    pub(crate) message: Vec<u8>,
    pub(crate) first_observed_at: Option<i64>,
    pub(crate) traceparent: Option<String>,
    pub(crate) incident_id: Option<Uuid>,
    pub(crate) hidden_by: Option<Uuid>,
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
            hidden_by: row.hidden_by,
        })
    }
}
