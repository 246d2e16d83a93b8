//! Random secrets of sessions and tokens. Only their SHA-256 is stored.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::{Timestamp, Uuid, id};
use ring::rand::{SecureRandom, SystemRandom};
use secrecy::SecretString;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use store::{NewToken, Role};

/// What tokens begin with, so that scanners of repositories and logs find a leaked one.
const PREFIX: &str = "orgwatch_";

/// A secret, and its hash.
pub struct Secret {
    /// The secret. Whoever has it is the session.
    pub text: SecretString,
    /// Its SHA-256.
    pub hash: [u8; 32],
    /// The id of the session, which is no secret.
    pub session_id: Uuid,
}

impl Secret {
    /// Draws a secret of 256 bits.
    ///
    /// # Errors
    /// If the system has no random numbers.
    pub fn draw() -> Result<Self, ring::error::Unspecified> {
        let mut bytes = [0; 32];
        SystemRandom::new().fill(&mut bytes)?;
        let text = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes));
        let hash: [u8; 32] = Sha256::digest(text.as_bytes()).into();
        let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { text: SecretString::from(text), hash, session_id: id::derive(&["session", &hex]) })
    }
}

/// Makes a token with a new secret.
///
/// # Errors
/// If the system has no random numbers.
pub fn token(
    name: &str,
    roles: BTreeMap<String, Role>,
    expires_at: Timestamp,
) -> Result<(SecretString, NewToken), ring::error::Unspecified> {
    let Secret { text, hash, session_id } = Secret::draw()?;
    Ok((text, NewToken { session_id, secret_hash: hash, name: name.to_owned(), expires_at, roles }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    #[test]
    fn secrets_differ_and_are_known_by_their_hash() {
        let (one, other) = (Secret::draw().unwrap(), Secret::draw().unwrap());
        assert_ne!(one.text.expose_secret(), other.text.expose_secret());
        assert_ne!(one.session_id, other.session_id);
        assert_eq!(one.text.expose_secret().len(), PREFIX.len() + 43, "256 bits in base64");
        assert_eq!(<[u8; 32]>::from(Sha256::digest(one.text.expose_secret().as_bytes())), one.hash);
    }
}
