//! Opens what other tools wrap around records: objects, arrays, and texts that hold JSON, pairs or rows.
//!
//! Plain records do not come here: see [`crate::json`]. An envelope is recognized by what is within, not by its names:
//! whatever object has an event's type and time, or its time and further fields, is a record. Arrays are read element by
//! element, and of objects only the members are listed, so that hostile ones take little memory.

mod hints;
mod pairs;
mod repair;
mod resolve;
mod text;
mod value;

use crate::field::{self, Field, Meaning};
use crate::normalize;
use crate::reject::RejectReason;
use crate::types::TypeNames;
use hints::Hints;
pub(crate) use resolve::{Resolved, fingerprint, uses};
use serde::de::{DeserializeSeed, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
pub(crate) use value::Value;

/// Most envelopes around a record. A choice: real ones have at most five.
pub const MAX_ENVELOPES: usize = 8;
/// Most members of an object that are looked at. A choice: records have about a hundred, and hostile ones millions.
const MAX_MEMBERS: usize = 1_024;

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

/// Calls `each` with every record in `text`, whatever is wrapped around it. `types` say the type of records that do not.
pub(crate) fn open(text: &str, types: TypeNames, each: &mut dyn FnMut(Found<'_, '_>)) -> Opened {
    let mut opener = Opener::new(types, each);
    opener.text(text, &Hints::default(), 0);
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
    /// Contents of the records so far, and the path of each: some envelopes hold a record as text and as fields.
    seen: HashMap<u64, u64>,
    /// Whether an object says an event's type, and has no time.
    is_untimed: bool,
}

impl<'e> Opener<'e> {
    fn new(types: TypeNames, each: &'e mut dyn FnMut(Found<'_, '_>)) -> Self {
        let (opened, seen) = (Opened::default(), HashMap::new());
        Self { each, types, path: Vec::new(), opened, seen, is_untimed: false }
    }

    fn finish(mut self) -> Opened {
        if self.is_untimed && self.opened.records == 0 {
            self.fault(RejectReason::NoTime);
        }
        self.opened
    }

    fn value(&mut self, value: &Value<'_>, hints: &Hints, depth: usize) {
        match value {
            Value::Text(text) => self.text(text, hints, depth),
            Value::Json(raw) => match raw.as_bytes().first() {
                Some(b'{') => match members(raw) {
                    Ok(members) => self.object(&members, hints, depth),
                    Err(error) => self.fault(crate::json::syntax(&error)),
                },
                Some(b'[') => self.array(raw, hints, depth),
                Some(b'"') => {
                    if let Ok(text) = serde_json::from_str::<Cow<'_, str>>(raw) {
                        self.text(&text, hints, depth);
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
        for (name, value) in members.iter().filter(|(_, value)| value.may_hold_a_record()) {
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

    /// Hands over a record, unless the same was found elsewhere in the envelope.
    fn record(&mut self, members: &[Member<'_>], hints: &Hints) {
        let path = model::id::hash(self.path.join("\0").as_bytes());
        let first = *self.seen.entry(fingerprint(members)).or_insert(path);
        if first == path {
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

/// Returns the members of an object, at most [`MAX_MEMBERS`].
fn members(raw: &str) -> Result<Vec<Member<'_>>, serde_json::Error> {
    let mut listed: Vec<Member<'_>> = Vec::new();
    crate::json::each_member(raw, |name, value| {
        if listed.len() < MAX_MEMBERS {
            listed.push((name, Value::Json(value.get())));
        }
    })?;
    Ok(listed)
}

/// What shows that members are those of an event.
#[derive(Default)]
struct Signs {
    /// They say an event's type.
    is_typed: bool,
    /// They say it as Salesforce does.
    is_typed_by_salesforce: bool,
    /// They have an event's time.
    is_timed: bool,
    /// How many fields there are that only events have.
    specific: usize,
    /// They name a user.
    is_named: bool,
    /// They have the time at which a record was written: of a change in Setup, when it happened.
    is_dated: bool,
    /// How many fields there are that only changes in Setup have.
    of_setup: usize,
}

impl Signs {
    fn of(members: &[Member<'_>]) -> Self {
        let mut signs = Self::default();
        for (name, value) in members {
            if name == "attributes" {
                signs.is_typed_by_salesforce |=
                    value.members_type().is_some_and(|name| normalize::is_event_type(&name));
                continue;
            }
            let is_known_type =
                || value.scalar().is_some_and(|it| it.is_text(|text| normalize::known_type(text).is_some()));
            match field::meaning(name) {
                Meaning::Field(Field::EventType, _) if name == "EVENT_TYPE" => signs.is_typed_by_salesforce = true,
                Meaning::Field(Field::EventType, _) => signs.is_typed |= is_known_type(),
                Meaning::Field(Field::ObjectType, _) => signs.is_typed_by_salesforce = true,
                Meaning::Field(Field::EventDate | Field::TimestampDerived | Field::SetupTime, _) => {
                    signs.is_timed = true
                }
                Meaning::Field(Field::CreatedDate, _) => signs.is_dated = true,
                Meaning::Field(field, _) if is_of_setup(field) => signs.of_setup += 1,
                Meaning::Field(Field::Timestamp, _) => signs.is_timed |= &**name != "timestamp",
                Meaning::Field(Field::Username | Field::DelegatedUsername, _) => signs.is_named = true,
                Meaning::Field(field, _) => signs.specific += usize::from(is_specific(field)),
                Meaning::Dropped | Meaning::Unknown => {}
            }
        }
        signs.is_typed |= signs.is_typed_by_salesforce;
        signs
    }

    /// Whether nothing within can be meant instead.
    fn are_certain(&self) -> bool {
        self.is_typed_by_salesforce && (self.is_timed || self.is_dated && self.of_setup > 0) && self.specific > 0
    }

    /// An event has a time, and says its type or has two fields that only events have. One is enough if its type is known
    /// from outside, and so is a username.
    fn are_of_a_record(&self, is_typed_outside: bool) -> bool {
        let is_change = (self.is_timed || self.is_dated) && self.of_setup > 1;
        let is_event = self.is_typed || self.specific > 1 || is_typed_outside && (self.specific > 0 || self.is_named);
        is_change || self.is_dated && self.is_typed || self.is_timed && is_event
    }
}

/// Returns whether a field's name is one that only Salesforce's events have.
fn is_specific(field: Field) -> bool {
    matches!(
        field,
        Field::EventIdentifier
            | Field::UserId
            | Field::UserIdentifier
            | Field::UserIdDerived
            | Field::OrgId
            | Field::RequestId
            | Field::SessionKey
            | Field::LoginKey
            | Field::LoginType
            | Field::LoginStatus
            | Field::SourceIp
            | Field::ClientIp
            | Field::QueriedEntities
            | Field::Rows
            | Field::RowsReturned
            | Field::ExecutionIdentifier
            | Field::DeveloperName
            | Field::ReportId
            | Field::DocumentId
            | Field::PermissionList
    )
}

/// Returns whether a field's name is one that only changes in Setup have.
fn is_of_setup(field: Field) -> bool {
    matches!(field, Field::SetupAction | Field::Display | Field::Section | Field::DelegateUser)
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
