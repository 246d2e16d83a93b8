//! Merges new findings of one user into the user's stored incidents.

use crate::life::{self, KeptIncident, Transition};
use crate::{Ledger, LedgerEntry, Rulebook};
use model::{Finding, Item, Status, Text, Timestamp, Uuid};
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
    /// The incident that the finding belongs to; `None` if it is withdrawn.
    pub incident_id: Option<Uuid>,
}

/// What a merge writes for one user.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Merged {
    /// Findings that are new, or have a later revision, an earlier first observation or another incident.
    pub findings: Vec<KeptFinding>,
    /// Incidents that changed.
    pub incidents: Vec<Transition>,
}

/// Merges `new` findings of one user into the `findings` and `incidents` that are kept of that user.
///
/// The content of the resulting incidents is a function of the set of findings: merging is commutative, associative and
/// idempotent. Id, revision and status of an incident depend on its history too: the incident that opened first keeps
/// its id, and people set the status.
pub fn merge(
    findings: Vec<KeptFinding>,
    incidents: Vec<KeptIncident>,
    new: Vec<Item<Finding>>,
    rules: &Rulebook,
) -> Merged {
    let mut ledger: Ledger = findings.iter().map(LedgerEntry::from).collect();
    let mut changed: BTreeMap<Uuid, Text> = BTreeMap::new();
    let mut last_traceparent = Text::default();
    for Item { value, traceparent, .. } in new {
        let id = value.finding_id;
        if ledger.add(value) {
            changed.insert(id, traceparent.clone());
            last_traceparent = traceparent;
        }
    }
    if changed.is_empty() {
        return Merged::default();
    }
    let Regrouped { transitions, incident_of } = regroup(&ledger, incidents, &last_traceparent, rules);
    let moved = findings.into_iter().filter_map(|kept| {
        let id = kept.finding.finding_id;
        let incident_id = incident_of.get(&id).copied();
        let is_moved = !changed.contains_key(&id) && kept.incident_id != incident_id;
        is_moved.then_some(KeptFinding { incident_id, ..kept })
    });
    let mut written: Vec<KeptFinding> = moved.collect();
    written.extend(changed.iter().filter_map(|(id, traceparent)| {
        let entry = ledger.get(*id)?;
        Some(KeptFinding {
            finding: entry.latest.clone(),
            first_observed_at: entry.first_observed_at,
            traceparent: traceparent.clone(),
            incident_id: incident_of.get(id).copied(),
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
fn regroup(ledger: &Ledger, kept: Vec<KeptIncident>, traceparent: &Text, rules: &Rulebook) -> Regrouped {
    let groups = crate::incidents(ledger.findings(), rules);
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
                let opened = life::open(incident, &taken, &absorbed, traceparent);
                let id = opened.incident.incident_id;
                transitions.push(opened);
                id
            }
            Some(first) => {
                let id = first.incident.incident_id;
                transitions.extend(overlapping.map(|other| life::absorb(other, id, traceparent)));
                transitions.extend(life::update(incident, first, traceparent));
                id
            }
        };
        incident_of.extend(members.into_iter().map(|finding| (finding, id)));
    }
    transitions.extend(kept.into_iter().filter_map(|kept| life::withdraw(kept, traceparent)));
    Regrouped { transitions, incident_of }
}

#[cfg(test)]
mod tests;
