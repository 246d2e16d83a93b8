//! What an account did by day, against what was usual.

use super::filters::day;
use crate::body::{Day, First, Volume};
use model::Timestamp;
use model::time::DAY as MILLISECONDS;
use std::collections::BTreeMap;
use view::chart::{BandPoint, Bands};

/// Charts by surface, the one with the most rows first.
pub(super) type Charts = Vec<Bands>;

/// Draws the days of an account, one chart for each surface that it used. `account` is the path of its page.
pub(super) fn charts(days: &[Day], account: &str) -> Charts {
    let mut surfaces: BTreeMap<&str, u64> = BTreeMap::new();
    for volume in days.iter().flat_map(|day| &day.volumes) {
        let rows = surfaces.entry(&volume.surface).or_default();
        *rows = rows.saturating_add(volume.rows);
    }
    let mut surfaces: Vec<(&str, u64)> = surfaces.into_iter().collect();
    surfaces.sort_by_key(|(surface, rows)| (std::cmp::Reverse(*rows), *surface));
    surfaces.into_iter().map(|(surface, _)| chart(days, surface, account)).collect()
}

fn chart(days: &[Day], surface: &str, account: &str) -> Bands {
    let start = |day: &Day| Timestamp::parse(&day.day);
    let (first, last) = (days.first().and_then(start), days.last().and_then(start));
    let (Some(first), Some(last)) = (first, last) else { return Bands::of(&title(surface), "rows", &[]) };
    let by_date: BTreeMap<String, &Day> = days.iter().filter_map(|one| Some((day(start(one)?), one))).collect();
    let count = last.since(first) / MILLISECONDS + 1;
    // Days without activity are days with none.
    let point = |index: i64| {
        let date = day(first.plus(index * MILLISECONDS));
        let known = by_date.get(&date).copied();
        let volume = known.and_then(|day| day.volumes.iter().find(|volume| volume.surface == surface));
        let band = |of: fn(&Volume) -> Option<u64>| volume.and_then(of).map(|value| value as f64);
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
    Bands::of(&title(surface), "rows", &(0..count).map(point).collect::<Vec<_>>())
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
