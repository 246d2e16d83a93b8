//! What follows from saying what an incident was.

use super::held::{DayEffect, KnownDays, in_words};
use crate::arguments::EffectArguments;
use model::decision::{Disposed, Scope};
use model::{Disposition, Incident, Ruling, Timestamp, UserId, Uuid};
use serde::Serialize;

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
    /// What happens to the days that are held back.
    days: Vec<DayEffect>,
    /// The same as a sentence.
    held_days: String,
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
    risk::dispose(incident, disposition, !arguments.no_teach, !arguments.no_precision)
}

/// Returns the suppression that goes with a disposition: of the detectors of the incident's findings.
pub(in crate::commands) fn suppression(incident: &Incident) -> Ruling {
    let counting = incident.findings.iter().filter(|finding| !finding.withdrawn);
    let detectors = counting.map(|finding| finding.detector.clone()).collect();
    let scope = Scope { detectors, ..Scope::default() };
    Ruling::Suppression { scope, incident_id: Some(incident.incident_id) }
}

impl Effects {
    /// Returns the effects of a decision on an incident, with the end of the suppression if there is one. `known` are
    /// the days of its account.
    pub(in crate::commands) fn of(
        incident: &Incident,
        disposed: &Disposed,
        known: &KnownDays,
        suppressed: Option<(Timestamp, Timestamp)>,
    ) -> Self {
        let (from, until) = (incident.first_event_at, incident.last_event_at.plus(1));
        let days = if disposed.teaches { known.disposed(incident, disposed.disposition) } else { Vec::new() };
        let held_days = match known.unknown() {
            _ if !disposed.teaches => "all stay as they are".to_owned(),
            Some(reason) => format!("not known: {reason}"),
            None => in_words(&days),
        };
        Self {
            incident_id: incident.incident_id,
            user_id: incident.user_id.clone(),
            disposition: disposed.disposition,
            from,
            until,
            learning: learning(disposed),
            days,
            held_days,
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
        let Self { incident_id, user_id, disposition, from, until, learning, held_days, precision, .. } = self;
        let suppression = &self.suppression;
        let was = disposition.as_str().replace('_', " ");
        format!(
            "incident {incident_id} of {user_id} was {was}, from {from} to {until}\n  learning: {learning}\n  held \
             days: {held_days}\n  precision: {precision}\n  suppression: {suppression}\n"
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
    use model::{Points, Term, TermKind};

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

    #[test]
    fn each_effect_is_said() {
        let mut incident = incident(1, "emma", &[]);
        incident.receipt.terms =
            vec![term(TermKind::Finding, "row_spike", 30), term(TermKind::Finding, "new_access", 10)];
        let check = |was, arguments: EffectArguments, expect: [&str; 2]| {
            let effects = Effects::of(&incident, &disposition(&incident, was, &arguments), &KnownDays::none(), None);
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
        let text = Effects::of(&incident, &disposed, &KnownDays::none(), Some((Timestamp(0), Timestamp(1)))).text();
        assert!(text.contains("emma was benign, from 1970-01-01T00:00:01.000Z"), "{text}");
        assert!(text.contains("held days: not known: baseline has stored nothing of the account yet\n"), "{text}");
        assert!(text.contains("suppression: findings of the same detectors count for nothing from 1970"), "{text}");
    }
}
