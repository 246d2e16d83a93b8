//! Signatures of webhooks by the Standard Webhooks specification 1.0 (symmetric, `v1`).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fmt;

/// The key that sender and receiver share. Never shown.
#[derive(Clone)]
pub(crate) struct Key(Hmac<Sha256>);

/// Why a text is no key. Does not contain the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum KeyError {
    #[error("must be base64, with or without whsec_ before it")]
    Base64,
    #[error("must be 24 to 64 bytes, is {0}")]
    Length(usize),
}

/// The specification's prefix of symmetric keys, and their lengths in bytes.
const PREFIX: &str = "whsec_";
const LENGTHS: std::ops::RangeInclusive<usize> = 24..=64;

impl Key {
    /// Reads a key: base64, with or without the prefix.
    pub(crate) fn parse(text: &str) -> Result<Self, KeyError> {
        let encoded = text.strip_prefix(PREFIX).unwrap_or(text);
        let bytes = STANDARD.decode(encoded).map_err(|_| KeyError::Base64)?;
        if !LENGTHS.contains(&bytes.len()) {
            return Err(KeyError::Length(bytes.len()));
        }
        let length = KeyError::Length(bytes.len());
        Hmac::new_from_slice(&bytes).map(Self).map_err(|_| length)
    }

    /// Returns the header `webhook-signature` of a message; `timestamp` is in seconds since 1970.
    pub(crate) fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        let mut mac = self.0.clone();
        mac.update(format!("{id}.{timestamp}.").as_bytes());
        mac.update(body);
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_equals_that_of_the_reference_libraries() {
        let key = Key::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signature = key.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        let bare = Key::parse("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        assert_eq!(bare.sign("a", 1, b""), key.sign("a", 1, b""));
        assert_ne!(key.sign("a", 1, b""), key.sign("a", 2, b""));
    }

    #[test]
    fn an_invalid_key_is_refused_without_being_shown() {
        let check = |text: &str, expect: KeyError| assert_eq!(Key::parse(text).unwrap_err(), expect);
        check("whsec_not base64", KeyError::Base64);
        check("whsec_aGlkZGVu", KeyError::Length(6));
        check("", KeyError::Length(0));
        check(&STANDARD.encode([0; 65]), KeyError::Length(65));
        assert_eq!(format!("{:?}", Key::parse(&STANDARD.encode([77; 32])).unwrap()), "Key(***)");
    }
}
