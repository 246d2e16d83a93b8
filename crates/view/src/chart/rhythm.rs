//! The hours in which an account is active.

use askama::Template;
use askama::filters::HtmlSafe;

/// Share of days from which an hour counts as usual in the sentence: a choice.
const USUAL: f64 = 0.5;

/// The 24 hours of working days and of weekends, colored by the share of days on which the account was active.
///
/// It is a table. Displays itself as HTML.
#[derive(Debug, Template)]
#[template(path = "rhythm.html", whitespace = "minimize")]
pub struct Rhythm {
    /// What the chart shows, in sentences.
    says: String,
    hours: Vec<Hour>,
    rows: Vec<Row>,
    center: Option<String>,
}

#[derive(Debug)]
struct Hour {
    label: String,
    is_center: bool,
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
    percent: String,
    /// 0 for none to 5.
    level: u8,
}

impl HtmlSafe for Rhythm {}

impl Rhythm {
    /// Makes the table of shares of days, 0 to 1, by hour from midnight on. `center` is the middle of the working day.
    pub fn of(working_days: &[f64; 24], weekends: &[f64; 24], center: Option<u8>) -> Self {
        let is_next = |n: u8| center.is_some_and(|center| n.abs_diff(center) == 1);
        let hour = |n: u8| Hour {
            label: format!("{n:02}"),
            is_center: Some(n) == center,
            is_wide: !n.is_multiple_of(3) || is_next(n),
        };
        let says = [("Working days", working_days), ("Weekends", weekends)].map(|(label, shares)| says(label, shares));
        Self {
            says: says.join(" "),
            hours: (0..24).map(hour).collect(),
            rows: vec![Row::of("Working days", working_days), Row::of("Weekends", weekends)],
            center: center.map(|hour| format!("{hour:02}:00")),
        }
    }
}

impl Row {
    fn of(label: &'static str, shares: &[f64; 24]) -> Self {
        let cell = |(hour, share): (usize, &f64)| {
            let percent = format!("{:.0} %", share * 100.0);
            Cell { says: format!("{label}, {hour:02}:00: on {percent} of days"), percent, level: level(*share) }
        };
        Self { label, cells: shares.iter().enumerate().map(cell).collect() }
    }
}

/// Returns the class of the color of a share of days.
pub(super) fn level(share: f64) -> u8 {
    match share {
        s if s >= 0.8 => 5,
        s if s >= 0.6 => 4,
        s if s >= 0.4 => 3,
        s if s >= 0.2 => 2,
        s if s > 0.0 => 1,
        _ => 0,
    }
}

fn says(label: &str, shares: &[f64; 24]) -> String {
    format!("{label}: {}.", active(shares))
}

/// Says in which hours there was activity on at least half of the days, or else in which most.
pub(super) fn active(shares: &[f64; 24]) -> String {
    let usual: Vec<(usize, bool)> = shares.iter().map(|share| *share >= USUAL).enumerate().collect();
    let spans: Vec<String> = usual
        .chunk_by(|a, b| a.1 == b.1)
        .filter_map(|run| {
            let ((first, is_usual), (last, _)) = (run.first()?, run.last()?);
            is_usual.then(|| format!("{first:02}:00 to {:02}:00", last + 1))
        })
        .collect();
    let most = shares.iter().enumerate().rev().max_by(|a, b| a.1.total_cmp(b.1));
    match (spans.is_empty(), most) {
        (false, _) => format!("active on at least half of them from {}", spans.join(" and ")),
        (true, Some((hour, share))) if *share > 0.0 => {
            format!("most often active at {hour:02}:00, on {:.0} % of them", share * 100.0)
        }
        _ => "never active".to_owned(),
    }
}
