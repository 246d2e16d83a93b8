//! The risk of an account over time.

use super::axes::{Axes, Date, Scale, between, path};
use super::mark::{self, Key};
use crate::format::{self, Moment};
use askama::Template;
use askama::filters::HtmlSafe;
use model::time::DAY;
use model::{Points, Severity, Timestamp};

/// The scale of risk: 0 to 100.
const SCALE: Scale = Scale::Linear { end: 100.0, step: 20.0 };
/// Most points that have a mark each: more would cover each other.
const MARKS: usize = 60;
/// Where the first and the last point are, in percent of the width: room for their marks.
const SIDES: (f64, f64) = (2.0, 98.0);

/// A risk of 0 to 100 over time, with lines where medium, high and critical severity begin. Displays itself as HTML.
#[derive(Debug, Template)]
#[template(path = "line.html", whitespace = "minimize")]
pub struct Line {
    title: String,
    /// What the chart shows, in a sentence.
    says: String,
    axes: Axes,
    /// Where severities begin: name, pixels from the top.
    thresholds: Vec<(&'static str, f64)>,
    /// A path in a box 1000 wide and as high as the chart.
    path: String,
    points: Vec<Point>,
    has_marks: bool,
    keys: Vec<Key>,
}

/// A point of a [`Line`].
#[derive(Clone, Debug, PartialEq)]
pub struct LinePoint {
    /// When the value was reached.
    pub at: Timestamp,
    /// The risk, 0 to 100.
    pub value: f64,
    /// Where the point links to.
    pub href: Option<String>,
}

#[derive(Debug)]
struct Point {
    at: Moment,
    value: String,
    severity: &'static str,
    shape: &'static str,
    href: Option<String>,
    /// What is shown of the point where the pointer is.
    says: String,
    x: f64,
    y: f64,
}

impl HtmlSafe for Line {}

impl Line {
    /// Makes the chart of points in the order of their time.
    pub fn of(title: &str, points: &[LinePoint]) -> Self {
        let from = points.first().map(|point| point.at).unwrap_or_default();
        let to = points.last().map(|point| point.at).unwrap_or_default();
        let points: Vec<Point> = points.iter().map(|point| Point::of(point, (from, to))).collect();
        let begin = [(Severity::Medium, 40.0), (Severity::High, 60.0), (Severity::Critical, 80.0)];
        Self {
            title: title.to_owned(),
            says: says(title, &points),
            axes: Axes::of(SCALE, labels(from, to)),
            thresholds: begin.map(|(severity, value)| (severity.as_str(), SCALE.y(value))).to_vec(),
            path: path(points.iter().map(|point| (point.x, point.y))),
            has_marks: points.len() <= MARKS,
            keys: mark::keys(points.iter().map(|point| point.severity)),
            points,
        }
    }
}

impl Point {
    fn of(point: &LinePoint, (from, to): (Timestamp, Timestamp)) -> Self {
        let severity = Points::from_f64(point.value).severity().as_str();
        let value = format!("{:.2}", point.value);
        Self {
            at: Moment(point.at),
            says: format!("{}: {value}, {severity}", format::moment(point.at)),
            value,
            severity,
            shape: mark::shape(severity),
            href: point.href.clone(),
            x: x(point.at, from, to),
            y: SCALE.y(point.value),
        }
    }
}

/// Returns where a time is, in percent of the width. A single point is in the middle.
fn x(at: Timestamp, from: Timestamp, to: Timestamp) -> f64 {
    match to.since(from) {
        0 => 50.0,
        span => between(SIDES, at.since(from) as f64 / span as f64),
    }
}

/// Labels the ends and the middle; with the time of the day if the chart has few days.
fn labels(from: Timestamp, to: Timestamp) -> Vec<Date> {
    let span = to.since(from);
    let label = |at: Timestamp| match span {
        span if span > 3 * DAY => format::date(at),
        _ => at.to_utc().format("%m-%d %H:%M").to_string(),
    };
    let date = |at, x, class| Date { x, label: label(at), class };
    match span {
        0 => vec![date(from, 50.0, "")],
        _ => vec![date(from, 0.0, "start"), date(from.plus(span / 2), 50.0, ""), date(to, 100.0, "end")],
    }
}

fn says(title: &str, points: &[Point]) -> String {
    let most = points.iter().min_by(|a, b| a.y.total_cmp(&b.y));
    let (Some(first), Some(last), Some(most)) = (points.first(), points.last(), most) else {
        return format!("{title}: no points");
    };
    format!(
        "{title} from {} to {}, of 100: the highest on {}; at the end {}, {}",
        format::date(first.at.0),
        format::date(last.at.0),
        most.says,
        last.value,
        last.severity
    )
}
