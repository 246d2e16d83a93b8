//! Merges new findings of one user into the user's stored incidents.

use crate::life::{self, KeptIncident, Transition};
use crate::{Decisions, Ledger, LedgerEntry, Rulebook};
use model::{EndReason, Finding, Item, Status, Text, Timestamp, Uuid};
use std::collections::{BTreeMap, BTreeSet};

/// A finding as it is kept between merges.
#[derive(Clone, Debug, PartialEq)]
pub struct KeptFinding {
    /// The finding at its latest revision.
    pub finding: Finding,
    /// The earliest time at which any revision was anomalous; `None` while all were withdrawn.
    pub first_observed_at: Option<Timestamp>,
    /// W3C trace context of the revision that last changed it; empty if there is none.
    pub traceparent: Text,
    /// The incident that the finding belongs to; `None` if it is withdrawn or hidden.
    pub incident_id: Option<Uuid>,
    /// The decision that makes it count for nothing.
    pub hidden_by: Option<Uuid>,
}

/// What a merge writes for one user.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Merged {
    /// Findings that are new, or have a later revision, an earlier first observation or another incident.
    pub findings: Vec<KeptFinding>,
    /// Incidents that changed.
    pub incidents: Vec<Transition>,
}

/// Merges `new` findings of one user into the `findings` and `incidents` that are kept of that user. Without new findings
/// the incidents are worked out once more: a decision may have changed how they stand.
///
/// The content of the resulting incidents is a function of the sets of findings and decisions: merging is commutative,
/// associative and idempotent. Id and revision of an incident depend on its history too: the incident that opened first
/// keeps its id.
pub fn merge(
    findings: Vec<KeptFinding>,
    incidents: Vec<KeptIncident>,
    new: Vec<Item<Finding>>,
    rules: &Rulebook,
    decisions: &Decisions,
) -> Merged {
    let mut ledger: Ledger = findings.iter().map(LedgerEntry::from).collect();
    let is_decided = new.is_empty();
    let mut changed: BTreeMap<Uuid, Text> = BTreeMap::new();
    let mut last_traceparent = Text::default();
    for Item { value, traceparent, .. } in new {
        let id = value.finding_id;
        if ledger.add(value) {
            changed.insert(id, traceparent.clone());
            last_traceparent = traceparent;
        }
    }
    if changed.is_empty() && !is_decided {
        return Merged::default();
    }
    let Regrouped { transitions, incident_of } = regroup(&ledger, incidents, &last_traceparent, (rules, decisions));
    let hidden_by = |id: Uuid| ledger.current(id).and_then(|finding| decisions.hidden_by(&finding));
    let moved = findings.into_iter().filter_map(|kept| {
        let id = kept.finding.finding_id;
        let (incident_id, hidden_by) = (incident_of.get(&id).copied(), hidden_by(id));
        let is_moved = !changed.contains_key(&id) && (kept.incident_id, kept.hidden_by) != (incident_id, hidden_by);
        is_moved.then_some(KeptFinding { incident_id, hidden_by, ..kept })
    });
    let mut written: Vec<KeptFinding> = moved.collect();
    written.extend(changed.iter().filter_map(|(id, traceparent)| {
        let entry = ledger.get(*id)?;
        Some(KeptFinding {
            finding: entry.latest.clone(),
            first_observed_at: entry.first_observed_at,
            traceparent: traceparent.clone(),
            incident_id: incident_of.get(id).copied(),
            hidden_by: hidden_by(*id),
        })
    }));
    Merged { findings: written, incidents: transitions }
}

impl From<&KeptFinding> for LedgerEntry {
    fn from(kept: &KeptFinding) -> Self {
        Self { latest: kept.finding.clone(), first_observed_at: kept.first_observed_at }
    }
}

struct Regrouped {
    transitions: Vec<Transition>,
    /// The incident of each finding that counts.
    incident_of: BTreeMap<Uuid, Uuid>,
}

/// Groups the ledger's findings into incidents, and compares these with the kept ones by the findings that they share.
fn regroup(
    ledger: &Ledger,
    kept: Vec<KeptIncident>,
    traceparent: &Text,
    (rules, decisions): (&Rulebook, &Decisions),
) -> Regrouped {
    let groups = crate::incidents(ledger.findings(), rules, decisions);
    let (absorbed, mut kept): (Vec<KeptIncident>, Vec<KeptIncident>) =
        kept.into_iter().partition(|kept| kept.status == Status::Merged);
    // The incident that opened first keeps its id.
    kept.sort_by_key(|kept| (kept.incident.first_event_at, kept.incident.incident_id));
    let taken: BTreeSet<Uuid> = kept.iter().map(|kept| kept.incident.incident_id).collect();
    let mut transitions = Vec::new();
    let mut incident_of = BTreeMap::new();
    for incident in groups {
        let members: BTreeSet<Uuid> = incident.findings.iter().map(|finding| finding.finding_id).collect();
        let shares =
            |kept: &KeptIncident| kept.incident.findings.iter().any(|finding| members.contains(&finding.finding_id));
        let (overlapping, others): (Vec<KeptIncident>, Vec<KeptIncident>) = kept.into_iter().partition(shares);
        kept = others;
        let mut overlapping = overlapping.into_iter();
        let id = match overlapping.next() {
            None => {
                let opened = life::open(incident, &taken, &absorbed, decisions, traceparent);
                let id = opened.incident.incident_id;
                transitions.push(opened);
                id
            }
            Some(first) => {
                let id = first.incident.incident_id;
                transitions.extend(overlapping.map(|other| life::absorb(other, id, traceparent)));
                transitions.extend(life::update(incident, first, decisions, traceparent));
                id
            }
        };
        incident_of.extend(members.into_iter().map(|finding| (finding, id)));
    }
    let is_hidden = |finding: &Finding| ledger.current(finding.finding_id).is_some();
    transitions.extend(kept.into_iter().filter_map(|kept| {
        let reason =
            if kept.incident.findings.iter().any(is_hidden) { EndReason::Suppressed } else { EndReason::Withdrawn };
        life::withdraw(kept, reason, traceparent)
    }));
    Regrouped { transitions, incident_of }
}

#[cfg(test)]
mod tests;
