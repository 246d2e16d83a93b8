//! What new findings make of a user's incidents. Pure: reads and writes are the caller's.

use model::{ChangeKind, Finding, Incident, Item, Text, Uuid, id};
use risk::{Entry, Ledger, Settings};
use std::collections::{BTreeMap, BTreeSet};
use store::{Status, StoredFinding};

/// An incident as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Known {
    pub incident: Incident,
    pub status: Status,
}

/// What is to be written for one user.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Merged {
    /// Findings that are new, or have a later revision, an earlier first observation, or another incident.
    pub findings: Vec<StoredFinding>,
    pub incidents: Vec<Written>,
}

/// A new state of an incident. Its revision is one above the last.
#[derive(Clone, Debug, PartialEq)]
pub struct Written {
    pub incident: Incident,
    pub status: Status,
    pub kind: ChangeKind,
    pub merged_into: Option<Uuid>,
    /// It cannot grow any more, by its org's event time.
    pub ended: bool,
    /// Trace of the finding that made the change.
    pub traceparent: Text,
}

/// What becomes of an incident that cannot grow any more. It stays open to people.
pub(crate) fn end(known: Known) -> Written {
    let status = known.status;
    ended(known, status, None, &Text::default())
}

/// Merges `new` findings of one user into what is `kept`. The outcome depends on the set of findings alone, not on
/// their order or on how often they come.
pub fn merge(
    kept: Vec<StoredFinding>,
    known: Vec<Known>,
    new: Vec<Item<Finding>>,
    settings: &Settings,
    config_hash: &Text,
) -> Merged {
    let entry = |kept: &StoredFinding| Entry { latest: kept.finding.clone(), observed_at: kept.first_observed_at };
    let mut ledger: Ledger = kept.iter().map(entry).collect();
    let mut changed: BTreeMap<Uuid, Text> = BTreeMap::new();
    let mut traceparent = Text::default();
    for Item { value, traceparent: trace, .. } in new {
        let id = value.finding_id;
        if ledger.add(value) {
            changed.insert(id, trace.clone());
            traceparent = trace;
        }
    }
    if changed.is_empty() {
        return Merged::default();
    }
    let (incidents, incident_of) = regroup(&ledger, known, &traceparent, settings, config_hash);
    let mut findings = Vec::new();
    for finding in kept {
        let (id, incident_id) = (finding.finding.finding_id, incident_of.get(&finding.finding.finding_id).copied());
        if !changed.contains_key(&id) && finding.incident_id != incident_id {
            findings.push(StoredFinding { incident_id, ..finding });
        }
    }
    for (id, traceparent) in changed {
        let Some(entry) = ledger.get(id) else { continue };
        findings.push(StoredFinding {
            finding: entry.latest.clone(),
            first_observed_at: entry.observed_at,
            traceparent: (!traceparent.is_empty()).then(|| traceparent.to_string()),
            incident_id: incident_of.get(&id).copied(),
        });
    }
    Merged { findings, incidents }
}

/// The incidents that changed, and which finding is in which.
fn regroup(
    ledger: &Ledger,
    known: Vec<Known>,
    traceparent: &Text,
    settings: &Settings,
    config_hash: &Text,
) -> (Vec<Written>, BTreeMap<Uuid, Uuid>) {
    let groups = risk::incidents(ledger.findings(), settings, config_hash);
    let (absorbed, mut known): (Vec<Known>, Vec<Known>) =
        known.into_iter().partition(|known| known.status == Status::Merged);
    // The incident that opened first keeps its name.
    known.sort_by_key(|known| (known.incident.first_event_at, known.incident.incident_id));
    let taken: BTreeSet<Uuid> = known.iter().map(|known| known.incident.incident_id).collect();
    let (mut incidents, mut incident_of) = (Vec::new(), BTreeMap::new());
    for incident in groups {
        let members: BTreeSet<Uuid> = incident.findings.iter().map(|finding| finding.finding_id).collect();
        let shares =
            |known: &Known| known.incident.findings.iter().any(|finding| members.contains(&finding.finding_id));
        let (same, others): (Vec<Known>, Vec<Known>) = known.into_iter().partition(shares);
        known = others;
        let mut same = same.into_iter();
        let id = match same.next() {
            None => {
                let opened = opened(incident, &taken, &absorbed, traceparent);
                let id = opened.incident.incident_id;
                incidents.push(opened);
                id
            }
            Some(first) => {
                let id = first.incident.incident_id;
                incidents.extend(same.map(|other| ended(other, Status::Merged, Some(id), traceparent)));
                incidents.extend(grown(incident, first, traceparent));
                id
            }
        };
        incident_of.extend(members.into_iter().map(|finding| (finding, id)));
    }
    let gone = known.into_iter().filter(|known| known.status != Status::Withdrawn);
    incidents.extend(gone.map(|gone| ended(gone, Status::Withdrawn, None, traceparent)));
    (incidents, incident_of)
}

