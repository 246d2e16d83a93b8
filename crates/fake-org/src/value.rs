//! Values of records: times, texts, and deterministic ids.

use model::Timestamp;
use serde_json::{Map, Value};

/// Reads a time in the format of stored events, `2026-01-19T09:59:00.318+0000`, or in RFC 3339.
pub(crate) fn time(text: &str) -> Option<Timestamp> {
    let (head, minutes) = text.len().checked_sub(2).and_then(|middle| text.split_at_checked(middle))?;
    let offset = head.len().checked_sub(3).and_then(|sign| head.get(sign..))?;
    if offset.starts_with(['+', '-']) && !offset.contains(':') {
        return Timestamp::parse(&format!("{head}:{minutes}"));
    }
    Timestamp::parse(text)
}

/// Formats a time as in stored events: `2026-01-19T09:59:00.318+0000`.
pub(crate) fn stored_time(time: Timestamp) -> String {
    time.to_utc().format("%Y-%m-%dT%H:%M:%S%.3f+0000").to_string()
}

/// Returns the text of a field; empty if the field is missing or not a text.
pub(crate) fn text<'a>(fields: &'a Map<String, Value>, name: &str) -> &'a str {
    fields.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// Derives an id of 18 characters from `seed`.
pub(crate) fn id(prefix: &str, seed: &str) -> String {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut rest = model::id::hash(seed.as_bytes());
    let mut short = format!("{prefix}fk0");
    while short.len() < 15 {
        short.push(DIGITS.get((rest % 62) as usize).map_or('0', |digit| char::from(*digit)));
        rest /= 62;
    }
    model::id::normalize(&short).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_survive_being_written_and_read() {
        let at = Timestamp(1_768_816_740_318);
        assert_eq!(stored_time(at), "2026-01-19T09:59:00.318+0000");
        for text in ["2026-01-19T09:59:00.318+0000", "2026-01-19T09:59:00.318Z", "2026-01-19T10:59:00.318+01:00"] {
            assert_eq!(time(text), Some(at), "{text}");
        }
        assert_eq!(time("2026-01-19T09:59:00.318-0100"), Some(at.plus(3_600_000)));
        assert_eq!((time("yesterday"), time("")), (None, None));
    }

    #[test]
    fn ids_are_stable_and_distinct() {
        assert_eq!(id("0AT", "a"), id("0AT", "a"));
        assert_ne!(id("0AT", "a"), id("0AT", "b"));
        assert_eq!(id("0AT", "a").len(), 18);
    }
}
