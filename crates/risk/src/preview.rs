//! What a decision would do to the incidents of an account, before it is taken.

use crate::{Decisions, Rulebook, incidents};
use model::{Finding, Incident, Points, Severity, Uuid};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// The effect on one incident.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Effect {
    /// The effect, in a word.
    pub becomes: Becomes,
    /// The incident as it is, or would be if it is not there yet.
    pub incident_id: Uuid,
    /// Its account: name, or id where the name is unknown.
    pub account: String,
    /// Risk and severity as they are; `None` if it is not there yet.
    pub before: Option<Standing>,
    /// Risk and severity as they would be; `None` if it would be gone.
    pub after: Option<Standing>,
}

/// How an incident stands.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Standing {
    /// Its risk.
    pub risk_score: Points,
    /// Its severity.
    pub severity: Severity,
    /// Whether a person has said what it was.
    pub is_closed: bool,
}

model::words! {
    /// What a decision makes of an incident.
    Becomes {
        /// No finding of it would count.
        Vanishes = "vanishes",
        /// It would be closed.
        Closes = "closes",
        /// Its severity would be lower.
        Falls = "falls",
        /// Its findings would count with those of another incident.
        Merges = "merges",
        /// Its severity would be the same; its risk may change.
        Stays = "stays",
        /// Its severity would be higher.
        Rises = "rises",
        /// It would be open again.
        Reopens = "reopens",
        /// Findings that count for nothing would count again.
        Appears = "appears",
    }
}

/// Returns the effects on the incidents of one account, gravest first, if decisions were `after` instead of `before`.
/// `findings` are as [`Ledger::findings`](crate::Ledger::findings) returns them, and `ids` says the incidents that they
/// belong to. The same function makes the incidents of a merge, so that this is what happens.
pub fn preview(
    findings: &[Finding],
    ids: &BTreeMap<Uuid, Uuid>,
    rules: &Rulebook,
    (before, after): (&Decisions, &Decisions),
) -> Vec<Effect> {
    let of = |decisions: &Decisions| incidents(findings.to_vec(), rules, decisions);
    effects(of(before), of(after), |finding| after.hidden_by(finding).is_none(), ids)
}

/// Returns what would have become of the incidents of one account, gravest first, if the settings had been `after` instead
/// of `before`; the other arguments are as those of [`preview`]. Incidents that are there stay as they are: findings merge
/// and count by the settings of their time.
pub fn preview_settings(
    findings: &[Finding],
    ids: &BTreeMap<Uuid, Uuid>,
    (before, after): (&Rulebook, &Rulebook),
    decisions: &Decisions,
) -> Vec<Effect> {
    let of = |rules: &Rulebook| incidents(findings.to_vec(), rules, decisions);
    effects(of(before), of(after), |finding| decisions.hidden_by(finding).is_none(), ids)
}

/// Returns what would have become of the incidents of one account, gravest first, if the findings for which `is_raised` says
/// so alone had been raised; the other arguments are as those of [`preview`].
pub fn preview_findings(
    findings: &[Finding],
    ids: &BTreeMap<Uuid, Uuid>,
    rules: &Rulebook,
    decisions: &Decisions,
    is_raised: impl Fn(&Finding) -> bool,
) -> Vec<Effect> {
    let raised = findings.iter().filter(|finding| is_raised(finding)).cloned().collect();
    let (old, new) = (incidents(findings.to_vec(), rules, decisions), incidents(raised, rules, decisions));
    effects(old, new, |finding| is_raised(finding) && decisions.hidden_by(finding).is_none(), ids)
}

/// Returns what would have become of the incidents of one account, gravest first, if the findings `more` had been raised,
/// too; the other arguments are as those of [`preview`].
pub fn preview_more(
    findings: &[Finding],
    more: &[Finding],
    ids: &BTreeMap<Uuid, Uuid>,
    rules: &Rulebook,
    decisions: &Decisions,
) -> Vec<Effect> {
    let old = incidents(findings.to_vec(), rules, decisions);
    let mut all = [findings, more].concat();
    all.sort_by_key(|finding| (finding.observed_at, finding.finding_id));
    let new = incidents(all, rules, decisions);
    effects(old, new, |finding| decisions.hidden_by(finding).is_none(), ids)
}

