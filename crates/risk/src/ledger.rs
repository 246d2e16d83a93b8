//! The ledger of one user's findings, and the incidents that they form.

use crate::{Decisions, Rulebook, receipt};
use model::{Evidence, Finding, Incident, Text, Timestamp, Uuid, id};
use std::collections::{BTreeMap, BTreeSet};

/// The findings of one user, each at its latest revision.
///
/// Adding is commutative, associative and idempotent: order of arrival, redelivery and replicas do not change the
/// result.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    findings: BTreeMap<Uuid, LedgerEntry>,
}

/// What a ledger keeps of a finding.
#[derive(Clone, Debug, PartialEq)]
pub struct LedgerEntry {
    /// The finding at its latest revision.
    pub latest: Finding,
    /// The earliest time at which any revision was anomalous; `None` while all were withdrawn.
    pub first_observed_at: Option<Timestamp>,
}

impl FromIterator<LedgerEntry> for Ledger {
    fn from_iter<I: IntoIterator<Item = LedgerEntry>>(entries: I) -> Self {
        let by_id = |entry: LedgerEntry| (entry.latest.finding_id, entry);
        Self { findings: entries.into_iter().map(by_id).collect() }
    }
}

impl Ledger {
    /// Adds a revision of a finding. Returns whether it changed the ledger.
    pub fn add(&mut self, finding: Finding) -> bool {
        let observed_at = (!finding.withdrawn).then_some(finding.observed_at);
        let Some(entry) = self.findings.get_mut(&finding.finding_id) else {
            let addresses = gathered(&finding.addresses, &[]);
            let evidence = Evidence::gathered(&finding.evidence, &[]);
            let latest = Finding { addresses, evidence, ..finding };
            let entry = LedgerEntry { latest, first_observed_at: observed_at };
            self.findings.insert(entry.latest.finding_id, entry);
            return true;
        };
        let earliest = match (entry.first_observed_at, observed_at) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        let is_later = finding.revision > entry.latest.revision;
        let addresses = gathered(&entry.latest.addresses, &finding.addresses);
        let evidence = Evidence::gathered(&entry.latest.evidence, &finding.evidence);
        let is_changed = is_later
            || earliest != entry.first_observed_at
            || addresses != entry.latest.addresses
            || evidence != entry.latest.evidence;
        entry.first_observed_at = earliest;
        if is_later {
            entry.latest = finding;
        }
        (entry.latest.addresses, entry.latest.evidence) = (addresses, evidence);
        is_changed
    }

    /// Returns the entry of a finding.
    pub fn get(&self, finding_id: Uuid) -> Option<&LedgerEntry> {
        self.findings.get(&finding_id)
    }

    /// Returns a finding, unless it is withdrawn.
    pub fn current(&self, finding_id: Uuid) -> Option<Finding> {
        self.findings.get(&finding_id).and_then(LedgerEntry::current)
    }

    /// Returns the findings that are not withdrawn, by time of first observation, then by id.
    pub fn findings(&self) -> Vec<Finding> {
        let mut findings: Vec<Finding> = self.findings.values().filter_map(LedgerEntry::current).collect();
        findings.sort_by_key(|finding| (finding.observed_at, finding.finding_id));
        findings
    }
}

impl LedgerEntry {
    /// Returns the finding with its first time, unless it is withdrawn.
    fn current(&self) -> Option<Finding> {
        let observed_at = self.first_observed_at.filter(|_| !self.latest.withdrawn)?;
        Some(Finding { observed_at, ..self.latest.clone() })
    }
}

/// Returns the first of the addresses of both, in their order. Keeping the least of a union is commutative, associative
/// and idempotent, as adding has to be.
fn gathered(a: &[Text], b: &[Text]) -> Vec<Text> {
    let all: BTreeSet<&Text> = a.iter().chain(b).collect();
    all.into_iter().take(Finding::ADDRESSES).cloned().collect()
}

/// Groups the findings of one user into incidents; `findings` are as [`Ledger::findings`] returns them.
///
/// A finding spans from its first observation to its latest revision. Findings with at most the merge window
/// (`merge_hours`) of the later one between their spans form one incident. Its receipt is computed with the settings of its
/// latest finding. Findings that decisions hide are left out, and those that a decision joins form one incident. An incident
/// has its findings without their evidence.
pub fn incidents(findings: Vec<Finding>, rules: &Rulebook, decisions: &Decisions) -> Vec<Incident> {
    let mut groups: Vec<(Timestamp, Vec<Finding>)> = Vec::new();
    for finding in findings.into_iter().filter(|finding| decisions.hidden_by(finding).is_none()) {
        let end = finding.revised_at.max(finding.observed_at);
        match groups.last_mut() {
            Some((last, group))
                if finding.observed_at.since(*last) <= rules.of(&finding).1.merge_window()
                    || decisions.joins(*last, finding.observed_at) =>
            {
                *last = end.max(*last);
                group.push(finding);
            }
            _ => groups.push((end, vec![finding])),
        }
    }
    groups.into_iter().filter_map(|(_, group)| incident(group, rules, decisions)).collect()
}

