//! Parses the times of all channels, to milliseconds.

use crate::record::Scalar;
use model::Timestamp;
use model::time::{DAY, HOUR, MINUTE, SECOND};

/// The last millisecond of the year 9999.
const MAX: i64 = 253_402_300_799_999;
/// The first millisecond of the year 2000. Salesforce has no earlier events, and a number of seconds that is read as
/// milliseconds, or a missing value that became 0, gives an earlier time.
const MIN: i64 = 946_684_800_000;

/// Why a value is no time of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TimeError {
    /// It is in none of the known forms.
    Form,
    /// It is a date without a time of day.
    DateOnly,
    /// It is before the year 2000, or after 9999.
    Implausible,
}

/// Parses a time as Salesforce writes it, or other tools that Salesforce's events pass through.
///
/// - `2026-03-02T14:31:52.867+0000`, with `T` or a space, optional seconds and fraction, and `Z`, `UTC`, `GMT`, `+0000`,
///   `+00:00`, `+00` or nothing, which stands for UTC;
/// - `20260302143152.86`, in UTC, with an optional fraction;
/// - a number of seconds, milliseconds, microseconds or nanoseconds since 1970: the only one of them that lies between
///   2000 and 2286;
/// - `3/2/2026, 2:31:52.867 PM PST`, month first, `2.3.2026 14:31`, day first, and `2026/03/02 14:31:52`, as the portal of
///   Microsoft Sentinel, Salesforce's Setup and spreadsheets write them;
/// - `Mar 2, 2026 @ 14:31:52.867`, as Kibana does, and `Mon, 02 Mar 2026 14:31:52 GMT`.
///
/// # Errors
/// If it is none of these, or not between the years 2000 and 9999.
pub(crate) fn read(value: &Scalar<'_>) -> Result<Timestamp, TimeError> {
    let time = match value {
        Scalar::Null | Scalar::Bool(_) => return Err(TimeError::Form),
        Scalar::Number(number) => epoch(*number),
        Scalar::Text(text) => {
            let text = text.trim_ascii();
            let bytes = text.as_bytes();
            let time = match bytes.get(4) {
                Some(b'-') => iso(bytes),
                _ => compact(bytes).or_else(|| number(text)).or_else(|| calendar(text)),
            };
            if time.is_none() && is_date(text) {
                return Err(TimeError::DateOnly);
            }
            time
        }
    };
    let time = time.ok_or(TimeError::Form)?;
    if (MIN..=MAX).contains(&time) { Ok(Timestamp(time)) } else { Err(TimeError::Implausible) }
}

/// Converts a number: `YYYYMMDDhhmmss` of this or the next century, or a time since 1970 in a unit that its size shows.
fn epoch(number: f64) -> Option<i64> {
    const COMPACT: std::ops::Range<f64> = 19_000_101_000_000.0..22_000_101_000_000.0;
    if COMPACT.contains(&number) {
        return compact(format!("{number:.3}").as_bytes());
    }
    // Each unit reaches to the year 2286: 10^10 seconds.
    let millis = match number {
        n if !n.is_finite() || n < 0.0 => return None,
        n if n < 1e10 => n * 1e3,
        n if n < 1e13 => n,
        n if n < 1e16 => n / 1e3,
        n if n < 1e19 => n / 1e6,
        _ => return None,
    };
    Some(millis as i64)
}

/// Parses a text that is a number. One that a spreadsheet has rounded to `2.02603E+13` is none.
fn number(text: &str) -> Option<i64> {
    let number: f64 = text.parse().ok()?;
    // A spreadsheet writes `1.77244E+12`.
    let digits = text.split(['e', 'E']).next().unwrap_or_default().bytes().filter(u8::is_ascii_digit).count();
    let is_rounded = text.contains(['e', 'E']) && (1e13..1e14).contains(&number) || text.contains("E+") && digits < 10;
    epoch(number).filter(|_| !is_rounded)
}

/// Returns whether the text is a date alone.
fn is_date(text: &str) -> bool {
    let parts: Vec<_> = text.split(['-', '/', '.']).collect();
    parts.len() == 3 && parts.iter().all(|part| (1..=4).contains(&part.len()) && digits(part.as_bytes()).is_some())
}

