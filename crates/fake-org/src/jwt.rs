//! Checks assertions of the JWT bearer flow.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use rustls::pki_types::SubjectPublicKeyInfoDer;
use rustls::pki_types::pem::PemObject;
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// How long an assertion may be valid at most, in seconds: Salesforce's limit.
const LONGEST: i64 = 180;
/// How far the clocks of client and org may differ, in seconds. A choice.
const SKEW: i64 = 30;

/// The key and claims that an assertion must have.
pub(crate) struct Expected<'a> {
    pub(crate) key: &'a [u8],
    pub(crate) client_id: &'a str,
    pub(crate) username: &'a str,
    pub(crate) audiences: &'a [&'a str],
}

#[derive(Deserialize)]
struct Header {
    alg: String,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: String,
    exp: i64,
}

/// Checks an assertion at `now`, in seconds since 1970.
///
/// # Errors
/// Salesforce's error and description.
pub(crate) fn check(assertion: &str, expected: &Expected<'_>, now: i64) -> Result<(), (&'static str, &'static str)> {
    let parts: Vec<&str> = assertion.split('.').collect();
    let &[header, claims, signature] = parts.as_slice() else {
        return Err(("invalid_grant", "invalid assertion"));
    };
    let signed = format!("{header}.{claims}");
    let header: Header = part(header).ok_or(("invalid_grant", "invalid assertion"))?;
    let claims: Claims = part(claims).ok_or(("invalid_grant", "invalid assertion"))?;
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| ("invalid_grant", "invalid assertion"))?;
    if claims.iss != expected.client_id {
        return Err(("invalid_client_id", "client identifier invalid"));
    }
    let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, modulus_and_exponent(expected.key));
    if header.alg != "RS256" || key.verify(signed.as_bytes(), &signature).is_err() {
        return Err(("invalid_grant", "invalid assertion"));
    }
    if !expected.audiences.contains(&claims.aud.trim_end_matches('/')) {
        return Err(("invalid_grant", "audience is invalid"));
    }
    if !(now - SKEW..=now + LONGEST + SKEW).contains(&claims.exp) {
        return Err(("invalid_grant", "expired authorization code"));
    }
    if claims.sub != expected.username {
        return Err(("invalid_grant", "user hasn't approved this consumer"));
    }
    Ok(())
}

fn part<T: DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()
}

/// Converts a key from PEM to DER in PKCS #1, the form that `ring` verifies with. A key in DER is returned unchanged.
fn modulus_and_exponent(key: &[u8]) -> Vec<u8> {
    match SubjectPublicKeyInfoDer::from_pem_slice(key) {
        Ok(wrapped) => unwrap(&wrapped).unwrap_or_default().to_vec(),
        Err(_) => key.to_vec(),
    }
}

/// Extracts the key from `SEQUENCE { SEQUENCE { algorithm }, BIT STRING { key } }`.
fn unwrap(wrapped: &[u8]) -> Option<&[u8]> {
    let (content, _) = element(wrapped, 0x30)?;
    let (_, rest) = element(content, 0x30)?;
    let (bits, _) = element(rest, 0x03)?;
    bits.strip_prefix(&[0])
}

/// Splits off a DER element with this tag, and returns its content and the rest.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let rest = der.strip_prefix(&[tag])?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..0x80 => (usize::from(*first), rest),
        _ => {
            let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
        }
    };
    rest.split_at_checked(length)
}
