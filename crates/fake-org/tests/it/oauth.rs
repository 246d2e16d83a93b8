//! Tests of OAuth.

use crate::support::{Client, http, list_views};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use fake_org::{FakeOrg, Fault, PRIVATE_KEY};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

fn claims() -> Value {
    json!({
        "iss": "fake-consumer-key",
        "sub": "watcher@fake.example",
        "aud": "https://login.salesforce.com",
        "exp": now() + 180,
    })
}

fn signed(claims: &Value) -> String {
    let pkcs8 = PrivatePkcs8KeyDer::from_pem_slice(PRIVATE_KEY.as_bytes()).unwrap();
    let key = RsaKeyPair::from_pkcs8(pkcs8.secret_pkcs8_der()).unwrap();
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!("{}.{}", part(&json!({ "alg": "RS256" })), part(claims));
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature).unwrap();
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
}

async fn request_token(org: &FakeOrg, form: &str) -> (u16, Value) {
    let request = http().post(format!("{}/services/oauth2/token", org.login_url())).body(form.to_owned());
    let answer = request.header("content-type", "application/x-www-form-urlencoded").send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

async fn request_by_assertion(org: &FakeOrg, assertion: &str) -> (u16, Value) {
    request_token(
        org,
        &format!("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion={assertion}"),
    )
    .await
}

#[tokio::test]
async fn a_signed_assertion_gets_a_token() {
    let org = FakeOrg::start(list_views(1)).await.unwrap();
    let (status, answer) = request_by_assertion(&org, &signed(&claims())).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["instance_url"], org.login_url());
    assert_eq!(answer["token_type"], "Bearer");
    assert!(answer.get("expires_in").is_none());
    assert!(answer["id"].as_str().unwrap().contains("/id/00Dfk0000000001EAA/005"));
    let request = http().get(format!("{}/services/oauth2/userinfo", org.login_url()));
    let info: Value =
        request.bearer_auth(answer["access_token"].as_str().unwrap()).send().await.unwrap().json().await.unwrap();
    assert_eq!(info["organization_id"], "00Dfk0000000001EAA");
}

#[tokio::test]
async fn every_claim_of_an_assertion_is_checked() {
    let org = FakeOrg::start(list_views(1)).await.unwrap();
    let wrong = [
        ("iss", json!("another"), "invalid_client_id"),
        ("sub", json!("somebody@fake.example"), "invalid_grant"),
        ("aud", json!("https://example.com"), "invalid_grant"),
        ("exp", json!(now() - 600), "invalid_grant"),
        ("exp", json!(now() + 600), "invalid_grant"),
    ];
    for (claim, value, error) in wrong {
        let mut claims = claims();
        claims[claim] = value;
        let (status, answer) = request_by_assertion(&org, &signed(&claims)).await;
        assert_eq!((status, answer["error"].as_str()), (400, Some(error)), "{claim}");
    }
    let mut forged: Vec<String> = signed(&claims()).split('.').map(str::to_owned).collect();
    forged[1] = URL_SAFE_NO_PAD.encode(json!({ "iss": "fake-consumer-key" }).to_string());
    assert_eq!(request_by_assertion(&org, &forged.join(".")).await.0, 400);
    assert_eq!(request_by_assertion(&org, "nonsense").await.0, 400);
}

#[tokio::test]
async fn client_credentials_are_checked() {
    let org = FakeOrg::start(list_views(1)).await.unwrap();
    let check = async |client_id, secret, grant, error: &str| {
        let form = format!("grant_type={grant}&client_id={client_id}&client_secret={secret}");
        let (status, answer) = request_token(&org, &form).await;
        assert_eq!((status, answer["error"].as_str()), (400, Some(error)));
    };
    check("another", "fake-consumer-secret", "client_credentials", "invalid_client_id").await;
    check("fake-consumer-key", "wrong", "client_credentials", "invalid_client").await;
    check("fake-consumer-key", "fake-consumer-secret", "password", "unsupported_grant_type").await;
    assert_eq!(org.control().requests()["token"], 3);
}

#[tokio::test]
async fn tokens_expire_and_are_refused_on_request() {
    let org = FakeOrg::start(list_views(1)).await.unwrap();
    let client = Client::of(&org).await;
    org.control().misbehave(Fault::TokensExpired);
    let (status, answer) = client.json("/services/data/v62.0/limits").await;
    assert_eq!(status, 401);
    assert_eq!(answer, json!([{ "message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID" }]));
    org.control().misbehave(Fault::LoginRefused.times(1));
    assert_eq!(request_by_assertion(&org, &signed(&claims())).await.1["error"], "invalid_grant");
    assert_eq!(request_by_assertion(&org, &signed(&claims())).await.0, 200);
}
