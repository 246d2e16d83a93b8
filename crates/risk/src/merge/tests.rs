use super::*;
use crate::testing;
use model::time::HOUR;
use model::{ChangeKind, EndReason, Incident};
use proptest::prelude::*;

fn finding(id: u128, revision: u64, hour: i64, score: f64) -> Finding {
    let detector = ["row_spike", "view_burst", "new_access"][id as usize % 3];
    Finding { revision, ..testing::finding(detector, id, score, hour * HOUR) }
}

fn rules() -> Rulebook {
    Rulebook::new("hash".into(), crate::Settings::default())
}

/// The rows that Postgres would hold for the user.
#[derive(Default)]
struct Rows {
    findings: BTreeMap<Uuid, KeptFinding>,
    incidents: BTreeMap<Uuid, KeptIncident>,
    changes: Vec<ChangeKind>,
    ends: Vec<EndReason>,
}

impl Rows {
    fn merge(&mut self, new: &[Finding]) {
        let findings = self.findings.values().cloned().collect();
        let incidents = self.incidents.values().cloned().collect();
        let new = new.iter().cloned().map(Item::new).collect();
        let merged = merge(findings, incidents, new, &rules());
        for kept in merged.findings {
            self.findings.insert(kept.finding.finding_id, kept);
        }
        for Transition { incident, status, kind, end_reason, ended, .. } in merged.incidents {
            let revision = incident.revision;
            let before = self.incidents.insert(incident.incident_id, KeptIncident { incident, status, ended });
            assert_eq!(before.map_or(0, |kept| kept.incident.revision) + 1, revision, "revisions have no gaps");
            assert_eq!(end_reason.is_some(), kind == ChangeKind::Ended);
            self.changes.push(kind);
            self.ends.extend(end_reason);
        }
        self.check_membership();
    }

    fn counting(&self) -> impl Iterator<Item = &KeptIncident> {
        self.incidents.values().filter(|kept| !matches!(kept.status, Status::Merged | Status::Withdrawn))
    }

    /// Asserts that every finding names the incident that has it.
    fn check_membership(&self) {
        for kept in self.counting() {
            for finding in &kept.incident.findings {
                let row = &self.findings[&finding.finding_id];
                assert_eq!(row.incident_id, Some(kept.incident.incident_id));
            }
        }
    }

    /// The incidents that count, without the fields that depend on the order of arrival.
    fn content(&self) -> Vec<Incident> {
        let mut content: Vec<Incident> = self.counting().map(|kept| without_history(kept.incident.clone())).collect();
        content.sort_by_key(|incident| incident.first_event_at);
        content
    }
}

fn without_history(incident: Incident) -> Incident {
    Incident { incident_id: Uuid::nil(), revision: 0, ..incident }
}

fn at_once(findings: &[Finding]) -> Vec<Incident> {
    let mut ledger = Ledger::default();
    for finding in findings {
        ledger.add(finding.clone());
    }
    let incidents = crate::incidents(ledger.findings(), &rules());
    incidents.into_iter().map(without_history).collect()
}

#[test]
fn an_incident_opens_once_escalates_and_is_updated() {
    let mut rows = Rows::default();
    rows.merge(&[finding(1, 1, 0, 6.0)]);
    rows.merge(&[finding(1, 1, 0, 6.0)]);
    rows.merge(&[finding(1, 2, 1, 9.5)]);
    rows.merge(&[finding(1, 3, 2, 9.5)]);
    assert_eq!(rows.changes, [ChangeKind::Opened, ChangeKind::Escalated, ChangeKind::Updated]);
}

#[test]
fn two_incidents_become_one_under_the_first_id_and_separate_again() {
    let mut rows = Rows::default();
    rows.merge(&[finding(1, 1, 0, 8.0)]);
    rows.merge(&[finding(3, 1, 40, 8.0)]);
    let first = rows.incidents.values().find(|kept| kept.incident.first_event_at == Timestamp(0)).unwrap();
    let first = first.incident.incident_id;
    rows.merge(&[finding(2, 1, 20, 5.0)]);
    let open = rows.incidents.values().filter(|kept| kept.status == Status::Open);
    assert_eq!(open.map(|kept| kept.incident.incident_id).collect::<Vec<_>>(), [first]);
    rows.merge(&[Finding { withdrawn: true, ..finding(2, 2, 21, 0.0) }]);
    assert_eq!(rows.content().len(), 2);
    assert_eq!(rows.changes.last(), Some(&ChangeKind::Resumed));
    assert_eq!(rows.ends, [EndReason::Absorbed]);
}

#[test]
fn an_incident_without_findings_ends_and_resumes() {
    let mut rows = Rows::default();
    rows.merge(&[finding(1, 1, 0, 8.0)]);
    rows.merge(&[Finding { withdrawn: true, ..finding(1, 2, 1, 0.0) }]);
    assert!(rows.content().is_empty());
    assert_eq!(rows.changes, [ChangeKind::Opened, ChangeKind::Ended]);
    assert_eq!(rows.ends, [EndReason::Withdrawn]);
    rows.merge(&[finding(1, 3, 2, 8.0)]);
    assert_eq!(rows.changes.last(), Some(&ChangeKind::Resumed));
}

#[test]
fn a_resolved_incident_reopens_with_a_new_finding() {
    let mut rows = Rows::default();
    rows.merge(&[finding(1, 1, 0, 8.0)]);
    rows.incidents.values_mut().for_each(|kept| kept.status = Status::Resolved);
    rows.merge(&[finding(2, 1, 1, 8.0)]);
    assert_eq!(rows.changes, [ChangeKind::Opened, ChangeKind::Reopened]);
}

#[test]
fn an_ended_incident_resumes_with_a_late_finding_and_is_published() {
    let mut rows = Rows::default();
    rows.merge(&[finding(1, 1, 0, 8.0)]);
    rows.incidents.values_mut().for_each(|kept| kept.ended = true);
    rows.merge(&[finding(2, 1, 1, 8.0)]);
    assert!(rows.incidents.values().all(|kept| !kept.ended && kept.incident.findings.len() == 2));
    assert_eq!(rows.changes, [ChangeKind::Opened, ChangeKind::Resumed]);
    // What only corrects an incident does not resume it.
    rows.incidents.values_mut().for_each(|kept| kept.ended = true);
    rows.merge(&[Finding { withdrawn: true, ..finding(2, 2, 1, 0.0) }]);
    assert!(rows.incidents.values().all(|kept| kept.ended && kept.incident.findings.len() == 1));
    assert_eq!(rows.changes.last(), Some(&ChangeKind::Updated));
}

/// Findings with content that follows from id and revision: a revision is the same wherever it comes from.
fn any_finding() -> impl Strategy<Value = Finding> {
    (1u128..9, 1u64..4).prop_map(|(id, revision)| {
        let content = id as i64 * 31 + revision as i64 * 7;
        let made = finding(id, revision, content * 17 % 190, (content * 13 % 100) as f64 / 10.0);
        Finding { withdrawn: content % 3 == 0, ..made }
    })
}

proptest! {
    #[test]
    fn batches_order_and_repetition_do_not_change_the_incidents(
        batches in prop::collection::vec(prop::collection::vec(any_finding(), 1..5), 1..12),
        repeated in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let mut rows = Rows::default();
        for batch in batches.iter().chain(repeated.iter().map(|index| index.get(&batches))) {
            rows.merge(batch);
        }
        prop_assert_eq!(rows.content(), at_once(&batches.concat()));
    }
}
