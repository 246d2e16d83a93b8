//! What a suppression would have hidden.

use super::ids;
use anyhow::Result;
use model::decision::Scope;
use model::time::DAY;
use model::{OrgId, Timestamp, UserId, Uuid};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use store::{FindingFilter, IncidentFilter, Store, StoredFinding, StoredIncident};

/// How far back a preview looks, in milliseconds of event time. A choice: as long as a suppression holds.
const REACH: i64 = 30 * DAY;

/// The findings and incidents of the last 30 days.
#[derive(Debug, Default)]
pub(in crate::commands) struct Recent {
    incidents: Vec<StoredIncident>,
    findings: Vec<StoredFinding>,
}

/// What would happen to recent incidents.
#[derive(Debug, Default, PartialEq, Serialize)]
pub(in crate::commands) struct Preview {
    /// How many findings would count for nothing.
    hidden_findings: usize,
    /// Incidents of which every finding would.
    vanish: Vec<Uuid>,
    /// Incidents of which some would.
    lose_findings: Vec<Uuid>,
    /// The number of incidents that stay as they are.
    stay: usize,
}

/// Reads what there was in an org, or of one of its accounts, in the 30 days before a time and since.
///
/// # Errors
/// If the database cannot be read.
pub(in crate::commands) async fn recent(
    store: &Store,
    org: &OrgId,
    user: Option<&UserId>,
    clock: Timestamp,
) -> Result<Recent> {
    let (org_id, user_id, since) = (Some(org.clone()), user.cloned(), Some(clock.plus(-REACH)));
    let of_incidents =
        IncidentFilter { org_id: org_id.clone(), user_id: user_id.clone(), since, ..IncidentFilter::default() };
    let incidents = store.incidents(&of_incidents).await?;
    let findings = store.findings(&FindingFilter { org_id, user_id, since, ..FindingFilter::default() }).await?;
    Ok(Recent { incidents, findings })
}

impl Preview {
    /// Returns what happens to recent incidents if findings of a scope count for nothing. Those of all its accounts
    /// must have been read.
    pub(in crate::commands) fn of(scope: &Scope, recent: &Recent) -> Self {
        let counting = recent.findings.iter().filter(|stored| !stored.finding.withdrawn && stored.hidden_by.is_none());
        let hidden: BTreeSet<Uuid> =
            counting.filter(|stored| scope.holds(&stored.finding)).map(|stored| stored.finding.finding_id).collect();
        let mut preview = Self { hidden_findings: hidden.len(), ..Self::default() };
        for stored in &recent.incidents {
            let incident = &stored.incident;
            let mut counts: BTreeMap<bool, usize> = BTreeMap::new();
            for finding in incident.findings.iter().filter(|finding| !finding.withdrawn) {
                *counts.entry(hidden.contains(&finding.finding_id)).or_default() += 1;
            }
            match (counts.get(&true), counts.get(&false)) {
                (None, _) => preview.stay += 1,
                (Some(_), None) => preview.vanish.push(incident.incident_id),
                (Some(_), Some(_)) => preview.lose_findings.push(incident.incident_id),
            }
        }
        preview
    }

    /// Returns it in lines.
    pub(in crate::commands) fn text(&self) -> String {
        let Self { hidden_findings, vanish, lose_findings, stay } = self;
        let mut text = format!(
            "of the last 30 days, {hidden_findings} findings would count for nothing:\n  {} incidents would vanish, {} \
             lose findings, {stay} stay\n",
            vanish.len(),
            lose_findings.len()
        );
        for (what, incidents) in [("vanish", vanish), ("lose findings", lose_findings)] {
            if !incidents.is_empty() {
                text.push_str(&format!("  {what}: {}\n", ids(incidents)));
            }
        }
        text
    }
}

#[cfg(test)]
pub(in crate::commands) mod tests {
    use super::*;
    use model::operational::Unseen;
    use model::{Finding, Incident, Points, Receipt, RiskModel, Severity, UserClass};
    use store::Status;

    pub(in crate::commands) fn finding(id: u128, user: &str, detector: &str) -> Finding {
        let at = Timestamp(1_000);
        let unseen = Unseen { subject: "", since: at, noticed: at, score: 8.0, summary: String::new() };
        let mut finding = unseen.finding(&OrgId::new("00D000000000001AAA"), 1, at);
        finding.finding_id = Uuid::from_u128(id);
        (finding.user_id, finding.detector, finding.observed_at) = (UserId::new(user), detector.into(), at);
        finding
    }

    pub(in crate::commands) fn incident(id: u128, user: &str, findings: &[Finding]) -> Incident {
        let risk_score = Points(5_000);
        Incident {
            incident_id: Uuid::from_u128(id),
            revision: 1,
            org_id: OrgId::new("00D000000000001AAA"),
            user_id: UserId::new(user),
            username: None,
            user_class: UserClass::Normal,
            severity: Severity::Medium,
            risk_score,
            first_event_at: Timestamp(1_000),
            last_event_at: Timestamp(2_000),
            findings: findings.to_vec(),
            receipt: Receipt { model: RiskModel::NoisyOr, config_hash: "hash".into(), risk_score, terms: vec![] },
            disposition: None,
        }
    }

    fn stored(incident: Incident) -> StoredIncident {
        StoredIncident {
            incident,
            status: Status::Open,
            disposition: None,
            merged_into: None,
            trace_id: None,
            opened_at: Timestamp(0),
            updated_at: Timestamp(0),
            closed_at: None,
            ended: false,
            assignee: None,
            snoozed_until: None,
        }
    }

    fn recent(incidents: &[&[(u128, &str)]]) -> Recent {
        let mut recent = Recent::default();
        for (index, findings) in incidents.iter().enumerate() {
            let findings: Vec<Finding> = findings.iter().map(|(id, name)| finding(*id, "emma", name)).collect();
            recent.incidents.push(stored(incident(100 + index as u128, "emma", &findings)));
            recent.findings.extend(findings.into_iter().map(|finding| StoredFinding {
                finding,
                first_observed_at: None,
                traceparent: None,
                incident_id: None,
                hidden_by: None,
            }));
        }
        recent
    }

    #[test]
    fn incidents_vanish_lose_findings_or_stay() {
        let scope: Scope = serde_json::from_str(r#"{"detectors":["row_spike"]}"#).unwrap();
        let mut recent = recent(&[
            &[(1, "row_spike"), (2, "row_spike")],
            &[(3, "row_spike"), (4, "new_access")],
            &[(5, "new_access")],
            &[(6, "row_spike")],
        ]);
        // Hidden already.
        recent.findings.last_mut().unwrap().hidden_by = Some(Uuid::nil());
        let preview = Preview::of(&scope, &recent);
        let expect = Preview {
            hidden_findings: 3,
            vanish: vec![Uuid::from_u128(100)],
            lose_findings: vec![Uuid::from_u128(101)],
            stay: 2,
        };
        assert_eq!(preview, expect);
        let text = preview.text();
        assert!(
            text.contains("3 findings would count for nothing") && text.contains("1 incidents would vanish"),
            "{text}"
        );
        assert_eq!(Preview::of(&scope, &Recent::default()), Preview::default());
    }
}
