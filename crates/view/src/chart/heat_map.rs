//! First times as a grid of accounts and days, with flags on counts that stand out.

use crate::format;
use askama::Template;
use askama::filters::HtmlSafe;
use model::Timestamp;
use model::time::DAY;
use std::collections::BTreeMap;

/// Most rows; a choice of what fits on a screen or two.
const ROWS: usize = 40;
/// Most columns: two months.
const DAYS: i64 = 62;

/// Least count of a cell that stands out. This and the next three are choices, and the map states them.
const LEAST: u32 = 5;
/// A cell stands out if its count is above this many times the account's own earlier days and the mean of the day.
const FACTOR: u32 = 3;
/// Days that count as the account's own earlier ones: four weeks.
const EARLIER: i64 = 28;
/// Days at the beginning, on which nothing stands out because everything is a first time.
const SETTLING: i64 = 14;

/// What accounts did for the first time, by day: a table with a color for each count, and red flags on what stands out.
///
/// Days are numbers of days since 1970-01-01. It shows the last 62 days and the 40 fullest rows; rows with flags are left
/// out last. Displays itself as HTML.
#[derive(Debug, Template)]
#[template(path = "heat_map.html", whitespace = "minimize")]
pub struct HeatMap {
    title: String,
    /// Name of what is counted, in the plural.
    things: String,
    months: Vec<Month>,
    days: Vec<Day>,
    rows: Vec<Row>,
    /// Rows left out.
    left_out: usize,
    flags: Vec<Flag>,
}

/// An account of a [`HeatMap`].
#[derive(Clone, Debug, Default)]
pub struct HeatRow {
    /// Name of the account.
    pub label: String,
    /// Where the name links to.
    pub href: Option<String>,
    /// Counts by day. Those of the four weeks before the first day that is shown also count for the flags.
    pub counts: BTreeMap<i64, u32>,
    /// Where cells with a count link to, without the date, which is appended: `/accounts/00D/005?day=`.
    pub cell_href: Option<String>,
}

/// What all accounts did, against which a cell stands out.
#[derive(Clone, Debug, Default)]
pub struct Norm {
    /// First day with data.
    pub begin: i64,
    /// Mean count over all accounts by day; 0 on days that are missing.
    pub means: BTreeMap<i64, f64>,
}

#[derive(Debug)]
struct Month {
    label: String,
    days: usize,
}

#[derive(Debug)]
struct Day {
    label: String,
    date: String,
    is_weekend: bool,
}

#[derive(Debug)]
struct Row {
    label: String,
    href: Option<String>,
    total: u64,
    cells: Vec<Cell>,
}

#[derive(Debug)]
struct Cell {
    count: u32,
    date: String,
    href: Option<String>,
    /// 0 for none to 5.
    level: u8,
    is_flagged: bool,
    is_weekend: bool,
}

#[derive(Debug)]
struct Flag {
    label: String,
    date: String,
    href: Option<String>,
    count: u32,
}

impl HtmlSafe for HeatMap {}

impl HeatMap {
    /// Makes the map of the days from `first` to `last`, both included, measured against the given rows themselves.
    ///
    /// `things` names what is counted, in the plural: "objects".
    pub fn of(title: &str, things: &str, days: (i64, i64), rows: &[HeatRow]) -> Self {
        Self::against(&Norm::of(rows), title, things, days, rows)
    }

    /// Makes the map where the rows are not all accounts, measured against what all accounts did.
    pub fn against(norm: &Norm, title: &str, things: &str, (first, last): (i64, i64), rows: &[HeatRow]) -> Self {
        let first = first.max(last.saturating_sub(DAYS - 1));
        let mut rows: Vec<Row> = rows.iter().map(|row| Row::of(row, norm, first, last)).collect();
        rows.retain(|row| row.total > 0);
        rows.sort_by(|a, b| b.is_flagged().cmp(&a.is_flagged()).then(b.total.cmp(&a.total)));
        let left_out = rows.len().saturating_sub(ROWS);
        rows.truncate(ROWS);
        rows.sort_by(|a, b| b.total.cmp(&a.total).then_with(|| a.label.cmp(&b.label)));
        let flags = rows.iter().flat_map(Row::flags).collect();
        let (title, things) = (title.to_owned(), things.to_owned());
        Self { title, things, months: months(first, last), days: columns(first, last), rows, left_out, flags }
    }
}

