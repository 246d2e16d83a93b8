//! A measure by day against what is usual.

use super::axes::{Axes, Scale, dates, percent, tenths};
use super::mark::{self, Key};
use crate::format;
use askama::Template;
use askama::filters::HtmlSafe;

/// The scale is logarithmic if the largest value is above this many times the median: a choice.
const SPREAD: f64 = 50.0;
/// Width of a bar in percent of its day's column, and the most in percent of the chart.
const BAR: (f64, f64) = (70.0, 6.0);

/// A measure by day against the usual band: values as bars, or as dots on a logarithmic scale, the band as an area.
///
/// Days to come may follow: their band and expected values are dashed. Raised days are marked by color and shape. The scale is logarithmic if the largest value is above 50 times the median of
/// the values above 0. Displays itself as HTML.
#[derive(Debug, Template)]
#[template(path = "bands.html", whitespace = "minimize")]
pub struct Bands {
    title: String,
    unit: String,
    /// What the chart shows, in a sentence.
    says: String,
    is_log: bool,
    axes: Axes,
    /// Paths in a box 1000 wide and as high as the chart.
    band: String,
    usual: String,
    /// Those of the days to come.
    coming_band: String,
    coming: String,
    days: Vec<Day>,
    keys: Vec<Key>,
}

/// A day of [`Bands`]. A number that is not finite is drawn at the lower end.
#[derive(Clone, Debug, Default)]
pub struct BandPoint {
    /// The date, as it is to be shown.
    pub day: String,
    /// The value of the day.
    pub value: f64,
    /// Lower end of the usual band. The band is drawn where both ends are known.
    pub low: Option<f64>,
    /// The expected value.
    pub expected: Option<f64>,
    /// Upper end of the usual band.
    pub high: Option<f64>,
    /// Severity of what was raised on the day: `low`, `medium`, `high` or `critical`.
    pub severity: Option<&'static str>,
    /// Where the day links to.
    pub href: Option<String>,
}

/// A day to come of [`Bands`].
#[derive(Clone, Debug, Default)]
pub struct Coming {
    /// The date, as it is to be shown.
    pub day: String,
    /// Lower end of the band.
    pub low: f64,
    /// The expected value.
    pub expected: f64,
    /// Upper end of the band.
    pub high: f64,
}

#[derive(Debug)]
struct Day {
    date: String,
    value: String,
    low: String,
    expected: String,
    high: String,
    severity: Option<&'static str>,
    shape: &'static str,
    href: Option<String>,
    is_coming: bool,
    /// What is shown of the day where the pointer is.
    says: String,
    /// Left end and width of the column, and of the bar in it, in percent; the middle of both.
    column: (f64, f64),
    bar: (f64, f64),
    x: f64,
    /// Pixels from the top to the value, and from there to the axis.
    y: f64,
    height: f64,
}

/// The two ends of a day's band, and the expected value.
type Usual = (Option<(f64, f64)>, Option<f64>);

impl HtmlSafe for Bands {}

impl Bands {
    /// Makes the chart of consecutive days. `unit` names what is counted, in the plural: "rows".
    pub fn of(title: &str, unit: &str, points: &[BandPoint]) -> Self {
        Self::going_on(title, unit, points, &[])
    }

    /// Makes the chart of consecutive days, and of those to come after them.
    pub fn going_on(title: &str, unit: &str, points: &[BandPoint], coming: &[Coming]) -> Self {
        let ends = |point: &BandPoint| [Some(point.value), point.low, point.expected, point.high];
        let to_come = coming.iter().flat_map(|day| [day.low, day.expected, day.high]);
        let all = points.iter().flat_map(ends).flatten().chain(to_come);
        let is_log = is_spread(points);
        let scale = if is_log { Scale::log(all) } else { Scale::linear(all) };
        let labels: Vec<&str> =
            points.iter().map(|point| &*point.day).chain(coming.iter().map(|day| &*day.day)).collect();
        let axes = Axes::of(scale, dates(labels.into_iter()));
        let count = points.len() + coming.len();
        let place = |index: usize| (index, count);
        let day = |(index, point)| Day::of(point, place(index), (scale, axes.bottom), unit);
        let later = |(index, day)| Day::to_come(day, place(points.len() + index), (scale, axes.bottom), unit);
        let past: Vec<Usual> = points.iter().map(|point| (point.low.zip(point.high), point.expected)).collect();
        let after: Vec<Usual> = coming.iter().map(|day| (Some((day.low, day.high)), Some(day.expected))).collect();
        Self {
            title: title.to_owned(),
            unit: unit.to_owned(),
            says: says(title, unit, points) + &says_coming(coming, unit),
            is_log,
            band: band(&past, (0, count), scale),
            usual: usual(&past, (0, count), scale),
            coming_band: band(&after, (points.len(), count), scale),
            coming: usual(&after, (points.len(), count), scale),
            days: points.iter().enumerate().map(day).chain(coming.iter().enumerate().map(later)).collect(),
            keys: mark::keys(points.iter().filter_map(|point| point.severity)),
            axes,
        }
    }
}

