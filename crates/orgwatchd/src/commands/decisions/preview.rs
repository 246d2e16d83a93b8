//! What a decision would have done to the incidents of the last 30 days.

use super::time;
use crate::config::Config;
use crate::rules;
use anyhow::Result;
use model::time::DAY;
use model::{Decision, Finding, OrgId, Text, Timestamp, UserId, Uuid};
use risk::{Becomes, Decisions, Effect, Ledger, LedgerEntry, Rulebook};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use store::{DecisionFilter, FindingFilter, Store};

/// How far back a preview looks, in milliseconds of event time. A choice: as long as a suppression holds.
const REACH: i64 = 30 * DAY;

/// The findings of the last 30 days, with the settings and decisions by which they form incidents.
pub(in crate::commands) struct Recent {
    since: Timestamp,
    findings: BTreeMap<UserId, Vec<Finding>>,
    /// The incident of each finding that has one.
    incident_of: BTreeMap<Uuid, Uuid>,
    decisions: Vec<Decision>,
    rules: Rulebook,
}

/// What would become of recent incidents.
#[derive(Debug, PartialEq, Serialize)]
pub(in crate::commands) struct Preview {
    /// The start of what is looked at.
    from: Timestamp,
    /// Its end, exclusive; `None`: it reaches to the latest finding.
    until: Option<Timestamp>,
    /// How many findings more would count for nothing.
    hidden_findings: usize,
    /// The effect on each incident, by account and then gravest first.
    effects: Vec<Effect>,
}

/// Returns the start of the 30 days before the event time that an org has reached.
pub(in crate::commands) fn reach(clock: Timestamp) -> Timestamp {
    clock.plus(-REACH)
}

/// Reads what there was in an org, or of one of its accounts, since a time.
///
/// # Errors
/// If the database cannot be read.
pub(in crate::commands) async fn recent(
    store: &Store,
    config: &Config,
    (org, user): (&OrgId, Option<&UserId>),
    since: Timestamp,
) -> Result<Recent> {
    let filter = FindingFilter {
        org_id: Some(org.clone()),
        user_id: user.cloned(),
        since: Some(since),
        ..FindingFilter::default()
    };
    let mut entries: BTreeMap<UserId, Vec<LedgerEntry>> = BTreeMap::new();
    let mut incident_of = BTreeMap::new();
    for stored in store.findings(&filter).await? {
        incident_of.extend(stored.incident_id.map(|incident_id| (stored.finding.finding_id, incident_id)));
        let entry = LedgerEntry { latest: stored.finding, first_observed_at: stored.first_observed_at };
        entries.entry(entry.latest.user_id.clone()).or_default().push(entry);
    }
    let findings: BTreeMap<UserId, Vec<Finding>> =
        entries.into_iter().map(|(user, entries)| (user, entries.into_iter().collect::<Ledger>().findings())).collect();
    let decisions = store.decisions(&DecisionFilter { org_id: Some(org.clone()), ..DecisionFilter::default() }).await?;
    let own = config.rules();
    let mut rules = Rulebook::new(own.hash(), own.risk_of(org));
    let named: BTreeSet<Text> = findings.values().flatten().map(|finding| finding.config_hash.clone()).collect();
    for (hash, settings) in rules::stored(store, &Vec::from_iter(named)).await? {
        // Those that cannot be read count as the settings in force, as in the correlator.
        if let Ok(settings) = settings {
            rules.add(hash, settings.risk_of(org));
        }
    }
    Ok(Recent { since, findings, incident_of, decisions, rules })
}

impl Preview {
    /// Returns the effect that one more decision would have had, if it had held from the start of what was read.
    pub(in crate::commands) fn as_if(decision: &Decision, recent: &Recent) -> Self {
        Self::of(&Decision { from: decision.from.min(recent.since), ..decision.clone() }, recent)
    }

