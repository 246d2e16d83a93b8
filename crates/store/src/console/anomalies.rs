//! Records of incidents in other forms: found by checked queries, by id, and by the span of time in which they changed.

mod events;
mod spans;
mod sql;

pub use events::AnomalyEvent;
pub use spans::{Deleted, Span};

use super::Visit;
use crate::convert::unsigned;
use crate::error::{Context, Result, StoreError};
use crate::{Status, StreamPosition, words};
use forms::Subject;
use forms::query::{Cursor, Filter, GroupKey, Sort};
use forms::tenant::Field;
use model::codec::Message;
use model::{Evidence, Finding, Incident, Uuid};
use sqlx::{FromRow, QueryBuilder};

/// What a record of an incident is made of.
#[derive(Clone, Debug, PartialEq)]
pub struct Anomaly {
    /// The incident.
    pub incident: Incident,
    /// Where it stands in its life.
    pub status: Status,
    /// The evidence of its leading finding.
    pub evidence: Vec<Evidence>,
}

/// A page of records.
#[derive(Clone, Debug, PartialEq)]
pub struct Anomalies {
    /// The incidents, in the order of the query.
    pub found: Vec<Anomaly>,
    /// Whether there are more.
    pub has_more: bool,
}

/// A combination of values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnomalyGroup {
    /// The value of each field by which the query groups; `None` for null.
    pub values: Vec<Option<String>>,
    /// How many records have it.
    pub records: u64,
}

impl Anomaly {
    /// Returns what forms are made of. No name of the org and no address of a page is known.
    pub fn subject(&self) -> Subject<'_> {
        Subject {
            incident: &self.incident,
            evidence: &self.evidence,
            status: self.status,
            tenant_name: None,
            link: None,
        }
    }
}

impl Visit {
    /// Returns at most `limit` records that pass the filters, in an order, after a cursor of the same order.
    ///
    /// # Errors
    /// If the database cannot be read, or a stored message cannot be decoded.
    pub async fn anomalies(
        &mut self,
        filters: &[Filter],
        sort: &[Sort<Field>],
        after: Option<&Cursor>,
        limit: u32,
    ) -> Result<Anomalies> {
        let mut rows: Vec<Row> = sql::records(COLUMNS, filters, sort, after, limit)
            .build_query_as()
            .fetch_all(&mut *self.transaction)
            .await
            .context("read records of incidents")?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        Ok(Anomalies { found: rows.into_iter().map(Anomaly::try_from).collect::<Result<_>>()?, has_more })
    }

    /// Counts the records that pass the filters by the values of fields: at most `limit` groups, and whether there are more.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn anomaly_groups(
        &mut self,
        filters: &[Filter],
        by: &[Field],
        sort: &[Sort<GroupKey>],
        limit: u32,
    ) -> Result<(Vec<AnomalyGroup>, bool)> {
        let rows: Vec<(Vec<Option<String>>, i64)> = sql::groups(filters, by, sort, limit)
            .build_query_as()
            .fetch_all(&mut *self.transaction)
            .await
            .context("count records of incidents")?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let has_more = rows.len() > limit;
        let group = |(values, records)| AnomalyGroup { values, records: unsigned(records) };
        Ok((rows.into_iter().take(limit).map(group).collect(), has_more))
    }

    /// Returns what the forms of one incident are made of, whatever its status, with the position of its latest change in
    /// the stream; the position is `None` for a change that an earlier version recorded.
    ///
    /// # Errors
    /// If the database cannot be read, or a stored message cannot be decoded.
    pub async fn anomaly(&mut self, incident_id: Uuid) -> Result<Option<(Anomaly, Option<StreamPosition>)>> {
        let mut builder = QueryBuilder::new("SELECT ");
        builder.push(COLUMNS).push(" FROM ").push(sql::FROM).push(" WHERE i.incident_id = ").push_bind(incident_id);
        let row: Option<Row> = builder
            .build_query_as()
            .fetch_optional(&mut *self.transaction)
            .await
            .context("read the record of an incident")?;
        let Some(row) = row else { return Ok(None) };
        let latest = sqlx::query!(
            r#"SELECT transaction::text AS "transaction!", position AS "position!" FROM orgwatch.incident_history
               WHERE incident_id = $1 AND transaction IS NOT NULL
               ORDER BY incident_history.transaction DESC, position DESC LIMIT 1"#,
            incident_id
        )
        .fetch_optional(&mut *self.transaction)
        .await
        .context("read the position of the latest change of an incident")?;
        let position = latest.map(|row| StreamPosition::of(&row.transaction, row.position));
        Ok(Some((Anomaly::try_from(row)?, position)))
    }
}

const COLUMNS: &str = "i.incident_id, i.message, i.status, f.finding_id, f.message AS finding";

#[derive(FromRow)]
struct Row {
    incident_id: Uuid,
    message: Vec<u8>,
    status: String,
    finding_id: Option<Uuid>,
    finding: Option<Vec<u8>>,
}

impl TryFrom<Row> for Anomaly {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self> {
        let unreadable = |source| StoreError::Message { what: "incident", id: row.incident_id.to_string(), source };
        Ok(Self {
            incident: Incident::decode(&row.message).map_err(unreadable)?,
            status: words::status(&row.status)?,
            evidence: evidence(row.finding_id, row.finding.as_deref())?,
        })
    }
}

/// Reads the evidence of a finding; empty if there is no finding.
fn evidence(finding_id: Option<Uuid>, message: Option<&[u8]>) -> Result<Vec<Evidence>> {
    let (Some(id), Some(message)) = (finding_id, message) else { return Ok(Vec::new()) };
    let unreadable = |source| StoreError::Message { what: "finding", id: id.to_string(), source };
    Ok(Finding::decode(message).map_err(unreadable)?.evidence)
}
