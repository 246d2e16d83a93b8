//! Looks at the beginning of JSON.

use super::{Format, NotEvents};
use crate::chunk::Records;
use crate::chunk::json::{Pages, Scan, Scanner, Splitter};
use crate::envelope::{self, Hints};
use crate::types::TypeNames;
use serde_json::Value;
use std::ops::Range;

/// Returns whether `text` starts as JSON that may hold records.
pub(crate) fn is_at_start(text: &[u8]) -> bool {
    match text.first() {
        Some(b'{') => true,
        Some(b'[') => {
            let next = text.get(1..).unwrap_or_default().trim_ascii_start().first();
            next.is_none_or(|byte| matches!(byte, b'{' | b']' | b'['))
        }
        _ => false,
    }
}

/// Returns how the records of `text` are written, which starts as JSON.
pub(super) fn detect(text: &[u8]) -> Result<Format, NotEvents> {
    let Records::Spans(spans) = Splitter::default().cut(text, true).records else { return Ok(Format::Json) };
    let whole = |span: &Range<usize>| text.get(span.clone()).filter(|record| record.ends_with(b"}"));
    let Some(first) = spans.first() else { return Err(NotEvents::NoRecords) };
    if spans.len() <= MOST_ERRORS
        && let Some(error) = whole(first).and_then(api_error)
    {
        return Err(error);
    }
    let holds_none = |record: &[u8]| !may_be_event(record) && !holds_record(record);
    if spans.len() == 1 && first.start == 0 && whole(first).is_some_and(holds_none) {
        return Err(NotEvents::NoRecords);
    }
    Ok(if has_object_lines(text) { Format::JsonLines } else { Format::Json })
}

/// Most records of an answer that reports errors. A choice.
const MOST_ERRORS: usize = 10;

/// Returns whether the first line is one object, which is no page.
fn has_object_lines(text: &[u8]) -> bool {
    let Some(end) = memchr::memchr(b'\n', text).filter(|_| text.starts_with(b"{")) else { return false };
    let line = text.get(..end).unwrap_or(text).trim_ascii_end();
    match Scanner::new(Pages::Opened).scan(line) {
        Scan::End(length) => length == line.len(),
        Scan::Page { .. } => false,
        // Damaged, or the first line of an object over many.
        Scan::Open => line.len() > 1 && line.ends_with(b"}"),
    }
}

/// Reads an error of an interface: of Salesforce's REST API, of a login, or of the `sf` command.
fn api_error(record: &[u8]) -> Option<NotEvents> {
    const LARGEST: usize = 8 << 10;
    let Value::Object(members) = serde_json::from_slice(record.get(..LARGEST.min(record.len()))?).ok()? else {
        return None;
    };
    let has = |name| members.contains_key(name);
    let is_error = has("errorCode")
        || has("exceptionCode")
        || has("error") && (has("error_description") || has("message") || members.len() == 1)
        || has("message") && (members.len() == 1 || has("exitCode") || has("stack"));
    if !is_error || has("attributes") || has("EventDate") || has("EVENT_TYPE") {
        return None;
    }
    let names = ["errorCode", "exceptionCode", "error", "name"];
    let code = names.iter().find_map(|name| members.get(*name)?.as_str());
    // A code, and not a sentence, which could quote a query.
    let is_code =
        |code: &&str| code.len() <= 60 && code.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    Some(NotEvents::ApiError(code.filter(is_code).map(str::to_owned)))
}

/// Returns whether an event stands within a single object.
fn holds_record(record: &[u8]) -> bool {
    let opened = envelope::open(&String::from_utf8_lossy(record), TypeNames::default(), &Hints::default(), &mut |_| {});
    opened.records > 0
}

/// Returns whether a single object has a member that an event, or its envelope, could have.
fn may_be_event(record: &[u8]) -> bool {
    const NAMES: [&str; 20] = [
        "attributes",
        "body",
        "channel",
        "data",
        "detail",
        "event",
        "eventdate",
        "eventidentifier",
        "eventtype",
        "message",
        "payload",
        "raw",
        "record",
        "result",
        "source",
        "timestamp",
        "user",
        "userid",
        "username",
        "value",
    ];
    let Ok(Value::Object(members)) = serde_json::from_slice(record) else { return true };
    let fold = |name: &String| name.to_ascii_lowercase().replace(['_', '-', '@', '.', ' '], "");
    members.keys().any(|name| NAMES.contains(&fold(name).as_str()))
}
