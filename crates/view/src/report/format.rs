//! Times and numbers as text.

use detect::text;
use model::Timestamp;
use model::time::{DAY, HOUR, MINUTE, SECOND};

/// `2026-03-02 14:31:52`, in UTC.
pub(super) fn moment(time: Timestamp) -> String {
    time.to_utc().format("%Y-%m-%d %H:%M:%S").to_string()
}

/// `2026-03-02`, in UTC.
pub(super) fn date(time: Timestamp) -> String {
    time.to_utc().format("%Y-%m-%d").to_string()
}

/// `45 s`, `12 min`, `3 h 20 min`, `5 d 2 h`.
pub(super) fn duration(milliseconds: i64) -> String {
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

/// `1,234,567`.
pub(super) fn count(n: u64) -> String {
    text::count(n as f64)
}

/// Writes a measure: grouped digits if large, at most three decimals otherwise.
pub(super) fn number(value: f64) -> String {
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
pub(super) fn p_value(surprise: f64) -> String {
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
pub(super) fn percent(hundredths: u32) -> String {
    format!("{} %", trimmed(&format!("{:.1}", f64::from(hundredths) / 100.0)))
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
    fn percents_are_rounded_to_tenths() {
        assert_eq!(percent(6_200), "62 %");
        assert_eq!(percent(449), "4.5 %");
        assert_eq!(percent(10_000), "100 %");
        assert_eq!(percent(4), "0 %");
    }
}
