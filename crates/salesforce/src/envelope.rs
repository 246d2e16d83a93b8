//! Opens what other tools wrap around records: objects, arrays, and texts that hold JSON, pairs or rows.
//!
//! Plain records do not come here: see [`crate::json`]. An envelope is recognized by what is within, not by its names:
//! whatever object has an event's type and time, or its time and further fields, is a record. Arrays are read element by
//! element, and of objects only the members are listed, so that hostile ones take little memory.

mod hints;
mod pairs;
mod repair;
mod resolve;
mod signs;
mod text;
mod value;

use crate::field::{self, Meaning};
use crate::reject::RejectReason;
use crate::types::TypeNames;
pub(crate) use hints::Hints;
pub(crate) use resolve::{Resolved, fingerprint, uses};
use serde::de::{DeserializeSeed, SeqAccess, Visitor};
use serde_json::value::RawValue;
use signs::Signs;
use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
pub(crate) use value::Value;

/// Most envelopes around a record. A choice: real ones have at most five.
pub const MAX_ENVELOPES: usize = 8;
/// Most members of a record. A choice: real ones have about a hundred, and hostile ones millions.
pub const MAX_MEMBERS: usize = 1_024;
/// Most records within one object or line, so that one that is read as a whole takes bounded memory. A choice: with a few
/// hundred bytes each, more do not fit into the longest line.
pub const MAX_WITHIN: usize = 10_000;

/// A name and its value, within an object or a row.
pub(crate) type Member<'a> = (Cow<'a, str>, Value<'a>);

/// What was found in a text.
#[derive(Debug, Default)]
pub(crate) struct Opened {
    /// How many records.
    pub(crate) records: usize,
    /// Why a part of it could not be read.
    pub(crate) fault: Option<RejectReason>,
}

/// A record that was found.
pub(crate) struct Found<'f, 'a> {
    pub(crate) members: &'f [Member<'a>],
    pub(crate) hints: &'f Hints,
    /// Names of the envelopes around it, the outermost first.
    pub(crate) path: &'f [String],
}

/// Calls `each` with every record in `text`, whatever is wrapped around it. `types` say the type of records that do not,
/// and `hints` what the page around says of them.
pub(crate) fn open(text: &str, types: TypeNames, hints: &Hints, each: &mut dyn FnMut(Found<'_, '_>)) -> Opened {
    let mut opener = Opener::new(types, each);
    opener.text(text, hints, 0);
    opener.finish()
}

/// Calls `each` with every record in a row: the row itself, or what its fields hold.
pub(crate) fn open_row(members: Vec<Member<'_>>, types: TypeNames, each: &mut dyn FnMut(Found<'_, '_>)) -> Opened {
    let mut opener = Opener::new(types, each);
    opener.object(&members, &Hints::default(), 0);
    opener.finish()
}

/// Follows envelopes.
struct Opener<'e> {
    each: &'e mut dyn FnMut(Found<'_, '_>),
    types: TypeNames,
    path: Vec<String>,
    opened: Opened,
    /// How many of the envelopes are texts.
    texts: usize,
    /// Whether a text around was packed.
    is_unpacked: bool,
    /// Contents of the records so far, and where each was found: some envelopes hold a record as text and as fields.
    seen: HashMap<u64, Place>,
    /// Whether an object says an event's type, and has no time.
    is_untimed: bool,
}

impl<'e> Opener<'e> {
    fn new(types: TypeNames, each: &'e mut dyn FnMut(Found<'_, '_>)) -> Self {
        let (opened, seen) = (Opened::default(), HashMap::new());
        Self { each, types, path: Vec::new(), opened, texts: 0, is_unpacked: false, seen, is_untimed: false }
    }

    fn finish(mut self) -> Opened {
        if self.is_untimed && self.opened.records == 0 {
            self.fault(RejectReason::NoTime);
        }
        self.opened
    }