    /// Returns the effect of one more decision on recent incidents, in the time in which it holds.
    pub(in crate::commands) fn of(decision: &Decision, recent: &Recent) -> Self {
        let added = Decision { decided_at: Timestamp(i64::MAX), ..decision.clone() };
        let mut preview = Self::during(added.from, added.until);
        for (user, findings) in recent.findings.iter().filter(|(user, _)| added.concerns(&decision.org_id, user)) {
            let on_account = || recent.decisions.iter().filter(|known| known.concerns(&decision.org_id, user)).cloned();
            let (before, after) = (Decisions::new(on_account()), Decisions::new(on_account().chain([added.clone()])));
            let hidden = |decisions: &Decisions| findings.iter().filter(|f| decisions.hidden_by(f).is_some()).count();
            preview.hidden_findings += hidden(&after).saturating_sub(hidden(&before));
            preview.effects.extend(risk::preview(findings, &recent.incident_of, &recent.rules, (&before, &after)));
        }
        preview
    }

    /// Returns what recent incidents would have been by other settings of risk, which have this hash.
    pub(in crate::commands) fn of_settings(hash: &Text, settings: &risk::Settings, recent: &Recent) -> Self {
        let after = Rulebook::new(hash.clone(), settings.clone());
        let mut preview = Self::during(recent.since, None);
        for (user, findings) in &recent.findings {
            let concerns = |known: &&Decision| known.user_id.as_ref().is_none_or(|of| of == user);
            let decisions = Decisions::new(recent.decisions.iter().filter(concerns).cloned());
            let rules = (&recent.rules, &after);
            preview.effects.extend(risk::preview_settings(findings, &recent.incident_of, rules, &decisions));
        }
        preview
    }

    /// Returns one without effects.
    fn during(from: Timestamp, until: Option<Timestamp>) -> Self {
        Self { from, until, hidden_findings: 0, effects: Vec::new() }
    }

    /// Returns it in lines.
    pub(in crate::commands) fn text(&self) -> String {
        let (span, hidden) = (self.span(), self.hidden_findings);
        format!("{span}, {hidden} findings would count for nothing; of the incidents: ") + &self.effects_text()
    }

    /// Returns what is looked at, in words.
    fn span(&self) -> String {
        match self.until {
            Some(until) => format!("from {} to {}", time(self.from), time(until)),
            None => format!("since {}", time(self.from)),
        }
    }

    /// Returns that of settings in lines.
    pub(in crate::commands) fn settings_text(&self) -> String {
        let head = format!("of the incidents since {}, by the new weights and merge windows: ", time(self.from));
        let tail = "these incidents stay as they are: settings hold for what is judged from then on, and what the \
                    thresholds of detectors would have found is not known\n";
        head + &self.effects_text() + tail
    }

    fn effects_text(&self) -> String {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        self.effects.iter().for_each(|effect| *counts.entry(words(effect.becomes)).or_default() += 1);
        let counts: Vec<String> = counts.into_iter().map(|(word, count)| format!("{count} {word}")).collect();
        let counts = if counts.is_empty() { "there are none".to_owned() } else { counts.join(", ") };
        let mut text = format!("{counts}\n");
        for effect in self.effects.iter().filter(|effect| effect.becomes != Becomes::Stays) {
            let risk = |standing: Option<risk::Standing>| {
                standing.map_or_else(
                    || "none".to_owned(),
                    |standing| format!("{} {}", standing.risk_score, standing.severity),
                )
            };
            text.push_str(&format!(
                "  {} of {} {}: risk {} → {}\n",
                effect.incident_id,
                effect.account,
                words(effect.becomes),
                risk(effect.before),
                risk(effect.after)
            ));
        }
        text
    }
}

fn words(becomes: Becomes) -> &'static str {
    match becomes {
        Becomes::Falls => "lose severity",
        Becomes::Rises => "gain severity",
        Becomes::Vanishes => "vanish",
        Becomes::Closes => "close",
        Becomes::Merges => "join another one",
        Becomes::Stays => "stay",
        Becomes::Reopens => "open again",
        Becomes::Appears => "appear",
    }
}

#[cfg(test)]
pub(in crate::commands) mod tests {
    use super::*;
    use model::decision::Scope;
    use model::operational::Unseen;
    use model::{Incident, Points, Receipt, RiskModel, Ruling, Severity, UserClass};

    pub(in crate::commands) fn finding(id: u128, user: &str, detector: &str) -> Finding {
        let at = Timestamp(1_000);
        let unseen = Unseen { subject: "", since: at, noticed: at, score: 8.0, summary: String::new() };
        let mut finding = unseen.finding(&OrgId::new("00D000000000001AAA"), 1, at);
        finding.finding_id = Uuid::from_u128(id);
        (finding.user_id, finding.detector, finding.observed_at) = (UserId::new(user), detector.into(), at);
        finding.username = None;
        finding
    }

