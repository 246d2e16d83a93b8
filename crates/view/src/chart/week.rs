//! The hours of the week in which an account is active.

use super::rhythm::{active, level};
use askama::Template;
use askama::filters::HtmlSafe;

/// Monday first.
const WEEKDAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// The 24 hours of each weekday. A cell is filled the higher, and in the end in a deeper color, the larger the share of these
/// weekdays on which the account was active in the hour.
///
/// It is a table. Displays itself as HTML.
#[derive(Debug, Template)]
#[template(path = "week.html", whitespace = "minimize")]
pub struct Week {
    /// What the chart shows, in sentences.
    says: String,
    hours: Vec<Hour>,
    rows: Vec<Row>,
}

/// On how many days of one weekday an account was active.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Weekday {
    /// Days that are known, with activity or without.
    pub days: u32,
    /// Of these, days with activity in each hour from midnight on.
    pub active: [u32; 24],
}

#[derive(Debug)]
struct Hour {
    label: String,
    /// Whether it has no label in a narrow chart.
    is_wide: bool,
}

#[derive(Debug)]
struct Row {
    label: &'static str,
    cells: Vec<Cell>,
}

#[derive(Debug)]
struct Cell {
    says: String,
    share: String,
    /// 0 for none to 5.
    level: u8,
}

impl HtmlSafe for Week {}

impl Week {
    /// Makes the table of the weekdays, Monday first.
    pub fn of(weekdays: &[Weekday; 7]) -> Self {
        let hour = |n: u8| Hour { label: format!("{n:02}"), is_wide: !n.is_multiple_of(3) };
        Self {
            says: says(weekdays),
            hours: (0..24).map(hour).collect(),
            rows: WEEKDAYS.into_iter().zip(weekdays).map(|(name, weekday)| Row::of(name, weekday)).collect(),
        }
    }
}

impl Weekday {
    /// Returns the share of days by hour; `None` if no day is known.
    fn shares(&self) -> Option<[f64; 24]> {
        (self.days > 0).then(|| self.active.map(|active| f64::from(active) / f64::from(self.days)))
    }
}

impl Row {
    fn of(label: &'static str, weekday: &Weekday) -> Self {
        let Weekday { days, active } = weekday;
        let shares = weekday.shares().unwrap_or_default();
        let cell = |(hour, (active, share)): (usize, (&u32, f64))| {
            let share_of_days = if *days == 0 { "not known".to_owned() } else { format!("{:.0} %", share * 100.0) };
            let plural = if *days == 1 { "" } else { "s" };
            Cell {
                says: format!("{label}, {hour:02}:00: on {active} of {days} {label}{plural}"),
                share: share_of_days,
                level: level(share),
            }
        };
        Self { label, cells: active.iter().zip(shares).enumerate().map(cell).collect() }
    }
}

/// Says in which hours of which weekdays there was activity. Weekdays that follow each other and are alike go together.
fn says(weekdays: &[Weekday; 7]) -> String {
    let known =
        |weekday: &Weekday| weekday.shares().map_or_else(|| "not known yet".to_owned(), |shares| active(&shares));
    let said: Vec<(&str, String)> = WEEKDAYS.into_iter().zip(weekdays.iter().map(known)).collect();
    let sentence = |alike: &[(&str, String)]| match alike {
        [(name, said)] => format!("{name}s: {said}."),
        [(first, said), (second, _)] => format!("{first}s and {second}s: {said}."),
        [(first, said), .., (last, _)] => format!("{first}s to {last}s: {said}."),
        [] => String::new(),
    };
    said.chunk_by(|a, b| a.1 == b.1).map(sentence).collect::<Vec<_>>().join(" ")
}
