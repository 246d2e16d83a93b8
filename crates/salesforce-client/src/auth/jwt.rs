//! The signed assertion of the JWT bearer flow (RFC 7523, OAuth 2.0 JWT Bearer Flow in Salesforce Help).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::Timestamp;
use model::time::SECOND;
use ring::rand::SystemRandom;
use ring::rsa::KeyPair;
use ring::signature::RSA_PKCS1_SHA256;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use serde::Serialize;

/// The claims of an assertion.
pub(crate) struct Claims<'a> {
    /// Consumer key of the app, `iss`.
    pub(crate) issuer: &'a str,
    /// Username to log in as, `sub`.
    pub(crate) subject: &'a str,
    /// Login server, `aud`.
    pub(crate) audience: &'a str,
}

/// How long an assertion is valid, in milliseconds: the longest that Salesforce accepts, 3 minutes.
const VALIDITY: i64 = 180 * SECOND;

/// Returns a signed JWT that is valid for three minutes from `now`.
///
/// # Errors
/// If signing fails.
pub(crate) fn assertion(key: &KeyPair, claims: &Claims<'_>, now: Timestamp) -> Result<String, String> {
    #[derive(Serialize)]
    struct Payload<'a> {
        iss: &'a str,
        sub: &'a str,
        aud: &'a str,
        exp: i64,
    }
    let exp = now.plus(VALIDITY).0.div_euclid(SECOND);
    let payload = Payload { iss: claims.issuer, sub: claims.subject, aud: claims.audience, exp };
    let payload = serde_json::to_vec(&payload).map_err(|error| error.to_string())?;

    let mut token = URL_SAFE_NO_PAD.encode(br#"{"alg":"RS256","typ":"JWT"}"#);
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(payload, &mut token);
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), token.as_bytes(), &mut signature)
        .map_err(|_| "the private key cannot sign".to_owned())?;
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, &mut token);
    Ok(token)
}

/// Reads an RSA key of at least 2,048 bits from PEM, in PKCS#8 or PKCS#1.
///
/// # Errors
/// A text for an operator that quotes nothing of the key.
pub(crate) fn read_key(pem: &str) -> Result<KeyPair, String> {
    let rejected = |error: ring::error::KeyRejected| format!("is not a usable RSA key: {error}");
    match PrivateKeyDer::from_pem_slice(pem.as_bytes()) {
        Ok(PrivateKeyDer::Pkcs8(der)) => KeyPair::from_pkcs8(der.secret_pkcs8_der()).map_err(rejected),
        Ok(PrivateKeyDer::Pkcs1(der)) => KeyPair::from_der(der.secret_pkcs1_der()).map_err(rejected),
        Ok(_) => Err("is not an RSA key".to_owned()),
        Err(_) => Err("is not an unencrypted private key in PEM".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};

    const PKCS8: &str = include_str!("../../tests/testdata/test-only-rsa.pkcs8.pem");
    const PKCS1: &str = include_str!("../../tests/testdata/test-only-rsa.pkcs1.pem");
    const PUBLIC: &[u8] = include_bytes!("../../tests/testdata/test-only-rsa.public.der");
    const CLAIMS: Claims<'_> =
        Claims { issuer: "3MVG9\"app", subject: "orgwatch@acme.example", audience: "https://login.salesforce.com" };

    fn decode(part: &str) -> String {
        String::from_utf8(URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    }

    #[test]
    fn an_assertion_has_claims_and_an_expiry() {
        let token = assertion(&read_key(PKCS8).unwrap(), &CLAIMS, Timestamp(1_772_461_912_867)).unwrap();
        let parts: Vec<&str> = token.split('.').collect();
        assert_eq!(parts.len(), 3);
        assert_eq!(decode(parts[0]), r#"{"alg":"RS256","typ":"JWT"}"#);
        let payload = r#"{"iss":"3MVG9\"app","sub":"orgwatch@acme.example","aud":"https://login.salesforce.com","exp":1772462092}"#;
        assert_eq!(decode(parts[1]), payload);
    }

    #[test]
    fn both_formats_of_the_key_sign_alike() {
        let [one, other] = [PKCS8, PKCS1].map(|pem| assertion(&read_key(pem).unwrap(), &CLAIMS, Timestamp(0)).unwrap());
        assert_eq!(one, other);
        let (signed, signature) = one.rsplit_once('.').unwrap();
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, PUBLIC);
        assert!(public.verify(signed.as_bytes(), &signature).is_ok());
        assert!(public.verify(b"something else", &signature).is_err());
    }

    #[test]
    fn other_keys_are_refused_without_quoting_them() {
        let check = |pem: &str, expect: &str| {
            let problem = read_key(pem).err().unwrap();
            assert!(problem.starts_with(expect) && !problem.contains("MII"), "{problem}");
        };
        check("", "is not an unencrypted private key in PEM");
        check(&PKCS8.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY"), "is not an unencrypted private key in PEM");
        check(&PKCS8.replace("PRIVATE KEY", "EC PRIVATE KEY"), "is not an RSA key");
        check(&PKCS1.replace("RSA PRIVATE KEY", "PRIVATE KEY"), "is not a usable RSA key");
    }
}
