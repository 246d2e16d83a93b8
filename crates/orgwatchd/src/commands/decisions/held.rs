//! Which days of an account are held back, and what a disposition does to them.

use anyhow::Result;
use model::time::DAY;
use model::{Disposition, Incident, OrgId, Timestamp, UserId};
use profile::{DisposedDay, Standing, StateError, StoredAccount};
use serde::Serialize;
use std::collections::BTreeMap;
use store::Store;

/// The days of an account as baseline stored them with its last checkpoint, by partition.
pub(in crate::commands) struct KnownDays(Result<Vec<StoredAccount>, StateError>);

/// What a disposition does to a day.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(in crate::commands) struct DayEffect {
    /// Its date in the calendar of the org.
    date: String,
    becomes: Outcome,
}

/// What happens to a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    /// It is learned, from the account's next day on or, if it is open, when it closes.
    Released,
    /// It is held back.
    Held,
    /// It is never learned.
    NeverLearned,
    /// It stays as it is.
    Stays,
    /// It was learned for good.
    TooLate,
}

/// A day that is held back.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(in crate::commands) struct HeldDate {
    date: String,
    standing: &'static str,
    said: Option<Disposition>,
}

impl KnownDays {
    /// Reads them.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub(in crate::commands) async fn read(store: &Store, org: &OrgId, user: &UserId) -> Result<Self> {
        let entries = store.state(org, &StoredAccount::keys(user)).await?.into_iter();
        let records = entries.map(|(partition, entry)| (partition, entry.key, entry.bytes));
        Ok(Self(StoredAccount::by_partition(user, records).map(|accounts| accounts.into_values().collect())))
    }

    #[cfg(test)]
    pub(super) fn none() -> Self {
        Self(Ok(Vec::new()))
    }

    /// Returns what a disposition of an incident does to the days of its time.
    pub(in crate::commands) fn disposed(&self, incident: &Incident, disposition: Disposition) -> Vec<DayEffect> {
        let (from, until) = (incident.first_event_at, incident.last_event_at.plus(1));
        let of_partition = |days: &StoredAccount| {
            let effects = days.would_dispose(from, until, Some(disposition)).into_iter();
            effects.map(|day| DayEffect { date: date(days, day.day), becomes: Outcome::of(day) }).collect::<Vec<_>>()
        };
        self.0.iter().flatten().flat_map(of_partition).collect()
    }

    /// Returns the days of the time of an incident that are held back.
    pub(in crate::commands) fn held(&self, incident: &Incident) -> Vec<HeldDate> {
        let is_meant = |day: Timestamp| day <= incident.last_event_at && incident.first_event_at < day.plus(DAY);
        let of_partition = |days: &StoredAccount| {
            let held = days.held().into_iter().filter(|held| is_meant(held.day));
            let dated = |held: profile::HeldDay| HeldDate {
                date: date(days, held.day),
                standing: match held.standing {
                    Standing::Held => "held",
                    Standing::Released => "released",
                    Standing::Never => "never learned",
                },
                said: held.said,
            };
            held.map(dated).collect::<Vec<_>>()
        };
        self.0.iter().flatten().flat_map(of_partition).collect()
    }

    /// Returns why the days of the account are not known; `None` if they are.
    pub(in crate::commands) fn unknown(&self) -> Option<String> {
        match &self.0 {
            Ok(days) if days.is_empty() => Some("baseline has stored nothing of the account yet".to_owned()),
            Ok(_) => None,
            Err(error) => Some(format!("what baseline stored of the account cannot be read: {error}")),
        }
    }
}

/// Returns what happens to days, as a sentence.
pub(super) fn in_words(days: &[DayEffect]) -> String {
    let mut outcomes: BTreeMap<Outcome, Vec<&str>> = BTreeMap::new();
    days.iter().for_each(|day| outcomes.entry(day.becomes).or_default().push(&day.date));
    let part = |(outcome, dates): (Outcome, Vec<&str>)| {
        let count = match dates.len() {
            1 => "1 day".to_owned(),
            several => format!("{several} days"),
        };
        let dates = dates.join(", ");
        match outcome {
            Outcome::Released => format!("releases {count}: {dates}"),
            Outcome::Held => format!("holds back {count}: {dates}"),
            Outcome::NeverLearned => format!("never learns {count}: {dates}"),
            Outcome::Stays => format!("leaves {count} as it was: {dates}"),
            Outcome::TooLate => {
                format!("too late for {count}, learned for good more than 30 days after the release: {dates}")
            }
        }
    };
    let parts: Vec<String> = outcomes.into_iter().map(part).collect();
    if parts.is_empty() { "none of that time".to_owned() } else { parts.join("; ") }
}

impl std::fmt::Display for HeldDate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.date, self.standing)
    }
}

impl Outcome {
    fn of(day: DisposedDay) -> Self {
        match (day.before, day.after) {
            (_, Err(_)) => Self::TooLate,
            (Some(before), Ok(after)) if before == after => Self::Stays,
            (_, Ok(Standing::Released)) => Self::Released,
            (_, Ok(Standing::Held)) => Self::Held,
            (_, Ok(Standing::Never)) => Self::NeverLearned,
        }
    }
}

fn date(days: &StoredAccount, first: Timestamp) -> String {
    Timestamp(i64::from(days.date(first)) * DAY).to_utc().format("%Y-%m-%d").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use profile::Refusal;

    #[test]
    fn what_becomes_of_days_is_said() {
        let day = |before, after| Outcome::of(DisposedDay { day: Timestamp(0), before, after });
        let (held, released, never) = (Standing::Held, Standing::Released, Standing::Never);
        let outcomes = [
            day(Some(held), Ok(released)),
            day(None, Ok(released)),
            day(Some(released), Ok(held)),
            day(Some(held), Ok(never)),
            day(Some(held), Ok(held)),
            day(None, Err(Refusal::LearnedForGood)),
        ];
        let effects = (1..).zip(outcomes).map(|(day, becomes)| DayEffect { date: format!("2026-03-0{day}"), becomes });
        let expect = "releases 2 days: 2026-03-01, 2026-03-02; holds back 1 day: 2026-03-03; never learns 1 day: \
                      2026-03-04; leaves 1 day as it was: 2026-03-05; too late for 1 day, learned for good \
                      more than 30 days after the release: 2026-03-06";
        assert_eq!(in_words(&effects.collect::<Vec<_>>()), expect);
        assert_eq!(in_words(&[]), "none of that time");
    }

    #[test]
    fn what_is_not_known_is_said() {
        let unknown = KnownDays(Ok(Vec::new())).unknown().unwrap();
        assert_eq!(unknown, "baseline has stored nothing of the account yet");
        let error = StateError::Key { key: "user/a".to_owned() };
        assert!(KnownDays(Err(error)).unknown().unwrap().ends_with("cannot be read: state \"user/a\": no such key"));
    }
}