/// Parses `3/2/2026, 2:31:52.867 PM UTC`, `2026/03/02 14:31`, `Mar 2, 2026 @ 14:31:52.867` and `Mon, 02 Mar 2026 14:31:52
/// GMT`, with optional seconds, fraction, half of the day and zone.
fn calendar(text: &str) -> Option<i64> {
    let mut words = text.split([' ', ',', '@', '\u{202f}']).filter(|word| !word.is_empty()).peekable();
    words.next_if(|word| ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"].iter().any(|day| word.starts_with(day)));
    let first = words.next()?;
    let (year, month, day) = match (month(first), words.peek().and_then(|word| month(word))) {
        (Some(month), _) => {
            let day = whole(words.next()?)?;
            (whole(words.next()?)?, month, day)
        }
        (None, Some(month)) => {
            words.next();
            (whole(words.next()?)?, month, whole(first)?)
        }
        (None, None) => {
            // The locales that put the month first write neither leading zeros nor 24 hours with seconds.
            let is_padded = |part: &str| part.len() == 2 || part.len() == 4;
            let time = words.peek().copied().unwrap_or_default();
            let is_long = time.matches(':').count() == 2 && time.find(':') == Some(2);
            let has_half = ["AM", "PM"].iter().any(|half| text.to_ascii_uppercase().contains(half));
            let is_day_first = first.split('/').all(is_padded) && is_long && !has_half;
            numeric_date(first, is_day_first)?
        }
    };
    let (time, tail) = split_fraction(words.next()?);
    let mut parts = time.split(':');
    let (hour, minute) = (whole(parts.next()?)?, whole(parts.next()?)?);
    let second = parts.next().map_or(Some(0), whole)?;
    if parts.next().is_some() {
        return None;
    }
    let half = words.next_if(|word| ["AM", "PM"].iter().any(|half| word.eq_ignore_ascii_case(half)));
    let hour = match half {
        Some(half) => {
            let is_second = half.eq_ignore_ascii_case("PM");
            (1..=12).contains(&hour).then(|| hour % 12 + if is_second { 12 } else { 0 })?
        }
        None => hour,
    };
    let zone = words.next().unwrap_or_default();
    let fraction = fraction(tail.as_bytes()).filter(|(_, rest)| rest.is_empty())?.0;
    let time = instant(year, month, day, hour, minute, second)?;
    if words.next().is_some() { None } else { Some(time + fraction - offset(zone.as_bytes())?) }
}

/// Parses `3/2/2026`, month first unless `is_day_first`, `2.3.2026`, day first, and `2026/03/02`. Returns year, month and day.
fn numeric_date(date: &str, is_day_first: bool) -> Option<(i64, i64, i64)> {
    let mut parts = date.split(['/', '.']);
    let (a, b, c) = (parts.next()?, parts.next()?, parts.next()?);
    let (year, month, day) = match a.len() {
        4 => (a, b, c),
        _ if date.contains('.') || is_day_first => (c, b, a),
        _ => (c, a, b),
    };
    let is_date = year.len() == 4 && parts.next().is_none();
    is_date.then(|| Some((whole(year)?, whole(month)?, whole(day)?)))?
}

/// Returns the number of a month by its English name, or the first letters of it.
fn month(word: &str) -> Option<i64> {
    let names = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let start = word.get(..3)?.to_ascii_lowercase();
    (1..).zip(names).find(|(_, name)| *name == start).map(|(number, _)| number)
}

/// Parses a number of one to four digits.
fn whole(part: &str) -> Option<i64> {
    if (1..=4).contains(&part.len()) { digits(part.as_bytes()).map(|number| number as i64) } else { None }
}

/// Splits the seconds from their fraction, which begins with a point.
fn split_fraction(time: &str) -> (&str, &str) {
    time.split_at(time.find('.').unwrap_or(time.len()))
}

fn iso(bytes: &[u8]) -> Option<i64> {
    let Some((head, tail)) = bytes.split_at_checked(19).filter(|(head, _)| head.get(16) == Some(&b':')) else {
        return iso_minutes(bytes);
    };
    let [y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1, b'T' | b't' | b' ', h0, h1, b':', i0, i1, b':', s0, s1] = *head
    else {
        return None;
    };
    let time = civil(&[y0, y1, y2, y3, m0, m1, d0, d1, h0, h1, i0, i1, s0, s1])?;
    let (fraction, zone) = fraction(tail)?;
    Some(time + fraction - offset(zone)?)
}

/// Parses `2026-03-02T14:31Z`.
fn iso_minutes(bytes: &[u8]) -> Option<i64> {
    let (head, zone) = bytes.split_at_checked(16)?;
    iso(&[head, b":00", zone].concat())
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
    instant(year, month, day, hour, minute, second)
}

/// Converts a time of the calendar, in UTC, to milliseconds.
fn instant(year: i64, month: i64, day: i64, hour: i64, minute: i64, second: i64) -> Option<i64> {
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
        Some((b' ', rest)) => return offset(rest),
        Some((b'+', rest)) => (1, rest),
        Some((b'-', rest)) => (-1, rest),
        Some(_) => return named_offset(zone),
    };
    let (hours, minutes) = match *rest {
        [a, b] => (digits(&[a, b])?, 0),
        [a, b, c, d] | [a, b, b':', c, d] => (digits(&[a, b])?, digits(&[c, d])?),
        _ => return None,
    };
    (hours < 24 && minutes < 60).then_some(sign * (hours as i64 * HOUR + minutes as i64 * MINUTE))
}