impl Day {
    fn of(point: &BandPoint, (index, count): (usize, usize), (scale, bottom): (Scale, f64), unit: &str) -> Self {
        let (index, count) = (index as f64, count as f64);
        let x = percent(index + 0.5, count);
        let width = (BAR.0 / count).min(BAR.1);
        let known = |value: Option<f64>| value.map(format::number).unwrap_or_default();
        let y = scale.y(point.value);
        Self {
            date: point.day.clone(),
            value: format::number(point.value),
            low: known(point.low),
            expected: known(point.expected),
            high: known(point.high),
            severity: point.severity,
            shape: mark::shape(point.severity.unwrap_or_default()),
            href: point.href.clone(),
            is_coming: false,
            says: format!("{}{}", of_day(point, unit), point.severity.map(|s| format!(", {s}")).unwrap_or_default()),
            column: (percent(index, count), percent(1.0, count)),
            bar: (percent(x - width / 2.0, 100.0), percent(width, 100.0)),
            x,
            y,
            height: tenths(bottom - y),
        }
    }
}

impl Day {
    fn to_come(day: &Coming, place: (usize, usize), scale: (Scale, f64), unit: &str) -> Self {
        let (low, expected, high) = (Some(day.low), Some(day.expected), Some(day.high));
        let point =
            BandPoint { day: day.day.clone(), value: day.expected, low, expected, high, ..BandPoint::default() };
        let says = format!(
            "{}: {} {unit} expected, 95 of 100 days from {} to {}",
            day.day,
            format::number(day.expected),
            format::number(day.low),
            format::number(day.high)
        );
        Self { is_coming: true, value: String::new(), says, ..Self::of(&point, place, scale, unit) }
    }
}

/// Whether a logarithmic scale is needed.
fn is_spread(points: &[BandPoint]) -> bool {
    let mut values: Vec<f64> = points.iter().map(|point| point.value).filter(|v| v.is_finite() && *v > 0.0).collect();
    values.sort_by(f64::total_cmp);
    let median = values.get(values.len() / 2).copied().unwrap_or(f64::INFINITY);
    values.last().is_some_and(|most| *most > SPREAD * median)
}

/// Returns the area of the band: one closed path for each run of days that have both ends. The days begin with the column
/// `first` of `count`.
fn band(days: &[Usual], (first, count): (usize, usize), scale: Scale) -> String {
    let ends: Vec<Option<(f64, f64)>> = days.iter().map(|(ends, _)| *ends).collect();
    let column = |index: usize| thousandths(index, count);
    let mut path = String::new();
    let mut begin = first;
    for run in ends.chunk_by(|a, b| a.is_some() == b.is_some()) {
        let days = || (begin..).zip(run.iter().flatten());
        let end = begin + run.len();
        if run.iter().any(Option::is_some) {
            path += &format!("M{}", column(begin));
            // Along the upper ends, and back along the lower ones.
            let upper = days().map(|(index, (_, high))| (index + 1, scale.y(*high)));
            let upper: Vec<String> = upper.map(|(to, y)| format!("{y}H{}", column(to))).collect();
            let lower: Vec<String> =
                days().map(|(index, (low, _))| format!("V{}H{}", scale.y(*low), column(index))).collect();
            path += &format!(" {}{}z", upper.join("V"), lower.into_iter().rev().collect::<String>());
        }
        begin = end;
    }
    path
}

/// Returns the expected values: a level line over the column of each day that has one.
fn usual(days: &[Usual], (first, count): (usize, usize), scale: Scale) -> String {
    let column = |index: usize| thousandths(index, count);
    let known = (first..).zip(days).filter_map(|(index, (_, expected))| Some((index, (*expected)?)));
    known.map(|(index, expected)| format!("M{} {}H{}", column(index), scale.y(expected), column(index + 1))).collect()
}

fn thousandths(index: usize, count: usize) -> f64 {
    tenths(percent(index as f64, count as f64) * 10.0)
}

fn of_day(point: &BandPoint, unit: &str) -> String {
    let usual = match (point.low.zip(point.high), point.expected) {
        (Some((low, high)), _) => format!(", usually {} to {}", format::number(low), format::number(high)),
        (None, Some(expected)) => format!(", usually {}", format::number(expected)),
        (None, None) => String::new(),
    };
    format!("{}: {} {unit}{usual}", point.day, format::number(point.value))
}

/// Says what is expected of the days to come; nothing if there are none.
fn says_coming(coming: &[Coming], unit: &str) -> String {
    let (Some(first), Some(last)) = (coming.first(), coming.last()) else { return String::new() };
    let most = coming.iter().map(|day| day.expected).fold(0.0, f64::max);
    format!("; expected from {} to {}: up to {} {unit} a day", first.day, last.day, format::number(most))
}

/// Says what the chart shows.
fn says(title: &str, unit: &str, points: &[BandPoint]) -> String {
    let most = points.iter().max_by(|a, b| a.value.total_cmp(&b.value));
    let (Some(first), Some(last), Some(most)) = (points.first(), points.last(), most) else {
        return format!("{title}: no days");
    };
    let above = points.iter().filter(|point| point.high.is_some_and(|high| point.value > high)).count();
    let raised = points.iter().filter(|point| point.severity.is_some()).count();
    let days = |n: usize| if n == 1 { "1 day".to_owned() } else { format!("{n} days") };
    format!(
        "{title}, {} from {} to {}: {} above the usual band, {} raised; the most on {}",
        days(points.len()),
        first.day,
        last.day,
        days(above),
        days(raised),
        of_day(most, unit)
    )
}