/// Compares incidents as they are, `old`, and as they would be, `new`. `counts` says of a finding whether it counts then.
fn effects(
    old: Vec<Incident>,
    mut new: Vec<Incident>,
    counts: impl Fn(&Finding) -> bool,
    ids: &BTreeMap<Uuid, Uuid>,
) -> Vec<Effect> {
    let mut effects = Vec::new();
    for incident in old {
        // Of those that share findings, the one that opened first keeps the id, as in a merge.
        let heir = new.iter().position(|other| shares(&incident, other));
        let heir = heir.map(|index| new.remove(index));
        let is_absorbed = heir.is_none() && incident.findings.iter().any(&counts);
        let (was, will_be) = (standing(&incident), heir.as_ref().map(standing));
        effects.push(Effect {
            becomes: if is_absorbed { Becomes::Merges } else { becomes(was, will_be) },
            before: Some(was),
            after: will_be,
            ..effect(&incident, ids)
        });
    }
    let appear = |incident: &Incident| Effect { after: Some(standing(incident)), ..effect(incident, ids) };
    effects.extend(new.iter().map(appear));
    let risk = |effect: &Effect| effect.before.or(effect.after).map(|standing| standing.risk_score);
    effects.sort_by(|a, b| risk(b).cmp(&risk(a)).then(a.incident_id.cmp(&b.incident_id)));
    effects
}

fn shares(a: &Incident, b: &Incident) -> bool {
    let ids: BTreeSet<Uuid> = a.findings.iter().map(|finding| finding.finding_id).collect();
    b.findings.iter().any(|finding| ids.contains(&finding.finding_id))
}

fn standing(incident: &Incident) -> Standing {
    let Incident { risk_score, severity, disposition, .. } = incident;
    Standing { risk_score: *risk_score, severity: *severity, is_closed: disposition.is_some() }
}

fn becomes(before: Standing, after: Option<Standing>) -> Becomes {
    let Some(after) = after else { return Becomes::Vanishes };
    match (before.is_closed, after.is_closed) {
        (false, true) => Becomes::Closes,
        (true, false) => Becomes::Reopens,
        _ if after.severity < before.severity => Becomes::Falls,
        _ if after.severity > before.severity => Becomes::Rises,
        _ => Becomes::Stays,
    }
}

