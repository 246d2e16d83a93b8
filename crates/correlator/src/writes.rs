//! The rows that one transaction writes, and the conversion between them and what [`risk`] keeps.

use crate::meter::{Counts, Meter};
use crate::worker::User;
use model::Text;
use model::codec::Message;
use risk::{KeptFinding, KeptIncident, Merged, Transition, UserRisk, user_risk};
use store::{
    Correlation, HistoryWrite, IncidentWrite, OutboxWrite, RiskWrite, StoreError, StoredFinding, StoredIncident,
};

/// All rows of one transaction, and their counts.
#[derive(Default)]
pub(crate) struct Writes {
    findings: Vec<StoredFinding>,
    incidents: Vec<IncidentWrite>,
    history: Vec<HistoryWrite>,
    outbox: Vec<OutboxWrite>,
    risks: Vec<RiskWrite>,
    pub(crate) counts: Counts,
}

impl Writes {
    /// Adds what a merge has changed for a user with the incidents `kept` before and others that were not read.
    pub(crate) fn add(&mut self, user: User, kept: Vec<KeptIncident>, others: risk::OtherIncidents, merged: Merged) {
        if merged.findings.is_empty() && merged.incidents.is_empty() {
            return;
        }
        self.findings.extend(merged.findings.into_iter().map(stored_finding));
        self.risks.extend(user_risk(kept, &merged.incidents, others).map(|risk| risk_write(user, risk)));
        for transition in merged.incidents {
            self.add_transition(transition);
        }
    }

    /// Adds the new state of an incident, with its history and, if it is published, its outbox row.
    pub(crate) fn add_transition(&mut self, transition: Transition) {
        let is_published = transition.is_published();
        let Transition { incident, status, kind, end_reason, merged_into, ended, traceparent } = transition;
        let message = incident.encode();
        let end_reason = end_reason.map(|reason| reason.as_str().to_owned());
        if is_published {
            self.counts.change(kind, &incident);
            self.outbox.push(OutboxWrite {
                incident_id: incident.incident_id,
                revision: incident.revision,
                org_id: incident.org_id.clone(),
                change: kind.as_str().to_owned(),
                message: message.clone(),
                traceparent: optional(&traceparent),
                end_reason: end_reason.clone(),
                merged_into,
            });
        }
        self.history.push(HistoryWrite {
            incident_id: incident.incident_id,
            revision: incident.revision,
            org_id: incident.org_id.clone(),
            change: kind.as_str().to_owned(),
            risk_score: incident.risk_score,
            severity: incident.severity,
            // What is not published is never read again, and an incident that grows for long would be stored each time.
            message: if is_published { message } else { Vec::new() },
            end_reason,
            merged_into,
        });
        let trace_id = traceparent.split('-').nth(1).map(str::to_owned);
        self.incidents.push(IncidentWrite {
            incident,
            status,
            trace_id,
            merged_into,
            ended,
            disposition: None,
            assignee: None,
            snoozed_until: None,
        });
    }

    /// Writes and commits everything, then counts it.
    pub(crate) async fn commit(self, mut correlation: Correlation, meter: &Meter) -> Result<(), StoreError> {
        correlation.put_findings(&self.findings).await?;
        correlation.put_incidents(&self.incidents).await?;
        correlation.put_history(&self.history).await?;
        correlation.put_outbox(&self.outbox).await?;
        correlation.put_risk(&self.risks).await?;
        correlation.commit().await?;
        meter.count(self.counts);
        Ok(())
    }
}

pub(crate) fn kept_incident(stored: StoredIncident) -> KeptIncident {
    let StoredIncident { incident, status, ended, .. } = stored;
    KeptIncident { incident, status, ended }
}

pub(crate) fn other_incidents(stored: store::OtherIncidents) -> risk::OtherIncidents {
    let latest = stored.latest.map(|latest| risk::LatestIncident {
        last_event_at: latest.last_event_at,
        incident_id: latest.incident_id,
        username: latest.username.map(Text::from),
        user_class: latest.user_class,
    });
    risk::OtherIncidents { unsettled: stored.counted, risk_score: stored.risk_score, latest }
}

pub(crate) fn kept_finding(stored: StoredFinding) -> KeptFinding {
    let StoredFinding { finding, first_observed_at, traceparent, incident_id, hidden_by: _ } = stored;
    KeptFinding { finding, first_observed_at, traceparent: traceparent.unwrap_or_default().into(), incident_id }
}

fn stored_finding(kept: KeptFinding) -> StoredFinding {
    let KeptFinding { finding, first_observed_at, traceparent, incident_id } = kept;
    let traceparent = optional(&traceparent);
    StoredFinding { finding, first_observed_at, traceparent, incident_id, hidden_by: None }
}

fn risk_write((org_id, user_id): User, risk: UserRisk) -> RiskWrite {
    let UserRisk { username, user_class, risk_score, incidents, last_event_at } = risk;
    RiskWrite { org_id, user_id, username, user_class, risk_score, incidents, last_event_at: Some(last_event_at) }
}

/// The database has `NULL` where nothing is traced.
fn optional(traceparent: &Text) -> Option<String> {
    (!traceparent.is_empty()).then(|| traceparent.to_string())
}
