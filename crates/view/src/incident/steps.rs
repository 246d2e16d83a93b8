//! The terms of a receipt as steps from 0 to the risk, in percent of a common scale.

use crate::format;
use model::{Points, Term, TermKind};

/// Colors of findings, as incident.css defines them.
const COLORS: [&str; 8] = ["c0", "c1", "c2", "c3", "c4", "c5", "c6", "c7"];

/// The scale of a bar and the steps on it.
#[derive(Debug)]
pub(super) struct Steps<'a> {
    /// Points in hundredths at the end of the scale: 100 points, or more where modifiers subtract points.
    whole: i64,
    /// One step for each term with points.
    pub(super) steps: Vec<Step<'a>>,
    /// The sum of all points, in hundredths.
    pub(super) sum: i64,
}

/// The points of one term.
#[derive(Debug)]
pub(super) struct Step<'a> {
    pub(super) name: &'a str,
    /// The points with their sign.
    pub(super) points: String,
    /// Class of its color.
    pub(super) class: &'static str,
    /// Left end in percent of the scale.
    pub(super) x: f64,
    /// Width in percent of the scale.
    pub(super) width: f64,
    /// Where the running sum stands after the term, in percent of the scale.
    pub(super) end: f64,
}

impl<'a> Steps<'a> {
    pub(super) fn of(terms: &'a [Term]) -> Self {
        let gained: i64 = terms.iter().map(|term| i64::from(term.points.0.max(0))).sum();
        let mut steps = Self { whole: gained.max(Points::MAX.0.into()), steps: Vec::new(), sum: 0 };
        let colors = COLORS.iter().cycle();
        for (term, color) in terms.iter().zip(colors).filter(|(term, _)| term.points.0 != 0) {
            let before = steps.sum;
            steps.sum += i64::from(term.points.0);
            let step = Step {
                name: &term.name,
                points: format::signed(term.points),
                class: match term.kind {
                    _ if term.points.0 < 0 => "minus",
                    TermKind::Finding => color,
                    TermKind::Modifier | TermKind::Cap => "plus",
                },
                x: steps.percent(before.min(steps.sum)),
                width: steps.percent(i64::from(term.points.0).abs()),
                end: steps.percent(steps.sum),
            };
            steps.steps.push(step);
        }
        steps
    }

    /// Returns hundredths of points in percent of the scale. Hundredths of a percent are finer than a pixel.
    pub(super) fn percent(&self, points: i64) -> f64 {
        (points.max(0) as f64 / self.whole as f64 * 1e4).round() / 1e2
    }
}
