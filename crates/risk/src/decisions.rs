//! What people have decided of the findings and incidents of one account.

use crate::{Settings, Work};
use model::decision::Disposed;
use model::{Decision, Disposition, Finding, Incident, Ruling, TermKind, Text, Timestamp, Uuid};
use std::collections::{BTreeMap, BTreeSet};

/// The decisions that hold for the findings of one account: on any set of them the result is the same, in whatever order
/// they came.
///
/// A decision holds in its interval of event time, which another one may shorten or take away. Of two that contradict each
/// other the one that was recorded later holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Decisions {
    /// In the order in which they were recorded, without those that hold nowhere.
    holding: Vec<Decision>,
}

/// A factor on the odds of an incident that people decided.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Factor {
    pub(crate) name: &'static str,
    pub(crate) factor: f64,
    pub(crate) reason: String,
}

/// Factor on the odds of an incident with something that the allowlist of its account does not expect. A choice: it moves a
/// risk of 50 to 67.
const UNEXPECTED: f64 = 2.0;

impl Decisions {
    /// Takes what concerns one account out of any decisions, each given once or more.
    pub fn new(decisions: impl IntoIterator<Item = Decision>) -> Self {
        let by_id: BTreeMap<Uuid, Decision> =
            decisions.into_iter().map(|decision| (decision.decision_id, decision)).collect();
        let mut holding: Vec<Decision> = by_id.values().filter_map(|decision| holds(decision, &by_id)).collect();
        holding.retain(|decision| decision.ruling.replaces().is_none());
        holding.sort_by_key(|decision| (decision.decided_at, decision.decision_id));
        Self { holding }
    }

    /// Whether nobody has decided anything.
    pub fn is_empty(&self) -> bool {
        self.holding.is_empty()
    }

    /// Returns the decision that makes a finding count for nothing: a suppression, or an allowlist that expects it.
    pub fn hidden_by(&self, finding: &Finding) -> Option<Uuid> {
        let hides = |decision: &&Decision| match &decision.ruling {
            Ruling::Suppression { scope, .. } => scope.holds(finding),
            Ruling::Allowlist { allowlist } => allowlist.expects(finding),
            _ => false,
        };
        self.at(finding.observed_at).find(hides).map(|decision| decision.decision_id)
    }

    /// Returns what an incident was, if a decision on it covers all its findings. One that is graver than it was, or has a
    /// finding that was first raised later, is another question.
    pub fn disposition(&self, incident: &Incident) -> Option<&Disposed> {
        let mut of_incident = self.holding.iter().rev().filter_map(|decision| match &decision.ruling {
            Ruling::Disposition(disposed) => Some((decision, disposed)),
            _ => None,
        });
        let covers = |(decision, disposed): &(&Decision, &Disposed)| {
            incident.severity <= disposed.severity
                && incident.findings.iter().all(|finding| decision.holds_at(finding.observed_at))
        };
        of_incident.find(covers).map(|(_, disposed)| disposed)
    }

    /// Returns who works on an incident: whoever acknowledged one of its findings last, and until when it was last snoozed.
    pub(crate) fn work_on(&self, incident: &Incident) -> Work {
        let mut work = Work::default();
        let is_meant =
            |decision: &&Decision| incident.findings.iter().any(|finding| decision.holds_at(finding.observed_at));
        for decision in self.holding.iter().filter(is_meant) {
            match decision.ruling {
                Ruling::Acknowledged { .. } => {
                    work.assignee = Some(decision.claimed_by.as_ref().unwrap_or(&decision.decided_by).clone());
                }
                Ruling::Snoozed { until, .. } => work.snoozed_until = Some(until),
                _ => {}
            }
        }
        work
    }

    /// Whether a person has said that what happened at both times belongs together.
    pub(crate) fn joins(&self, a: Timestamp, b: Timestamp) -> bool {
        self.at(a).any(|decision| decision.ruling == Ruling::Joined && decision.holds_at(b))
    }

    /// Returns the intervals that were joined, from the first to the last moment.
    pub(crate) fn joined(&self) -> impl Iterator<Item = (Timestamp, Timestamp)> {
        self.holding.iter().filter(|decision| decision.ruling == Ruling::Joined).map(|decision| {
            let last = decision.until.map_or(Timestamp(i64::MAX), |until| until.plus(-1));
            (decision.from, last)
        })
    }

    /// Returns the factor of an object on the odds at a time: the one decided last, or that of the settings.
    pub fn sensitivity(&self, object: &Text, at: Timestamp, settings: &Settings) -> Option<f64> {
        let decided = self.at(at).filter_map(|decision| match &decision.ruling {
            Ruling::Sensitivity { object: named, factor } if named == object => Some(*factor),
            _ => None,
        });
        decided.last().or_else(|| settings.sensitivity.get(object.as_str()).copied())
    }

    /// Returns the factors of an incident with these findings.
    pub(crate) fn factors(&self, findings: &[Finding]) -> Vec<Factor> {
        let mut factors = Vec::new();
        let watched = findings.iter().flat_map(|finding| self.at(finding.observed_at));
        let watched = watched.filter_map(|decision| match decision.ruling {
            Ruling::Watch { cause, factor } => Some((cause, factor)),
            _ => None,
        });
        if let Some((cause, factor)) = watched.max_by(|a, b| a.1.total_cmp(&b.1)) {
            factors.push(Factor { name: "watched", factor, reason: format!("the account is watched: {cause}") });
        }
        let unexpected: BTreeSet<&str> = findings.iter().flat_map(|finding| self.unexpected(finding)).collect();
        if !unexpected.is_empty() {
            let keys: Vec<&str> = unexpected.into_iter().collect();
            let reason = format!("not what the allowlist of the account expects: {}", keys.join(", "));
            factors.push(Factor { name: "unexpected", factor: UNEXPECTED, reason });
        }
        factors
    }

