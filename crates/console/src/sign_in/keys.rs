//! The provider's public keys, and signatures by them.

use super::id_token::TokenError;
use super::settings::Algorithm;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{self, RsaPublicKeyComponents, UnparsedPublicKey};
use serde::Deserialize;

/// A set of keys as RFC 7517 has it, without those that cannot verify a signature of an [`Algorithm`].
#[derive(Debug, Default)]
pub(crate) struct Keys(Vec<Key>);

#[derive(Debug)]
struct Key {
    id: Option<String>,
    /// The algorithm for which it is, if the provider says so.
    algorithm: Option<String>,
    public: Public,
}

#[derive(Debug)]
enum Public {
    Rsa {
        modulus: Vec<u8>,
        exponent: Vec<u8>,
    },
    /// An uncompressed point: 4, x, y.
    P256(Vec<u8>),
    Ed25519(Vec<u8>),
}

/// A key as it is written. A member of a type that this does not know must not make the other keys unreadable.
#[derive(Deserialize)]
struct Written {
    kty: String,
    kid: Option<String>,
    r#use: Option<String>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl Keys {
    /// Parses a set of keys. Keys of other kinds and keys for encryption are left out.
    ///
    /// # Errors
    /// If it is no set of keys.
    pub(crate) fn parse(json: &[u8]) -> Result<Self, serde_json::Error> {
        #[derive(Deserialize)]
        struct Set {
            keys: Vec<serde_json::Value>,
        }
        let set: Set = serde_json::from_slice(json)?;
        Ok(Self(set.keys.into_iter().filter_map(|key| Key::of(serde_json::from_value(key).ok()?)).collect()))
    }

    /// Checks a signature by the key with this id; without an id, by any key that fits the algorithm.
    ///
    /// # Errors
    /// [`TokenError::UnknownKey`] if no key fits, [`TokenError::Signature`] if the signature is not by that key.
    pub(crate) fn verify(
        &self,
        algorithm: Algorithm,
        id: Option<&str>,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), TokenError> {
        let name = algorithm.name();
        let fits = |key: &&Key| {
            id.is_none_or(|id| key.id.as_deref() == Some(id))
                && key.algorithm.as_deref().is_none_or(|of| of == name)
                && key.public.is_for(algorithm)
        };
        let mut fitting = self.0.iter().filter(fits).peekable();
        if fitting.peek().is_none() {
            return Err(TokenError::UnknownKey);
        }
        if fitting.any(|key| key.public.has_signed(algorithm, message, signature)) {
            return Ok(());
        }
        Err(TokenError::Signature)
    }
}

impl Algorithm {
    /// Returns the algorithm with this name of RFC 7518 or RFC 8037.
    pub(crate) fn named(name: &str) -> Option<Self> {
        [Self::Rs256, Self::Ps256, Self::Es256, Self::EdDsa].into_iter().find(|algorithm| algorithm.name() == name)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Ps256 => "PS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        }
    }
}

impl Key {
    fn of(written: Written) -> Option<Self> {
        if written.r#use.as_deref().is_some_and(|of| of != "sig") {
            return None;
        }
        let bytes = |text: Option<String>| URL_SAFE_NO_PAD.decode(text?).ok();
        let coordinate = |text: Option<String>| bytes(text).filter(|bytes| bytes.len() == 32);
        let public = match (written.kty.as_str(), written.crv.as_deref()) {
            ("RSA", _) => Public::Rsa { modulus: bytes(written.n)?, exponent: bytes(written.e)? },
            ("EC", Some("P-256")) => Public::P256([vec![4], coordinate(written.x)?, coordinate(written.y)?].concat()),
            ("OKP", Some("Ed25519")) => Public::Ed25519(coordinate(written.x)?),
            _ => return None,
        };
        Some(Self { id: written.kid, algorithm: written.alg, public })
    }
}

impl Public {
    fn is_for(&self, algorithm: Algorithm) -> bool {
        matches!(
            (self, algorithm),
            (Self::Rsa { .. }, Algorithm::Rs256 | Algorithm::Ps256)
                | (Self::P256(_), Algorithm::Es256)
                | (Self::Ed25519(_), Algorithm::EdDsa)
        )
    }

    /// Whether the signature of a message is by this key. RSA keys must have 2,048 to 8,192 bits.
    fn has_signed(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Rsa { modulus, exponent } => {
                let parameters = match algorithm {
                    Algorithm::Ps256 => &signature::RSA_PSS_2048_8192_SHA256,
                    _ => &signature::RSA_PKCS1_2048_8192_SHA256,
                };
                RsaPublicKeyComponents { n: modulus, e: exponent }.verify(parameters, message, signature).is_ok()
            }
            Self::P256(point) => {
                UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, point).verify(message, signature).is_ok()
            }
            Self::Ed25519(point) => {
                UnparsedPublicKey::new(&signature::ED25519, point).verify(message, signature).is_ok()
            }
        }
    }
}
