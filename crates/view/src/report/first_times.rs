//! First times of a backtest as a heat map.

use crate::chart::{HeatMap, HeatRow, Norm};
use engine::FirstTimes;
use model::Timestamp;
use model::time::DAY;

/// Days before the first column that also count for the flags: the four weeks of the heat map's rule.
const BEFORE: i64 = 28;
/// Most columns, as in the heat map: there is no need to read out earlier days.
const DAYS: i64 = 62;

/// Makes the map of the last days before `to`.
pub(super) fn heat_map(
    times: &FirstTimes,
    (from, to): (Timestamp, Timestamp),
    (title, things): (&str, &str),
) -> HeatMap {
    let (first, last) = columns(times, from, to);
    let rows: Vec<HeatRow> = times
        .users()
        .map(|(id, user)| HeatRow {
            label: user.username().unwrap_or(id.as_str()).to_owned(),
            counts: (first - BEFORE..=last).map(|day| (day, user.count(day))).filter(|(_, n)| *n > 0).collect(),
            ..HeatRow::default()
        })
        .collect();
    let norm = Norm {
        begin: times.span().map(|(begin, _)| begin).unwrap_or_default(),
        means: (first..=last).map(|day| (day, times.mean(day))).collect(),
    };
    HeatMap::against(&norm, title, things, (first, last), &rows)
}

/// First and last day shown. An org east of Greenwich may be a day ahead of the period's end in UTC.
fn columns(times: &FirstTimes, from: Timestamp, to: Timestamp) -> (i64, i64) {
    let end = to.plus(-1).0.div_euclid(DAY);
    let last = times.span().map_or(end, |(_, last)| last.clamp(end, end + 1));
    let first = from.0.div_euclid(DAY).clamp(last - DAYS + 1, last);
    (first, last)
}
