//! What must hold of an ID token: OpenID Connect Core 1.0, section 3.1.3.7.

use super::keys::Keys;
use super::settings::Algorithm;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::Timestamp;
use model::time::SECOND;
use serde::Deserialize;
use serde_json::{Map, Value};

/// How far the clocks of the provider and of this machine may be apart, in milliseconds. A choice: clocks that are set by a
/// time server differ by less than a second.
const LEEWAY: i64 = 60 * SECOND;

/// What a token says, by name.
pub(crate) type Claims = Map<String, Value>;

/// What a token must say.
#[derive(Clone, Copy)]
pub(crate) struct Expected<'a> {
    /// The issuer.
    pub(crate) issuer: &'a str,
    /// The client for which it must be.
    pub(crate) client_id: &'a str,
    /// How it may be signed.
    pub(crate) algorithms: &'a [Algorithm],
    /// The nonce of the sign-in; `None` for a token of a refresh, which need not have one.
    pub(crate) nonce: Option<&'a str>,
    /// The time.
    pub(crate) now: Timestamp,
}

/// Why an ID token is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TokenError {
    /// It is no token of three parts, or a part is not readable.
    #[error("the ID token is malformed")]
    Malformed,
    /// `none`, an algorithm that is not allowed, or an extension that has to be understood.
    #[error("the ID token is not signed by an algorithm of console.sign_in.algorithms")]
    Algorithm,
    /// The provider has published no such key.
    #[error("the ID token is signed by a key that the provider has not published")]
    UnknownKey,
    /// The signature is not by the key that the token names.
    #[error("the signature of the ID token is wrong")]
    Signature,
    /// It is of another issuer.
    #[error("the ID token is of another issuer")]
    Issuer,
    /// It is for another client.
    #[error("the ID token is for another client")]
    Audience,
    /// It is not of this sign-in.
    #[error("the ID token is not of this sign-in: its nonce differs")]
    Nonce,
    /// It has expired.
    #[error("the ID token has expired")]
    Expired,
    /// It is of the future.
    #[error("the ID token is not valid yet: compare the clocks of the provider and of this machine")]
    Early,
    /// It does not say whom it is about.
    #[error("the ID token has no subject")]
    Subject,
}

/// Verifies a token, and returns its claims.
///
/// # Errors
/// If anything is not as expected.
pub(crate) fn verify(token: &str, keys: &Keys, expected: Expected<'_>) -> Result<Claims, TokenError> {
    let (signed, signature) = token.rsplit_once('.').ok_or(TokenError::Malformed)?;
    let (header, claims) = signed.split_once('.').ok_or(TokenError::Malformed)?;
    let header: Header = decode(header)?;
    if header.crit.is_some() {
        return Err(TokenError::Algorithm);
    }
    let algorithm = Algorithm::named(&header.alg).filter(|algorithm| expected.algorithms.contains(algorithm));
    let algorithm = algorithm.ok_or(TokenError::Algorithm)?;
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| TokenError::Malformed)?;
    keys.verify(algorithm, header.kid.as_deref(), signed.as_bytes(), &signature)?;
    // Nothing is read of what is not signed.
    let claims: Claims = decode(claims)?;
    check(&claims, expected)?;
    Ok(claims)
}

/// Returns the text of a claim, if it has one.
pub(crate) fn text<'a>(claims: &'a Claims, name: &str) -> Option<&'a str> {
    claims.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    crit: Option<Value>,
}

fn decode<T: serde::de::DeserializeOwned>(part: &str) -> Result<T, TokenError> {
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenError::Malformed)?;
    serde_json::from_slice(&bytes).map_err(|_| TokenError::Malformed)
}

fn check(claims: &Claims, expected: Expected<'_>) -> Result<(), TokenError> {
    if text(claims, "iss") != Some(expected.issuer) {
        return Err(TokenError::Issuer);
    }
    check_audience(claims, expected.client_id)?;
    if expected.nonce.is_some() && text(claims, "nonce") != expected.nonce {
        return Err(TokenError::Nonce);
    }
    let now = expected.now;
    if time(claims, "exp")?.ok_or(TokenError::Malformed)?.plus(LEEWAY) <= now {
        return Err(TokenError::Expired);
    }
    let issued = time(claims, "iat")?.ok_or(TokenError::Malformed)?;
    let valid_from = time(claims, "nbf")?.unwrap_or(issued).max(issued);
    if valid_from > now.plus(LEEWAY) {
        return Err(TokenError::Early);
    }
    text(claims, "sub").map(drop).ok_or(TokenError::Subject)
}

/// The audience has the client, and if others too, the token was made for the client (`azp`).
fn check_audience(claims: &Claims, client_id: &str) -> Result<(), TokenError> {
    let (has_client, has_others) = match claims.get("aud") {
        Some(Value::String(audience)) => (audience == client_id, false),
        Some(Value::Array(all)) => (all.iter().any(|audience| audience == client_id), all.len() > 1),
        _ => (false, false),
    };
    let is_for_client = match claims.get("azp") {
        Some(party) => party == client_id,
        None => !has_others,
    };
    if has_client && is_for_client { Ok(()) } else { Err(TokenError::Audience) }
}

/// Reads a time in seconds. One that is no number is no missing time.
fn time(claims: &Claims, name: &str) -> Result<Option<Timestamp>, TokenError> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    let whole = value.as_i64().or_else(|| {
        let seconds = value.as_f64()?.floor();
        // No larger number is a time, and smaller ones are exact.
        (seconds.abs() < 1e15).then_some(seconds as i64)
    });
    let milliseconds = whole.and_then(|seconds| seconds.checked_mul(SECOND));
    milliseconds.map(|at| Some(Timestamp(at))).ok_or(TokenError::Malformed)
}

#[cfg(test)]
mod tests;
