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
#[derive(Debug, PartialEq, Serialize)]
pub struct Preview {
    /// The start of what is looked at.
    pub from: Timestamp,
    /// Its end, exclusive; `None`: it reaches to the latest finding.
    pub until: Option<Timestamp>,
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

    /// Adds settings by which findings may be judged that are not stored yet.
    #[must_use]
    pub(crate) fn knowing(mut self, hash: Text, settings: risk::Settings) -> Self {
        self.rules.add(hash, settings);
        self
    }

    /// Returns what incidents would have been without the findings of a detector of which `is_weak` says so, by account: those
    /// that would be others.
    pub(crate) fn without(
        &self,
        detector: &str,
        is_weak: impl Fn(&Finding) -> bool,
    ) -> Vec<(UserId, Option<Text>, Effect)> {
        let is_raised = |finding: &Finding| finding.detector.as_str() != detector || !is_weak(finding);
        self.changed(self.findings.keys(), |_, findings, decisions| {
            let effects = risk::preview_findings(findings, &self.incident_of, &self.rules, decisions, is_raised);
            (None, effects)
        })
    }

    /// Works out the effects on accounts, of their findings and the decisions that concern them, and returns those that
    /// change something, with the account's name: its findings have it, or it is worked out, too.
    fn changed<'a>(
        &self,
        users: impl Iterator<Item = &'a UserId>,
        effects: impl Fn(&UserId, &[Finding], &Decisions) -> (Option<Text>, Vec<Effect>),
    ) -> Vec<(UserId, Option<Text>, Effect)> {
        let mut changed = Vec::new();
        for user in users {
            let findings = self.findings.get(user).map_or(&[][..], Vec::as_slice);
            let concerns = |known: &&Decision| known.concerns(&known.org_id, user);
            let decisions = Decisions::new(self.decisions.iter().filter(concerns).cloned());
            let (name, effects) = effects(user, findings, &decisions);
            let name = findings.iter().rev().find_map(|finding| finding.username.clone()).or(name);
            let effects = effects.into_iter().filter(|effect| effect.before != effect.after);
            changed.extend(effects.map(|effect| (user.clone(), name.clone(), effect)));
        }
        changed
    }

    /// Returns what incidents would have been with more findings, by account: those that would be others.
    pub(crate) fn with(&self, more: Vec<Finding>) -> Vec<(UserId, Option<Text>, Effect)> {
        let mut of_users: BTreeMap<UserId, Vec<Finding>> = BTreeMap::new();
        more.into_iter().for_each(|finding| of_users.entry(finding.user_id.clone()).or_default().push(finding));
        self.changed(of_users.keys(), |user, findings, decisions| {
            let more = of_users.get(user).map_or(&[][..], Vec::as_slice);
            let name = more.iter().find_map(|finding| finding.username.clone());
            (name, risk::preview_more(findings, more, &self.incident_of, &self.rules, decisions))
        })
    }

    /// Returns the hashes of settings by which findings were judged.
    pub fn hashes<'a>(found: impl IntoIterator<Item = &'a StoredFinding>) -> BTreeSet<Text> {
        found.into_iter().map(|stored| stored.finding.config_hash.clone()).collect()
    }
}

impl Preview {
    /// Returns one without effects.
    pub fn during(from: Timestamp, until: Option<Timestamp>) -> Self {
        Self { from, until, hidden_findings: 0, effects: Vec::new() }
    }

    /// Returns the effect that more decisions would have had, if they had held from the start of what was read.
    /// Dispositions are of the past already.
    pub fn as_if(decisions: &[Decision], recent: &Recent) -> Self {
        let early = |decision: &Decision| match decision.ruling {
            Ruling::Disposition(_) | Ruling::Joined => decision.clone(),
            _ => Decision { from: decision.from.min(recent.since), ..decision.clone() },
        };
        Self::of(&decisions.iter().map(early).collect::<Vec<_>>(), recent)
    }

    /// Returns the effect of more decisions on recent incidents, in the time in which they hold.
    pub fn of(decisions: &[Decision], recent: &Recent) -> Self {
        let added = decisions.iter().map(|added| Decision { decided_at: Timestamp(i64::MAX), ..added.clone() });
        let added: Vec<Decision> = added.collect();
        let from = added.iter().map(|added| added.from).min().unwrap_or(recent.since);
        let ends = added.iter().map(|added| added.until).collect::<Option<Vec<_>>>();
        let mut preview = Self::during(from, ends.and_then(|ends| ends.into_iter().max()));
        for (user, findings) in &recent.findings {
            let concerning = |all: &[Decision]| -> Vec<Decision> {
                all.iter().filter(|decision| decision.concerns(&decision.org_id, user)).cloned().collect()
            };
            let (known, added) = (concerning(&recent.decisions), concerning(&added));
            if added.is_empty() {
                continue;
            }
            let (before, after) =
                (Decisions::new(known.iter().cloned()), Decisions::new(known.into_iter().chain(added)));
            let hidden = |decisions: &Decisions| findings.iter().filter(|f| decisions.hidden_by(f).is_some()).count();
            preview.hidden_findings += hidden(&after).saturating_sub(hidden(&before));
            preview.effects.extend(risk::preview(findings, &recent.incident_of, &recent.rules, (&before, &after)));
        }
        preview
    }