    pub(in crate::commands) fn incident(id: u128, user: &str, findings: &[Finding]) -> Incident {
        let risk_score = Points(5_000);
        Incident {
            incident_id: Uuid::from_u128(id),
            revision: 1,
            org_id: OrgId::new("00D000000000001AAA"),
            user_id: UserId::new(user),
            username: None,
            user_class: UserClass::Normal,
            severity: Severity::Medium,
            risk_score,
            first_event_at: Timestamp(1_000),
            last_event_at: Timestamp(2_000),
            findings: findings.to_vec(),
            receipt: Receipt { model: RiskModel::NoisyOr, config_hash: "hash".into(), risk_score, terms: vec![] },
            disposition: None,
        }
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
        let of = |user: &str, findings: &[(u128, &str)]| {
            let findings = findings.iter().map(|(id, detector)| finding(*id, user, detector)).collect();
            (UserId::new(user), findings)
        };
        let mut recent = Recent {
            since: Timestamp(0),
            findings: [
                of("a", &[(1, "row_spike")]),
                of("b", &[(2, "row_spike"), (3, "off_hours")]),
                of("c", &[(4, "new_access")]),
            ]
            .into(),
            incident_of: BTreeMap::new(),
            decisions: Vec::new(),
            rules: Rulebook::new("hash".into(), risk::Settings::default()),
        };
        // It begins tomorrow.
        let added = suppression(r#"{"detectors":["row_spike"]}"#, 90_000_000);
        let preview = Preview::as_if(&added, &recent);
        let words: Vec<Becomes> = preview.effects.iter().map(|effect| effect.becomes).collect();
        assert_eq!(words, [Becomes::Vanishes, Becomes::Falls, Becomes::Stays]);
        let text = preview.text();
        let head = "since 1970-01-01 00:00, 2 findings would count for nothing; of the incidents: 1 lose severity, \
                    1 stay, 1 vanish\n";
        assert!(text.starts_with(head) && text.contains("of a vanish: risk 52.80 medium → none"), "{text}");
        // By another weight of that detector they count for less.
        let settings = risk::Settings { weights: [light()].into(), ..risk::Settings::default() };
        let of_settings = Preview::of_settings(&"new".into(), &settings, &recent);
        let words: Vec<Becomes> = of_settings.effects.iter().map(|effect| effect.becomes).collect();
        assert_eq!(words, [Becomes::Falls, Becomes::Falls, Becomes::Stays]);
        let text = of_settings.settings_text();
        assert!(text.contains("merge windows: 2 lose severity, 1 stay\n"), "{text}");
        // What is hidden already is no effect of it.
        recent.decisions.push(suppression("{}", 0));
        assert_eq!(Preview::as_if(&added, &recent), Preview::during(Timestamp(0), None));
    }

    #[test]
    fn a_suppression_of_a_time_is_previewed_for_that_time() {
        let at = |id, at| Finding { observed_at: Timestamp(at), ..finding(id, "a", "row_spike") };
        let recent = Recent {
            since: Timestamp(0),
            findings: [(UserId::new("a"), vec![at(1, 60_000), at(2, 120_000), at(3, 180_000)])].into(),
            incident_of: BTreeMap::new(),
            decisions: Vec::new(),
            rules: Rulebook::new("hash".into(), risk::Settings::default()),
        };
        let check = |from, until: Option<i64>, expect: &str| {
            let added = Decision { until: until.map(Timestamp), ..suppression("{}", from) };
            let text = Preview::of(&added, &recent).text();
            assert!(text.starts_with(expect), "{text}");
        };
        check(60_000, None, "since 1970-01-01 00:01, 3 findings would count for nothing");
        check(120_000, None, "since 1970-01-01 00:02, 2 findings would count for nothing");
        check(0, Some(180_000), "from 1970-01-01 00:00 to 1970-01-01 00:03, 2 findings would count for nothing");
        check(240_000, None, "since 1970-01-01 00:04, 0 findings would count for nothing; of the incidents: 1 stay\n");
    }
}
