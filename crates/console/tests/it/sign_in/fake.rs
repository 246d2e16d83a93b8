//! An issuer that gives whatever token a test asks for.

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::net::TcpListener;

/// An issuer on 127.0.0.1.
#[derive(Clone)]
pub(super) struct Issuer {
    pub(super) url: String,
    state: Arc<Mutex<Given>>,
}

struct Given {
    id_token: Option<String>,
    userinfo: (StatusCode, Value),
    keys: Vec<Value>,
    key_fetches: u32,
    refreshes: u32,
    /// What a client has to send to refresh.
    refresh_token: Option<String>,
    expires_in: u32,
}

/// A key with an id.
pub(super) struct Key {
    pub(super) id: &'static str,
    pair: EcdsaKeyPair,
}

impl Key {
    pub(super) fn new(id: &'static str) -> Self {
        let random = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random).unwrap();
        Self { id, pair }
    }

    pub(super) fn public(&self) -> Value {
        let point = self.pair.public_key().as_ref();
        let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        json!({ "kty": "EC", "crv": "P-256", "kid": self.id, "x": part(&point[1..33]), "y": part(&point[33..]) })
    }

    pub(super) fn sign(&self, header: &Value, claims: &Value) -> String {
        let signed = unsigned(header, claims);
        let signature = self.pair.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

/// The first two parts of a token.
pub(super) fn unsigned(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}", part(header), part(claims))
}

/// Seconds since 1970.
pub(super) fn seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

impl Issuer {
    pub(super) async fn start(keys: Vec<Value>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let given = Given {
            id_token: None,
            userinfo: (StatusCode::OK, json!({ "sub": "carol", "email": "carol@example.com", "groups": ["soc"] })),
            keys,
            key_fetches: 0,
            refreshes: 0,
            refresh_token: None,
            expires_in: 3_600,
        };
        let issuer = Self { url, state: Arc::new(Mutex::new(given)) };
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/keys", get(keys_of))
            .route("/token", post(tokens))
            .route("/userinfo", get(userinfo))
            .with_state(issuer.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        issuer
    }

    /// The claims of a valid token.
    pub(super) fn claims(&self, nonce: &str) -> Value {
        json!({
            "iss": self.url, "aud": "orgwatch", "sub": "carol", "nonce": nonce, "email": "carol@example.com",
            "iat": seconds(), "exp": seconds() + 60, "groups": ["soc"],
        })
    }

    pub(super) fn give(&self, id_token: Option<String>) {
        self.state.lock().unwrap().id_token = id_token;
    }

    pub(super) fn publish(&self, keys: Vec<Value>) {
        self.state.lock().unwrap().keys = keys;
    }

    pub(super) fn set_userinfo(&self, status: StatusCode, claims: Value) {
        self.state.lock().unwrap().userinfo = (status, claims);
    }

    /// From now on access tokens expire at once, and each refresh token is taken once.
    pub(super) fn rotate(&self) {
        let mut given = self.state.lock().unwrap();
        given.expires_in = 0;
        given.refresh_token = Some("refresh-0".to_owned());
    }

    pub(super) fn key_fetches(&self) -> u32 {
        self.state.lock().unwrap().key_fetches
    }

    pub(super) fn refreshes(&self) -> u32 {
        self.state.lock().unwrap().refreshes
    }
}

async fn discovery(State(issuer): State<Issuer>) -> Json<Value> {
    let at = |path: &str| format!("{}/{path}", issuer.url);
    Json(json!({
        "issuer": issuer.url, "authorization_endpoint": at("authorize?tenant=1"), "token_endpoint": at("token"),
        "jwks_uri": at("keys"), "userinfo_endpoint": at("userinfo"),
        "token_endpoint_auth_methods_supported": ["client_secret_post"],
    }))
}

async fn keys_of(State(issuer): State<Issuer>) -> Json<Value> {
    let mut given = issuer.state.lock().unwrap();
    given.key_fetches += 1;
    Json(json!({ "keys": given.keys }))
}

async fn tokens(State(issuer): State<Issuer>, form: String) -> (StatusCode, Json<Value>) {
    let mut given = issuer.state.lock().unwrap();
    if !form.contains("client_id=orgwatch&client_secret=a+secret") {
        return (StatusCode::UNAUTHORIZED, Json(json!({ "error": "invalid_client" })));
    }
    if form.contains("grant_type=refresh_token") {
        if !given.refresh_token.as_ref().is_some_and(|token| form.contains(&format!("refresh_token={token}&"))) {
            return (StatusCode::BAD_REQUEST, Json(json!({ "error": "invalid_grant" })));
        }
        given.refreshes += 1;
        given.refresh_token = Some(format!("refresh-{}", given.refreshes));
    }
    let answer = json!({
        "access_token": "access-token-in-clear", "token_type": "Bearer", "expires_in": given.expires_in,
        "refresh_token": given.refresh_token, "id_token": given.id_token,
    });
    (StatusCode::OK, Json(answer))
}

async fn userinfo(State(issuer): State<Issuer>) -> (StatusCode, Json<Value>) {
    let (status, claims) = issuer.state.lock().unwrap().userinfo.clone();
    (status, Json(claims))
}
