//! Words and numbers as people write them.

use model::{Surface, Text};

/// `4151.0` as `4,151`.
pub fn count(value: f64) -> String {
    let digits = format!("{:.0}", value.max(0.0));
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `a`, `a and b`, `a, b and 3 more`.
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

/// Through what rows left.
pub fn through(surface: Surface) -> &'static str {
    match surface {
        Surface::ListView => "list views",
        Surface::Report => "reports",
        Surface::Api => "the API",
        Surface::Bulk => "the Bulk API",
        Surface::File => "files",
    }
}

/// `n thing` or `n things`.
pub fn number_of(n: u32, thing: &str) -> String {
    if n == 1 { format!("1 {thing}") } else { format!("{} {thing}s", count(f64::from(n))) }
}

/// A remark for baselines of under two weeks.
pub fn thin(days: f64) -> &'static str {
    if days < 14.0 { " (thin baseline: judged by its peers)" } else { "" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_people_write() {
        assert_eq!(count(4_151.0), "4,151");
        assert_eq!(count(999.0), "999");
        assert_eq!(count(1_000_364.0), "1,000,364");
        assert_eq!(list(&["a".into(), "b".into()], 5), "a, b and 3 more");
        assert_eq!(list(&["a".into(), "b".into()], 2), "a and b");
        assert_eq!(list(&["a".into()], 1), "a");
        assert_eq!(number_of(1, "object"), "1 object");
        assert_eq!(number_of(2, "object"), "2 objects");
    }
}
