//! Deserializes a type from a tree, and reports the path to the value that it refused.

use std::collections::btree_map;
use std::fmt::{self, Display};
use std::slice;

use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::de::{
    DeserializeSeed, Deserializer, Error, Expected, IntoDeserializer, MapAccess, SeqAccess, Unexpected, Visitor,
};
use serde::forward_to_deserialize_any;

use super::tree::{Content, Node, Scalar};

/// Why a type could not be read. Its message holds no text of the configuration but names of keys and variants.
#[derive(Debug)]
pub(super) struct ReadError {
    /// Keys, and indices of lists, from the root to the value.
    pub(super) path: Vec<String>,
    pub(super) kind: Kind,
    pub(super) message: String,
}

/// The kinds of errors that the tree treats differently.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The value has another type than expected, or a `Deserialize` of its own refused it.
    WrongType,
    UnknownKey,
    MissingKey(&'static str),
    Other,
}

impl ReadError {
    fn new(kind: Kind, message: String) -> Self {
        Self { path: Vec::new(), kind, message }
    }

    fn below(mut self, key: impl Into<String>) -> Self {
        self.path.insert(0, key.into());
        self
    }
}

impl Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ReadError {}

impl Error for ReadError {
    fn custom<T: Display>(message: T) -> Self {
        Self::new(Kind::WrongType, message.to_string())
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(Kind::WrongType, format!("expected {expected}, found {}", sort(found)))
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        // A number that is out of range is where a number is expected, so it is no secret.
        let found = match found {
            Unexpected::Unsigned(number) => number.to_string(),
            Unexpected::Signed(number) => number.to_string(),
            Unexpected::Float(number) => number.to_string(),
            other => sort(other).to_owned(),
        };
        Self::new(Kind::Other, format!("expected {expected}, found {found}"))
    }

    fn unknown_field(_: &str, known: &'static [&'static str]) -> Self {
        let message = match known {
            [] => "no such key".to_owned(),
            known => format!("no such key; there are {}", known.join(", ")),
        };
        Self::new(Kind::UnknownKey, message)
    }

    fn unknown_variant(found: &str, known: &'static [&'static str]) -> Self {
        Self::new(Kind::Other, format!("no such choice: {found:?}; there are {}", known.join(", ")))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(Kind::MissingKey(field), format!("`{field}` is missing"))
    }
}

fn sort(found: Unexpected<'_>) -> &'static str {
    match found {
        Unexpected::Bool(_) => "a boolean",
        Unexpected::Unsigned(_) | Unexpected::Signed(_) => "an integer",
        Unexpected::Float(_) => "a float",
        Unexpected::Char(_) | Unexpected::Str(_) => "a string",
        Unexpected::Seq => "a list",
        Unexpected::Map => "a table",
        _ => "something else",
    }
}

impl<'de> Deserializer<'de> for &Node {
    type Error = ReadError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        match &self.content {
            Content::Table(children) => visitor.visit_map(Children::new(children)),
            Content::List(elements) => visitor.visit_seq(Elements { elements: elements.iter(), next: 0 }),
            Content::Scalar(Scalar::Boolean(boolean)) => visitor.visit_bool(*boolean),
            Content::Scalar(Scalar::Integer(integer)) => visitor.visit_i64(*integer),
            Content::Scalar(Scalar::Float(float)) => visitor.visit_f64(*float),
            Content::Scalar(Scalar::Text(text)) | Content::Raw(text) => visitor.visit_str(text),
        }
    }

    /// A key that is set is never absent.
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, ReadError> {
        visitor.visit_newtype_struct(self)
    }

    /// A variant is its name, or a table of its name and its content.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, ReadError> {
        match &self.content {
            Content::Scalar(Scalar::Text(text)) | Content::Raw(text) => {
                visitor.visit_enum(text.as_str().into_deserializer())
            }
            Content::Table(children) => visitor.visit_enum(MapAccessDeserializer::new(Children::new(children))),
            _ => self.deserialize_any(visitor),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct identifier ignored_any
    }
}

/// The entries of a table, in the order of their keys.
struct Children<'a> {
    entries: btree_map::Iter<'a, String, Node>,
    /// The entry of which the key has been read, and the value comes next.
    pending: Option<(&'a String, &'a Node)>,
}

impl<'a> Children<'a> {
    fn new(children: &'a btree_map::BTreeMap<String, Node>) -> Self {
        Self { entries: children.iter(), pending: None }
    }
}

impl<'de> MapAccess<'de> for Children<'_> {
    type Error = ReadError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, ReadError> {
        self.pending = self.entries.next();
        let Some((key, _)) = self.pending else { return Ok(None) };
        let deserializer: StrDeserializer<'_, ReadError> = key.as_str().into_deserializer();
        seed.deserialize(deserializer).map(Some).map_err(|error| error.below(key))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, ReadError> {
        let Some((key, node)) = self.pending.take() else {
            return Err(ReadError::custom("a value was read before its key"));
        };
        seed.deserialize(node).map_err(|error| error.below(key))
    }
}

/// The elements of a list that are left.
struct Elements<'a> {
    elements: slice::Iter<'a, (usize, Node)>,
    /// Index of the next one in the tree, which may differ from that in the file.
    next: usize,
}

impl<'de> SeqAccess<'de> for Elements<'_> {
    type Error = ReadError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, ReadError> {
        let Some((_, node)) = self.elements.next() else { return Ok(None) };
        let index = self.next;
        self.next += 1;
        seed.deserialize(node).map(Some).map_err(|error| error.below(index.to_string()))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.elements.len())
    }
}
