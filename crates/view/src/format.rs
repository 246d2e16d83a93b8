//! Times and numbers as text, and as HTML elements that a script may show in the reader's own way.

use askama::filters::HtmlSafe;
use detect::text;
use model::time::{DAY, HOUR, MINUTE, SECOND};
use model::{Points, Timestamp};
use std::fmt;

/// A time as an HTML element with its text in UTC.
///
/// Writes `<time datetime="2026-03-02T14:31:52.867Z">2026-03-02 14:31:52</time>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub Timestamp);

/// A count as an HTML element: `<data value="398695">398,695</data>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Count(pub u64);

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<time datetime=\"{}\">{}</time>", self.0, moment(self.0))
    }
}

impl HtmlSafe for Moment {}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<data value=\"{}\">{}</data>", self.0, count(self.0))
    }
}

impl HtmlSafe for Count {}

/// Writes a time in UTC: `2026-03-02 14:31:52`.
pub fn moment(time: Timestamp) -> String {
    time.to_utc().format("%Y-%m-%d %H:%M:%S").to_string()
}

/// Writes the date of a time in UTC: `2026-03-02`.
pub fn date(time: Timestamp) -> String {
    time.to_utc().format("%Y-%m-%d").to_string()
}

/// Writes a duration in milliseconds: `45 s`, `12 min`, `3 h 20 min`, `5 d 2 h`.
pub fn duration(milliseconds: i64) -> String {
    let two = |large: i64, unit: &str, rest: i64, small: &str| match rest {
        0 => format!("{large} {unit}"),
        _ => format!("{large} {unit} {rest} {small}"),
    };
    match milliseconds {
        ms if ms >= DAY => two(ms / DAY, "d", ms % DAY / HOUR, "h"),
        ms if ms >= HOUR => two(ms / HOUR, "h", ms % HOUR / MINUTE, "min"),
        ms if ms >= MINUTE => two(ms / MINUTE, "min", ms % MINUTE / SECOND, "s"),
        ms => format!("{} s", ms.max(0) / SECOND),
    }
}

/// Writes a count with its digits in groups: `1,234,567`.
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Writes a measure: grouped digits if large, at most three decimals otherwise.
pub fn number(value: f64) -> String {
    if !value.is_finite() {
        return "not a number".to_owned();
    }
    let size = value.abs();
    let digits = match size {
        s if s >= 1e15 => return format!("{value:.2e}"),
        s if s >= 1_000.0 => text::count(size),
        s if s > 0.0 && s < 0.000_5 => return format!("{value:.1e}"),
        _ => trimmed(&format!("{size:.3}")),
    };
    if value < 0.0 { format!("−{digits}") } else { digits }
}

/// Writes the p-value of a surprise, −log10 p: `1 in 5,000`, or `2e-13` below 1 in 10 million.
pub fn p_value(surprise: f64) -> String {
    if !surprise.is_finite() || surprise <= 0.0 {
        return "1".to_owned();
    }
    if surprise < 7.0 {
        let odds = 10f64.powf(surprise);
        let step = 10f64.powf(surprise.floor() - 1.0).max(1.0);
        return format!("1 in {}", text::count((odds / step).round() * step));
    }
    format!("{:.0e}", 10f64.powf(-surprise))
}

/// Writes a share given in hundredths of a percent: `62 %`, `4.5 %`.
pub fn percent(hundredths: u32) -> String {
    format!("{} %", trimmed(&format!("{:.1}", f64::from(hundredths) / 100.0)))
}

/// Writes points with their sign; the minus is the true one, as wide as the plus.
pub fn signed(points: Points) -> String {
    match points.0 {
        0 => points.to_string(),
        n if n > 0 => format!("+{points}"),
        _ => points.to_string().replacen('-', "−", 1),
    }
}

fn trimmed(decimal: &str) -> String {
    decimal.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_two_units_at_most() {
        let check = |milliseconds, expect: &str| assert_eq!(duration(milliseconds), expect);
        check(-1, "0 s");
        check(45_999, "45 s");
        check(12 * MINUTE, "12 min");
        check(58 * SECOND + MINUTE, "1 min 58 s");
        check(3 * HOUR + 20 * MINUTE, "3 h 20 min");
        check(5 * DAY + 2 * HOUR + MINUTE, "5 d 2 h");
    }

    #[test]
    fn numbers_stay_short() {
        let check = |value, expect: &str| assert_eq!(number(value), expect);
        check(0.0, "0");
        check(4_151.0, "4,151");
        check(-12_345.6, "−12,346");
        check(36.44, "36.44");
        check(111.2073, "111.207");
        check(-2.5, "−2.5");
        check(999.9999, "1000");
        check(0.000_012, "1.2e-5");
        check(1e18, "1.00e18");
        check(f64::NAN, "not a number");
        assert_eq!(count(1_000_364), "1,000,364");
    }

    #[test]
    fn p_values_are_odds_down_to_one_in_ten_million() {
        let check = |surprise, expect: &str| assert_eq!(p_value(surprise), expect);
        check(0.0, "1");
        check(0.5, "1 in 3");
        check(3.0, "1 in 1,000");
        check(3.7, "1 in 5,000");
        check(6.5, "1 in 3,200,000");
        check(12.7, "2e-13");
    }

    #[test]
    fn elements_have_the_value_and_the_text() {
        let time = Timestamp::parse("2026-03-02T14:31:52.867Z").map(Moment).expect("a time");
        let element = "<time datetime=\"2026-03-02T14:31:52.867Z\">2026-03-02 14:31:52</time>";
        assert_eq!(time.to_string(), element);
        assert_eq!(Count(398_695).to_string(), "<data value=\"398695\">398,695</data>");
    }

    #[test]
    fn large_counts_are_exact() {
        assert_eq!(count(0), "0");
        assert_eq!(count(u64::MAX), "18,446,744,073,709,551,615");
    }

    #[test]
    fn points_have_their_sign() {
        assert_eq!([310, 0, -152].map(|points| signed(Points(points))), ["+3.10", "0.00", "−1.52"]);
    }

    #[test]
    fn percents_are_rounded_to_tenths() {
        assert_eq!(percent(6_200), "62 %");
        assert_eq!(percent(449), "4.5 %");
        assert_eq!(percent(10_000), "100 %");
        assert_eq!(percent(4), "0 %");
    }
}
