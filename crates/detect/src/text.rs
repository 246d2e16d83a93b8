//! Words and numbers of summaries, as people write them.

use model::{Surface, Text};

/// Days of history below which a summary says that the account's peers count, too: two weeks, a choice. The weight of
/// the peers falls smoothly with each day and is in the finding's measures; the text needs one boundary.
const THIN_DAYS: f64 = 14.0;

/// Writes a whole number with thousands separators: `4151.0` as `4,151`. Negative values are written as 0.
pub fn count(value: f64) -> String {
    let digits = format!("{:.0}", value.max(0.0));
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Writes a quantity with the digits that a reader needs: `4,151` from 10 on, `9.4` or `3` below, `under 0.1` for less.
pub fn quantity(value: f64) -> String {
    match value {
        v if v >= 10.0 => count(v),
        v if v > 0.0 && v < 0.1 => "under 0.1".to_owned(),
        v => format!("{v:.1}").trim_end_matches(".0").to_owned(),
    }
}

/// Writes how often something happens that happens `mean` times a day: `2.4 times a day`, `once a day`,
/// `once in 20 days`, `less than once a year`.
pub fn how_often(mean: f64) -> String {
    match mean {
        m if (0.95..1.05).contains(&m) => "once a day".to_owned(),
        m if m >= 0.55 => format!("{} times a day", quantity(m)),
        m if m >= 1.0 / 365.0 => format!("once in {:.0} days", 1.0 / m),
        _ => "less than once a year".to_owned(),
    }
}

/// Writes the first two of `total` names: `a`, `a and b`, `a, b and 3 more`. `names` may hold fewer than `total`.
pub fn list(names: &[Text], total: usize) -> String {
    let rest = total.saturating_sub(2);
    match names {
        [] => "something without a name".to_owned(),
        [one] if total <= 1 => one.to_string(),
        [one] => format!("{one} and {} more", total - 1),
        [one, two, ..] if rest == 0 => format!("{one} and {two}"),
        [one, two, ..] => format!("{one}, {two} and {rest} more"),
    }
}

/// Mentions an org's day that explains a part: `; the org's day was 1.4 times the usual`, from 5 % more than usual on.
/// `shift` is the natural logarithm of the factor.
pub fn busy_day(shift: f64) -> String {
    /// A choice: less is no explanation.
    const MENTIONED: f64 = 0.05;
    if shift > MENTIONED { format!("; the org's day was {:.1} times the usual", shift.exp()) } else { String::new() }
}

/// Names the surface through which rows were read, after "through".
pub fn through(surface: Surface) -> &'static str {
    match surface {
        Surface::ListView => "list views",
        Surface::Report => "reports",
        Surface::Api => "the API",
        Surface::Bulk => "the Bulk API",
        Surface::File => "files",
    }
}

/// Writes `1 thing` or `n things`.
pub fn number_of(n: u32, thing: &str) -> String {
    if n == 1 { format!("1 {thing}") } else { format!("{} {thing}s", count(f64::from(n))) }
}

/// Writes days of history, which may be a fraction after a change of role: `1 day`, `30 days`, `less than 1 day`.
pub fn days(days: f64) -> String {
    if days < 0.5 { "less than 1 day".to_owned() } else { number_of(days.round() as u32, "day") }
}

/// Says that so many days of history have none: `none in its 30 days of history`. `such` follows "none".
pub fn none(such: &str, history: f64) -> String {
    match history {
        h if h < 0.5 => "it has no history yet".to_owned(),
        h => format!("none{such} in its {} of history", days(h)),
    }
}

/// A remark for baselines of under two weeks; empty for others.
pub fn thin(history: f64) -> String {
    let only = if history < 0.5 { "" } else { "only " };
    if history < THIN_DAYS {
        format!("; {only}{} of history, so its peers count too", days(history))
    } else {
        String::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_lists() {
        assert_eq!(count(4_151.0), "4,151");
        assert_eq!(count(999.0), "999");
        assert_eq!(count(1_000_364.0), "1,000,364");
        assert_eq!(list(&["a".into(), "b".into()], 5), "a, b and 3 more");
        assert_eq!(list(&["a".into(), "b".into()], 2), "a and b");
        assert_eq!(list(&["a".into()], 1), "a");
        assert_eq!(number_of(1, "object"), "1 object");
        assert_eq!(number_of(2, "object"), "2 objects");
    }

    #[test]
    fn quantities_have_the_digits_that_matter() {
        let check = |value, expect: &str| assert_eq!(quantity(value), expect);
        check(4_914.6, "4,915");
        check(9.44, "9.4");
        check(3.0, "3");
        check(0.01, "under 0.1");
        check(0.0, "0");
        check(-1.25, "-1.2");
    }

    #[test]
    fn rates_are_written_by_their_period() {
        let check = |mean, expect: &str| assert_eq!(how_often(mean), expect);
        check(24.0, "24 times a day");
        check(1.0, "once a day");
        check(0.6, "0.6 times a day");
        check(0.05, "once in 20 days");
        check(0.001, "less than once a year");
        check(f64::NAN, "less than once a year");
    }

    #[test]
    fn a_short_history_is_remarked_on() {
        assert_eq!(thin(0.3), "; less than 1 day of history, so its peers count too");
        assert_eq!(thin(9.2), "; only 9 days of history, so its peers count too");
        assert_eq!(thin(14.0), "");
    }
}
