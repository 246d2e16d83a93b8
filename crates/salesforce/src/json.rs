//! Parses JSON records: stored events, envelopes of streamed events, and rows of log files.

pub(crate) mod keys;
mod seed;

use crate::chunk::Chunk;
use crate::client::Clients;
use crate::fingerprint::{Fingerprint, NameHash};
use crate::normalize::{self, Normalized};
use crate::record::Record;
use crate::reject::{self, RejectReason};
use crate::{Context, Parsed};
use keys::Keys;
use seed::{Each, Object};
use serde::de::DeserializeSeed;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// Parses the chunk's records into `parsed`.
pub(crate) fn read(chunk: &Chunk, context: &Context, parsed: &mut Parsed) {
    let mut keys = Keys::new();
    let mut record = Record::new();
    let mut clients = Clients::default();
    for (line, bytes) in chunk.records() {
        let bytes = bytes.trim_ascii();
        if bytes.is_empty() {
            continue;
        }
        record.clear();
        let result = read_one(bytes, &mut keys, &mut record, &mut clients, context);
        parsed.add(result, line, || reject::excerpt(bytes));
    }
}

fn read_one<'a>(
    bytes: &'a [u8],
    keys: &mut Keys,
    record: &mut Record<'a>,
    clients: &mut Clients,
    context: &Context,
) -> Result<Normalized, RejectReason> {
    let text = std::str::from_utf8(bytes).map_err(|_| RejectReason::NotUtf8)?;
    if !text.starts_with('{') {
        return Err(RejectReason::Json("it does not start with '{'".into()));
    }
    let mut json = serde_json::Deserializer::from_str(text);
    Object { keys, record }.deserialize(&mut json).and_then(|()| json.end()).map_err(|error| syntax(&error))?;
    normalize::normalize(record, clients, context, || fingerprint(text))
}

/// Returns the fingerprint of the record's content.
///
/// Parses the text a second time. Only records without an identifier need it.
fn fingerprint(text: &str) -> u64 {
    let mut fingerprint = Fingerprint::default();
    let add = |name: &str, value: &RawValue| {
        let raw = value.get();
        let text = if raw.starts_with('"') {
            serde_json::from_str(raw).unwrap_or(Cow::Borrowed(raw))
        } else {
            Cow::Borrowed(raw)
        };
        if text != "null" {
            fingerprint.add(NameHash::new(name), text.as_bytes());
        }
    };
    match Each(add).deserialize(&mut serde_json::Deserializer::from_str(text)) {
        Ok(()) => fingerprint.value(),
        // Cannot happen, since the text was parsed before. Its bytes identify it as well.
        Err(_) => model::id::hash(text.as_bytes()),
    }
}

/// Describes a syntax error and its position in the record, without quoting values.
fn syntax(error: &serde_json::Error) -> RejectReason {
    let text = error.to_string();
    let what = text.split(" at line ").next().unwrap_or_default();
    RejectReason::Json(format!("{what} at line {} column {} of the record", error.line(), error.column()))
}
