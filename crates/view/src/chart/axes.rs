//! Scales and axes.

use crate::format;

/// Height of a chart in pixels, with the labels of its horizontal axis.
pub(super) const HEIGHT: u32 = 230;
/// Pixels above the highest value: room for a mark.
const TOP: f64 = 14.0;
/// Pixels from the top to the horizontal axis.
const BOTTOM: f64 = 206.0;
/// Intervals that a linear axis has at least.
const INTERVALS: f64 = 4.0;
/// Most powers of ten on a logarithmic axis: a choice that leaves room between them.
const DECADES: i32 = 8;

/// The vertical scale of a chart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Scale {
    /// From 0 to `end`, with a label at each multiple of `step`.
    Linear { end: f64, step: f64 },
    /// From 10 to the power of `low` to 10 to the power of `high`. What is less, as 0, is at the low end.
    Log { low: i32, high: i32 },
}

/// A label of the vertical axis.
#[derive(Debug, PartialEq)]
pub(super) struct Tick {
    /// Pixels from the top.
    pub(super) y: f64,
    pub(super) label: String,
}

/// A label of the horizontal axis.
#[derive(Debug, PartialEq)]
pub(super) struct Date {
    /// Percent of the width.
    pub(super) x: f64,
    pub(super) label: String,
    /// How the text is aligned to `x`, and whether it is left out of a narrow chart.
    pub(super) class: &'static str,
}

/// The axes of a chart.
#[derive(Debug)]
pub(super) struct Axes {
    pub(super) height: u32,
    /// Pixels from the top to the horizontal axis.
    pub(super) bottom: f64,
    pub(super) y: Vec<Tick>,
    pub(super) x: Vec<Date>,
}

impl Axes {
    pub(super) fn of(scale: Scale, x: Vec<Date>) -> Self {
        Self { height: HEIGHT, bottom: BOTTOM, y: scale.ticks(), x }
    }
}

impl Scale {
    /// Makes a linear scale from 0 to at least `most`, with whole labels if all values are whole.
    pub(super) fn linear(values: impl Iterator<Item = f64> + Clone) -> Self {
        // The bounds keep what follows finite; nothing that is counted comes near them.
        let most = values.clone().filter(|value| value.is_finite()).fold(0.0, f64::max).min(1e300);
        let rough = if most > 1e-9 { most / INTERVALS } else { 0.25 };
        let power = 10f64.powf(rough.log10().floor());
        let steps = [1.0, 2.0, 5.0, 10.0].map(|step| step * power);
        let step = steps.into_iter().find(|step| *step >= rough * 0.999_999).unwrap_or(rough);
        let is_whole = values.into_iter().all(|value| value.fract() == 0.0);
        let step = if is_whole { step.max(1.0) } else { step };
        Self::Linear { end: (most / step).ceil().max(1.0) * step, step }
    }

    /// Makes a logarithmic scale of the values above 0.
    pub(super) fn log(values: impl Iterator<Item = f64> + Clone) -> Self {
        let values = values.filter(|value| value.is_finite() && *value > 0.0);
        let most = values.clone().fold(f64::MIN_POSITIVE, f64::max);
        let high = most.log10().ceil() as i32;
        let low = values.fold(most, f64::min).log10().floor() as i32;
        Self::Log { low: low.clamp(high - DECADES, high - 1), high }
    }

    /// Returns how many pixels below the top a value is. Values beyond the scale are at its ends.
    pub(super) fn y(self, value: f64) -> f64 {
        let share = match self {
            Self::Linear { end, .. } => value / end,
            Self::Log { low, high } => (value.max(f64::MIN_POSITIVE).log10() - f64::from(low)) / f64::from(high - low),
        };
        let share = if share.is_nan() { 0.0 } else { share.clamp(0.0, 1.0) };
        tenths(BOTTOM - (BOTTOM - TOP) * share)
    }

    fn ticks(self) -> Vec<Tick> {
        let tick = |value| Tick { y: self.y(value), label: short(value) };
        match self {
            Self::Linear { end, step } => {
                (0..=(end / step).round() as u32).map(|n| tick(f64::from(n) * step)).collect()
            }
            Self::Log { low, high } => {
                let every = if high - low > 5 { 2 } else { 1 };
                (low..=high).filter(|power| (power - low) % every == 0).map(|power| tick(10f64.powi(power))).collect()
            }
        }
    }
}

