//! Opens texts: JSON, JSON behind other text, pairs, a header with rows, Base64.

use super::{Hints, MAX_ENVELOPES, Opener, Value, pairs, repair};
use crate::chunk::MAX_RECORD;
use crate::csv::dialect::delimiter;
use crate::csv::{Fields, row_end};
use crate::reject::RejectReason;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::read::MultiGzDecoder;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::io::Read;

/// Bytes that one packed byte may unpack to. A choice: packed logs have up to thirty.
const MOST_UNPACKED: usize = 200;

impl Opener<'_> {
    /// Follows what a text holds that is a value.
    pub(super) fn within_text(&mut self, text: &str, hints: &Hints, depth: usize) {
        self.texts += 1;
        self.text(text, hints, depth);
        self.texts -= 1;
    }

    /// Follows what a text holds.
    pub(super) fn text(&mut self, text: &str, hints: &Hints, depth: usize) {
        let text = text.trim_matches(|c: char| c.is_whitespace() || matches!(c, '\u{feff}' | '\0'));
        if depth > MAX_ENVELOPES {
            return self.fault(RejectReason::TooDeep);
        }
        if text.starts_with(['{', '[', '"']) {
            return self.json(text, hints, depth);
        }
        if let Some(members) = pairs::read(text) {
            return self.object(&members, hints, depth);
        }
        let starts = [text.find("{\""), text.find("[{"), text.find('{')];
        let Some(at) = starts.iter().take(2).flatten().min().or(starts.get(2).and_then(Option::as_ref)).copied() else {
            if !self.base64(text, hints, depth) {
                self.table(text, hints, depth);
            }
            return;
        };
        // A line of syslog or a prompt stands in front. If this is no JSON, neither is it damaged.
        let (_, json) = text.split_at(at);
        let before = self.opened.fault.clone();
        self.json(json, hints, depth);
        if self.opened.records > 0 || self.texts > 0 {
            self.opened.fault = before;
        }
    }

    /// Follows the text that Base64 holds, as records of Kinesis are written, and those of CloudWatch, which are packed.
    /// Returns whether it holds one.
    fn base64(&mut self, text: &str, hints: &Hints, depth: usize) -> bool {
        let Some(bytes) = decoded(text) else { return false };
        // Once only: a small text could unpack to packed texts, each of which unpacks to more.
        let is_packed = bytes.starts_with(&[0x1f, 0x8b]) && !self.is_unpacked;
        let text = if is_packed { unpacked(&bytes) } else { String::from_utf8(bytes).ok() };
        if let Some(text) = &text {
            let was_unpacked = self.is_unpacked;
            self.is_unpacked |= is_packed;
            self.text(text, hints, depth + 1);
            self.is_unpacked = was_unpacked;
        }
        text.is_some()
    }

    /// Follows the JSON values in a text, which may follow each other without a break.
    fn json(&mut self, text: &str, hints: &Hints, depth: usize) {
        let before = self.opened.records;
        let Err(error) = self.values(text, hints, depth) else { return };
        match repair::repaired(text) {
            // What stands before the fault must not be read twice.
            Some(repaired) if self.opened.records == before => {
                if let Err(error) = self.values(&repaired, hints, depth) {
                    self.fault(crate::json::syntax(&error));
                }
            }
            _ => self.fault(crate::json::syntax(&error)),
        }
    }

    fn values(&mut self, text: &str, hints: &Hints, depth: usize) -> Result<(), serde_json::Error> {
        for raw in serde_json::Deserializer::from_str(text).into_iter::<&RawValue>() {
            self.value(&Value::Json(raw?.get()), hints, depth);
        }
        Ok(())
    }

    /// Follows the rows of a text that is a table: a header, and at least one row.
    fn table(&mut self, text: &str, hints: &Hints, depth: usize) {
        let delimiter = delimiter(text.lines().next().unwrap_or_default().as_bytes());
        let mut rows = rows(text.as_bytes(), delimiter).filter(|row| !row.trim_ascii().is_empty());
        let names: Vec<_> = rows.next().map(|header| columns(header, delimiter)).unwrap_or_default();
        if names.len() < 3 || depth >= MAX_ENVELOPES {
            return;
        }
        let before = self.opened.records;
        for row in rows {
            let values = columns(row, delimiter);
            let (found, expected) = (values.len(), names.len());
            if found == expected {
                let members: Vec<_> = names.iter().cloned().zip(values.into_iter().map(Value::Text)).collect();
                self.object(&members, hints, depth + 1);
            } else if self.opened.records > before {
                self.fault(RejectReason::FieldCount { found, expected });
            }
        }
    }
}

fn columns(row: &[u8], delimiter: u8) -> Vec<Cow<'_, str>> {
    Fields::of(row, delimiter).take(super::MAX_MEMBERS).map(crate::csv::text).collect()
}

/// Returns the rows of a table; a field in quotes may have line breaks.
fn rows(text: &[u8], delimiter: u8) -> impl Iterator<Item = &[u8]> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (row, later) = rest.split_at_checked(row_end(rest, true, delimiter)?)?;
        rest = later;
        Some(row)
    })
}

/// Returns the bytes that Base64 holds; `None` if the text is something else.
fn decoded(text: &str) -> Option<Vec<u8>> {
    let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
    if !text.bytes().all(is_base64) {
        return None;
    }
    STANDARD.decode(text).ok()
}

/// Returns the text that gzip holds; `None` if it is damaged, is no text, or unpacks to more than one record may have.
fn unpacked(packed: &[u8]) -> Option<String> {
    let most = MAX_RECORD.min(packed.len() * MOST_UNPACKED);
    let mut text = String::new();
    MultiGzDecoder::new(packed).take(most as u64 + 1).read_to_string(&mut text).ok()?;
    (text.len() <= most).then_some(text)
}
