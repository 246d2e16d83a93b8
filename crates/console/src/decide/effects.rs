//! What follows from saying what an incident was.

use model::decision::{Disposed, Scope};
use model::{Disposition, Incident, Ruling, Timestamp, UserId, Uuid};
use serde::Serialize;

/// The effects of a disposition, each as a sentence.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Effects {
    /// The incident.
    pub incident_id: Uuid,
    /// Its account.
    pub user_id: UserId,
    /// What it was.
    pub disposition: Disposition,
    /// Event time from which that holds.
    pub from: Timestamp,
    /// Event time before which that holds.
    pub until: Timestamp,
    /// What the incident's days teach.
    pub learning: String,
    /// What counts for the weight of detectors.
    pub precision: String,
    /// Whether findings are suppressed.
    pub suppression: String,
}

/// Which effects a disposition has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// Whether the incident's days are taught, or never, as the disposition says.
    pub teaches: bool,
    /// Whether it counts for the weight of detectors.
    pub counts: bool,
}

/// Returns what a person says of an incident.
pub fn disposition(incident: &Incident, disposition: Disposition, chosen: Chosen) -> Disposed {
    risk::dispose(incident, disposition, chosen.teaches, chosen.counts)
}

/// Returns the suppression that goes with a disposition: of the detectors of the incident's findings.
pub fn suppression(incident: &Incident) -> Ruling {
    let counting = incident.findings.iter().filter(|finding| !finding.withdrawn);
    let detectors = counting.map(|finding| finding.detector.clone()).collect();
    Ruling::Suppression { scope: Scope { detectors, ..Scope::default() }, incident_id: Some(incident.incident_id) }
}

impl Effects {
    /// Returns the effects of a decision on an incident, with the end of the suppression if there is one.
    pub fn of(incident: &Incident, disposed: &Disposed, suppressed: Option<(Timestamp, Timestamp)>) -> Self {
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
    use crate::decide::testing::incident;
    use model::{Points, Term, TermKind};

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
        let check = |was, chosen: Chosen, expect: [&str; 2]| {
            let effects = Effects::of(&incident, &disposition(&incident, was, chosen), None);
            assert_eq!([effects.learning.as_str(), effects.precision.as_str()], expect);
            assert_eq!(effects.suppression, "none");
        };
        let shares = "counts as wrong: new_access 25 %, row_spike 75 %";
        let all = Chosen { teaches: true, counts: true };
        check(Disposition::Benign, all, ["days that are held back are learned at once", shares]);
        let none = Chosen { teaches: false, counts: false };
        let nothing = ["days that are held back stay as they are", "the weight of detectors stays as it is"];
        check(Disposition::Malicious, none, nothing);
        let disposed = disposition(&incident, Disposition::Benign, all);
        let effects = Effects::of(&incident, &disposed, Some((Timestamp(0), Timestamp(1))));
        let expect = "findings of the same detectors count for nothing from 1970-01-01T00:00:00.000Z";
        assert!(effects.suppression.starts_with(expect), "{}", effects.suppression);
        assert_eq!((effects.from, effects.until), (Timestamp(1_000), Timestamp(2_001)));
    }
}