/// Labels five of `count` columns, given the label of each, and three where the chart is narrow.
pub(super) fn dates<'a>(labels: impl ExactSizeIterator<Item = &'a str>) -> Vec<Date> {
    let count = labels.len();
    let last = count.saturating_sub(1);
    let shown = [(0, "start"), (last, "end"), (last / 2, ""), (last / 4, "wide"), (last * 3 / 4, "wide")];
    let of = |(index, label): (usize, &str)| {
        // The first one counts where there are fewer columns than labels.
        let (_, class) = shown.iter().find(|(at, _)| *at == index)?;
        let class = if count == 1 { "" } else { *class };
        let x = match class {
            "start" => 0.0,
            "end" => 100.0,
            _ => percent(index as f64 + 0.5, count as f64),
        };
        Some(Date { x, label: label.to_owned(), class })
    };
    labels.enumerate().filter_map(of).collect()
}

/// Returns the line through points, given in percent of the width and in pixels, in a box 1000 wide.
pub(super) fn path(points: impl Iterator<Item = (f64, f64)>) -> String {
    let steps: Vec<String> = points.map(|(x, y)| format!("{} {y}", tenths(x * 10.0))).collect();
    if steps.is_empty() { String::new() } else { format!("M{}", steps.join("L")) }
}

/// Returns `part` in percent of `whole`, to hundredths: finer than a pixel.
pub(super) fn percent(part: f64, whole: f64) -> f64 {
    let percent = (part / whole * 1e4).round() / 1e2;
    if percent.is_finite() { percent } else { 0.0 }
}

/// Returns where a share of 0 to 1 is between two ends in percent, to hundredths.
pub(super) fn between((left, right): (f64, f64), share: f64) -> f64 {
    percent(left + share.clamp(0.0, 1.0) * (right - left), 100.0)
}

/// Rounds a length to tenths, finer than a pixel.
pub(super) fn tenths(length: f64) -> f64 {
    (length * 10.0).round() / 10.0
}

/// Writes a number for a label: `250`, `4k`, `1.5M`.
fn short(value: f64) -> String {
    let units = [(1e9, "bn"), (1e6, "M"), (1e3, "k")];
    match units.into_iter().find(|(unit, _)| value >= *unit && value < 1e15) {
        Some((unit, name)) => format!("{}{name}", format::number(value / unit)),
        None => format::number(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(scale: Scale) -> Vec<String> {
        scale.ticks().into_iter().map(|tick| tick.label).collect()
    }

    #[test]
    fn linear_labels_are_round_and_reach_the_largest_value() {
        let check = |values: &[f64], expect: &[&str]| assert_eq!(labels(Scale::linear(values.iter().copied())), expect);
        check(&[], &["0", "1"]);
        check(&[0.0], &["0", "1"]);
        check(&[1.0], &["0", "1"]);
        check(&[0.9], &["0", "0.5", "1"]);
        check(&[3.0, 7.0], &["0", "2", "4", "6", "8"]);
        check(&[100.0], &["0", "50", "100"]);
        check(&[4_151.0], &["0", "2k", "4k", "6k"]);
        check(&[f64::NAN, f64::INFINITY, 10.5], &["0", "5", "10", "15"]);
    }

    #[test]
    fn logarithmic_labels_are_powers_of_ten() {
        let check = |values: &[f64], expect: &[&str]| assert_eq!(labels(Scale::log(values.iter().copied())), expect);
        check(&[0.0, 12.0, 4_151.0], &["10", "100", "1k", "10k"]);
        check(&[5.0], &["1", "10"]);
        check(&[100.0], &["10", "100"]);
        check(&[0.001, 1e6], &["0.01", "1", "100", "10k", "1M"]);
    }

    #[test]
    fn values_stay_on_the_scale() {
        let linear = Scale::Linear { end: 100.0, step: 25.0 };
        let ys = [0.0, 50.0, 100.0, 1e9, -5.0, f64::NAN].map(|value| linear.y(value));
        assert_eq!(ys, [206.0, 110.0, 14.0, 14.0, 206.0, 206.0]);
        let log = Scale::Log { low: 0, high: 2 };
        assert_eq!([0.0, 1.0, 10.0, 100.0, 1e9].map(|value| log.y(value)), [206.0, 206.0, 110.0, 14.0, 14.0]);
    }

    #[test]
    fn few_dates_are_labeled_once_each() {
        let check = |labels: &[&str], expect: &[(&str, &str)]| {
            let dates = dates(labels.iter().copied());
            assert_eq!(dates.iter().map(|date| (&*date.label, date.class)).collect::<Vec<_>>(), expect);
        };
        check(&[], &[]);
        check(&["a"], &[("a", "")]);
        check(&["a", "b"], &[("a", "start"), ("b", "end")]);
        check(&["a", "b", "c"], &[("a", "start"), ("b", ""), ("c", "end")]);
    }
}
