//! Parses the times of all channels, to milliseconds.

use crate::record::Scalar;
use model::Timestamp;
use model::time::{DAY, HOUR, MINUTE, SECOND};

/// The last millisecond of the year 9999.
const MAX: i64 = 253_402_300_799_999;
/// Numbers below this are milliseconds (until the year 2286); numbers above it are `YYYYMMDDhhmmss`.
const COMPACT: f64 = 1e13;

/// Parses a time in any of Salesforce's spellings. Returns `None` for anything else, and outside the years 1970 to 9999.
///
/// - a number of milliseconds;
/// - `2026-03-02T14:31:52.867+0000`, with `T` or a space, an optional fraction, and `Z`, `+0000`, `+00:00`, `+00` or
///   nothing, which stands for UTC;
/// - `20260302143152.86`, in UTC, with an optional fraction.
pub(crate) fn read(value: &Scalar<'_>) -> Option<Timestamp> {
    let time = match value {
        Scalar::Null | Scalar::Bool(_) => None,
        Scalar::Number(number) if *number >= COMPACT => compact(format!("{number:.3}").as_bytes()),
        Scalar::Number(number) => number.is_finite().then_some(*number as i64),
        Scalar::Text(text) => {
            let bytes = text.trim_ascii().as_bytes();
            match bytes.get(4) {
                Some(b'-') => iso(bytes),
                _ if bytes.len() == 13 => digits(bytes).map(|n| n as i64),
                _ => compact(bytes),
            }
        }
    }?;
    (0..=MAX).contains(&time).then_some(Timestamp(time))
}

fn iso(bytes: &[u8]) -> Option<i64> {
    let (head, tail) = bytes.split_at_checked(19)?;
    let [y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1, b'T' | b't' | b' ', h0, h1, b':', i0, i1, b':', s0, s1] = *head
    else {
        return None;
    };
    let time = civil(&[y0, y1, y2, y3, m0, m1, d0, d1, h0, h1, i0, i1, s0, s1])?;
    let (fraction, zone) = fraction(tail)?;
    Some(time + fraction - offset(zone)?)
}

fn compact(bytes: &[u8]) -> Option<i64> {
    let (head, tail) = bytes.split_first_chunk::<14>()?;
    let (fraction, rest) = fraction(tail)?;
    rest.is_empty().then_some(())?;
    Some(civil(head)? + fraction)
}

/// Converts `YYYYMMDDhhmmss` in UTC to milliseconds.
fn civil(text: &[u8; 14]) -> Option<i64> {
    let [y0, y1, y2, y3, rest @ ..] = *text;
    let [m0, m1, d0, d1, h0, h1, i0, i1, s0, s1] = rest;
    let two = |a: u8, b: u8| digits(&[a, b]).map(|n| n as i64);
    let year = digits(&[y0, y1, y2, y3])? as i64;
    let (month, day) = (two(m0, m1)?, two(d0, d1)?);
    let (hour, minute, second) = (two(h0, h1)?, two(i0, i1)?, two(s0, s1)?);
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        2 => 28 + i64::from(is_leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    // A leap second is read as the first of the next minute.
    if !(1..=12).contains(&month) || !(1..=length).contains(&day) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    Some(days(year, month, day) * DAY + hour * HOUR + minute * MINUTE + second * SECOND)
}

/// Returns the days from 1970-01-01 in the Gregorian calendar.
///
/// Years start in March, so that the leap day is the last (Hinnant, "chrono-Compatible Low-Level Date Algorithms").
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    year * 365 + year / 4 - year / 100 + year / 400 + day_of_year - 719_468
}

/// Parses an optional fraction of a second. Returns it in milliseconds, rounded down, with the bytes after it.
fn fraction(tail: &[u8]) -> Option<(i64, &[u8])> {
    let Some((b'.', tail)) = tail.split_first() else {
        return Some((0, tail));
    };
    let length = tail.iter().take_while(|b| b.is_ascii_digit()).count();
    let (fraction, rest) = tail.split_at_checked(length)?;
    let millis = (0..3).fold(0, |millis, i| millis * 10 + fraction.get(i).map_or(0, |b| i64::from(b - b'0')));
    Some((millis, rest))
}

/// Parses the offset of a time zone from UTC, in milliseconds.
fn offset(zone: &[u8]) -> Option<i64> {
    let (sign, rest) = match zone.split_first() {
        None | Some((b'Z' | b'z', [])) => return Some(0),
        Some((b'+', rest)) => (1, rest),
        Some((b'-', rest)) => (-1, rest),
        Some(_) => return None,
    };
    let (hours, minutes) = match *rest {
        [a, b] => (digits(&[a, b])?, 0),
        [a, b, c, d] | [a, b, b':', c, d] => (digits(&[a, b])?, digits(&[c, d])?),
        _ => return None,
    };
    (hours < 24 && minutes < 60).then_some(sign * (hours as i64 * HOUR + minutes as i64 * MINUTE))
}

fn digits(bytes: &[u8]) -> Option<u64> {
    bytes.iter().try_fold(0u64, |n, b| b.is_ascii_digit().then(|| n * 10 + u64::from(b - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(text: &str, expect: &str) {
        let time = read(&Scalar::Text(text.into())).map(|time| time.to_string());
        assert_eq!(time.as_deref().unwrap_or("none"), expect, "{text}");
    }

    #[test]
    fn every_spelling_is_parsed() {
        check("2023-03-20T16:25:52.850+0000", "2023-03-20T16:25:52.850Z");
        check("2021-10-19T11:47:22Z", "2021-10-19T11:47:22.000Z");
        check("2023-03-20T16:25:52.1+00:00", "2023-03-20T16:25:52.100Z");
        check("2023-03-20T16:25:52.123456789+05:30", "2023-03-20T10:55:52.123Z");
        check("2023-03-20 16:25:52.85-08", "2023-03-21T00:25:52.850Z");
        check("2024-01-15 14:23:45.123", "2024-01-15T14:23:45.123Z");
        check("20211019050707.13", "2021-10-19T05:07:07.130Z");
        check("20220803011210", "2022-08-03T01:12:10.000Z");
        check("20230315013819.200", "2023-03-15T01:38:19.200Z");
        check("1679502552850", "2023-03-22T16:29:12.850Z");
        check("2024-02-29T00:00:00Z", "2024-02-29T00:00:00.000Z");
        assert_eq!(read(&Scalar::Number(1_679_502_552_850.0)), Some(Timestamp(1_679_502_552_850)));
        assert_eq!(read(&Scalar::Number(20_220_803_011_210.0)), read(&Scalar::Text("20220803011210".into())));
    }

    #[test]
    fn other_texts_are_refused() {
        for text in
            ["", "yesterday", "2024-01-15", "2023-02-29T00:00:00Z", "2023-13-01T00:00:00Z", "2023-01-01T25:00:00Z"]
        {
            check(text, "none");
        }
        for text in ["2023-01-01T00:00:00+9", "20230101000000x", "1969-12-31T23:59:59Z", "2023-01-01T00:00:00.5é"] {
            check(text, "none");
        }
        for number in [f64::NAN, f64::INFINITY, -5.0, 1e30] {
            assert_eq!(read(&Scalar::Number(number)), None);
        }
    }

    proptest! {
        #[test]
        fn agrees_with_the_calendar(millis in 0..=MAX) {
            let time = Timestamp(millis);
            prop_assert_eq!(read(&Scalar::Text(time.to_string().into())), Some(time));
        }

        #[test]
        fn never_panics(text in "\\PC{0,32}") {
            read(&Scalar::Text(text.into()));
        }
    }
}
