//! What a decision would have done to the incidents of the last 30 days.

use model::time::DAY;
use model::{Decision, Finding, Ruling, Text, Timestamp, UserId, Uuid};
use risk::{Decisions, Effect, Ledger, LedgerEntry, Rulebook};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use store::StoredFinding;

/// How far back a preview looks, in milliseconds of event time. A choice: as long as a suppression holds.
pub const REACH: i64 = 30 * DAY;

/// The findings of the last 30 days, with the settings and decisions by which they form incidents.
pub struct Recent {
    since: Timestamp,
    findings: BTreeMap<UserId, Vec<Finding>>,
    /// The incident of each finding that has one.
    incident_of: BTreeMap<Uuid, Uuid>,
    decisions: Vec<Decision>,
    rules: Rulebook,
}

/// What recent incidents would be.
#[derive(Debug, Default, PartialEq, Serialize)]
pub struct Preview {
    /// How many findings more would count for nothing.
    pub hidden_findings: usize,
    /// The effect on each incident, by account and then gravest first.
    pub effects: Vec<Effect>,
}

impl Recent {
    /// Makes it of the findings of an org, or of one of its accounts, that were first observed at `since` or later, all
    /// decisions of the org, and the settings in force, to which those of other hashes are added.
    pub fn new(since: Timestamp, found: Vec<StoredFinding>, decisions: Vec<Decision>, rules: Rulebook) -> Self {
        let mut entries: BTreeMap<UserId, Vec<LedgerEntry>> = BTreeMap::new();
        let mut incident_of = BTreeMap::new();
        for stored in found {
            incident_of.extend(stored.incident_id.map(|incident_id| (stored.finding.finding_id, incident_id)));
            let entry = LedgerEntry { latest: stored.finding, first_observed_at: stored.first_observed_at };
            entries.entry(entry.latest.user_id.clone()).or_default().push(entry);
        }
        let of_account =
            |(user, entries): (UserId, Vec<LedgerEntry>)| (user, entries.into_iter().collect::<Ledger>().findings());
        Self { since, findings: entries.into_iter().map(of_account).collect(), incident_of, decisions, rules }
    }

    /// Returns the hashes of settings by which findings were judged.
    pub fn hashes<'a>(found: impl IntoIterator<Item = &'a StoredFinding>) -> BTreeSet<Text> {
        found.into_iter().map(|stored| stored.finding.config_hash.clone()).collect()
    }
}

impl Preview {
    /// Returns the effect of more decisions on recent incidents. What they say of the future is taken as if it had been
    /// decided 30 days ago; dispositions are of the past already.
    pub fn of(decisions: &[Decision], recent: &Recent) -> Self {
        let added: Vec<Decision> = decisions.iter().map(|decision| recent.as_of_past(decision)).collect();
        let mut preview = Self::default();
        for (user, findings) in &recent.findings {
            let concerned = added.iter().filter(|decision| decision.concerns(&decision.org_id, user)).cloned();
            let concerned: Vec<Decision> = concerned.collect();
            if concerned.is_empty() {
                continue;
            }
            let known = || recent.decisions.iter().filter(|known| known.concerns(&known.org_id, user)).cloned();
            let (before, after) = (Decisions::new(known()), Decisions::new(known().chain(concerned)));
            let hidden = |decisions: &Decisions| findings.iter().filter(|f| decisions.hidden_by(f).is_some()).count();
            preview.hidden_findings += hidden(&after).saturating_sub(hidden(&before));
            preview.effects.extend(risk::preview(findings, &recent.incident_of, &recent.rules, (&before, &after)));
        }
        preview
    }
}

impl Recent {
    fn as_of_past(&self, decision: &Decision) -> Decision {
        let is_of_past = matches!(decision.ruling, Ruling::Disposition(_) | Ruling::Joined);
        let from = if is_of_past { decision.from } else { decision.from.min(self.since) };
        Decision { from, decided_at: Timestamp(i64::MAX), ..decision.clone() }
    }
}
