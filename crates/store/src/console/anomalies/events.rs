//! Changes of incidents in the order of the stream, each with what its event is made of.

use super::{Anomaly, Visit};
use crate::convert::{severity, unsigned};
use crate::error::{Context, Result, StoreError};
use crate::{FindingFilter, StreamPosition, words};
use model::codec::Message;
use model::{Incident, OrgId, Points};

/// A change of an incident, with what its event is made of.
#[derive(Clone, Debug, PartialEq)]
pub struct AnomalyEvent {
    /// The position of the change.
    pub position: StreamPosition,
    /// The incident after the change, with the status and the evidence that are stored now.
    pub anomaly: Anomaly,
}

impl Visit {
    /// Returns at most `limit` changes of an org, or of all orgs of the session, after a position.
    ///
    /// A change that was not published has no content of its own: it is what the incident is now, with the revision, the
    /// risk and the severity after the change.
    ///
    /// # Errors
    /// If the database cannot be read, or a stored message cannot be decoded.
    pub async fn anomaly_events(
        &mut self,
        org: Option<&OrgId>,
        after: StreamPosition,
        limit: u32,
    ) -> Result<Vec<AnomalyEvent>> {
        let rows = sqlx::query!(
            r#"SELECT h.transaction::text AS "transaction!", h.position AS "position!", h.incident_id, h.revision,
                   h.risk_score, h.severity, h.message, i.status, i.message AS now
               FROM orgwatch.incident_history h
               JOIN orgwatch.incidents i USING (incident_id)
               WHERE ($1::text IS NULL OR h.org_id = $1) AND h.transaction IS NOT NULL
                 AND (h.transaction, h.position) > ($2::text::xid8, $3)
                 AND h.transaction < pg_snapshot_xmin(pg_current_snapshot())
               ORDER BY h.transaction, h.position LIMIT $4"#,
            org.map(OrgId::as_str),
            after.transaction.to_string(),
            i64::try_from(after.change).unwrap_or(i64::MAX),
            i64::from(limit)
        )
        .fetch_all(&mut *self.transaction)
        .await
        .context("read changes of incidents as events")?;
        let mut events = Vec::with_capacity(rows.len());
        for row in rows {
            let unreadable = |source| StoreError::Message { what: "incident", id: row.incident_id.to_string(), source };
            let message = if row.message.is_empty() { &row.now } else { &row.message };
            let incident = Incident {
                revision: unsigned(row.revision),
                risk_score: Points(row.risk_score),
                severity: severity(row.severity)?,
                ..Incident::decode(message).map_err(unreadable)?
            };
            events.push(AnomalyEvent {
                position: StreamPosition::of(&row.transaction, row.position),
                anomaly: Anomaly { incident, status: words::status(&row.status)?, evidence: Vec::new() },
            });
        }
        self.add_evidence(&mut events).await?;
        Ok(events)
    }

    /// Adds the evidence of the finding that led after each change.
    async fn add_evidence(&mut self, events: &mut [AnomalyEvent]) -> Result<()> {
        let leading = |event: &AnomalyEvent| forms::leading_finding(&event.anomaly.incident).map(|led| led.finding_id);
        let ids = Some(events.iter().filter_map(leading).collect());
        let found = self.findings(&FindingFilter { ids, ..FindingFilter::default() }).await?;
        for event in events {
            let led = leading(event);
            let stored = found.iter().find(|stored| Some(stored.finding.finding_id) == led);
            event.anomaly.evidence = stored.map(|stored| stored.finding.evidence.clone()).unwrap_or_default();
        }
        Ok(())
    }
}
