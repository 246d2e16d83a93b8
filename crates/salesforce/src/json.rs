//! Parses JSON records: stored events, envelopes of streamed events, and rows of log files.

pub(crate) mod keys;
mod seed;
pub(crate) mod wrapped;

use crate::chunk::Chunk;
use crate::client::Clients;
use crate::envelope::Hints;
use crate::field::{Field, Marks, identifies};
use crate::fingerprint::{Fingerprint, NameHash};
use crate::format::BOM;
use crate::normalize::{self, Normalized};
use crate::record::{Record, Scalar};
use crate::reject::{self, RejectReason};
use crate::types::Suggested;
use crate::{Context, Parsed};
use keys::Keys;
use seed::{Each, Levels, Object};
use serde::de::DeserializeSeed;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// Parses the chunk's records into `parsed`.
pub(crate) fn read(chunk: &Chunk, context: &Context, parsed: &mut Parsed) {
    let mut keys = Keys::new();
    let mut record = Record::new();
    let mut clients = Clients::default();
    let hints = &*chunk.hints;
    let suggested =
        Suggested { names: context.types.without_word(), envelope: hints.event_type, ..Suggested::default() };
    for (line, bytes) in chunk.records() {
        let bytes = bytes.trim_ascii();
        let bytes = bytes.strip_prefix(BOM).unwrap_or(bytes);
        if bytes.is_empty() {
            continue;
        }
        record.clear();
        match read_plain(bytes, &mut keys, &mut record, &mut clients, context, (&suggested, hints)) {
            Ok(Normalized::Mixed) => wrapped::read(bytes, line, hints, None, &mut clients, context, parsed),
            // Only the caller can say the org.
            Err(fault) if fault != RejectReason::NoOrg => {
                wrapped::read(bytes, line, hints, Some(fault), &mut clients, context, parsed);
            }
            result => parsed.add(result, &record, line, || reject::excerpt(bytes)),
        }
    }
}

/// Reads a record as Salesforce writes it.
fn read_plain<'a>(
    bytes: &'a [u8],
    keys: &mut Keys,
    record: &mut Record<'a>,
    clients: &mut Clients,
    context: &Context,
    (suggested, hints): (&Suggested, &Hints),
) -> Result<Normalized, RejectReason> {
    let text = std::str::from_utf8(bytes).map_err(|_| RejectReason::NotUtf8)?;
    if !text.starts_with('{') {
        return Err(RejectReason::Json("it does not start with '{'".into()));
    }
    let mut json = serde_json::Deserializer::from_str(text);
    let mut levels = Levels::default();
    Object { keys, record, levels: &mut levels }
        .deserialize(&mut json)
        .and_then(|()| json.end())
        .map_err(|error| syntax(&error))?;
    // Without an identifier the content identifies a record: its own, not that of the envelope.
    let is_anonymous = levels.has_envelope && *record.get(Field::EventIdentifier) == Scalar::Null;
    if levels.are_mixed() || is_anonymous {
        return Ok(Normalized::Mixed);
    }
    if let Some(org) = hints.org.as_ref().filter(|_| *record.get(Field::OrgId) == Scalar::Null) {
        record.set(Field::OrgId, Scalar::Text(Cow::Owned(org.as_str().to_owned())));
    }
    normalize::normalize(record, clients, context, suggested, || fingerprint(text, record.marks()))
}

/// Returns the fingerprint of the record's content.
///
/// Parses the text a second time. Only records without an identifier need it.
fn fingerprint(text: &str, styles: Marks) -> u64 {
    let mut fingerprint = Fingerprint::default();
    let add = |name: Cow<'_, str>, value: &RawValue| {
        let raw = value.get();
        let text = if raw.starts_with('"') {
            serde_json::from_str(raw).unwrap_or(Cow::Borrowed(raw))
        } else {
            Cow::Borrowed(raw)
        };
        if text != "null" && identifies(&name, styles) {
            fingerprint.add(NameHash::new(&name), text.as_bytes());
        }
    };
    match each_member(text, add) {
        Ok(()) => fingerprint.value(),
        // Cannot happen, since the text was parsed before. Its bytes identify it as well.
        Err(_) => model::id::hash(text.as_bytes()),
    }
}

/// Calls `each` with the name and the JSON of every member of the object in `text`.
///
/// # Errors
/// If the text is not a JSON object.
pub(crate) fn each_member<'a>(
    text: &'a str,
    each: impl FnMut(Cow<'a, str>, &'a RawValue),
) -> Result<(), serde_json::Error> {
    let mut json = serde_json::Deserializer::from_str(text);
    Each(each).deserialize(&mut json).and_then(|()| json.end())
}

/// Describes a syntax error and its position in the record, without quoting values.
pub(crate) fn syntax(error: &serde_json::Error) -> RejectReason {
    let text = error.to_string();
    let what = text.split(" at line ").next().unwrap_or_default();
    RejectReason::Json(format!("{what} at line {} column {} of the record", error.line(), error.column()))
}
