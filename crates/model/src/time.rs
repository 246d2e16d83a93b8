//! Event time in milliseconds.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// Milliseconds since 1970-01-01T00:00:00Z. Displayed and serialized as `2026-03-02T14:31:52.867Z`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

/// Milliseconds in a second.
pub const SECOND: i64 = 1_000;
/// Milliseconds in a minute.
pub const MINUTE: i64 = 60 * SECOND;
/// Milliseconds in an hour.
pub const HOUR: i64 = 60 * MINUTE;
/// Milliseconds in a day of 24 hours.
pub const DAY: i64 = 24 * HOUR;

impl Timestamp {
    /// Returns whether the time is in the years 1 to 9999, the range of RFC 3339.
    pub fn is_in_calendar(self) -> bool {
        (-62_135_596_800_000..=253_402_300_799_999).contains(&self.0)
    }

    /// Parses an RFC 3339 time, or a date alone, which stands for its midnight in UTC.
    pub fn parse(text: &str) -> Option<Self> {
        if let Ok(time) = DateTime::parse_from_rfc3339(text) {
            return Some(Self(time.timestamp_millis()));
        }
        let date = text.parse::<chrono::NaiveDate>().ok()?;
        Some(Self(date.and_time(chrono::NaiveTime::MIN).and_utc().timestamp_millis()))
    }

    /// Converts to a `chrono` time; 1970-01-01 if it is out of chrono's range.
    pub fn to_utc(self) -> DateTime<Utc> {
        // Never out of range in practice: both the formats and the wire are limited to the years 1 to 9999.
        DateTime::from_timestamp_millis(self.0).unwrap_or(DateTime::UNIX_EPOCH)
    }

    /// Returns `self` + `milliseconds`, saturating at the range of `i64`.
    pub fn plus(self, milliseconds: i64) -> Self {
        Self(self.0.saturating_add(milliseconds))
    }

    /// Returns the milliseconds from `earlier` to `self`, negative if `earlier` is later.
    pub fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_utc().to_rfc3339_opts(SecondsFormat::Millis, true))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom(format_args!("not a time in RFC 3339: {text:?}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn displays_and_parses_rfc_3339() {
        let time = Timestamp(1_772_461_912_867);
        assert_eq!(time.to_string(), "2026-03-02T14:31:52.867Z");
        assert_eq!(Timestamp::parse("2026-03-02T14:31:52.867Z"), Some(time));
        assert_eq!(Timestamp::parse("2026-03-02T15:31:52.867+01:00"), Some(time));
        assert_eq!(Timestamp::parse("2026-03-02").map(|t| t.to_string()).as_deref(), Some("2026-03-02T00:00:00.000Z"));
        assert_eq!(Timestamp::parse("yesterday"), None);
    }
}
