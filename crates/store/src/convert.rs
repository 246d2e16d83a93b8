//! Conversions between the model's types and column types.

use crate::error::{Result, StoreError};
use model::Severity;
use serde::Serialize;
use serde_json::Value;
use std::borrow::Cow;

/// Converts a number to `bigint`.
///
/// # Errors
/// [`StoreError::Range`] if the number is above the range of `bigint`.
pub(crate) fn bigint(field: &'static str, value: u64) -> Result<i64> {
    i64::try_from(value).map_err(|_| StoreError::Range { field, value })
}

/// Converts a count or a revision, which constraints keep from being negative.
pub(crate) fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

/// Converts a severity to its `smallint`: 0 low, 1 medium, 2 high, 3 critical.
pub(crate) fn small_severity(severity: Severity) -> i16 {
    match severity {
        Severity::Low => 0,
        Severity::Medium => 1,
        Severity::High => 2,
        Severity::Critical => 3,
    }
}

/// Reads a severity, the inverse of [`small_severity`].
///
/// # Errors
/// [`StoreError::UnknownWord`] for any other number.
pub(crate) fn severity(number: i16) -> Result<Severity> {
    let found = Severity::ALL.iter().copied().find(|severity| small_severity(*severity) == number);
    found.ok_or_else(|| StoreError::UnknownWord { field: "severity", value: number.to_string() })
}

/// Replaces U+0000, which Postgres' `text` cannot hold, by U+FFFD. The encoded messages keep it.
pub(crate) fn text(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { Cow::Owned(text.replace('\0', "\u{fffd}")) } else { Cow::Borrowed(text) }
}

/// Converts a value to `jsonb`, replacing U+0000 as [`text`] does.
pub(crate) fn json(value: &impl Serialize) -> serde_json::Result<Value> {
    let text = serde_json::to_string(value)?;
    // If the backslash is itself escaped (`\\u0000`), the replacement changes four letters, and the JSON stays valid.
    serde_json::from_str(&text.replace("\\u0000", "\\ufffd"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn severities_survive() {
        for each in Severity::ALL {
            assert_eq!(severity(small_severity(*each)).unwrap(), *each);
        }
        assert_eq!(severity(4).unwrap_err().to_string(), "unknown severity in the database: 4");
    }

    #[test]
    fn the_null_character_is_replaced() {
        assert_eq!(text("as it is"), "as it is");
        assert_eq!(text("a\0b"), "a\u{fffd}b");
    }

    #[test]
    fn a_number_that_does_not_fit_is_named() {
        assert_eq!(bigint("revision", 7).unwrap(), 7);
        let error = bigint("revision", u64::MAX).unwrap_err();
        assert_eq!(error.to_string(), "revision 18446744073709551615 does not fit the database");
    }
}
