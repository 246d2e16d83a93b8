//! Conversion of single fields between domain types and protobuf messages.

use crate::id::MAX_BYTES;
use crate::incident::Points;
use crate::{OrgId, Text, Timestamp, UserId};
use smallvec::SmallVec;
use uuid::Uuid;

/// Why a message could not be decoded. Fields go by their protobuf names.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// The bytes are not a protobuf message of this type.
    #[error("not a protobuf message of this type")]
    Undecodable(#[from] prost::DecodeError),
    /// A required field is absent or empty.
    #[error("field {0}: missing")]
    Missing(&'static str),
    /// A UUID does not have 16 bytes.
    #[error("field {0}: not a uuid of 16 bytes")]
    NotAUuid(&'static str),
    /// An enum has a number that this version does not know: the sender is newer.
    #[error("field {field}: unknown number {number}")]
    UnknownNumber {
        /// The field.
        field: &'static str,
        /// The number received.
        number: i32,
    },
    /// An IP address has neither 4 nor 16 bytes.
    #[error("field {0}: not an address of 4 or 16 bytes")]
    NotAnAddress(&'static str),
    /// A number is too large for the domain type.
    #[error("field {field}: {value} is out of range")]
    OutOfRange {
        /// The field.
        field: &'static str,
        /// The number received.
        value: u64,
    },
    /// A time is outside the years 1 to 9999.
    #[error("field {field}: {value} ms is not a time of the years 1 to 9999")]
    NotATime {
        /// The field.
        field: &'static str,
        /// Milliseconds since 1970.
        value: i64,
    },
    /// A number is infinite or NaN.
    #[error("field {0}: not a finite number")]
    NotFinite(&'static str),
    /// A record has a version that this one does not know: the sender is newer.
    #[error("field {field}: unknown version {version}")]
    UnknownVersion {
        /// The field.
        field: &'static str,
        /// The version received.
        version: u32,
    },
    /// A text is not the JSON of this type.
    #[error("field {field}: not the json of this type")]
    NotJson {
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// An id is longer than [`MAX_BYTES`].
    #[error("field {field}: {bytes} bytes, where ids have {} at most", crate::id::MAX_BYTES)]
    LongId {
        /// The field.
        field: &'static str,
        /// The length received.
        bytes: usize,
    },
}

/// A domain value that the wire holds as a `W`.
pub trait Field<W>: Sized {
    /// Converts to the wire.
    fn to_wire(&self) -> W;

    /// Converts from the wire. `name` is the field's name, for the error.
    ///
    /// # Errors
    /// If the domain type does not allow the value.
    fn from_wire(wire: W, name: &'static str) -> Result<Self, WireError>;
}

/// Implements [`Field`] for types that are the same on both sides.
macro_rules! plain {
    ($($type:ty),+) => {$(
        impl Field<$type> for $type {
            fn to_wire(&self) -> $type {
                self.clone()
            }

            fn from_wire(wire: $type, _: &'static str) -> Result<Self, WireError> {
                Ok(wire)
            }
        }
    )+};
}
plain!(bool, u32, u64, i64, String);

/// Numbers must be finite: no statistic is infinite or NaN, and JSON has neither.
impl Field<f64> for f64 {
    fn to_wire(&self) -> f64 {
        *self
    }

    fn from_wire(wire: f64, name: &'static str) -> Result<Self, WireError> {
        if wire.is_finite() { Ok(wire) } else { Err(WireError::NotFinite(name)) }
    }
}

impl Field<String> for Text {
    fn to_wire(&self) -> String {
        // `to_string` would go through the formatter, which is slower.
        self.as_str().to_owned()
    }

    fn from_wire(wire: String, _: &'static str) -> Result<Self, WireError> {
        Ok(Text::from(wire))
    }
}

/// Implements [`Field`] for ids, which must not be empty.
macro_rules! id {
    ($($type:ident),+) => {$(
        impl Field<String> for $type {
            fn to_wire(&self) -> String {
                self.as_str().to_owned()
            }

            fn from_wire(wire: String, name: &'static str) -> Result<Self, WireError> {
                let id = $type::new(&wire);
                match id.as_str().len() {
                    0 => Err(WireError::Missing(name)),
                    1..=MAX_BYTES => Ok(id),
                    bytes => Err(WireError::LongId { field: name, bytes }),
                }
            }
        }
    )+};
}
id!(OrgId, UserId);

impl Field<i64> for Timestamp {
    fn to_wire(&self) -> i64 {
        self.0
    }

    fn from_wire(wire: i64, name: &'static str) -> Result<Self, WireError> {
        let time = Self(wire);
        if time.is_in_calendar() { Ok(time) } else { Err(WireError::NotATime { field: name, value: wire }) }
    }
}

impl Field<Vec<u8>> for Uuid {
    fn to_wire(&self) -> Vec<u8> {
        self.as_bytes().to_vec()
    }

    fn from_wire(wire: Vec<u8>, name: &'static str) -> Result<Self, WireError> {
        Uuid::from_slice(&wire).map_err(|_| WireError::NotAUuid(name))
    }
}

impl Field<u32> for Points {
    fn to_wire(&self) -> u32 {
        self.0.max(0).unsigned_abs()
    }

    fn from_wire(wire: u32, name: &'static str) -> Result<Self, WireError> {
        let points = i32::try_from(wire).map_err(|_| WireError::OutOfRange { field: name, value: wire.into() })?;
        Ok(Self(points))
    }
}

impl Field<i32> for Points {
    fn to_wire(&self) -> i32 {
        self.0
    }

    fn from_wire(wire: i32, _: &'static str) -> Result<Self, WireError> {
        Ok(Self(wire))
    }
}

impl<T: Field<W>, W> Field<Option<W>> for Option<T> {
    fn to_wire(&self) -> Option<W> {
        self.as_ref().map(T::to_wire)
    }

    fn from_wire(wire: Option<W>, name: &'static str) -> Result<Self, WireError> {
        wire.map(|wire| T::from_wire(wire, name)).transpose()
    }
}

impl<T: Field<W>, W> Field<W> for Box<T> {
    fn to_wire(&self) -> W {
        T::to_wire(self)
    }

    fn from_wire(wire: W, name: &'static str) -> Result<Self, WireError> {
        T::from_wire(wire, name).map(Box::new)
    }
}

impl<T: Field<W>, W> Field<Vec<W>> for Vec<T> {
    fn to_wire(&self) -> Vec<W> {
        self.iter().map(T::to_wire).collect()
    }

    fn from_wire(wire: Vec<W>, name: &'static str) -> Result<Self, WireError> {
        wire.into_iter().map(|item| T::from_wire(item, name)).collect()
    }
}

impl<const N: usize> Field<Vec<String>> for SmallVec<[Text; N]>
where
    [Text; N]: smallvec::Array<Item = Text>,
{
    fn to_wire(&self) -> Vec<String> {
        self.iter().map(Field::to_wire).collect()
    }

    fn from_wire(wire: Vec<String>, _: &'static str) -> Result<Self, WireError> {
        Ok(wire.into_iter().map(Text::from).collect())
    }
}

/// Implements [`Field`] for a struct, field by field.
///
/// The first list names the fields that have one name on both sides; `renamed` pairs the name in Rust with the name on
/// the wire; `required` lists the messages that must be present. `absent` pairs a field that a message may lack
/// with the function that works it out from the rest of the message.
macro_rules! fields {
    (
        $domain:ty => $wire:ident { $($field:ident),* $(,)? }
        $(renamed { $($name:ident: $wire_name:ident),* $(,)? })?
        $(required { $($required:ident),* $(,)? })?
        $(absent { $($late:ident: $derive:path),* $(,)? })?
    ) => {
        impl $crate::codec::Field<$crate::wire::$wire> for $domain {
            fn to_wire(&self) -> $crate::wire::$wire {
                $crate::wire::$wire {
                    $($field: $crate::codec::Field::to_wire(&self.$field),)*
                    $($($wire_name: $crate::codec::Field::to_wire(&self.$name),)*)?
                    $($($required: Some($crate::codec::Field::to_wire(&self.$required)),)*)?
                    $($($late: Some($crate::codec::Field::to_wire(&self.$late)),)*)?
                }
            }

            fn from_wire(wire: $crate::wire::$wire, _: &'static str) -> Result<Self, $crate::codec::WireError> {
                Ok(Self {
                    $($($late: match wire.$late {
                        Some(value) => $crate::codec::Field::from_wire(value, stringify!($late))?,
                        None => $derive(&wire),
                    },)*)?
                    $($field: $crate::codec::Field::from_wire(wire.$field, stringify!($field))?,)*
                    $($($name: $crate::codec::Field::from_wire(wire.$wire_name, stringify!($wire_name))?,)*)?
                    $($($required: $crate::codec::Field::from_wire(
                        wire.$required.ok_or($crate::codec::WireError::Missing(stringify!($required)))?,
                        stringify!($required),
                    )?,)*)?
                })
            }
        }
    };
}
pub(super) use fields;

/// Implements [`Field`] for an enum, variant by variant.
///
/// An unknown number is an error: receivers must be upgraded before senders. `unspecified` names the variant that the
/// wire holds as 0, if there is one.
macro_rules! numbers {
    ($domain:ident => $wire:ident { $($variant:ident),+ $(,)? } $(unspecified $unspecified:ident)?) => {
        impl $crate::codec::Field<i32> for $domain {
            fn to_wire(&self) -> i32 {
                match self {
                    $($domain::$variant => $crate::wire::$wire::$variant as i32,)+
                    $($domain::$unspecified => $crate::wire::$wire::Unspecified as i32,)?
                }
            }

            fn from_wire(number: i32, field: &'static str) -> Result<Self, $crate::codec::WireError> {
                match $crate::wire::$wire::try_from(number) {
                    $(Ok($crate::wire::$wire::$variant) => Ok($domain::$variant),)+
                    $(Ok($crate::wire::$wire::Unspecified) => Ok($domain::$unspecified),)?
                    _ => Err($crate::codec::WireError::UnknownNumber { field, number }),
                }
            }
        }
    };
}
pub(super) use numbers;
