mod decided;

use super::*;
use crate::testing;
use crate::{LatestIncident, OtherIncidents, Reach, UserRisk, user_risk};
use model::time::HOUR;
use model::{ChangeKind, Decision, EndReason, Incident, Points};
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
    risk: Option<UserRisk>,
    decisions: Vec<Decision>,
}

impl Rows {
    /// Records a decision, and merges once more all that is kept.
    fn decide(&mut self, decision: &Decision) {
        self.decisions.push(decision.clone());
        self.merge(&[]);
    }

    /// Records a decision, and merges once more what is within reach of the findings of its interval, and of that of a
    /// decision that it replaces.
    fn decide_near(&mut self, decision: &Decision) {
        self.decisions.push(decision.clone());
        let replaced = self.decisions.iter().filter(|known| Some(known.decision_id) == decision.ruling.replaces());
        let about: Vec<Decision> = replaced.chain([decision]).cloned().collect();
        let is_meant = |kept: &&KeptFinding| {
            let observed_at = kept.first_observed_at.unwrap_or(kept.finding.observed_at);
            about.iter().any(|decision| decision.holds_at(observed_at))
        };
        let meant: Vec<Finding> = self.findings.values().filter(is_meant).map(|kept| kept.finding.clone()).collect();
        if !meant.is_empty() {
            self.merge_within_reach(&meant, true);
        }
    }

    /// Merges into all that is kept.
    fn merge(&mut self, new: &[Finding]) {
        let findings = self.findings.values().cloned().collect();
        let incidents = self.incidents.values().cloned().collect();
        let new = new.iter().cloned().map(Item::new).collect();
        self.merge_into(findings, incidents, new);
    }

    /// Merges into what is within reach, read as the correlator reads it.
    fn merge_near(&mut self, new: &[Finding]) {
        self.merge_within_reach(new, false);
    }

    fn merge_within_reach(&mut self, new: &[Finding], is_decided: bool) {
        let new: Vec<Item<Finding>> = new.iter().cloned().map(Item::new).collect();
        let is_new = |kept: &&KeptFinding| new.iter().any(|new| new.value.finding_id == kept.finding.finding_id);
        let mut findings: Vec<KeptFinding> = self.findings.values().filter(is_new).cloned().collect();
        let mut reach = Reach::of(&new, &findings, crate::Settings::default().merge_window(), &self.known());
        let mut incidents: Vec<KeptIncident> = Vec::new();
        loop {
            let is_near = |kept: &&KeptIncident| {
                let incident = &kept.incident;
                let meets = |(from, to): &(Timestamp, Timestamp)| {
                    incident.last_event_at >= *from && incident.first_event_at <= *to
                };
                let is_read = incidents.iter().any(|read| read.incident.incident_id == incident.incident_id);
                !is_read && (reach.ids.contains(&incident.incident_id) || reach.spans.iter().any(meets))
            };
            let more: Vec<KeptIncident> = self.incidents.values().filter(is_near).cloned().collect();
            if more.is_empty() {
                break;
            }
            let ids: BTreeSet<Uuid> = more.iter().map(|kept| kept.incident.incident_id).collect();
            let of_more = |kept: &&KeptFinding| kept.incident_id.is_some_and(|id| ids.contains(&id));
            let theirs: Vec<KeptFinding> = self.findings.values().filter(of_more).cloned().collect();
            reach = Reach::around(&more, &theirs);
            incidents.extend(more);
            findings.extend(theirs.into_iter().filter(|kept| !is_new(&kept)));
        }
        self.merge_into(findings, incidents, if is_decided { Vec::new() } else { new });
    }

    fn known(&self) -> Decisions {
        Decisions::new(self.decisions.iter().cloned())
    }

    fn merge_into(&mut self, findings: Vec<KeptFinding>, incidents: Vec<KeptIncident>, new: Vec<Item<Finding>>) {
        let at_hand: BTreeSet<Uuid> = incidents.iter().map(|kept| kept.incident.incident_id).collect();
        let others = || self.incidents.values().filter(|kept| !at_hand.contains(&kept.incident.incident_id));
        let latest = others().max_by_key(|kept| (kept.incident.last_event_at, kept.incident.incident_id));
        let others = OtherIncidents {
            unsettled: self.risk.as_ref().map_or(0, |risk| risk.incidents),
            risk_score: others().filter(|kept| kept.is_unsettled()).map(|kept| kept.incident.risk_score).max(),
            latest: latest.map(|KeptIncident { incident, .. }| LatestIncident {
                last_event_at: incident.last_event_at,
                incident_id: incident.incident_id,
                username: incident.username.clone(),
                user_class: incident.user_class,
            }),
        };
        let merged = merge(findings, incidents.clone(), new, &rules(), &self.known());
        self.risk = user_risk(incidents, &merged.incidents, others);
        for kept in merged.findings {
            self.findings.insert(kept.finding.finding_id, kept);
        }
        for Transition { incident, status, kind, end_reason, ended, work, .. } in merged.incidents {
            let revision = incident.revision;
            let before = self.incidents.insert(incident.incident_id, KeptIncident { incident, status, ended, work });
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
    decided(findings, &[])
}

fn decided(findings: &[Finding], decisions: &[Decision]) -> Vec<Incident> {
    let mut ledger = Ledger::default();
    for finding in findings {
        ledger.add(finding.clone());
    }
    let incidents = crate::incidents(ledger.findings(), &rules(), &Decisions::new(decisions.iter().cloned()));
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
        // More addresses over all revisions than are kept.
        let addresses = (0..9).map(|host| format!("192.0.2.{}", revision * 9 + host).into()).collect();
        // More activities over all revisions than are kept, of which some are in several.
        let evidence = (0..7).map(|place| testing::evidence(id * 50 + u128::from(revision) * 4 + place)).collect();
        Finding { withdrawn: content % 3 == 0, addresses, evidence, ..made }
    })
}

/// As [`any_finding`], over half a year.
fn any_finding_of_half_a_year() -> impl Strategy<Value = Finding> {
    (1u128..40, 1u64..5).prop_map(|(id, revision)| {
        let content = id as i64 * 31 + revision as i64 * 7;
        let hour = id as i64 * 1_000 % 4_300 / 20 * 20 + content * 17 % 70;
        let made = finding(id, revision, hour, (content * 13 % 100) as f64 / 10.0);
        Finding { withdrawn: content % 3 == 0, ..made }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]
    #[test]
    fn what_is_within_reach_is_enough(
        batches in prop_oneof![
            prop::collection::vec(prop::collection::vec(any_finding_of_half_a_year(), 1..5), 1..24),
            prop::collection::vec(prop::collection::vec(any_finding(), 1..5), 1..12),
        ],
    ) {
        let (mut near, mut all) = (Rows::default(), Rows::default());
        for batch in &batches {
            near.merge_near(batch);
            all.merge(batch);
            prop_assert_eq!(&near.findings, &all.findings);
            prop_assert_eq!(&near.incidents, &all.incidents);
            prop_assert_eq!(&near.risk, &all.risk);
            let unsettled: Vec<&KeptIncident> = all.incidents.values().filter(|kept| kept.is_unsettled()).collect();
            let worst = unsettled.iter().map(|kept| kept.incident.risk_score).max().unwrap_or(Points(0));
            let risk = all.risk.as_ref().map_or((Points(0), 0), |risk| (risk.risk_score, risk.incidents));
            prop_assert_eq!(risk, (worst, unsettled.len() as u32));
        }
    }
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
