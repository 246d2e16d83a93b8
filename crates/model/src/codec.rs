//! Domain types to wire messages and back, without loss.
//!
//! [`Message`] encodes and decodes whole messages; [`Field`] says how one field crosses.

mod activity;
mod batch;
mod field;
mod finding;
mod incident;
mod observation;

pub use field::{Field, WireError};

use crate::{Activity, Finding, Incident, Observation, wire};

/// A domain type with a wire message of its own.
pub trait Message: Sized {
    fn encode(&self) -> Vec<u8>;

    /// # Errors
    /// If the bytes are no such message, or a field holds what the domain type cannot.
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
