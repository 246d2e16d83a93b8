//! The columns of a finding by which records of its incident are found: copies of what is in its message.

use crate::Store;
use crate::convert::text;
use crate::error::{Context, Result, StoreError};
use forms::{EventName, OfFinding};
use model::codec::Message;
use model::{Finding, Uuid};
use std::borrow::Cow;

/// The copies of many findings, each a column.
pub(crate) struct NameColumns<'a> {
    pub(crate) event_names: Vec<Option<&'static str>>,
    pub(crate) metrics_types: Vec<&'static str>,
    pub(crate) titles: Vec<String>,
    pub(crate) operations: Vec<Option<Cow<'a, str>>>,
    pub(crate) requests: Vec<Option<Cow<'a, str>>>,
    pub(crate) rows: Vec<Option<f64>>,
}

impl<'a> NameColumns<'a> {
    pub(crate) fn of(findings: impl Iterator<Item = &'a Finding>) -> Self {
        let all: Vec<OfFinding<'a>> = findings.map(OfFinding::of).collect();
        Self {
            event_names: all.iter().map(|copied| copied.event_name.map(EventName::as_str)).collect(),
            metrics_types: all.iter().map(|copied| copied.metrics_type.as_str()).collect(),
            titles: all.iter().map(|copied| text(&copied.name).into_owned()).collect(),
            operations: all.iter().map(|copied| copied.operation.map(text)).collect(),
            requests: all.iter().map(|copied| copied.request_identifier.map(text)).collect(),
            rows: all.iter().map(|copied| copied.rows_processed).collect(),
        }
    }
}

impl Store {
    /// Fills in the copies of findings that an earlier version stored, at most `limit` of them, and returns how many were
    /// found. One that changes meanwhile is filled by that change.
    ///
    /// # Errors
    /// If the database cannot be read or written, or a stored message cannot be decoded.
    pub(crate) async fn fill_names(&self, limit: u32) -> Result<usize> {
        let rows = sqlx::query!(
            "SELECT finding_id, revision, message FROM orgwatch.findings
             WHERE metrics_type IS NULL ORDER BY finding_id LIMIT $1",
            i64::from(limit)
        )
        .fetch_all(&self.pool)
        .await
        .context("read findings without names")?;
        let findings = rows.iter().map(|row| {
            let unreadable = |source| StoreError::Message { what: "finding", id: row.finding_id.to_string(), source };
            Finding::decode(&row.message).map_err(unreadable)
        });
        let findings = findings.collect::<Result<Vec<_>>>()?;
        let names = NameColumns::of(findings.iter());
        let ids: Vec<Uuid> = rows.iter().map(|row| row.finding_id).collect();
        let revisions: Vec<i64> = rows.iter().map(|row| row.revision).collect();
        sqlx::query!(
            "UPDATE orgwatch.findings f SET event_name = t.event_name, metrics_type = t.metrics_type, title = t.title,
                 operation = t.operation, request_identifier = t.request_identifier, rows_processed = t.rows_processed
             FROM UNNEST($1::uuid[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
                 $8::double precision[]) AS t (finding_id, revision, event_name, metrics_type, title, operation,
                 request_identifier, rows_processed)
             WHERE f.finding_id = t.finding_id AND f.revision = t.revision AND f.metrics_type IS NULL",
            &ids,
            &revisions,
            &names.event_names as &[Option<&str>],
            &names.metrics_types as &[&str],
            &names.titles,
            &names.operations as &[Option<Cow<'_, str>>],
            &names.requests as &[Option<Cow<'_, str>>],
            &names.rows as &[Option<f64>]
        )
        .execute(&self.pool)
        .await
        .context("fill in names of findings")?;
        Ok(rows.len())
    }
}
