//! The arithmetic of a risk score.

use super::bar::Bar;
use super::steps::{Step, Steps};
use crate::format;
use askama::Template;
use askama::filters::HtmlSafe;
use model::{Incident, Points, RiskModel, Term, TermKind};

/// Height of a row of the waterfall in pixels: a line of text and a bar.
const ROW: usize = 38;
/// Where the bar of a row begins, in pixels from the row's top.
const BAR: usize = 20;
/// Points in hundredths at which a severity begins, marked on the waterfall.
const MARKS: [i64; 3] = [4_000, 6_000, 8_000];

/// How a risk score came about: a bar, a waterfall from 0 to the score, and a table with every factor and the sum.
///
/// The names of findings link to the same page's [`Findings`](super::Findings). Displays itself as HTML.
#[derive(Debug, Template)]
#[template(path = "receipt.html", whitespace = "minimize")]
pub struct Receipt<'a> {
    bar: Option<Bar<'a>>,
    waterfall: Waterfall<'a>,
    is_noisy_or: bool,
    config_hash: &'a str,
    terms: Vec<TermView<'a>>,
    sum: String,
    risk: String,
    adds_up: bool,
}

/// One row for each step and one for the total. Horizontal lengths are percents of the scale, vertical ones pixels, so that
/// text keeps its size at any width.
#[derive(Debug)]
struct Waterfall<'a> {
    /// What it shows, as a sentence.
    says: String,
    /// The rows with the top of their texts and bars.
    rows: Vec<Row<'a>>,
    total: Total,
    marks: Vec<(f64, i64)>,
    height: usize,
}

#[derive(Debug)]
struct Row<'a> {
    step: Step<'a>,
    text_y: usize,
    bar_y: usize,
    /// Where the next row's bar begins.
    next_y: usize,
}

#[derive(Debug)]
struct Total {
    class: &'static str,
    width: f64,
    text_y: usize,
    bar_y: usize,
    end_y: usize,
}

#[derive(Debug)]
struct TermView<'a> {
    kind: &'static str,
    name: &'a str,
    finding: Option<String>,
    reason: &'a str,
    /// Factors of a finding's term by name; `None` for other kinds of terms.
    factors: Option<[(&'static str, String); 4]>,
    /// A modifier's factor on the odds.
    multiplier: Option<String>,
    points: String,
}

impl HtmlSafe for Receipt<'_> {}

impl<'a> Receipt<'a> {
    /// Makes the receipt of an incident.
    pub fn of(incident: &'a Incident) -> Self {
        let receipt = &incident.receipt;
        let steps = Steps::of(&receipt.terms);
        let sum = Points(i32::try_from(steps.sum).unwrap_or(i32::MAX));
        Self {
            bar: Some(Bar::of(incident)),
            waterfall: Waterfall::of(steps, incident),
            is_noisy_or: receipt.model == RiskModel::NoisyOr,
            config_hash: &receipt.config_hash,
            terms: receipt.terms.iter().map(TermView::of).collect(),
            sum: sum.to_string(),
            risk: incident.risk_score.to_string(),
            adds_up: sum == incident.risk_score,
        }
    }

    /// Leaves the bar out, for a page that has the [`Bar`] elsewhere.
    pub fn without_bar(self) -> Self {
        Self { bar: None, ..self }
    }
}

impl<'a> Waterfall<'a> {
    fn of(steps: Steps<'a>, incident: &Incident) -> Self {
        let row = |index: usize| (index * ROW + 13, index * ROW + BAR);
        let (text_y, bar_y) = row(steps.steps.len());
        let total = Total {
            class: incident.severity.as_str(),
            width: steps.percent(steps.sum),
            text_y,
            bar_y,
            end_y: bar_y + 12,
        };
        let marks = MARKS.map(|points| (steps.percent(points), points / 100)).to_vec();
        let terms: Vec<String> = steps.steps.iter().map(|step| format!("{} {}", step.name, step.points)).collect();
        let says = match terms.is_empty() {
            true => "No term has points".to_owned(),
            false => format!("From 0 to a risk of {}: {}", incident.risk_score, terms.join(", ")),
        };
        let rows = steps.steps.into_iter().enumerate().map(|(index, step)| {
            let (text_y, bar_y) = row(index);
            Row { step, text_y, bar_y, next_y: bar_y + ROW }
        });
        Self { says, rows: rows.collect(), total, marks, height: bar_y + ROW }
    }
}

impl<'a> TermView<'a> {
    fn of(term: &'a Term) -> Self {
        let factors = || {
            [
                ("score", format!("{:.1}", term.score)),
                ("weight", factor(term.weight)),
                ("decay", factor(term.decay)),
                ("damping", factor(term.damping)),
            ]
        };
        Self {
            kind: term.kind.as_str(),
            name: &term.name,
            finding: term.finding_id.map(|id| id.to_string()),
            reason: &term.reason,
            factors: (term.kind == TermKind::Finding).then(factors),
            multiplier: (term.kind == TermKind::Modifier).then(|| factor(term.multiplier)),
            points: format::signed(term.points),
        }
    }
}

fn factor(value: f64) -> String {
    format!("{value:.2}")
}
