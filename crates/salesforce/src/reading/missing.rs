//! Hours for which Salesforce never wrote a log file.

use super::log_file::LogFile;
use model::time::{DAY, HOUR};
use model::{Kind, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// A run of hours without a file of one type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// The type of the files.
    pub event_type: String,
    /// The kind of their events.
    pub kind: Kind,
    /// Start of the first hour.
    pub from: Timestamp,
    /// End of the last hour.
    pub to: Timestamp,
}

/// How far back missing hours are looked for, in milliseconds. A choice: more than a week.
pub const LOOK_BACK: i64 = 10 * DAY;
/// How long after its hour a file may still come, in milliseconds: docs/sources.md.
const LATEST: i64 = 3 * DAY;
/// The bytes of a file that has many events, about forty rows. A choice.
///
/// An hour without events has no file either, so an absent hour counts as missing only if the same hour has a file of
/// this size on a day before and on a day after.
const SIZABLE: u64 = 16 << 10;
/// Days before and after in which the same hour is looked at: more than a weekend.
const DAYS: i64 = 3;

/// Returns the hours that are missing and will not come anymore. `files` are the hourly files since `now` −
/// [`LOOK_BACK`].
pub fn missing(files: &[LogFile], now: Timestamp) -> Vec<Missing> {
    let mut types: BTreeMap<(&str, Kind), Hours> = BTreeMap::new();
    for file in files {
        let (Some(kind), hour) = (file.kind(), file.log_date.0.div_euclid(HOUR)) else { continue };
        let hours = types.entry((&file.event_type, kind)).or_default();
        hours.present.insert(hour);
        if file.length >= SIZABLE {
            hours.sizable.insert(hour);
        }
    }
    let decided = now.plus(-LATEST).0.div_euclid(HOUR);
    let mut found = Vec::new();
    for ((event_type, kind), hours) in types {
        let runs = hours.absent().filter(|(_, to)| *to <= decided).filter(|run| hours.are_expected(*run));
        found.extend(runs.map(|(from, to)| {
            let (from, to) = (Timestamp(from * HOUR), Timestamp(to * HOUR));
            Missing { event_type: event_type.to_owned(), kind, from, to }
        }));
    }
    found
}

/// The hours of one type that have a file, as hours since 1970.
#[derive(Default)]
struct Hours {
    present: BTreeSet<i64>,
    sizable: BTreeSet<i64>,
}

impl Hours {
    /// Returns the runs of hours without a file, between hours with one.
    fn absent(&self) -> impl Iterator<Item = (i64, i64)> {
        self.present
            .iter()
            .zip(self.present.iter().skip(1))
            .map(|(last, next)| (last + 1, *next))
            .filter(|(a, b)| a < b)
    }

    /// Returns whether events are expected in every hour: at night or on a holiday there may be none.
    fn are_expected(&self, (from, to): (i64, i64)) -> bool {
        let is_sizable = |hour| self.sizable.contains(&hour);
        (from..to).all(|hour| {
            (1..=DAYS).any(|day| is_sizable(hour - 24 * day)) && (1..=DAYS).any(|day| is_sizable(hour + 24 * day))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::log_file::tests::at;
    use super::*;

    /// Files of the ten days before 2026-03-12, given their bytes by day of March and hour of the day.
    fn files(has: impl Fn(i64, i64) -> Option<u64>) -> Vec<LogFile> {
        let hours = (2..12).flat_map(|day| (0..24).map(move |hour| (day, hour)));
        let file = |(day, hour)| {
            let log_date = at("2026-03-01").plus((day - 1) * DAY + hour * HOUR);
            let (id, event_type) = (format!("{day} {hour}"), "RestApi".to_owned());
            Some(LogFile { id, event_type, log_date, created: log_date, length: has(day, hour)?, columns: None })
        };
        hours.filter_map(file).collect()
    }

    fn check(has: impl Fn(i64, i64) -> Option<u64>, expect: &[(&str, &str)]) {
        let found = missing(&files(has), at("2026-03-12"));
        let hours: Vec<_> = found.iter().map(|missing| (missing.from, missing.to)).collect();
        let expect: Vec<_> = expect.iter().map(|(from, to)| (at(from), at(to))).collect();
        assert_eq!(hours, expect);
    }

    #[test]
    fn hours_between_others_are_missing_once_they_are_three_days_old() {
        check(|_, _| Some(20_000), &[]);
        let march_5 = [("2026-03-05T10:00:00Z", "2026-03-05T12:00:00Z")];
        check(|day, hour| ((day, hour / 2) != (5, 5)).then_some(20_000), &march_5);
        let march_8 = [("2026-03-08T23:00:00Z", "2026-03-09T00:00:00Z")];
        check(|day, hour| ((day, hour) != (8, 23)).then_some(20_000), &march_8);
        check(|day, hour| ((day, hour) != (9, 0)).then_some(20_000), &[]);
    }

    #[test]
    fn an_outage_of_two_days_is_found() {
        let outage = [("2026-03-05T00:00:00Z", "2026-03-07T00:00:00Z")];
        check(|day, _| (day != 5 && day != 6).then_some(20_000), &outage);
    }

    #[test]
    fn nights_weekends_holidays_and_rare_events_are_not_missing() {
        let is_office = |hour: i64| (8..18).contains(&hour);
        check(|_, hour| is_office(hour).then_some(20_000), &[]);
        check(|day, hour| (is_office(hour) && day != 7 && day != 8).then_some(20_000), &[]);
        check(|day, hour| (is_office(hour) && day != 5).then_some(20_000), &[]);
        check(|day, hour| ((day * 24 + hour) % 5 != 0).then_some(3_000), &[]);
    }
}
