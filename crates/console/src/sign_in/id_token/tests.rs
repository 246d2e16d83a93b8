use super::*;
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::json;

const NOW: Timestamp = Timestamp(1_772_400_000_000);

struct Signer(Ed25519KeyPair);

impl Signer {
    fn new() -> Self {
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        Self(Ed25519KeyPair::from_pkcs8(document.as_ref()).unwrap())
    }

    fn jwk(&self, more: &Value) -> Value {
        let point = URL_SAFE_NO_PAD.encode(self.0.public_key().as_ref());
        let mut jwk = json!({ "kty": "OKP", "crv": "Ed25519", "x": point });
        jwk.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        jwk
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(header), part(claims));
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(self.0.sign(signed.as_bytes())))
    }
}

fn claims(changes: &Value) -> Value {
    let now = NOW.0 / SECOND;
    let mut claims =
        json!({ "iss": "issuer", "aud": "client", "sub": "me", "nonce": "n", "iat": now, "exp": now + 60 });
    claims.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
    claims
}

fn expected<'a>(algorithms: &'a [Algorithm], nonce: Option<&'a str>) -> Expected<'a> {
    Expected { issuer: "issuer", client_id: "client", algorithms, nonce, now: NOW }
}

fn keys(all: &[Value]) -> Keys {
    Keys::parse(json!({ "keys": all }).to_string().as_bytes()).unwrap()
}

#[test]
fn the_key_has_to_fit_the_header() {
    let (signer, header) = (Signer::new(), json!({ "alg": "EdDSA", "kid": "a" }));
    let check = |jwk: &Value, header: &Value, expect: Result<(), TokenError>| {
        let token = signer.sign(header, &claims(&json!({})));
        let found = verify(&token, &keys(std::slice::from_ref(jwk)), expected(&[Algorithm::EdDsa], Some("n")));
        assert_eq!(found.map(drop), expect, "{jwk} {header}");
    };
    check(&signer.jwk(&json!({ "kid": "a" })), &header, Ok(()));
    check(&signer.jwk(&json!({ "kid": "a", "use": "sig", "alg": "EdDSA" })), &header, Ok(()));
    check(&signer.jwk(&json!({})), &json!({ "alg": "EdDSA" }), Ok(()));
    check(&signer.jwk(&json!({ "kid": "b" })), &header, Err(TokenError::UnknownKey));
    check(&signer.jwk(&json!({ "kid": "a", "use": "enc" })), &header, Err(TokenError::UnknownKey));
    check(&signer.jwk(&json!({ "kid": "a", "alg": "ES256" })), &header, Err(TokenError::UnknownKey));
    check(&Signer::new().jwk(&json!({ "kid": "a" })), &header, Err(TokenError::Signature));
    check(&json!({ "kty": "oct", "kid": "a", "k": "" }), &header, Err(TokenError::UnknownKey));
    check(&signer.jwk(&json!({ "kid": "a" })), &json!({ "alg": "ES256", "kid": "a" }), Err(TokenError::Algorithm));
    check(&signer.jwk(&json!({ "kid": "a" })), &json!({ "alg": "none", "kid": "a" }), Err(TokenError::Algorithm));
}

#[test]
fn clocks_may_differ_by_a_minute() {
    let (signer, now) = (Signer::new(), NOW.0 / SECOND);
    let keys = keys(&[signer.jwk(&json!({}))]);
    let check = |changes: Value, expect: Result<(), TokenError>| {
        let token = signer.sign(&json!({ "alg": "EdDSA" }), &claims(&changes));
        let found = verify(&token, &keys, expected(&[Algorithm::EdDsa], Some("n")));
        assert_eq!(found.map(drop), expect, "{changes}");
    };
    check(json!({ "exp": now - 59 }), Ok(()));
    check(json!({ "exp": now - 60 }), Err(TokenError::Expired));
    check(json!({ "iat": now + 60 }), Ok(()));
    check(json!({ "iat": now + 61 }), Err(TokenError::Early));
    check(json!({ "nbf": now + 61 }), Err(TokenError::Early));
    check(json!({ "exp": (now as f64) + 0.5 }), Ok(()));
    for no_time in [json!("1"), json!(null), json!(1e300), json!(i64::MAX)] {
        check(json!({ "exp": no_time }), Err(TokenError::Malformed));
    }
}

#[test]
fn a_token_of_a_refresh_needs_no_nonce() {
    let signer = Signer::new();
    let keys = keys(&[signer.jwk(&json!({}))]);
    let token = signer.sign(&json!({ "alg": "EdDSA" }), &claims(&json!({ "nonce": null })));
    let of = |nonce| verify(&token, &keys, expected(&[Algorithm::EdDsa], nonce)).map(drop);
    assert_eq!(of(None), Ok(()));
    assert_eq!(of(Some("n")), Err(TokenError::Nonce));
}