/// Returns the offset of a zone by its name: those of RFC 5322, and of Central Europe.
fn named_offset(zone: &[u8]) -> Option<i64> {
    if let Some(rest) = zone.strip_prefix(b"GMT").or_else(|| zone.strip_prefix(b"UTC")) {
        return offset(rest);
    }
    let hours = match zone {
        b"EDT" => -4,
        b"EST" | b"CDT" => -5,
        b"CST" | b"MDT" => -6,
        b"MST" | b"PDT" => -7,
        b"PST" => -8,
        b"CET" => 1,
        b"CEST" => 2,
        _ => return None,
    };
    Some(hours * HOUR)
}

fn digits(bytes: &[u8]) -> Option<u64> {
    bytes.iter().try_fold(0u64, |n, b| b.is_ascii_digit().then(|| n * 10 + u64::from(b - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(text: &str, expect: &str) {
        let time = match read(&Scalar::Text(text.into())) {
            Ok(time) => time.to_string(),
            Err(error) => format!("{error:?}"),
        };
        assert_eq!(time, expect, "{text}");
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
        check("2026-03-02T09:00Z", "2026-03-02T09:00:00.000Z");
        check("2026-03-02 09:00", "2026-03-02T09:00:00.000Z");
        check("2026-03-02 09:00:00 UTC", "2026-03-02T09:00:00.000Z");
        check("3/2/2026, 9:05:00.403 AM", "2026-03-02T09:05:00.403Z");
        check("3/2/2026, 12:05:00 PM GMT", "2026-03-02T12:05:00.000Z");
        check("12/31/2026 12:05 AM", "2026-12-31T00:05:00.000Z");
        check("02/03/2026, 09:05:00", "2026-03-02T09:05:00.000Z");
        check("13/03/2026, 09:05:00 GMT", "2026-03-13T09:05:00.000Z");
        check("3/2/2026 17:05", "2026-03-02T17:05:00.000Z");
        check("3/2/2026, 9:05:00 AM PST", "2026-03-02T17:05:00.000Z");
        check("02.03.2026, 09:05:00 GMT+01:00", "2026-03-02T08:05:00.000Z");
        check("Mar 2, 2026 @ 09:05:00.403", "2026-03-02T09:05:00.403Z");
        check("Mar 2, 2026, 9:05:00 PM", "2026-03-02T21:05:00.000Z");
        check("Mon, 02 Mar 2026 09:05:00 GMT", "2026-03-02T09:05:00.000Z");
        check("2 March 2026 09:05 +0100", "2026-03-02T08:05:00.000Z");
        check("2026/03/02 9:05:00.403", "2026-03-02T09:05:00.403Z");
        for text in
            ["1772442000", "1772442000000", "1772442000000000", "1772442000000000000", "1772442000.0", "1.772442E9"]
        {
            check(text, "2026-03-02T09:00:00.000Z");
        }
        let number = |number| read(&Scalar::Number(number));
        assert_eq!(number(1_679_502_552_850.0), Ok(Timestamp(1_679_502_552_850)));
        assert_eq!(number(1_679_502_552.85), Ok(Timestamp(1_679_502_552_850)));
        assert_eq!(number(20_220_803_011_210.0), read(&Scalar::Text("20220803011210".into())));
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "yesterday", "2023-02-29T00:00:00Z", "2023-13-01T00:00:00Z", "2023-01-01T25:00:00Z"] {
            check(text, "Form");
        }
        for text in
            ["2023-01-01T00:00:00+9", "20230101000000x", "2023-01-01T00:00:00.5é", "13/2/2026, 9:05:00", "9:05:00"]
        {
            check(text, "Form");
        }
        for text in [
            "3/2/2026 13:05 PM",
            "3/2/2026 9:05 XYZ",
            "2026/03/99999999999999999999999 10:00",
            "2.02603E+13",
            "2.0260302E+13",
            "1.77244E+12",
            "3/2/26 9:05",
            "1e30",
        ] {
            check(text, "Form");
        }
        for text in ["2024-01-15", "1/15/2024", "15.01.2024"] {
            check(text, "DateOnly");
        }
        for text in ["0", "1772442", "1969-12-31T23:59:59Z", "1999-12-31T23:59:59Z", "1/1/1970, 12:00:00 AM"] {
            check(text, "Implausible");
        }
        for number in [f64::NAN, f64::INFINITY, -5.0, 1e30] {
            assert_eq!(read(&Scalar::Number(number)), Err(TimeError::Form));
        }
    }

    proptest! {
        #[test]
        fn agrees_with_the_calendar(millis in MIN..=MAX) {
            let time = Timestamp(millis);
            prop_assert_eq!(read(&Scalar::Text(time.to_string().into())), Ok(time));
        }

        #[test]
        fn never_panics(text in "\\PC{0,32}") {
            read(&Scalar::Text(text.into())).ok();
        }
    }
}