fn effect(incident: &Incident, ids: &BTreeMap<Uuid, Uuid>) -> Effect {
    let known = incident.findings.iter().find_map(|finding| ids.get(&finding.finding_id).copied());
    let account = incident.username.as_deref().unwrap_or(incident.user_id.as_str());
    Effect {
        becomes: Becomes::Appears,
        incident_id: known.unwrap_or(incident.incident_id),
        account: account.to_owned(),
        before: None,
        after: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{decision, finding};
    use crate::{Ledger, Settings, Weight, dispose};
    use model::time::HOUR;
    use model::{Disposition, Ruling};

    fn rules() -> Rulebook {
        Rulebook::new("hash".into(), Settings::default())
    }

    fn findings() -> Vec<Finding> {
        let mut ledger = Ledger::default();
        let all = [
            ("row_spike", 1, 9.9, 0),
            ("new_access", 2, 5.0, 1),
            ("view_burst", 3, 6.0, 90),
            ("row_spike", 4, 5.0, 200),
        ];
        for (detector, id, score, hour) in all {
            ledger.add(finding(detector, id, score, hour * HOUR));
        }
        ledger.findings()
    }

    fn suppression(id: u128, detector: &str) -> model::Decision {
        let scope = model::decision::Scope { detectors: [detector.into()].into(), ..Default::default() };
        decision(id, (0, None), Ruling::Suppression { scope, incident_id: None })
    }

    fn of(before: &Decisions, after: &Decisions) -> Vec<Effect> {
        preview(&findings(), &BTreeMap::new(), &rules(), (before, after))
    }

    fn words(effects: &[Effect]) -> Vec<Becomes> {
        effects.iter().map(|effect| effect.becomes).collect()
    }

    #[test]
    fn a_preview_says_what_then_happens() {
        let (none, after) = (Decisions::default(), Decisions::new([suppression(1, "row_spike")]));
        let effects = of(&none, &after);
        assert_eq!(words(&effects), [Becomes::Falls, Becomes::Stays, Becomes::Vanishes]);
        let will_be: BTreeSet<i32> = effects.iter().filter_map(|effect| effect.after).map(|s| s.risk_score.0).collect();
        let then = incidents(findings(), &rules(), &after);
        assert_eq!(will_be, then.iter().map(|incident| incident.risk_score.0).collect());
        // Taken back, all is as it was.
        let back = of(&after, &none);
        assert_eq!(words(&back), [Becomes::Rises, Becomes::Stays, Becomes::Appears]);
    }

    #[test]
    fn other_settings_merge_and_score_otherwise() {
        let of = |settings: Settings| {
            let after = Rulebook::new("new".into(), settings);
            preview_settings(&findings(), &BTreeMap::new(), (&rules(), &after), &Decisions::default())
        };
        assert_eq!(words(&of(Settings::default())), [Becomes::Stays; 3]);
        let wide = of(Settings { merge_hours: 90, ..Settings::default() });
        assert_eq!(words(&wide), [Becomes::Stays, Becomes::Merges, Becomes::Stays]);
        let light = Weight { weight: 0.05, group: "reading".into() };
        let weights = [("row_spike".to_owned(), light)].into();
        let effects = of(Settings { weights, ..Settings::default() });
        assert_eq!(words(&effects), [Becomes::Falls, Becomes::Stays, Becomes::Stays]);
        assert!(effects[2].after.unwrap().risk_score < effects[2].before.unwrap().risk_score);
    }

    #[test]
    fn findings_that_are_not_raised_are_as_if_they_were_not_there() {
        let of = |is_raised: &dyn Fn(&Finding) -> bool| {
            preview_findings(&findings(), &BTreeMap::new(), &rules(), &Decisions::default(), is_raised)
        };
        assert_eq!(words(&of(&|_| true)), [Becomes::Stays; 3]);
        let effects = of(&|finding| finding.detector != "row_spike");
        assert_eq!(words(&effects), [Becomes::Falls, Becomes::Stays, Becomes::Vanishes]);
        // As if a suppression hid them.
        let hidden = of_suppression("row_spike");
        assert_eq!(effects, hidden);
        assert_eq!(words(&of(&|_| false)), [Becomes::Vanishes; 3]);
    }

    fn of_suppression(detector: &str) -> Vec<Effect> {
        of(&Decisions::default(), &Decisions::new([suppression(1, detector)]))
    }

    #[test]
    fn closing_and_joining_are_effects() {
        let none = Decisions::default();
        let first = incidents(findings(), &rules(), &none).remove(0);
        let benign = Ruling::Disposition(dispose(&first, Disposition::Benign, true, true));
        let closed = Decisions::new([decision(1, (0, Some(2 * HOUR)), benign)]);
        assert_eq!(words(&of(&none, &closed))[0], Becomes::Closes);
        assert_eq!(words(&of(&closed, &none))[0], Becomes::Reopens);
        let joined = Decisions::new([decision(1, (0, Some(91 * HOUR)), Ruling::Joined)]);
        let effects = of(&none, &joined);
        assert_eq!(effects.iter().filter(|effect| effect.becomes == Becomes::Merges).count(), 1);
    }

    #[test]
    fn findings_more_raise_merge_and_make_incidents() {
        let of = |more: &[Finding]| preview_more(&findings(), more, &BTreeMap::new(), &rules(), &Decisions::default());
        let changed = |more: &[Finding]| {
            let effects = of(more).into_iter().filter(|effect| effect.before != effect.after);
            effects.map(|effect| effect.becomes).collect::<Vec<_>>()
        };
        assert_eq!(changed(&[]), []);
        assert_eq!(changed(&[finding("new_app", 9, 5.0, 900 * HOUR)]), [Becomes::Appears]);
        let [risen] = of(&[finding("bulk_export", 9, 9.9, 91 * HOUR)])
            .into_iter()
            .filter(|effect| effect.before != effect.after)
            .collect::<Vec<_>>()
            .try_into()
            .unwrap();
        let risk = |standing: Option<Standing>| standing.unwrap().risk_score;
        assert!(risk(risen.after) > risk(risen.before), "{risen:?}");
        // Days are merged by their time, in whatever order they come.
        let early = finding("new_app", 9, 5.0, -400 * HOUR);
        assert_eq!(changed(std::slice::from_ref(&early)), [Becomes::Appears], "before all others");
        let far_apart = [finding("new_app", 10, 5.0, 900 * HOUR), early];
        assert_eq!(changed(&far_apart), [Becomes::Appears, Becomes::Appears]);
    }
}
