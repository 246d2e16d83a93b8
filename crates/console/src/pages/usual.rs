//! What an account did by day, against what was usual.

use super::Dates;
use super::dates;
use crate::body::{Day, First, Volume};
use forecast::{Past, coming_week};
use std::collections::BTreeMap;
use view::chart::{BandPoint, Bands, Coming};

/// Charts by surface, the one with the most rows first.
pub(super) type Charts = Vec<Bands>;

/// Draws the days of an account, one chart for each surface that it used. `account` is the path of its page.
pub(super) fn charts(days: &[Day], calendar: Dates, account: &str) -> Charts {
    let by_date = by_date(days, calendar);
    let Some((last, _)) = by_date.last_key_value() else { return Charts::new() };
    let chart = |surface| Bands::of(&title(surface), "rows", &points(&by_date, *last, surface, account));
    surfaces(days).into_iter().map(chart).collect()
}

/// Draws the days as [`charts`] does, up to the date `last`, which has closed, and what is expected of the week after it.
pub(super) fn charts_going_on(days: &[Day], calendar: Dates, account: &str, last: i64) -> Charts {
    let by_date = by_date(days, calendar);
    let chart = |surface| {
        let points = points(&by_date, last, surface, account);
        Bands::going_on(&title(surface), "rows", &points, &coming(&by_date, last, surface))
    };
    surfaces(days).into_iter().map(chart).collect()
}

fn by_date(days: &[Day], calendar: Dates) -> BTreeMap<i64, &Day> {
    days.iter().filter_map(|day| Some((calendar.number(&day.day)?, day))).collect()
}

/// Returns the surfaces that were used, the one with the most rows first.
fn surfaces(days: &[Day]) -> Vec<&str> {
    let mut surfaces: BTreeMap<&str, u64> = BTreeMap::new();
    for volume in days.iter().flat_map(|day| &day.volumes) {
        let rows = surfaces.entry(&volume.surface).or_default();
        *rows = rows.saturating_add(volume.rows);
    }
    let mut surfaces: Vec<(&str, u64)> = surfaces.into_iter().collect();
    surfaces.sort_by_key(|(surface, rows)| (std::cmp::Reverse(*rows), *surface));
    surfaces.into_iter().map(|(surface, _)| surface).collect()
}

/// Returns the days from the first one to the date `last`: those without activity are days with none.
fn points(by_date: &BTreeMap<i64, &Day>, last: i64, surface: &str, account: &str) -> Vec<BandPoint> {
    let point = |number: i64| {
        let date = dates::text(number);
        let known = by_date.get(&number).copied();
        let volume = known.and_then(|day| of(day, surface));
        let band = |end: fn(&Volume) -> Option<u64>| volume.and_then(end).map(|value| value as f64);
        BandPoint {
            value: volume.map_or(0.0, |volume| volume.rows as f64),
            low: band(|volume| volume.low),
            expected: band(|volume| volume.expected),
            high: band(|volume| volume.high),
            severity: known.and_then(|day| day.raised.then_some("high")),
            href: known.map(|_| format!("{account}?day={date}")),
            day: date,
        }
    };
    by_date.keys().next().into_iter().flat_map(|first| *first..=last).map(point).collect()
}

/// Returns what is expected of the rows of the week after the date `last`.
fn coming(by_date: &BTreeMap<i64, &Day>, last: i64, surface: &str) -> Vec<Coming> {
    let past = |date: i64| {
        let known = by_date.get(&date);
        let rows = known.and_then(|day| of(day, surface)).map_or(0.0, |volume| volume.rows as f64);
        Past { date, rows, is_held: known.is_some_and(|day| day.held) }
    };
    let past: Vec<Past> = by_date.keys().next().into_iter().flat_map(|first| *first..=last).map(past).collect();
    let week = coming_week(&past, last).into_iter();
    let coming = |day: forecast::Expected| Coming {
        day: dates::text(day.date),
        low: day.low.round(),
        expected: day.median.round(),
        high: day.high.round(),
    };
    // The columns of a chart are consecutive days.
    (last + 1..).zip(week).take_while(|(date, day)| day.date == *date).map(|(_, day)| coming(day)).collect()
}

fn of<'a>(day: &'a Day, surface: &str) -> Option<&'a Volume> {
    day.volumes.iter().find(|volume| volume.surface == surface)
}

/// Writes what an account used for the first time: `2 objects: Case, Asset`.
pub(super) fn first_times(first: &First) -> String {
    let what = first.what.replace('_', " ");
    let things = match (first.count, what.strip_suffix('y')) {
        (1, _) => what,
        (_, Some(stem)) => format!("{stem}ies"),
        _ => format!("{what}s"),
    };
    let names = if first.names.is_empty() { String::new() } else { format!(": {}", first.names.join(", ")) };
    format!("{} {things}{names}", first.count)
}

fn title(surface: &str) -> String {
    let name = match surface {
        "list_view" => "list views",
        "report" => "reports",
        "api" => "the API",
        "bulk" => "the Bulk API",
        "file" => "files",
        other => other,
    };
    format!("Rows read through {name}, by day")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A day with so many rows of reports.
    fn day(calendar: Dates, date: i64, rows: u64) -> Day {
        let volume = Volume { surface: "report".to_owned(), rows, requests: 1, expected: None, low: None, high: None };
        Day {
            day: calendar.start(date).to_string(),
            user_class: "normal".to_owned(),
            last_at: calendar.start(date).to_string(),
            volumes: vec![volume],
            downloads: 0,
            bytes: 0,
            written: 0,
            firsts: Vec::new(),
            surprises: BTreeMap::new(),
            held: false,
            hours: None,
            unjudged: None,
            raised: false,
        }
    }

    #[test]
    fn the_week_after_the_last_closed_day_is_expected() {
        for zone in ["Pacific/Midway", "UTC", "Pacific/Kiritimati"] {
            let calendar = dates::tests::dates(zone);
            // Eight weeks of working days; the last one, a Friday, stands out and is held. The org has closed the Sunday after it.
            let friday = 20_511_i64;
            let working_days = (friday - 53..=friday).filter(|date| (date + 3).rem_euclid(7) < 5);
            let mut days: Vec<Day> = working_days.map(|date| day(calendar, date, 400)).collect();
            let last = days.last_mut().unwrap();
            (last.held, last.volumes[0].rows) = (true, 90_000_000);
            let drawn: String =
                charts_going_on(&days, calendar, "/a", friday + 2).iter().map(ToString::to_string).collect();
            for (date, rows) in [("2026-03-02", "400"), ("2026-03-06", "400"), ("2026-03-07", "0"), ("2026-03-08", "0")]
            {
                assert!(drawn.contains(&format!("<title>{date}: {rows} rows expected, ")), "{zone} {date}: {drawn}");
            }
            assert_eq!(drawn.matches(" rows expected, ").count(), 7, "{zone}");
            assert!(drawn.contains("<title>2026-03-01: 0 rows</title>"), "{zone}: {drawn}");
            assert!(!charts(&days, calendar, "/a")[0].to_string().contains("rows expected"), "{zone}");
        }
    }

    #[test]
    fn first_times_are_counted_in_words() {
        let check = |what: &str, count: u32, names: &[&str], expect: &str| {
            let names = names.iter().map(|name| (*name).to_owned()).collect();
            assert_eq!(first_times(&First { what: what.to_owned(), count, names }), expect);
        };
        check("object", 2, &["Case", "Asset"], "2 objects: Case, Asset");
        check("country", 2, &[], "2 countries");
        check("country", 1, &["US"], "1 country: US");
    }
}