impl Norm {
    /// Works out what the given accounts did. An account counts also on days on which it did nothing.
    pub fn of(rows: &[HeatRow]) -> Self {
        let mut means: BTreeMap<i64, f64> = BTreeMap::new();
        for (day, count) in rows.iter().flat_map(|row| &row.counts).filter(|(_, count)| **count > 0) {
            *means.entry(*day).or_default() += f64::from(*count) / rows.len() as f64;
        }
        Self { begin: means.keys().next().copied().unwrap_or_default(), means }
    }
}

impl HeatRow {
    fn count(&self, day: i64) -> u32 {
        self.counts.get(&day).copied().unwrap_or_default()
    }

    fn stands_out(&self, norm: &Norm, day: i64) -> bool {
        let count = self.count(day);
        let most =
            self.counts.range(day.saturating_sub(EARLIER)..day).map(|(_, count)| *count).max().unwrap_or_default();
        let mean = norm.means.get(&day).copied().unwrap_or_default();
        count >= LEAST
            && day >= norm.begin.saturating_add(SETTLING)
            && u64::from(count) > u64::from(FACTOR) * u64::from(most)
            && f64::from(count) > f64::from(FACTOR) * mean
    }
}

impl Row {
    fn of(row: &HeatRow, norm: &Norm, first: i64, last: i64) -> Self {
        let cell = |day| {
            let (count, date) = (row.count(day), date(day));
            Cell {
                count,
                href: row.cell_href.as_ref().map(|href| format!("{href}{date}")),
                date,
                level: level(count),
                is_flagged: row.stands_out(norm, day),
                is_weekend: is_weekend(day),
            }
        };
        let cells: Vec<Cell> = (first..=last).map(cell).collect();
        let total = cells.iter().map(|cell| u64::from(cell.count)).sum();
        Self { label: row.label.clone(), href: row.href.clone(), total, cells }
    }

    fn is_flagged(&self) -> bool {
        self.cells.iter().any(|cell| cell.is_flagged)
    }

    fn flags(&self) -> impl Iterator<Item = Flag> {
        let flag = |cell: &Cell| Flag {
            label: self.label.clone(),
            date: cell.date.clone(),
            href: cell.href.clone(),
            count: cell.count,
        };
        self.cells.iter().filter(|cell| cell.is_flagged).map(flag)
    }
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
        let label = start(day).to_utc().format("%b %Y").to_string();
        match months.last_mut() {
            Some(month) if month.label == label => month.days += 1,
            _ => months.push(Month { label, days: 1 }),
        }
    }
    months
}

/// Only Mondays are labeled; there is no room for more.
fn columns(first: i64, last: i64) -> Vec<Day> {
    let label = |day: i64| match weekday(day) {
        0 => start(day).to_utc().format("%-d").to_string(),
        _ => String::new(),
    };
    (first..=last).map(|day| Day { label: label(day), date: date(day), is_weekend: is_weekend(day) }).collect()
}

fn start(day: i64) -> Timestamp {
    Timestamp(day.saturating_mul(DAY))
}

fn date(day: i64) -> String {
    format::date(start(day))
}

/// 0 is Monday; 1970-01-01 was a Thursday.
fn weekday(day: i64) -> i64 {
    (day + 3).rem_euclid(7)
}

fn is_weekend(day: i64) -> bool {
    weekday(day) >= 5
}

#[cfg(test)]
mod tests;
