//! What follows from saying what an incident was.

use crate::arguments::EffectArguments;
use model::decision::{Disposed, Scope};
use model::{Disposition, Incident, Ruling, TermKind, Text, Timestamp, UserId, Uuid};
use serde::Serialize;
use std::collections::BTreeMap;

/// The effects of a disposition, each as a sentence.
#[derive(Debug, PartialEq, Serialize)]
pub(in crate::commands) struct Effects {
    incident_id: Uuid,
    user_id: UserId,
    disposition: Disposition,
    from: Timestamp,
    until: Timestamp,
    /// What the incident's days teach.
    learning: String,
    /// What counts for the weight of detectors.
    precision: String,
    /// Whether findings are suppressed.
    suppression: String,
}

/// Returns what a person says of an incident.
pub(in crate::commands) fn disposition(
    incident: &Incident,
    disposition: Disposition,
    arguments: &EffectArguments,
) -> Disposed {
    let counts = !arguments.no_precision && disposition.was_right().is_some();
    Disposed {
        incident_id: incident.incident_id,
        disposition,
        teaches: !arguments.no_teach,
        credits: if counts { credits(incident) } else { BTreeMap::new() },
        user_class: incident.user_class,
    }
}

/// Returns the scope of the suppression that goes with a disposition: the detectors of the incident's findings.
pub(in crate::commands) fn suppression(incident: &Incident) -> Ruling {
    let counting = incident.findings.iter().filter(|finding| !finding.withdrawn);
    let detectors = counting.map(|finding| finding.detector.clone()).collect();
    Ruling::Suppression { scope: Scope { detectors, ..Scope::default() } }
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

impl Effects {
    /// Returns the effects of a decision on an incident, with the end of the suppression if there is one.
    pub(in crate::commands) fn of(
        incident: &Incident,
        disposed: &Disposed,
        suppressed: Option<(Timestamp, Timestamp)>,
    ) -> Self {
        let (from, until) = (incident.first_event_at, incident.last_event_at.plus(1));
        Self {
            incident_id: incident.incident_id,
            user_id: incident.user_id.clone(),
            disposition: disposed.disposition,
            from,
            until,
            learning: learning(disposed),
            precision: precision(disposed),
            suppression: match suppressed {
                Some((from, until)) => {
                    format!("findings of the same detectors count for nothing from {from} to {until}")
                }
                None => "none".to_owned(),
            },
        }
    }

    /// Returns the effects in lines.
    pub(in crate::commands) fn text(&self) -> String {
        let Self { incident_id, user_id, disposition, from, until, learning, precision, suppression } = self;
        let was = disposition.as_str().replace('_', " ");
        format!(
            "incident {incident_id} of {user_id} was {was}, from {from} to {until}\n  learning: {learning}\n  precision: \
             {precision}\n  suppression: {suppression}\n"
        )
    }
}

fn learning(disposed: &Disposed) -> String {
    let text = match disposed.disposition {
        _ if !disposed.teaches => "days that are held back stay as they are",
        Disposition::Malicious => "days that are held back are never learned",
        Disposition::Suspicious => "days that are held back stay so until their time is over",
        Disposition::Benign | Disposition::FalsePositive => "days that are held back are learned at once",
    };
    text.to_owned()
}

fn precision(disposed: &Disposed) -> String {
    let right = match disposed.disposition.was_right() {
        Some(true) => "right",
        Some(false) => "wrong",
        None => return "suspicious says neither right nor wrong of any detector".to_owned(),
    };
    if disposed.credits.is_empty() {
        return "the weight of detectors stays as it is".to_owned();
    }
    let shares = disposed.credits.iter().map(|(detector, share)| format!("{detector} {:.0} %", share * 100.0));
    format!("counts as {right}: {}", shares.collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::decisions::tests::incident;
    use model::{Points, Term};

    fn arguments(no_teach: bool, no_precision: bool) -> EffectArguments {
        let who =
            crate::arguments::Who { claimed_by: None, no_wait: true, format: crate::arguments::Format { json: false } };
        let because = crate::arguments::Because { reason: "why".to_owned(), who };
        EffectArguments { no_teach, no_precision, suppress: false, dry_run: false, because }
    }

    fn term(kind: TermKind, name: &str, points: i32) -> Term {
        Term {
            kind,
            name: name.into(),
            finding_id: None,
            score: 5.0,
            weight: 0.5,
            decay: 1.0,
            damping: 1.0,
            multiplier: 1.0,
            points: Points(points),
            reason: String::new(),
        }
    }

    fn credited(points: &[(&str, i32)]) -> Vec<(String, f64)> {
        let mut incident = incident(1, "emma", &[]);
        incident.receipt.terms = points.iter().map(|(name, points)| term(TermKind::Finding, name, *points)).collect();
        incident.receipt.terms.push(term(TermKind::Modifier, "class", 700));
        let disposed = disposition(&incident, Disposition::Benign, &arguments(false, false));
        disposed.credits.into_iter().map(|(name, share)| (name.to_string(), share)).collect()
    }

    #[test]
    fn credits_are_shares_of_the_points_of_findings_that_add_up_to_one() {
        let check = |points: &[(&str, i32)], expect: &[(&str, f64)]| {
            let expect: Vec<(String, f64)> = expect.iter().map(|(name, share)| ((*name).to_owned(), *share)).collect();
            assert_eq!(credited(points), expect, "{points:?}");
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
        let mut incident = incident(1, "emma", &[]);
        incident.receipt.terms = vec![term(TermKind::Finding, "a", 10)];
        let credits = |was, no_precision| disposition(&incident, was, &arguments(false, no_precision)).credits.len();
        assert_eq!(credits(Disposition::Malicious, false), 1);
        assert_eq!(credits(Disposition::Malicious, true), 0);
        assert_eq!(credits(Disposition::Suspicious, false), 0);
    }

    #[test]
    fn each_effect_is_said() {
        let mut incident = incident(1, "emma", &[]);
        incident.receipt.terms =
            vec![term(TermKind::Finding, "row_spike", 30), term(TermKind::Finding, "new_access", 10)];
        let check = |was, arguments: EffectArguments, expect: [&str; 2]| {
            let effects = Effects::of(&incident, &disposition(&incident, was, &arguments), None);
            assert_eq!([effects.learning.as_str(), effects.precision.as_str()], expect);
        };
        let shares = "counts as wrong: new_access 25 %, row_spike 75 %";
        check(Disposition::Benign, arguments(false, false), ["days that are held back are learned at once", shares]);
        check(
            Disposition::Malicious,
            arguments(true, true),
            ["days that are held back stay as they are", "the weight of detectors stays as it is"],
        );
        let disposed = disposition(&incident, Disposition::Benign, &arguments(false, false));
        let text = Effects::of(&incident, &disposed, Some((Timestamp(0), Timestamp(1)))).text();
        assert!(text.contains("emma was benign, from 1970-01-01T00:00:01.000Z"), "{text}");
        assert!(text.contains("suppression: findings of the same detectors count for nothing from 1970"), "{text}");
    }
}
