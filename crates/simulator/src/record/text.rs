//! Writes JSON members, times and numbers without intermediate allocations.

use chrono::{DateTime, Datelike, Timelike};

/// Appends members to a JSON object that already has one.
pub(crate) struct Record<'a>(&'a mut Vec<u8>);

impl<'a> Record<'a> {
    pub(crate) fn new(out: &'a mut Vec<u8>) -> Record<'a> {
        Record(out)
    }

    fn name(&mut self, name: &str) {
        self.0.extend_from_slice(b",\"");
        self.0.extend_from_slice(name.as_bytes());
        self.0.extend_from_slice(b"\":");
    }

    pub(crate) fn text(&mut self, name: &str, value: &str) {
        self.name(name);
        push_string(self.0, value);
    }

    pub(crate) fn optional_text(&mut self, name: &str, value: Option<&str>) {
        match value {
            Some(value) => self.text(name, value),
            None => self.null(name),
        }
    }

    pub(crate) fn null(&mut self, name: &str) {
        self.name(name);
        self.0.extend_from_slice(b"null");
    }

    pub(crate) fn truth(&mut self, name: &str, value: bool) {
        self.name(name);
        self.0.extend_from_slice(if value { b"true" } else { b"false" });
    }

    pub(crate) fn integer(&mut self, name: &str, value: u64) {
        self.name(name);
        push_digits(self.0, value, 1);
    }

    /// Appends a double. Whole numbers end in `.0`.
    pub(crate) fn double(&mut self, name: &str, value: Option<f64>) {
        self.name(name);
        match value {
            Some(value) => push_decimal(self.0, value),
            None => self.0.extend_from_slice(b"null"),
        }
    }

    pub(crate) fn uuid(&mut self, name: &str, value: u128) {
        self.name(name);
        self.0.push(b'"');
        push_uuid(self.0, value);
        self.0.push(b'"');
    }

    /// Appends a time such as `2026-01-19T09:59:00.318+0000`.
    pub(crate) fn date(&mut self, name: &str, at: i64) {
        self.name(name);
        self.0.push(b'"');
        push_iso(self.0, at, "+0000");
        self.0.push(b'"');
    }
}

/// Returns the text of a random UUID (version 4) with these bits.
pub(crate) fn uuid_text(value: u128) -> String {
    let mut text = Vec::with_capacity(36);
    push_uuid(&mut text, value);
    text.into_iter().map(char::from).collect()
}

fn push_uuid(out: &mut Vec<u8>, value: u128) {
    let value = value & !(0xf << 76) & !(0b11 << 62) | 0x4 << 76 | 0b10 << 62;
    for digit in 0..32_u32 {
        if matches!(digit, 8 | 12 | 16 | 20) {
            out.push(b'-');
        }
        let nibble = (value >> (124 - 4 * digit) & 0xf) as u8;
        out.push(if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 });
    }
}

/// Appends a time such as `2026-01-19T09:59:00.318`, and the zone.
pub(crate) fn push_iso(out: &mut Vec<u8>, at: i64, zone: &str) {
    push_time(out, at, [b"-", b"-", b"T", b":", b":"]);
    out.extend_from_slice(zone.as_bytes());
}

/// Appends a time such as `20260119095900.318`.
pub(crate) fn push_stamp(out: &mut Vec<u8>, at: i64) {
    push_time(out, at, [b"", b"", b"", b"", b""]);
}

fn push_time(out: &mut Vec<u8>, at: i64, [year, month, day, hour, minute]: [&[u8]; 5]) {
    let time = DateTime::from_timestamp_millis(at).unwrap_or_default();
    push_digits(out, u64::from(time.year().unsigned_abs()), 4);
    out.extend_from_slice(year);
    push_digits(out, u64::from(time.month()), 2);
    out.extend_from_slice(month);
    push_digits(out, u64::from(time.day()), 2);
    out.extend_from_slice(day);
    push_digits(out, u64::from(time.hour()), 2);
    out.extend_from_slice(hour);
    push_digits(out, u64::from(time.minute()), 2);
    out.extend_from_slice(minute);
    push_digits(out, u64::from(time.second()), 2);
    out.push(b'.');
    push_digits(out, at.rem_euclid(1_000) as u64, 3);
}

/// Appends a double as Salesforce writes it: `25.0`, `0.75`.
pub(crate) fn push_decimal(out: &mut Vec<u8>, value: f64) {
    if value.fract() == 0.0 && value.abs() < 1e15 {
        if value < 0.0 {
            out.push(b'-');
        }
        push_digits(out, value.abs() as u64, 1);
        out.extend_from_slice(b".0");
    } else {
        out.extend_from_slice(format!("{value:?}").as_bytes());
    }
}

/// Appends a whole number with at least `least` digits.
pub(super) fn push_digits(out: &mut Vec<u8>, value: u64, least: u32) {
    let mut digits = 1;
    let mut power = 1_u64;
    while digits < 20 && (digits < least || value / power >= 10) {
        power = power.saturating_mul(10);
        digits += 1;
    }
    while power > 0 {
        out.push(b'0' + (value / power % 10) as u8);
        power /= 10;
    }
}

/// Appends a JSON string.
fn push_string(out: &mut Vec<u8>, value: &str) {
    out.push(b'"');
    for byte in value.bytes() {
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            0..0x20 => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(write: impl Fn(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn dates_have_milliseconds_and_an_offset_without_colon() {
        assert_eq!(written(|out| push_iso(out, 1_768_816_740_318, "+0000")), "2026-01-19T09:59:00.318+0000");
        assert_eq!(written(|out| push_stamp(out, 1_768_816_740_008)), "20260119095900.008");
    }

    #[test]
    fn uuids_have_version_four() {
        assert_eq!(uuid_text(0), "00000000-0000-4000-8000-000000000000");
        assert_eq!(uuid_text(u128::MAX), "ffffffff-ffff-4fff-bfff-ffffffffffff");
    }

    proptest! {
        #[test]
        fn strings_and_numbers_parse_back(text in ".*", number in -1e12..1e12_f64, whole in any::<u64>()) {
            let json = written(|out| push_string(out, &text));
            prop_assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
            let json = written(|out| push_decimal(out, number));
            prop_assert_eq!(json.parse::<f64>().unwrap(), number);
            let json = written(|out| push_decimal(out, number.round()));
            prop_assert_eq!(json.parse::<f64>().unwrap(), number.round());
            prop_assert_eq!(written(|out| push_digits(out, whole, 1)), whole.to_string());
        }
    }
}