    fn unexpected(&self, finding: &Finding) -> Vec<&'static str> {
        let lists = self.at(finding.observed_at).filter_map(|decision| match &decision.ruling {
            Ruling::Allowlist { allowlist } => Some(allowlist.unexpected(finding)),
            _ => None,
        });
        lists.last().unwrap_or_default()
    }

    fn at(&self, time: Timestamp) -> impl Iterator<Item = &Decision> {
        self.holding.iter().filter(move |decision| decision.holds_at(time))
    }
}

/// Returns the decision with the interval that others leave of it; `None` if they leave nothing.
fn holds(decision: &Decision, all: &BTreeMap<Uuid, Decision>) -> Option<Decision> {
    let mut decision = decision.clone();
    for other in all.values().filter(|other| other.ruling.replaces() == Some(decision.decision_id)) {
        // What ends or undoes may be undone itself. One that refers to itself does nothing.
        if other.decision_id == decision.decision_id || !counts(other, all, all.len()) {
            continue;
        }
        match other.ruling {
            Ruling::Undone { .. } => return None,
            _ => decision.until = Some(decision.until.map_or(other.from, |until| until.min(other.from))),
        }
    }
    decision.until.is_none_or(|until| decision.from < until).then_some(decision)
}

/// Whether a decision is not undone by another one that counts. `depth` bounds the chain, so that decisions that refer to
/// each other in a circle come to an end.
fn counts(decision: &Decision, all: &BTreeMap<Uuid, Decision>, depth: usize) -> bool {
    let undoes = |other: &&Decision| {
        matches!(other.ruling, Ruling::Undone { decision_id } if decision_id == decision.decision_id)
            && other.decision_id != decision.decision_id
    };
    depth == 0 || !all.values().filter(undoes).any(|other| counts(other, all, depth - 1))
}

/// Returns what a disposition of an incident says: of the incident as it stands. `counts`: whether detectors are credited,
/// if the disposition says whether they were right.
pub fn dispose(incident: &Incident, disposition: Disposition, teaches: bool, counts: bool) -> Disposed {
    let is_credited = counts && disposition.was_right().is_some();
    Disposed {
        incident_id: incident.incident_id,
        disposition,
        teaches,
        credits: if is_credited { credits(incident) } else { BTreeMap::new() },
        user_class: incident.user_class,
        severity: incident.severity,
    }
}

/// Parts of a credit: shares are rounded, so that they are the same numbers after any number of times as JSON.
const PARTS: i64 = 10_000;

/// Returns the share that each detector has in the points of the receipt's findings. They add up to 1, unless there are
/// none.
fn credits(incident: &Incident) -> BTreeMap<Text, f64> {
    let mut points: BTreeMap<&Text, i64> = BTreeMap::new();
    for term in &incident.receipt.terms {
        if term.kind == TermKind::Finding && term.points.0 > 0 {
            *points.entry(&term.name).or_default() += i64::from(term.points.0);
        }
    }
    let sum: i64 = points.values().sum();
    // Each has its share of what is left, so that nothing is lost by rounding.
    let (mut left, mut left_parts) = (sum, PARTS);
    let mut shares = BTreeMap::new();
    for (detector, points) in points {
        let parts = (points * left_parts + left / 2) / left.max(1);
        left -= points;
        left_parts -= parts;
        if parts > 0 {
            shares.insert(detector.clone(), parts as f64 / PARTS as f64);
        }
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::finding;
    use crate::{Rulebook, Settings, incidents};

    fn incident(points: &[(&str, i32)]) -> Incident {
        let rules = Rulebook::new("hash".into(), Settings::default());
        let mut incident = incidents(vec![finding("row_spike", 1, 8.0, 0)], &rules, &Decisions::default()).remove(0);
        let term = incident.receipt.terms[0].clone();
        let of = |(name, points): &(&str, i32)| model::Term {
            name: (*name).into(),
            points: model::Points(*points),
            ..term.clone()
        };
        incident.receipt.terms = points.iter().map(of).collect();
        incident.receipt.terms.push(model::Term { kind: TermKind::Modifier, ..term.clone() });
        incident
    }

    #[test]
    fn credits_are_shares_of_the_points_of_findings_that_add_up_to_one() {
        let check = |points: &[(&str, i32)], expect: &[(&str, f64)]| {
            let credited = dispose(&incident(points), Disposition::Benign, true, true).credits;
            let expect: BTreeMap<Text, f64> = expect.iter().map(|(name, share)| ((*name).into(), *share)).collect();
            assert_eq!(credited, expect, "{points:?}");
        };
        check(&[], &[]);
        check(&[("a", 0), ("b", -5)], &[]);
        check(&[("a", 1)], &[("a", 1.0)]);
        check(&[("b", 100), ("a", 200), ("b", 100)], &[("a", 0.5), ("b", 0.5)]);
        check(&[("a", 1), ("b", 1), ("c", 1)], &[("a", 0.3333), ("b", 0.3334), ("c", 0.3333)]);
        check(&[("a", 1), ("b", 99_999)], &[("b", 1.0)]);
    }

    #[test]
    fn what_counts_for_nothing_has_no_credits() {
        let credits = |was, counts| dispose(&incident(&[("a", 10)]), was, true, counts).credits.len();
        assert_eq!(credits(Disposition::Malicious, true), 1);
        assert_eq!(credits(Disposition::Malicious, false), 0);
        assert_eq!(credits(Disposition::Suspicious, true), 0);
    }
}