fn incident(findings: Vec<Finding>, rules: &Rulebook, decisions: &Decisions) -> Option<Incident> {
    let first = findings.first()?;
    let latest = findings.iter().max_by_key(|finding| (finding.revision, finding.finding_id))?;
    let (hash, settings) = rules.of(latest);
    let receipt = receipt(&findings, settings, hash, decisions);
    let incident = Incident {
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
        disposition: None,
        findings: findings.into_iter().map(|finding| Finding { evidence: Vec::new(), ..finding }).collect(),
    };
    let disposition = decisions.disposition(&incident).map(|disposed| disposed.disposition);
    Some(Incident { disposition, ..incident })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Settings;
    use crate::testing::{evidence, finding};
    use model::time::HOUR;
    use proptest::prelude::*;

    fn ledger(findings: &[Finding]) -> Ledger {
        let mut ledger = Ledger::default();
        for finding in findings {
            ledger.add(finding.clone());
        }
        ledger
    }

    fn merged(findings: &[Finding]) -> Vec<Incident> {
        let rules = Rulebook::new("hash".into(), Settings::default());
        incidents(ledger(findings).findings(), &rules, &Decisions::default())
    }

    #[test]
    fn findings_within_the_window_are_one_incident() {
        let at = |hour: i64, id| finding("row_spike", id, 8.0, hour * HOUR);
        assert_eq!(merged(&[at(0, 1), at(20, 2), at(40, 3)]).len(), 1);
        assert_eq!(merged(&[at(0, 1), at(30, 2)]).len(), 2);
    }

    #[test]
    fn the_latest_revision_counts_from_the_first_observation() {
        let first = finding("row_spike", 1, 4.0, HOUR);
        let mut second = finding("row_spike", 1, 10.0, 3 * HOUR);
        second.revision = 2;
        let incidents = merged(&[second, first]);
        let merged = &incidents[0].findings[0];
        assert_eq!((merged.score, merged.observed_at, merged.revised_at), (10.0, Timestamp(HOUR), Timestamp(3 * HOUR)));
    }

    #[test]
    fn a_withdrawn_finding_does_not_count() {
        let mut withdrawn = finding("row_spike", 1, 0.0, 2 * HOUR);
        (withdrawn.revision, withdrawn.withdrawn) = (2, true);
        assert!(merged(&[finding("row_spike", 1, 9.0, HOUR), withdrawn]).is_empty());
    }

    #[test]
    fn evidence_of_all_revisions_stays_with_the_finding_and_out_of_its_incident() {
        let of = |revision, ids: &[u128]| Finding {
            revision,
            evidence: ids.iter().map(|id| evidence(*id)).collect(),
            ..finding("row_spike", 1, 8.0, 0)
        };
        let revisions = [of(1, &[2, 4]), of(3, &[]), of(2, &[6])];
        let kept: Vec<u128> =
            ledger(&revisions).findings()[0].evidence.iter().map(|one| one.activity_id.as_u128()).collect();
        assert_eq!(kept, [2, 4, 6]);
        assert!(merged(&revisions)[0].findings[0].evidence.is_empty());
    }

    /// Findings with content that follows from id and revision: a revision is the same wherever it comes from.
    fn any_finding() -> impl Strategy<Value = Finding> {
        (1u128..6, 1u64..5).prop_map(|(id, revision)| {
            let content = id as i64 * 31 + revision as i64 * 7;
            let detector = ["row_spike", "view_burst", "new_access", "session_hijack"][id as usize % 4];
            let mut finding = finding(detector, id, (content * 13 % 100) as f64 / 10.0, content * 17 % 150 * HOUR);
            finding.revision = revision;
            finding.withdrawn = content % 3 == 0;
            finding.evidence = (0..7).map(|place| evidence(id * 50 + u128::from(revision) * 4 + place)).collect();
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
            prop_assert_eq!(ledger(&once).findings(), ledger(&again).findings());
        }
    }
}
