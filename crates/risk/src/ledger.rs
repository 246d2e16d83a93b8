//! One user's findings, and the incidents they amount to.

use crate::{Settings, receipt};
use model::time::HOUR;
use model::{Finding, Incident, Text, Timestamp, Uuid, id};
use std::collections::BTreeMap;

/// The findings of one user, each at its latest revision.
///
/// Adding is commutative, associative and idempotent: redelivery, replicas and detectors of different speed do not
/// change what comes out.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    findings: BTreeMap<Uuid, Entry>,
}

/// What is kept of a finding.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub latest: Finding,
    /// The earliest time at which any revision was anomalous; `None` while all were withdrawn.
    pub observed_at: Option<Timestamp>,
}

impl FromIterator<Entry> for Ledger {
    fn from_iter<I: IntoIterator<Item = Entry>>(entries: I) -> Self {
        let by_id = |entry: Entry| (entry.latest.finding_id, entry);
        Self { findings: entries.into_iter().map(by_id).collect() }
    }
}

impl Ledger {
    /// Whether anything is new.
    pub fn add(&mut self, finding: Finding) -> bool {
        let observed = (!finding.withdrawn).then_some(finding.observed_at);
        let Some(entry) = self.findings.get_mut(&finding.finding_id) else {
            self.findings.insert(finding.finding_id, Entry { latest: finding, observed_at: observed });
            return true;
        };
        let earliest = match (entry.observed_at, observed) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        let is_later = finding.revision > entry.latest.revision;
        let is_new = is_later || earliest != entry.observed_at;
        entry.observed_at = earliest;
        if is_later {
            entry.latest = finding;
        }
        is_new
    }

    pub fn get(&self, finding_id: Uuid) -> Option<&Entry> {
        self.findings.get(&finding_id)
    }

    /// The findings that count, by time of first observation, then by id.
    pub fn findings(&self) -> Vec<Finding> {
        let counts = self.findings.values().filter(|entry| !entry.latest.withdrawn).filter_map(|entry| {
            let observed_at = entry.observed_at?;
            Some(Finding { observed_at, ..entry.latest.clone() })
        });
        let mut findings: Vec<Finding> = counts.collect();
        findings.sort_by_key(|finding| (finding.observed_at, finding.finding_id));
        findings
    }
}

/// The incidents of one user. `findings` are as [`Ledger::findings`] gives them.
///
/// A finding spans from its first observation to its latest revision. Findings whose spans come within the merge
/// window of each other are one incident.
pub fn incidents(findings: Vec<Finding>, settings: &Settings, config_hash: &Text) -> Vec<Incident> {
    let window = i64::from(settings.merge_hours) * HOUR;
    let mut groups: Vec<(Timestamp, Vec<Finding>)> = Vec::new();
    for finding in findings {
        let end = finding.revised_at.max(finding.observed_at);
        match groups.last_mut() {
            Some((last, group)) if finding.observed_at.since(*last) <= window => {
                *last = end.max(*last);
                group.push(finding);
            }
            _ => groups.push((end, vec![finding])),
        }
    }
    groups.into_iter().filter_map(|(_, group)| incident(group, settings, config_hash)).collect()
}

fn incident(findings: Vec<Finding>, settings: &Settings, config_hash: &Text) -> Option<Incident> {
    let first = findings.first()?;
    let latest = findings.iter().max_by_key(|finding| (finding.revision, finding.finding_id))?;
    let receipt = receipt(&findings, settings, config_hash);
    Some(Incident {
        incident_id: id::incident_id(&first.org_id, &first.user_id, first.finding_id),
        revision: findings.iter().map(|finding| finding.revision).max()?,
        org_id: first.org_id.clone(),
        user_id: first.user_id.clone(),
        username: latest.username.clone(),
        user_class: latest.user_class,
        severity: receipt.risk_score.severity(),
        risk_score: receipt.risk_score,
        first_event_at: first.observed_at,
        last_event_at: findings.iter().map(|finding| finding.revised_at).max()?,
        receipt,
        findings,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::finding;
    use proptest::prelude::*;

    fn merged(findings: &[Finding]) -> Vec<Incident> {
        let mut ledger = Ledger::default();
        for finding in findings {
            ledger.add(finding.clone());
        }
        incidents(ledger.findings(), &Settings::default(), &"hash".into())
    }

    #[test]
    fn findings_within_the_window_are_one_incident() {
        let at = |hour: i64, id| finding("row_spike", id, 8.0, hour * HOUR);
        assert_eq!(merged(&[at(0, 1), at(20, 2), at(40, 3)]).len(), 1);
        assert_eq!(merged(&[at(0, 1), at(30, 2)]).len(), 2);
    }

    #[test]
    fn the_latest_revision_speaks_and_the_first_observation_stays() {
        let first = finding("row_spike", 1, 4.0, HOUR);
        let mut second = finding("row_spike", 1, 10.0, 3 * HOUR);
        second.revision = 2;
        let incidents = merged(&[second, first]);
        let merged = &incidents[0].findings[0];
        assert_eq!((merged.score, merged.observed_at, merged.revised_at), (10.0, Timestamp(HOUR), Timestamp(3 * HOUR)));
    }

    #[test]
    fn what_is_withdrawn_counts_no_more() {
        let mut withdrawn = finding("row_spike", 1, 0.0, 2 * HOUR);
        (withdrawn.revision, withdrawn.withdrawn) = (2, true);
        assert!(merged(&[finding("row_spike", 1, 9.0, HOUR), withdrawn]).is_empty());
    }

    /// Content that follows from id and revision: a revision is the same wherever it comes from.
    fn any_finding() -> impl Strategy<Value = Finding> {
        (1u128..6, 1u64..5).prop_map(|(id, revision)| {
            let content = id as i64 * 31 + revision as i64 * 7;
            let detector = ["row_spike", "view_burst", "new_access", "session_hijack"][id as usize % 4];
            let mut finding = finding(detector, id, (content * 13 % 100) as f64 / 10.0, content * 17 % 150 * HOUR);
            finding.revision = revision;
            finding.withdrawn = content % 3 == 0;
            finding
        })
    }

    proptest! {
        #[test]
        fn order_and_repetition_do_not_matter(once in prop::collection::vec(any_finding(), 1..20), seed in any::<u64>()) {
            let mut again: Vec<Finding> = once.iter().chain(once.iter()).cloned().collect();
            let mut state = seed;
            for i in (1..again.len()).rev() {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                again.swap(i, (state >> 33) as usize % (i + 1));
            }
            prop_assert_eq!(merged(&once), merged(&again));
        }
    }
}
