//! Deserializers that fill a record directly, without a tree of values.

use super::keys::{Action, BEYOND, Keys, START};
use crate::field::{Field, Meaning};
use crate::record::{Record, Scalar};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// Reads the members of an object into the record, including those in the parts of an envelope.
pub(super) struct Object<'r, 'de> {
    pub(super) keys: &'r mut Keys,
    pub(super) record: &'r mut Record<'de>,
    pub(super) levels: &'r mut Levels,
}

/// How many objects of an envelope have fields of the record, and whether a field holds an object or array.
#[derive(Debug, Default)]
pub(super) struct Levels {
    with_fields: u32,
    has_nested: bool,
    /// Whether there is an envelope.
    pub(super) has_envelope: bool,
}

impl Levels {
    /// Returns whether it takes a choice which values are the record's.
    pub(super) fn are_mixed(&self) -> bool {
        self.with_fields > 1 || self.has_nested
    }
}

/// Calls a function with each member of an object.
pub(super) struct Each<F>(pub(super) F);

/// Visits values other than objects, discards them, and returns `$value`.
macro_rules! passes_over {
    ($lifetime:lifetime, $value:expr) => {
        fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
            Ok($value)
        }
        fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
            Ok($value)
        }
        fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
            Ok($value)
        }
        fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
            Ok($value)
        }
        fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
            Ok($value)
        }
        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok($value)
        }
        fn visit_seq<A: SeqAccess<$lifetime>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
            while seq.next_element::<IgnoredAny>()?.is_some() {}
            Ok($value)
        }
    };
}

impl<'de> DeserializeSeed<'de> for Object<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Object<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut previous = START;
        let mut has_fields = false;
        while let Some(key) = map.next_key_seed(Key { keys: &mut *self.keys, previous })? {
            if key.position != BEYOND {
                previous = key.position;
            }
            match self.keys.action(key.position, key.name) {
                Action::Open => {
                    self.levels.has_envelope = true;
                    map.next_value_seed(Object {
                        keys: &mut *self.keys,
                        record: &mut *self.record,
                        levels: &mut *self.levels,
                    })?;
                }
                Action::OpenAttributes => {
                    let kind = map.next_value_seed(Attributes)?;
                    self.record.set(Field::ObjectType, kind);
                }
                Action::Read(Meaning::Dropped) => {
                    map.next_value::<IgnoredAny>()?;
                }
                // These arrive as JSON or as a text that contains JSON.
                Action::Read(Meaning::Field(
                    field @ (Field::SecurityEventData
                    | Field::PermissionList
                    | Field::ImpactedUserIds
                    | Field::ParentNameList),
                    marks,
                )) => {
                    let raw = map.next_value::<&'de RawValue>()?;
                    self.record.set_spelled(field, marks, scalar(raw));
                    has_fields = true;
                }
                Action::Read(Meaning::Field(field, marks)) => {
                    let value = map.next_value_seed(Value { has_nested: &mut self.levels.has_nested })?;
                    self.record.set_spelled(field, marks, value);
                    // A channel names the type from outside.
                    has_fields |= field != Field::Channel;
                }
                Action::Read(Meaning::Unknown) => {
                    let raw = map.next_value::<&'de RawValue>()?;
                    // A name with escapes is not part of the text.
                    let escaped = || self.keys.name(key.position).unwrap_or_default().to_owned();
                    let name = if key.name.is_empty() { Cow::Owned(escaped()) } else { Cow::Borrowed(key.name) };
                    self.record.set_unknown(name, scalar(raw));
                }
            }
        }
        self.levels.with_fields += u32::from(has_fields);
        Ok(())
    }

    passes_over!('de, ());
}

/// Converts a raw value: a text without its quotes, anything else as written.
fn scalar(raw: &RawValue) -> Scalar<'_> {
    match raw.get() {
        "null" => Scalar::Null,
        text if text.starts_with('"') => Scalar::Text(match serde_json::from_str::<&str>(text) {
            Ok(plain) => Cow::Borrowed(plain),
            Err(_) => serde_json::from_str(text).map_or(Cow::Borrowed(text), Cow::Owned),
        }),
        text => Scalar::Text(Cow::Borrowed(text)),
    }
}

/// Looks up a key of an object.
struct Key<'k> {
    keys: &'k mut Keys,
    previous: usize,
}

/// A key that was looked up.
struct Found<'de> {
    position: usize,
    /// The name; empty if it is written with escapes.
    name: &'de str,
}

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = Found<'de>;

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Found<'de>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Key<'_> {
    type Value = Found<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Found<'de>, E> {
        Ok(Found { position: self.keys.find(name, self.previous), name })
    }

    fn visit_str<E>(self, name: &str) -> Result<Found<'de>, E> {
        Ok(Found { position: self.keys.find(name, self.previous), name: "" })
    }
}

/// Reads a single value. Arrays and objects give `Null`, and are noted.
struct Value<'n> {
    has_nested: &'n mut bool,
}

impl<'de> DeserializeSeed<'de> for Value<'_> {
    type Value = Scalar<'de>;

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Scalar<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value<'_> {
    type Value = Scalar<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Number(value as f64))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Number(value as f64))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Number(value))
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Text(Cow::Borrowed(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Text(Cow::Owned(value.to_owned())))
    }

    fn visit_unit<E>(self) -> Result<Scalar<'de>, E> {
        Ok(Scalar::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Scalar<'de>, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        *self.has_nested = true;
        Ok(Scalar::Null)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Scalar<'de>, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        *self.has_nested = true;
        Ok(Scalar::Null)
    }
}

/// Reads the `type` of an `attributes` object.
struct Attributes;

impl<'de> DeserializeSeed<'de> for Attributes {
    type Value = Scalar<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Scalar<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Attributes {
    type Value = Scalar<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("attributes")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Scalar<'de>, A::Error> {
        let mut kind = Scalar::Null;
        while let Some(is_type) = map.next_key_seed(IsType)? {
            if is_type {
                kind = map.next_value_seed(Value { has_nested: &mut false })?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(kind)
    }

    passes_over!('de, Scalar::Null);
}

/// Returns whether a key is `type`.
struct IsType;

impl<'de> DeserializeSeed<'de> for IsType {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for IsType {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, name: &str) -> Result<bool, E> {
        Ok(name == "type")
    }
}

impl<'de, F: FnMut(Cow<'de, str>, &'de RawValue)> DeserializeSeed<'de> for Each<F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, F: FnMut(Cow<'de, str>, &'de RawValue)> Visitor<'de> for Each<F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some((name, value)) = map.next_entry::<Cow<'de, str>, &'de RawValue>()? {
            (self.0)(name, value);
        }
        Ok(())
    }
}
