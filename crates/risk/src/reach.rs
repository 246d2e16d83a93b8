//! Which of a user's stored incidents a merge needs.
//!
//! A merge changes the incidents that hold one of the new findings already, and those that one of them comes within the
//! merge window of. It must also see every incident with an id that it could give away once more: ids derive from findings.
//! Whoever stores incidents reads by rounds: what [`Reach::of`] selects with its findings, then what [`Reach::around`]
//! selects besides, until nothing is new. Merging these equals merging all.

use crate::{Decisions, KeptFinding, KeptIncident};
use model::{Finding, Item, OrgId, Timestamp, UserId, Uuid, id};
use std::collections::{BTreeMap, BTreeSet};

/// Selects incidents of one user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// Those from the first to the last event of which one of these spans has a moment. Ascending, without overlaps.
    pub spans: Vec<(Timestamp, Timestamp)>,
    /// Those with these ids.
    pub ids: BTreeSet<Uuid>,
}

impl Reach {
    /// Returns what `new` findings reach. `kept` are those of them that are stored, at the revision stored; `window` is
    /// the widest merge window by which any finding merges, in milliseconds. What `decisions` join is reached together.
    pub fn of(new: &[Item<Finding>], kept: &[KeptFinding], window: i64, decisions: &Decisions) -> Self {
        let mut of_findings: BTreeMap<Uuid, (Timestamp, Timestamp)> = BTreeMap::new();
        let mut span = |id: Uuid, from: Timestamp, to: Timestamp| {
            let of_finding = of_findings.entry(id).or_insert((from, to));
            *of_finding = (from.min(of_finding.0), to.max(of_finding.1));
        };
        let mut ids = BTreeSet::new();
        for KeptFinding { finding, first_observed_at, incident_id, .. } in kept {
            span(finding.finding_id, first_observed_at.unwrap_or(finding.revised_at), finding.revised_at);
            ids.extend(*incident_id);
        }
        for Item { value: new, .. } in new {
            span(new.finding_id, new.observed_at, new.revised_at);
            ids.insert(id::incident_id(&new.org_id, &new.user_id, new.finding_id));
        }
        let wide = |(from, to): (Timestamp, Timestamp)| (from.plus(-window), to.max(from).plus(window));
        let mut reach = Self { spans: of_findings.into_values().map(wide).collect(), ids };
        let meets =
            |(from, to): &(Timestamp, Timestamp)| reach.spans.iter().any(|(first, last)| first <= to && from <= last);
        let joined: Vec<(Timestamp, Timestamp)> = decisions.joined().filter(meets).collect();
        reach.spans.extend(joined);
        reach.join();
        reach
    }

    /// Returns what incidents and their findings reach further.
    pub fn around(incidents: &[KeptIncident], findings: &[KeptFinding]) -> Self {
        let derived = |org: &OrgId, user: &UserId, from: Uuid| id::incident_id(org, user, from);
        let of_incidents = incidents
            .iter()
            .map(|KeptIncident { incident, .. }| derived(&incident.org_id, &incident.user_id, incident.incident_id));
        let of_findings = findings
            .iter()
            .map(|KeptFinding { finding, .. }| derived(&finding.org_id, &finding.user_id, finding.finding_id));
        let spans = incidents.iter().map(|kept| (kept.incident.first_event_at, kept.incident.last_event_at));
        let mut reach = Self { spans: spans.collect(), ids: of_incidents.chain(of_findings).collect() };
        reach.join();
        reach
    }

    /// Joins spans that overlap.
    fn join(&mut self) {
        self.spans.sort_unstable();
        let mut joined: Vec<(Timestamp, Timestamp)> = Vec::with_capacity(self.spans.len());
        for (from, to) in self.spans.drain(..) {
            match joined.last_mut() {
                Some((_, last)) if from <= *last => *last = to.max(*last),
                _ => joined.push((from, to)),
            }
        }
        self.spans = joined;
    }
}