/// One that was absorbed before may come out again: a finding that held two together has been withdrawn.
fn opened(incident: Incident, taken: &BTreeSet<Uuid>, absorbed: &[Known], traceparent: &Text) -> Written {
    let mut incident_id = incident.incident_id;
    // Its first finding may have opened another incident before, that has gone on without it.
    while taken.contains(&incident_id) {
        incident_id = id::incident_id(&incident.org_id, &incident.user_id, incident_id);
    }
    let before = absorbed.iter().find(|known| known.incident.incident_id == incident_id);
    let revision = before.map_or(1, |known| known.incident.revision + 1);
    Written {
        incident: Incident { incident_id, revision, ..incident },
        status: Status::Open,
        kind: before.map_or(ChangeKind::Opened, |_| ChangeKind::Reopened),
        merged_into: None,
        ended: false,
        traceparent: traceparent.clone(),
    }
}

fn ended(known: Known, status: Status, merged_into: Option<Uuid>, traceparent: &Text) -> Written {
    Written {
        incident: Incident { revision: known.incident.revision + 1, ..known.incident },
        status,
        kind: ChangeKind::Closed,
        merged_into,
        ended: true,
        traceparent: traceparent.clone(),
    }
}

/// The incident under the id it opened with, if anything about it is new.
fn grown(incident: Incident, known: Known, traceparent: &Text) -> Option<Written> {
    let before = known.incident;
    let incident = Incident { incident_id: before.incident_id, revision: before.revision, ..incident };
    if incident == before && known.status != Status::Withdrawn {
        return None;
    }
    let (status, kind) = match known.status {
        Status::Resolved | Status::Withdrawn => (Status::Open, ChangeKind::Reopened),
        status if incident.severity > before.severity => (status, ChangeKind::Escalated),
        status => (status, ChangeKind::Updated),
    };
    let incident = Incident { revision: before.revision + 1, ..incident };
    Some(Written { incident, status, kind, merged_into: None, ended: false, traceparent: traceparent.clone() })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use model::time::HOUR;
    use model::{OrgId, Severity, Timestamp, UserClass, UserId};
    use proptest::prelude::*;

    pub(crate) fn finding(id: u128, revision: u64, hour: i64, score: f64) -> Finding {
        Finding {
            finding_id: Uuid::from_u128(id),
            revision,
            org_id: OrgId::new("00Dhn0000018hrcMAU"),
            user_id: UserId::new("005hn00000EmmaMAAU"),
            username: None,
            user_class: UserClass::Normal,
            detector: ["row_spike", "view_burst", "new_access"][id as usize % 3].into(),
            severity: Severity::of_score(score),
            score,
            anomaly_score: score / 10.0,
            confidence: 1.0,
            surprise: score,
            observed_at: Timestamp(hour * HOUR),
            revised_at: Timestamp(hour * HOUR),
            summary: String::new(),
            features: Vec::new(),
            measures: Vec::new(),
            event_ids: Vec::new(),
            objects: Vec::new(),
            surface: None,
            withdrawn: false,
            config_hash: "hash".into(),
        }
    }

    /// What Postgres would hold of the user.
    #[derive(Default)]
    struct Rows {
        findings: BTreeMap<Uuid, StoredFinding>,
        incidents: BTreeMap<Uuid, Known>,
        changes: Vec<ChangeKind>,
    }

    impl Rows {
        fn take(&mut self, new: &[Finding]) {
            let kept = self.findings.values().cloned().collect();
            let known = self.incidents.values().cloned().collect();
            let new = new.iter().cloned().map(Item::new).collect();
            let merged = merge(kept, known, new, &Settings::default(), &"hash".into());
            for finding in merged.findings {
                self.findings.insert(finding.finding.finding_id, finding);
            }
            for Written { incident, status, kind, .. } in merged.incidents {
                let revision = incident.revision;
                let before = self.incidents.insert(incident.incident_id, Known { incident, status });
                assert_eq!(before.map_or(0, |known| known.incident.revision) + 1, revision, "revisions have no gaps");
                self.changes.push(kind);
            }
            self.check_membership();
        }

        /// Every finding that counts names the incident that has it.
        fn check_membership(&self) {
            for known in self.incidents.values().filter(|k| !matches!(k.status, Status::Merged | Status::Withdrawn)) {
                for finding in &known.incident.findings {
                    let stored = &self.findings[&finding.finding_id];
                    assert_eq!(stored.incident_id, Some(known.incident.incident_id));
                }
            }
        }

        /// Incidents that count, without what depends on who came first.
        fn live(&self) -> Vec<Incident> {
            let counts = |known: &&Known| !matches!(known.status, Status::Merged | Status::Withdrawn);
            let bare = |known: &Known| Incident { incident_id: Uuid::nil(), revision: 0, ..known.incident.clone() };
            let mut live: Vec<Incident> = self.incidents.values().filter(counts).map(bare).collect();
            live.sort_by_key(|incident| incident.first_event_at);
            live
        }
    }

    fn at_once(findings: &[Finding]) -> Vec<Incident> {
        let mut ledger = Ledger::default();
        for finding in findings {
            ledger.add(finding.clone());
        }
        let incidents = risk::incidents(ledger.findings(), &Settings::default(), &"hash".into());
        incidents.into_iter().map(|incident| Incident { incident_id: Uuid::nil(), revision: 0, ..incident }).collect()
    }

    #[test]
    fn an_incident_opens_escalates_and_is_told_once() {
        let mut rows = Rows::default();
        rows.take(&[finding(1, 1, 0, 6.0)]);
        rows.take(&[finding(1, 1, 0, 6.0)]);
        rows.take(&[finding(1, 2, 1, 9.5)]);
        rows.take(&[finding(1, 3, 2, 9.5)]);
        assert_eq!(rows.changes, [ChangeKind::Opened, ChangeKind::Escalated, ChangeKind::Updated]);
    }

    #[test]
    fn two_become_one_under_the_first_id_and_part_again() {
        let mut rows = Rows::default();
        rows.take(&[finding(1, 1, 0, 8.0)]);
        rows.take(&[finding(3, 1, 40, 8.0)]);
        let first = rows.incidents.values().find(|known| known.incident.first_event_at == Timestamp(0)).unwrap();
        let first = first.incident.incident_id;
        rows.take(&[finding(2, 1, 20, 5.0)]);
        let merged: Vec<Uuid> =
            rows.incidents.values().filter(|k| k.status == Status::Open).map(|k| k.incident.incident_id).collect();
        assert_eq!(merged, [first]);
        rows.take(&[Finding { withdrawn: true, ..finding(2, 2, 21, 0.0) }]);
        assert_eq!(rows.live().len(), 2);
        assert_eq!(rows.changes.last(), Some(&ChangeKind::Reopened));
    }

    #[test]
    fn an_incident_whose_findings_are_withdrawn_is_closed() {
        let mut rows = Rows::default();
        rows.take(&[finding(1, 1, 0, 8.0)]);
        rows.take(&[Finding { withdrawn: true, ..finding(1, 2, 1, 0.0) }]);
        assert!(rows.live().is_empty());
        assert_eq!(rows.changes, [ChangeKind::Opened, ChangeKind::Closed]);
        rows.take(&[finding(1, 3, 2, 8.0)]);
        assert_eq!(rows.changes.last(), Some(&ChangeKind::Reopened));
    }

    /// Content that follows from id and revision: a revision is the same wherever it comes from.
    fn any_finding() -> impl Strategy<Value = Finding> {
        (1u128..9, 1u64..4).prop_map(|(id, revision)| {
            let content = id as i64 * 31 + revision as i64 * 7;
            let made = finding(id, revision, content * 17 % 190, (content * 13 % 100) as f64 / 10.0);
            Finding { withdrawn: content % 3 == 0, ..made }
        })
    }

    proptest! {
        #[test]
        fn batches_and_order_do_not_matter(
            batches in prop::collection::vec(prop::collection::vec(any_finding(), 1..5), 1..12),
            again in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
        ) {
            let mut rows = Rows::default();
            for batch in batches.iter().chain(again.iter().map(|index| index.get(&batches))) {
                rows.take(batch);
            }
            prop_assert_eq!(rows.live(), at_once(&batches.concat()));
        }
    }
}
