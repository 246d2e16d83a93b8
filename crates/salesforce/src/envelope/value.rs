//! Values within envelopes.

use crate::record::Scalar;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// A value that is not decoded yet.
#[derive(Clone, Debug)]
pub(crate) enum Value<'a> {
    /// JSON.
    Json(&'a str),
    /// A text, such as a field of a row.
    Text(Cow<'a, str>),
}

/// Most values of a list that are joined, and bytes of the joined text. Choices: objects of a record are limited too.
const MAX_LIST: usize = 256;
/// Most objects around a single value: a branch of a union of Avro, or a type of MongoDB.
const MAX_WRAPS: usize = 3;
/// The shortest text that can hold a record: a type, a time and a user.
const SMALLEST: usize = 40;

impl<'a> Value<'a> {
    /// Returns whether a record may be within. A cheap test, since most members of an envelope hold none.
    pub(super) fn may_hold_a_record(&self) -> bool {
        let (text, has_mark) = match self {
            Self::Json(raw) => (*raw, matches!(raw.as_bytes().first(), Some(b'{' | b'[' | b'"'))),
            Self::Text(text) => (&**text, true),
        };
        text.len() >= SMALLEST && has_mark
    }

    /// Returns the single value that this is; `None` if it is none, and cannot be made one.
    ///
    /// Arrays become lists with commas, as Salesforce writes them. `{"string": …}` and other branches of unions that Avro's
    /// JSON names, and `{"$numberLong": …}` and other types of MongoDB, become what is within.
    pub(crate) fn scalar(&self) -> Option<Scalar<'a>> {
        match self {
            Self::Text(text) => Some(Scalar::Text(text.clone())),
            Self::Json(raw) => single(raw, MAX_WRAPS),
        }
    }

    /// Returns the JSON of a value that is an object or an array, and any other as [`Value::scalar`] does: some fields
    /// hold JSON, and normalizing reads it.
    pub(super) fn scalar_or_json(&self) -> Option<Scalar<'a>> {
        match self {
            Self::Json(raw) if raw.starts_with(['{', '[']) => {
                let is_branch = raw.starts_with('{') && single(raw, MAX_WRAPS).is_some();
                if is_branch { self.scalar() } else { Some(Scalar::Text(Cow::Borrowed(raw))) }
            }
            _ => self.scalar(),
        }
    }

    /// Returns the text by which a fingerprint knows the value; `None` for null.
    pub(super) fn content(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Text(text) => Some(Cow::Borrowed(text)),
            Self::Json("null") => None,
            Self::Json(raw) if raw.starts_with('"') => serde_json::from_str(raw).ok(),
            Self::Json(raw) => match single(raw, MAX_WRAPS) {
                Some(Scalar::Text(text)) => Some(text),
                _ => Some(Cow::Borrowed(raw)),
            },
        }
    }

    /// Returns the `type` of an `attributes` object.
    pub(super) fn members_type(&self) -> Option<String> {
        let Self::Json(raw) = self else { return None };
        let mut kind = None;
        crate::json::each_member(raw, |name, value| {
            if name == "type" {
                kind = serde_json::from_str(value.get()).ok();
            }
        })
        .ok()?;
        kind
    }
}

fn single(raw: &str, wraps: usize) -> Option<Scalar<'_>> {
    match raw.as_bytes().first()? {
        b'{' => {
            let mut only = None;
            let mut count = 0;
            crate::json::each_member(raw, |name, value: &RawValue| {
                count += 1;
                only = is_wrap(&name).then(|| value.get());
            })
            .ok()?;
            only.filter(|_| count == 1 && wraps > 0).and_then(|inner| single(inner, wraps - 1))
        }
        b'[' => list(raw),
        b'"' => serde_json::from_str(raw).ok().map(Scalar::Text),
        b't' => Some(Scalar::Bool(true)),
        b'f' => Some(Scalar::Bool(false)),
        b'n' => Some(Scalar::Null),
        _ => raw.parse().ok().map(Scalar::Number),
    }
}

/// Returns whether a name is that of a branch of a union in Avro's JSON, or of a type in MongoDB's or DynamoDB's.
fn is_wrap(name: &str) -> bool {
    let avro = ["string", "long", "int", "double", "float", "boolean", "bytes", "enum", "array", "null"];
    let dynamo = ["S", "N", "BOOL", "NULL"];
    avro.contains(&name) || dynamo.contains(&name) || name.starts_with('$') || name.starts_with("timestamp-")
}

/// Joins the values of an array with commas; `None` if one of them is an object or array.
fn list(raw: &str) -> Option<Scalar<'_>> {
    let mut joined = String::new();
    let mut count = 0;
    let mut is_flat = true;
    let mut json = serde_json::Deserializer::from_str(raw);
    let add = |element: &RawValue| {
        count += 1;
        let scalar = single(element.get(), 1).filter(|_| !element.get().starts_with('['));
        is_flat &= scalar.is_some();
        let text = scalar.and_then(|scalar| scalar.to_text(MAX_LIST));
        if let Some(text) = text.filter(|_| count <= MAX_LIST) {
            joined.push_str(if joined.is_empty() { "" } else { "," });
            joined.push_str(&text);
        }
    };
    serde::de::DeserializeSeed::deserialize(super::Elements(add), &mut json).ok()?;
    is_flat.then_some(Scalar::Text(Cow::Owned(joined)))
}
