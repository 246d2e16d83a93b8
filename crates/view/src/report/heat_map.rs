//! First times as a grid of users and days, with flags on counts that stand out.

use super::format;
use engine::{FirstTimes, UserDays};
use model::Timestamp;
use model::time::DAY;

/// Most rows; a choice of what fits on a screen or two.
const USERS: usize = 40;
/// Most columns: two months.
const DAYS: i64 = 62;

/// Least count of a cell that stands out. This and the next three are choices, and the page states them.
const LEAST: u32 = 5;
/// A cell stands out if its count is above this many times the user's own earlier days and the users' mean of the day.
const FACTOR: u32 = 3;
/// Days that count as the user's own earlier ones: four weeks.
const EARLIER: i64 = 28;
/// Days at the beginning, on which nothing stands out because everything is a first time.
const SETTLING: i64 = 14;

#[derive(Debug)]
pub(super) struct HeatMap {
    pub(super) title: &'static str,
    /// Name of what is counted, in the plural.
    pub(super) things: &'static str,
    pub(super) months: Vec<Month>,
    pub(super) days: Vec<Day>,
    pub(super) rows: Vec<Row>,
    /// Users left out.
    pub(super) left_out: usize,
    pub(super) flags: Vec<Flag>,
}

#[derive(Debug)]
pub(super) struct Month {
    pub(super) label: String,
    pub(super) days: usize,
}

#[derive(Debug)]
pub(super) struct Day {
    pub(super) label: String,
    pub(super) date: String,
    pub(super) is_weekend: bool,
}

#[derive(Debug)]
pub(super) struct Row {
    pub(super) user: String,
    pub(super) total: u32,
    pub(super) cells: Vec<Cell>,
}

#[derive(Debug)]
pub(super) struct Cell {
    pub(super) count: u32,
    pub(super) date: String,
    /// 0 for none to 5.
    pub(super) level: u8,
    pub(super) is_flagged: bool,
    pub(super) is_weekend: bool,
}

#[derive(Debug, PartialEq)]
pub(super) struct Flag {
    pub(super) user: String,
    pub(super) date: String,
    pub(super) count: u32,
}

impl HeatMap {
    /// Takes the users with the most first times over the last days before `to`. Users with flags are left out last.
    pub(super) fn of(
        times: &FirstTimes,
        from: Timestamp,
        to: Timestamp,
        title: &'static str,
        things: &'static str,
    ) -> Self {
        let (first, last) = columns(times, from, to);
        let mut rows: Vec<Row> = times
            .users()
            .map(|(id, user)| {
                let name = user.username().unwrap_or(id.as_str()).to_owned();
                Row::of(name, user, times, first, last)
            })
            .filter(|row| row.total > 0)
            .collect();
        rows.sort_by(|a, b| b.is_flagged().cmp(&a.is_flagged()).then(b.total.cmp(&a.total)));
        let left_out = rows.len().saturating_sub(USERS);
        rows.truncate(USERS);
        rows.sort_by(|a, b| b.total.cmp(&a.total).then_with(|| a.user.cmp(&b.user)));
        let flags = rows.iter().flat_map(Row::flags).collect();
        Self { title, things, months: months(first, last), days: days(first, last), rows, left_out, flags }
    }
}

impl Row {
    fn of(user: String, counts: &UserDays, times: &FirstTimes, first: i64, last: i64) -> Self {
        let cells: Vec<Cell> = (first..=last)
            .map(|day| {
                let count = counts.count(day);
                Cell {
                    count,
                    date: date(day),
                    level: level(count),
                    is_flagged: stands_out(counts, times, day),
                    is_weekend: is_weekend(day),
                }
            })
            .collect();
        Self { user, total: cells.iter().map(|cell| cell.count).sum(), cells }
    }

    fn is_flagged(&self) -> bool {
        self.cells.iter().any(|cell| cell.is_flagged)
    }

    fn flags(&self) -> impl Iterator<Item = Flag> {
        let flagged = self.cells.iter().filter(|cell| cell.is_flagged);
        flagged.map(|cell| Flag { user: self.user.clone(), date: cell.date.clone(), count: cell.count })
    }
}

/// First and last day shown. An org east of Greenwich may be a day ahead of the period's end in UTC.
fn columns(times: &FirstTimes, from: Timestamp, to: Timestamp) -> (i64, i64) {
    let end = to.plus(-1).0.div_euclid(DAY);
    let last = times.span().map_or(end, |(_, last)| last.clamp(end, end + 1));
    let first = from.0.div_euclid(DAY).clamp(last - DAYS + 1, last);
    (first, last)
}

fn stands_out(user: &UserDays, times: &FirstTimes, day: i64) -> bool {
    let count = user.count(day);
    let has_settled = times.span().is_some_and(|(first, _)| day >= first + SETTLING);
    count >= LEAST
        && has_settled
        && count > FACTOR * user.most(day - EARLIER, day - 1)
        && f64::from(count) > f64::from(FACTOR) * times.mean(day)
}

fn level(count: u32) -> u8 {
    match count {
        0 => 0,
        1 => 1,
        2 => 2,
        3..=4 => 3,
        5..=9 => 4,
        _ => 5,
    }
}

fn months(first: i64, last: i64) -> Vec<Month> {
    let mut months: Vec<Month> = Vec::new();
    for day in first..=last {
        let label = Timestamp(day * DAY).to_utc().format("%b %Y").to_string();
        match months.last_mut() {
            Some(month) if month.label == label => month.days += 1,
            _ => months.push(Month { label, days: 1 }),
        }
    }
    months
}

/// Only Mondays are labeled; there is no room for more.
fn days(first: i64, last: i64) -> Vec<Day> {
    let label = |day: i64| match weekday(day) {
        0 => Timestamp(day * DAY).to_utc().format("%-d").to_string(),
        _ => String::new(),
    };
    (first..=last).map(|day| Day { label: label(day), date: date(day), is_weekend: is_weekend(day) }).collect()
}

fn date(day: i64) -> String {
    format::date(Timestamp(day * DAY))
}

/// 0 is Monday; 1970-01-01 was a Thursday.
fn weekday(day: i64) -> i64 {
    (day + 3).rem_euclid(7)
}

fn is_weekend(day: i64) -> bool {
    weekday(day) >= 5
}
