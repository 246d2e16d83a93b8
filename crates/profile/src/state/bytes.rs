//! The encoding of records: a version byte and then postcard, and the encodings of values that serde lacks.

use super::StateError;
use model::{Rate, Timestamp, Usual};
use rustc_hash::FxHashMap;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Version of every record with its first encoding.
pub(crate) const FIRST: u8 = 1;
/// Version of the head with [`HeadMore`](super::record::HeadMore), of identities with their facets, and of the day factor
/// with those of closed days.
pub(crate) const SECOND: u8 = 2;
/// Version of profiles with the right to administer.
pub(crate) const THIRD: u8 = 3;
/// Version of profiles with [`ProfileMore`](super::record::ProfileMore).
pub(crate) const FOURTH: u8 = 4;
/// Version of profiles with what they write.
pub(crate) const FIFTH: u8 = 5;
/// Version of profiles with [`DayMore`](crate::user::DayMore), and of the day factor with the time before which identities
/// were forgotten.
pub(crate) const SIXTH: u8 = 6;
/// Version of profiles with [`Signals`](crate::user::Signals), and of the day factor with the medians of four weeks.
pub(crate) const SEVENTH: u8 = 7;
/// Version of profiles with held days. Those without are written in version 7.
pub(crate) const EIGHTH: u8 = 8;
/// Version of profiles with [`DayNews`](crate::user::DayNews). Those without are written in version 7 or 8.
pub(crate) const NINTH: u8 = 9;
/// Version of profiles with [`Unjudged`](crate::user::Unjudged). Those without are written in version 7 to 9.
pub(crate) const TENTH: u8 = 10;

/// Encodes the version and the value.
pub(crate) fn encode<T: Serialize>(key: &str, version: u8, value: &T) -> Result<Vec<u8>, StateError> {
    let failed = |source| StateError::Unencodable { key: key.to_owned(), source };
    postcard::to_extend(value, vec![version]).map_err(failed)
}

/// Decodes a record of the first version.
///
/// # Errors
/// If the version is another, the bytes are not those of a `T`, or more bytes follow.
pub(crate) fn decode<T: DeserializeOwned>(key: &str, bytes: &[u8]) -> Result<T, StateError> {
    match split(key, bytes)? {
        (FIRST, body) => decode_body(key, body),
        (found, _) => Err(StateError::Version { key: key.to_owned(), found }),
    }
}

/// Splits a record into its version and its body.
///
/// # Errors
/// If the record is empty.
pub(crate) fn split<'a>(key: &str, bytes: &'a [u8]) -> Result<(u8, &'a [u8]), StateError> {
    let source = postcard::Error::DeserializeUnexpectedEnd;
    let (version, body) = bytes.split_first().ok_or_else(|| StateError::Undecodable { key: key.to_owned(), source })?;
    Ok((*version, body))
}

/// Decodes the body of a record.
///
/// # Errors
/// If the bytes are not those of a `T`, or more bytes follow.
pub(crate) fn decode_body<T: DeserializeOwned>(key: &str, body: &[u8]) -> Result<T, StateError> {
    let (value, rest) = decode_start(key, body)?;
    if !rest.is_empty() {
        return Err(StateError::Trailing { key: key.to_owned(), extra: rest.len() });
    }
    Ok(value)
}

/// Decodes the beginning of a body. Returns the rest, too.
///
/// # Errors
/// If the bytes are not those of a `T`.
pub(crate) fn decode_start<'a, T: DeserializeOwned>(key: &str, body: &'a [u8]) -> Result<(T, &'a [u8]), StateError> {
    let failed = |source| StateError::Undecodable { key: key.to_owned(), source };
    postcard::take_from_bytes(body).map_err(failed)
}

/// A hash in eight bytes: its bits are random, so a variable length would make it longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Fixed(#[serde(with = "postcard::fixint::le")] pub(crate) u64);

/// For `#[serde(with = "exact")]`: encodes values of the model by their parts, without loss.
pub(crate) mod exact {
    use super::Exact;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(crate) fn serialize<T: Exact, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
        value.parts().serialize(serializer)
    }

    pub(crate) fn deserialize<'de, T: Exact, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
        T::Parts::deserialize(deserializer).map(T::of_parts)
    }
}

/// A value that is encoded by parts. `Timestamp` serializes as text, which not every timestamp has; its part does not.
pub(crate) trait Exact: Sized {
    /// Numbers that serde encodes without loss.
    type Parts: Serialize + DeserializeOwned;
    /// Returns the parts.
    fn parts(&self) -> Self::Parts;
    /// Makes the value of its parts.
    fn of_parts(parts: Self::Parts) -> Self;
}

impl Exact for Timestamp {
    type Parts = i64;

    fn parts(&self) -> i64 {
        self.0
    }

    fn of_parts(parts: i64) -> Self {
        Self(parts)
    }
}

impl Exact for Usual {
    type Parts = [f64; 8];

    fn parts(&self) -> [f64; 8] {
        let Self { location, scale, degrees, shift, mean, deviation, evidence, prior_weight } = *self;
        [location, scale, degrees, shift, mean, deviation, evidence, prior_weight]
    }

    fn of_parts(parts: [f64; 8]) -> Self {
        let [location, scale, degrees, shift, mean, deviation, evidence, prior_weight] = parts;
        Self { location, scale, degrees, shift, mean, deviation, evidence, prior_weight }
    }
}

impl Exact for Rate {
    type Parts = [f64; 4];

    fn parts(&self) -> [f64; 4] {
        let Self { shape, rate, evidence, prior_weight } = *self;
        [shape, rate, evidence, prior_weight]
    }

    fn of_parts(parts: [f64; 4]) -> Self {
        let [shape, rate, evidence, prior_weight] = parts;
        Self { shape, rate, evidence, prior_weight }
    }
}

impl<T: Exact> Exact for Option<T> {
    type Parts = Option<T::Parts>;

    fn parts(&self) -> Self::Parts {
        self.as_ref().map(T::parts)
    }

    fn of_parts(parts: Self::Parts) -> Self {
        parts.map(T::of_parts)
    }
}

/// For `#[serde(with = "sorted")]`: encodes a map by hash in the order of its keys, so that equal maps have equal
/// bytes.
pub(crate) mod sorted {
    use super::{Fixed, in_order};
    use rustc_hash::FxHashMap;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(crate) fn serialize<S: Serializer>(map: &FxHashMap<u64, u32>, serializer: S) -> Result<S::Ok, S::Error> {
        in_order(map).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<FxHashMap<u64, u32>, D::Error> {
        let pairs = Vec::<(Fixed, u32)>::deserialize(deserializer)?;
        Ok(pairs.into_iter().map(|(key, value)| (key.0, value)).collect())
    }
}

fn in_order(map: &FxHashMap<u64, u32>) -> Vec<(Fixed, u32)> {
    let mut pairs: Vec<_> = map.iter().map(|(key, value)| (Fixed(*key), *value)).collect();
    pairs.sort_unstable();
    pairs
}
