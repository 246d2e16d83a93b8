//! Changes of incidents in the order in which they were committed, for clients that follow them.

use super::Visit;
use crate::convert::{severity, unsigned};
use crate::error::{Context, Result};
use model::{OrgId, Points, Severity, Timestamp, Uuid};
use std::fmt;
use std::str::FromStr;

/// A position in the order of changes.
///
/// Numbers are drawn before transactions commit, so a reader that only compared them would pass over a change that
/// commits late. It compares transactions, and stops at the oldest one that is still open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct StreamPosition {
    /// The transaction.
    pub transaction: u64,
    /// The change in it.
    pub change: u64,
}

impl StreamPosition {
    /// Makes it of what a row has.
    pub(super) fn of(transaction: &str, position: i64) -> Self {
        Self { transaction: transaction.parse().unwrap_or(u64::MAX), change: unsigned(position) }
    }
}

impl fmt::Display for StreamPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.transaction, self.change)
    }
}

impl FromStr for StreamPosition {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> std::result::Result<Self, Self::Err> {
        let (transaction, change) = text.split_once('-').unwrap_or((text, "0"));
        Ok(Self { transaction: transaction.parse()?, change: change.parse()? })
    }
}

/// A change of an incident in the stream.
#[derive(Clone, Debug, PartialEq)]
pub struct StreamedChange {
    /// Its position.
    pub position: StreamPosition,
    /// The incident.
    pub incident_id: Uuid,
    /// Its org.
    pub org_id: OrgId,
    /// Its revision after the change.
    pub revision: u64,
    /// The kind of change, as [`model::ChangeKind`] is written.
    pub change: String,
    /// The risk after the change.
    pub risk_score: Points,
    /// The severity after the change.
    pub severity: Severity,
    /// When it was recorded, by the database's clock.
    pub at: Timestamp,
}

impl Visit {
    /// Returns at most `limit` changes of an org, or of all orgs of the session, after a position.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn changes(
        &mut self,
        org: Option<&OrgId>,
        after: StreamPosition,
        limit: u32,
    ) -> Result<Vec<StreamedChange>> {
        let rows = sqlx::query!(
            r#"SELECT transaction::text AS "transaction!", position AS "position!", incident_id, org_id, revision, change,
                   risk_score, severity, orgwatch.to_ms(at) AS "at!"
               FROM orgwatch.incident_history
               WHERE ($1::text IS NULL OR org_id = $1) AND transaction IS NOT NULL
                 AND (transaction, position) > ($2::text::xid8, $3)
                 AND transaction < pg_snapshot_xmin(pg_current_snapshot())
               ORDER BY transaction, position LIMIT $4"#,
            org.map(OrgId::as_str),
            after.transaction.to_string(),
            i64::try_from(after.change).unwrap_or(i64::MAX),
            i64::from(limit)
        )
        .fetch_all(&mut *self.transaction)
        .await
        .context("read changes of incidents")?;
        let changes = rows.into_iter().map(|row| {
            Ok(StreamedChange {
                position: StreamPosition::of(&row.transaction, row.position),
                incident_id: row.incident_id,
                org_id: OrgId::new(&row.org_id),
                revision: unsigned(row.revision),
                change: row.change,
                risk_score: Points(row.risk_score),
                severity: severity(row.severity)?,
                at: Timestamp(row.at),
            })
        });
        changes.collect()
    }

    /// Returns the position before which all changes are committed: where a client that wants only later ones begins.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub async fn latest_position(&mut self) -> Result<StreamPosition> {
        let oldest = sqlx::query_scalar!(r#"SELECT pg_snapshot_xmin(pg_current_snapshot())::text AS "oldest!""#)
            .fetch_one(&mut *self.transaction)
            .await
            .context("read the position of the stream")?;
        let transaction = oldest.parse::<u64>().unwrap_or(0).saturating_sub(1);
        Ok(StreamPosition { transaction, change: i64::MAX as u64 })
    }
}
