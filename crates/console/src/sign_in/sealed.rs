//! Encryption of what others keep for the console: the state of a sign-in in a cookie, tokens in the database.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::error::Unspecified;
use ring::hkdf::{HKDF_SHA256, Salt};
use ring::rand::{SecureRandom, SystemRandom};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// What a key is for: keys of one secret for different purposes differ.
#[derive(Clone, Copy)]
pub(crate) enum Purpose {
    /// The state of a sign-in.
    State,
    /// The provider's tokens of a session.
    Tokens,
}

impl Purpose {
    fn info(self) -> &'static [u8] {
        match self {
            Self::State => b"orgwatch console sign-in state 1",
            Self::Tokens => b"orgwatch console session tokens 1",
        }
    }
}

/// Encrypts a value with ChaCha20-Poly1305, under a key that HKDF derives from a secret. `about` is not encrypted, but has to
/// be the same to open it.
///
/// # Errors
/// If the system has no random numbers.
pub(crate) fn seal(
    secret: &SecretString,
    purpose: Purpose,
    about: &[u8],
    value: &impl Serialize,
) -> Result<Vec<u8>, Unspecified> {
    let mut bytes = serde_json::to_vec(value).map_err(|_| Unspecified)?;
    let mut sealed = [0; NONCE_LEN].to_vec();
    SystemRandom::new().fill(&mut sealed)?;
    let nonce = Nonce::try_assume_unique_for_key(&sealed)?;
    key(secret, purpose)?.seal_in_place_append_tag(nonce, Aad::from(about), &mut bytes)?;
    sealed.append(&mut bytes);
    Ok(sealed)
}

/// Decrypts a value; `None` if it was not sealed by this secret for this purpose, or was changed.
pub(crate) fn open<T: DeserializeOwned>(
    secret: &SecretString,
    purpose: Purpose,
    about: &[u8],
    sealed: &[u8],
) -> Option<T> {
    let (nonce, bytes) = sealed.split_at_checked(NONCE_LEN)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let mut bytes = bytes.to_vec();
    let opened = key(secret, purpose).ok()?.open_in_place(nonce, Aad::from(about), &mut bytes).ok()?;
    serde_json::from_slice(opened).ok()
}

/// Draws a random text of 256 bits.
///
/// # Errors
/// If the system has no random numbers.
pub(crate) fn random() -> Result<String, Unspecified> {
    let mut bytes = [0; 32];
    SystemRandom::new().fill(&mut bytes)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

fn key(secret: &SecretString, purpose: Purpose) -> Result<LessSafeKey, Unspecified> {
    let info = [purpose.info()];
    let derived = Salt::new(HKDF_SHA256, &[]).extract(secret.expose_secret().as_bytes());
    Ok(LessSafeKey::new(UnboundKey::from(derived.expand(&info, &CHACHA20_POLY1305)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_secret_purpose_and_context_open_it() {
        let secret = SecretString::from("secret");
        let sealed = seal(&secret, Purpose::Tokens, b"session", &"token").unwrap();
        let opened = |secret: &SecretString, purpose, about: &[u8], sealed: &[u8]| {
            open::<String>(secret, purpose, about, sealed).as_deref() == Some("token")
        };
        assert!(opened(&secret, Purpose::Tokens, b"session", &sealed));
        assert!(!opened(&SecretString::from("other"), Purpose::Tokens, b"session", &sealed));
        assert!(!opened(&secret, Purpose::State, b"session", &sealed));
        assert!(!opened(&secret, Purpose::Tokens, b"another", &sealed));
        for index in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[index] ^= 1;
            assert!(!opened(&secret, Purpose::Tokens, b"session", &changed), "{index}");
            assert!(!opened(&secret, Purpose::Tokens, b"session", &sealed[..index]), "{index}");
        }
    }

    #[test]
    fn the_same_value_is_never_sealed_alike() {
        let secret = SecretString::from("secret");
        let seal = || seal(&secret, Purpose::State, b"", &"state").unwrap();
        let (one, other) = (seal(), seal());
        assert_ne!(one, other);
        assert!(!String::from_utf8_lossy(&one).contains("state"));
    }
}
