//! The assertion by which an app logs in without a password (RFC 7523).

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

/// Who asks for a token, of whom, and for whom.
pub(crate) struct Claims<'a> {
    pub(crate) issuer: &'a str,
    pub(crate) subject: &'a str,
    pub(crate) audience: &'a str,
}

/// The longest that Salesforce takes.
const VALID: i64 = 180 * SECOND;

/// A signed JWT that is valid for three minutes from `now`.
///
/// # Errors
/// If the key does not sign.
pub(crate) fn assertion(key: &KeyPair, claims: &Claims<'_>, now: Timestamp) -> Result<String, String> {
    #[derive(Serialize)]
    struct Payload<'a> {
        iss: &'a str,
        sub: &'a str,
        aud: &'a str,
        exp: i64,
    }
    let exp = now.plus(VALID).0.div_euclid(SECOND);
    let payload = Payload { iss: claims.issuer, sub: claims.subject, aud: claims.audience, exp };
    let payload = serde_json::to_vec(&payload).map_err(|error| error.to_string())?;

    let mut token = URL_SAFE_NO_PAD.encode(br#"{"alg":"RS256","typ":"JWT"}"#);
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(payload, &mut token);
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), token.as_bytes(), &mut signature)
        .map_err(|_| "the key does not sign".to_owned())?;
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, &mut token);
    Ok(token)
}

/// Reads an RSA key of at least 2,048 bits from PEM, as PKCS#8 or PKCS#1.
///
/// # Errors
/// In words for an operator, without anything of the key.
pub(crate) fn read_key(pem: &str) -> Result<KeyPair, String> {
    let rejected = |error: ring::error::KeyRejected| format!("is no RSA key that can be used: {error}");
    match PrivateKeyDer::from_pem_slice(pem.as_bytes()) {
        Ok(PrivateKeyDer::Pkcs8(der)) => KeyPair::from_pkcs8(der.secret_pkcs8_der()).map_err(rejected),
        Ok(PrivateKeyDer::Pkcs1(der)) => KeyPair::from_der(der.secret_pkcs1_der()).map_err(rejected),
        Ok(_) => Err("is no RSA key".to_owned()),
        Err(_) => Err("is no unencrypted private key in PEM".to_owned()),
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
    fn the_assertion_says_who_and_until_when() {
        let token = assertion(&read_key(PKCS8).unwrap(), &CLAIMS, Timestamp(1_772_461_912_867)).unwrap();
        let parts: Vec<&str> = token.split('.').collect();
        assert_eq!(parts.len(), 3);
        assert_eq!(decode(parts[0]), r#"{"alg":"RS256","typ":"JWT"}"#);
        let payload = r#"{"iss":"3MVG9\"app","sub":"orgwatch@acme.example","aud":"https://login.salesforce.com","exp":1772462092}"#;
        assert_eq!(decode(parts[1]), payload);
    }

    #[test]
    fn either_form_of_the_key_signs_for_its_public_half() {
        let [one, other] = [PKCS8, PKCS1].map(|pem| assertion(&read_key(pem).unwrap(), &CLAIMS, Timestamp(0)).unwrap());
        assert_eq!(one, other);
        let (signed, signature) = one.rsplit_once('.').unwrap();
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, PUBLIC);
        assert!(public.verify(signed.as_bytes(), &signature).is_ok());
        assert!(public.verify(b"something else", &signature).is_err());
    }

    #[test]
    fn what_is_no_rsa_key_is_refused_without_showing_it() {
        let check = |pem: &str, expect: &str| {
            let problem = read_key(pem).err().unwrap();
            assert!(problem.starts_with(expect) && !problem.contains("MII"), "{problem}");
        };
        check("", "is no unencrypted private key in PEM");
        check(&PKCS8.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY"), "is no unencrypted private key in PEM");
        check(&PKCS8.replace("PRIVATE KEY", "EC PRIVATE KEY"), "is no RSA key");
        check(&PKCS1.replace("RSA PRIVATE KEY", "PRIVATE KEY"), "is no RSA key that can be used");
    }
}
