//! How often a detector was surprised, against what its surprises promise.

use super::axes::{Axes, Date, Scale, between, path};
use crate::format;
use askama::Template;
use askama::filters::HtmlSafe;

/// Where the least and the largest surprise are, in percent of the width.
const SIDES: (f64, f64) = (4.0, 96.0);
/// Most labels of surprises.
const LABELS: usize = 8;

/// The calibration of a detector: days with at least a surprise, on a logarithmic scale, next to the line that the surprises
/// promise. Displays itself as HTML.
#[derive(Debug, Template)]
#[template(path = "curve.html", whitespace = "minimize")]
pub struct Curve {
    title: String,
    /// What the chart shows, in a sentence.
    says: String,
    axes: Axes,
    /// Paths in a box 1000 wide and as high as the chart.
    promise: String,
    path: String,
    points: Vec<Point>,
}

/// A point of a [`Curve`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CurvePoint {
    /// The surprise, −log10 of the p-value.
    pub surprise: f64,
    /// Days that would have at least this surprise by chance.
    pub expected_days: f64,
    /// Days that had it.
    pub days: u64,
}

#[derive(Debug)]
struct Point {
    surprise: String,
    p_value: String,
    expected: String,
    days: String,
    /// Days for each day that was promised.
    ratio: String,
    is_none: bool,
    /// What is shown of the point where the pointer is.
    says: String,
    x: f64,
    y: f64,
    promise_y: f64,
}

impl HtmlSafe for Curve {}

impl Curve {
    /// Makes the chart of points in the order of their surprise.
    pub fn of(title: &str, points: &[CurvePoint]) -> Self {
        let least = points.first().map(|point| point.surprise).unwrap_or_default();
        let span = points.last().map(|point| point.surprise - least).unwrap_or_default();
        let x = |point: &CurvePoint| match span > 0.0 {
            true => between(SIDES, (point.surprise - least) / span),
            false => 50.0,
        };
        let scale = Scale::log(points.iter().flat_map(|point| [point.expected_days, point.days as f64]));
        let every = points.len().div_ceil(LABELS).max(1);
        let label = |point| Date { x: x(point), label: format::number(point.surprise), class: "" };
        let axes = Axes::of(scale, points.iter().step_by(every).map(label).collect());
        let says = says(title, points);
        let points: Vec<Point> = points.iter().map(|point| Point::of(point, x(point), scale)).collect();
        let promise = path(points.iter().map(|point| (point.x, point.promise_y)));
        // A line down to points without days would suggest that the scale has a 0.
        let path = path(points.iter().filter(|point| !point.is_none).map(|point| (point.x, point.y)));
        Self { title: title.to_owned(), says, axes, promise, path, points }
    }
}

impl Point {
    fn of(point: &CurvePoint, x: f64, scale: Scale) -> Self {
        let CurvePoint { surprise, expected_days, days } = *point;
        Self {
            surprise: format::number(surprise),
            p_value: format::p_value(surprise),
            expected: format::number(expected_days),
            days: format::count(days),
            ratio: if expected_days > 0.0 { format::number(days as f64 / expected_days) } else { String::new() },
            is_none: days == 0,
            says: of_point(point),
            x,
            y: scale.y(days as f64),
            promise_y: scale.y(expected_days),
        }
    }
}

fn of_point(point: &CurvePoint) -> String {
    let (surprise, promised) = (format::number(point.surprise), format::number(point.expected_days));
    let days = if point.days == 1 { "1 day".to_owned() } else { format!("{} days", format::count(point.days)) };
    format!("{days} with a surprise of {surprise} or more, {promised} promised")
}

/// Says the first point, and the last that has days.
fn says(title: &str, points: &[CurvePoint]) -> String {
    let Some(first) = points.first() else { return format!("{title}: no days") };
    match points.iter().rfind(|point| point.days > 0) {
        Some(last) if last != first => format!("{title}: {}; {}", of_point(first), of_point(last)),
        _ => format!("{title}: {}", of_point(first)),
    }
}