    fn value(&mut self, value: &Value<'_>, hints: &Hints, depth: usize) {
        match value {
            Value::Text(text) => self.within_text(text, hints, depth),
            Value::Json(raw) => match raw.as_bytes().first() {
                Some(b'{') => match members(raw) {
                    Ok(members) if members.len() > MAX_MEMBERS => self.list(raw, &members, hints, depth),
                    Ok(members) => self.object(&members, hints, depth),
                    Err(error) => self.fault(crate::json::syntax(&error)),
                },
                Some(b'[') => self.array(raw, hints, depth),
                Some(b'"') => {
                    if let Ok(text) = serde_json::from_str::<Cow<'_, str>>(raw) {
                        self.within_text(&text, hints, depth);
                    }
                }
                _ => {}
            },
        }
    }

    fn object(&mut self, members: &[Member<'_>], outer: &Hints, depth: usize) {
        let signs = Signs::of(members);
        if signs.are_certain() {
            return self.record(members, outer);
        }
        let hints = outer.within(members);
        let before = self.opened.records;
        // What stands in the fields of an event is chosen by whoever caused it, and is never an event itself.
        let is_envelope = |name: &str| match field::meaning(name) {
            Meaning::Field(..) => !signs.are_of_an_event(),
            Meaning::Dropped => !signs.are_of_an_event() || name.starts_with(char::is_lowercase),
            Meaning::Unknown => true,
        };
        let within = members.iter().filter(|(name, value)| value.may_hold_a_record() && is_envelope(name));
        for (name, value) in within {
            if depth >= MAX_ENVELOPES {
                self.fault(RejectReason::TooDeep);
                return;
            }
            self.path.push(name.clone().into_owned());
            self.value(value, &hints, depth + 1);
            self.path.pop();
        }
        let is_typed = outer.event_type.is_some() || self.types.says_any();
        if self.opened.records == before && signs.are_of_a_record(is_typed) {
            return self.record(members, outer);
        }
        self.is_untimed |= signs.is_typed;
    }

    /// Follows the members of an object that has too many to be a record: a list with keys.
    fn list(&mut self, raw: &str, first: &[Member<'_>], hints: &Hints, depth: usize) {
        if Signs::of(first).are_of_an_event() {
            return self.fault(RejectReason::TooManyMembers);
        }
        let each = |_: Cow<'_, str>, value: &RawValue| {
            let value = Value::Json(value.get());
            if depth < MAX_ENVELOPES && value.may_hold_a_record() {
                self.value(&value, hints, depth + 1);
            }
        };
        if let Err(error) = crate::json::each_member(raw, each) {
            self.fault(crate::json::syntax(&error));
        }
    }

    /// Hands over a record, unless the same was found in another part of the envelope, as text here or there.
    fn record(&mut self, members: &[Member<'_>], hints: &Hints) {
        if self.opened.records >= MAX_WITHIN {
            return self.fault(RejectReason::TooManyWithin);
        }
        let place = Place { path: model::id::hash(self.path.join("\0").as_bytes()), is_text: self.texts > 0 };
        let first = *self.seen.entry(fingerprint(members)).or_insert(place);
        if first.path == place.path || !first.is_text && !place.is_text {
            self.opened.records += 1;
            (self.each)(Found { members, hints, path: &self.path });
        }
    }

    fn array(&mut self, raw: &str, hints: &Hints, depth: usize) {
        if depth >= MAX_ENVELOPES {
            return self.fault(RejectReason::TooDeep);
        }
        let element = |raw: &RawValue| {
            let value = Value::Json(raw.get());
            if value.may_hold_a_record() {
                self.value(&value, hints, depth + 1);
            }
        };
        let mut json = serde_json::Deserializer::from_str(raw);
        if let Err(error) = Elements(element).deserialize(&mut json) {
            self.fault(crate::json::syntax(&error));
        }
    }

    fn fault(&mut self, fault: RejectReason) {
        self.opened.fault.get_or_insert(fault);
    }
}

/// Where a record was found.
#[derive(Clone, Copy)]
struct Place {
    path: u64,
    is_text: bool,
}

/// Returns the members of an object, at most one more than [`MAX_MEMBERS`].
fn members(raw: &str) -> Result<Vec<Member<'_>>, serde_json::Error> {
    let mut listed: Vec<Member<'_>> = Vec::new();
    crate::json::each_member(raw, |name, value| {
        if listed.len() <= MAX_MEMBERS {
            listed.push((name, Value::Json(value.get())));
        }
    })?;
    Ok(listed)
}

/// Calls a function with each element of an array.
struct Elements<F>(F);

impl<'de, F: FnMut(&'de RawValue)> DeserializeSeed<'de> for Elements<F> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, F: FnMut(&'de RawValue)> Visitor<'de> for Elements<F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<(), A::Error> {
        while let Some(element) = seq.next_element()? {
            (self.0)(element);
        }
        Ok(())
    }
}
