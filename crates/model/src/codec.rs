//! Encodes domain types as protobuf messages and decodes them, without loss.
//!
//! [`Message`] converts whole messages, [`Field`] converts one field.

mod activity;
mod batch;
mod decision;
mod field;
mod finding;
mod incident;
mod observation;

pub use field::{Field, WireError};

use crate::{Activity, Finding, Incident, Observation, wire};

/// A domain type that has a message on the wire.
pub trait Message: Sized {
    /// Returns the bytes of the message.
    fn encode(&self) -> Vec<u8>;

    /// Reads the bytes of a message.
    ///
    /// # Errors
    /// If the bytes are not a message of this type, or if a field has a value that the domain type does not allow.
    fn decode(bytes: &[u8]) -> Result<Self, WireError>;
}

macro_rules! message {
    ($($domain:ty => $wire:ty),+ $(,)?) => {$(
        impl Message for $domain {
            fn encode(&self) -> Vec<u8> {
                prost::Message::encode_to_vec(&Field::<$wire>::to_wire(self))
            }

            fn decode(bytes: &[u8]) -> Result<Self, WireError> {
                Field::<$wire>::from_wire(prost::Message::decode(bytes)?, stringify!($domain))
            }
        }
    )+};
}

message! {
    Activity => wire::Activity,
    Observation => wire::Observation,
    Finding => wire::Finding,
    Incident => wire::Incident,
}