    /// Returns what recent incidents would have been by other settings of risk, which have this hash.
    pub fn of_settings(hash: &Text, settings: &risk::Settings, recent: &Recent) -> Self {
        let after = Rulebook::new(hash.clone(), settings.clone());
        let mut preview = Self::during(recent.since, None);
        for (user, findings) in &recent.findings {
            let concerns = |known: &&Decision| known.concerns(&known.org_id, user);
            let decisions = Decisions::new(recent.decisions.iter().filter(concerns).cloned());
            let rules = (&recent.rules, &after);
            preview.effects.extend(risk::preview_settings(findings, &recent.incident_of, rules, &decisions));
        }
        preview
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::testing::finding;
    use model::OrgId;
    use model::decision::Scope;
    use risk::Becomes;

    fn recent(findings: Vec<Finding>, decisions: Vec<Decision>) -> Recent {
        let stored = |latest: Finding| StoredFinding {
            first_observed_at: Some(latest.observed_at),
            finding: latest,
            traceparent: None,
            incident_id: None,
            hidden_by: None,
        };
        let rules = Rulebook::new("hash".into(), risk::Settings::default());
        Recent::new(Timestamp(0), findings.into_iter().map(stored).collect(), decisions, rules)
    }

    fn words(preview: &Preview) -> Vec<Becomes> {
        preview.effects.iter().map(|effect| effect.becomes).collect()
    }

    fn suppression(json: &str, from: i64) -> Decision {
        Decision {
            decision_id: Uuid::from_u128(from.unsigned_abs().into()),
            org_id: OrgId::new("00D000000000001AAA"),
            user_id: None,
            ruling: Ruling::Suppression { scope: serde_json::from_str::<Scope>(json).unwrap(), incident_id: None },
            from: Timestamp(from),
            until: None,
            decided_by: "a".into(),
            claimed_by: None,
            reason: String::new(),
            decided_at: Timestamp(0),
            in_force: BTreeMap::new(),
        }
    }

    fn light() -> (String, risk::Weight) {
        ("row_spike".to_owned(), risk::Weight { weight: 0.05, group: "reading".to_owned() })
    }

    #[test]
    fn a_suppression_is_previewed_as_if_it_had_held() {
        let findings = vec![
            finding(1, "a", "row_spike"),
            finding(2, "b", "row_spike"),
            finding(3, "b", "off_hours"),
            finding(4, "c", "new_access"),
        ];
        // It begins tomorrow.
        let added = [suppression(r#"{"detectors":["row_spike"]}"#, 90_000_000)];
        let before = recent(findings.clone(), Vec::new());
        let preview = Preview::as_if(&added, &before);
        assert_eq!(words(&preview), [Becomes::Vanishes, Becomes::Falls, Becomes::Stays]);
        assert_eq!((preview.from, preview.until, preview.hidden_findings), (Timestamp(0), None, 2));
        let risk =
            preview.effects.first().and_then(|effect| effect.before).map(|standing| standing.risk_score.to_f64());
        assert_eq!(risk, Some(52.8));
        // By another weight of that detector they count for less.
        let settings = risk::Settings { weights: [light()].into(), ..risk::Settings::default() };
        let of_settings = Preview::of_settings(&"new".into(), &settings, &before);
        assert_eq!(words(&of_settings), [Becomes::Falls, Becomes::Falls, Becomes::Stays]);
        // What is hidden already is no effect of it.
        let hidden = recent(findings, vec![suppression("{}", 0)]);
        assert_eq!(Preview::as_if(&added, &hidden), Preview::during(Timestamp(0), None));
    }

    #[test]
    fn a_suppression_of_a_time_is_previewed_for_that_time() {
        let at = |id, at| Finding { observed_at: Timestamp(at), ..finding(id, "a", "row_spike") };
        let recent = recent(vec![at(1, 60_000), at(2, 120_000), at(3, 180_000)], Vec::new());
        let check = |from, until: Option<i64>, hidden, becomes: &[Becomes]| {
            let until = until.map(Timestamp);
            let preview = Preview::of(&[Decision { until, ..suppression("{}", from) }], &recent);
            assert_eq!((preview.from, preview.until, preview.hidden_findings), (Timestamp(from), until, hidden));
            assert_eq!(words(&preview), becomes);
        };
        check(60_000, None, 3, &[Becomes::Vanishes]);
        check(120_000, None, 2, &[Becomes::Stays]);
        check(0, Some(180_000), 2, &[Becomes::Stays]);
        check(240_000, None, 0, &[Becomes::Stays]);
    }
}
