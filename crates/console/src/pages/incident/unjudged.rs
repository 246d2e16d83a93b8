//! What could not be judged on the days of an incident.

use crate::body::Day;
use crate::pages::Dates;
use model::Finding;
use std::collections::BTreeSet;

/// What could not be judged.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Unjudged {
    /// Detectors by date, with the reason.
    pub(super) detectors: Vec<Reason>,
    /// The dates that an earlier version stored, without it.
    pub(super) not_stored: Vec<String>,
    /// The kinds of events that were missing when findings were made, in words.
    pub(super) missing: Vec<String>,
    /// Whether any of the days has closed.
    pub(super) has_days: bool,
}

/// A detector that could not judge something of a day.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Reason {
    pub(super) date: String,
    pub(super) detector: String,
    pub(super) reason: String,
}

impl Unjudged {
    /// Makes it of the days of an incident and its findings.
    pub(super) fn of<'a>(days: impl IntoIterator<Item = &'a Day>, findings: &[Finding], calendar: Dates) -> Self {
        let missing = findings.iter().flat_map(|finding| detect::missing_of(&finding.summary));
        let missing: BTreeSet<String> = missing.map(|kind| kind.as_str().replace('_', " ")).collect();
        let missing = missing.into_iter().collect();
        let mut all = Self { missing, ..Self::default() };
        for day in days {
            all.has_days = true;
            let date = calendar.of_day(&day.day);
            let Some(unjudged) = &day.unjudged else {
                all.not_stored.push(date);
                continue;
            };
            all.detectors.extend(unjudged.iter().map(|(detector, reason)| Reason {
                date: date.clone(),
                detector: detector.clone(),
                reason: reason.clone(),
            }));
        }
        all
    }

    /// Whether it is known that every detector could judge these days.
    pub(super) fn is_none(&self) -> bool {
        self.has_days && self.detectors.is_empty() && self.not_stored.is_empty()
    }
}
