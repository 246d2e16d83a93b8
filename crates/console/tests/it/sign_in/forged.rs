//! With an issuer that forges.

use super::fake::{Issuer, Key, seconds, unsigned};
use super::world::{Answer, Browser, PUBLIC, World, sign_in};
use axum::Router;
use axum::http::StatusCode;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use console::{Algorithm, SignInSettings};
use futures::future::join_all;
use ring::hmac;
use serde_json::{Value, json};

/// Begins a sign-in, and comes back with the token that `give` makes of the nonce; `None` for none.
async fn attempt(router: &Router, issuer: &Issuer, give: impl FnOnce(&str) -> Option<String>) -> (Browser, Answer) {
    let mut browser = Browser::default();
    let url = browser.begin(router).await;
    let asked = |name: &str| url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
    assert_eq!(asked("code_challenge_method").as_deref(), Some("S256"));
    assert_eq!(asked("tenant").as_deref(), Some("1"), "the endpoint's own query is kept");
    issuer.give(give(&asked("nonce").unwrap()));
    let back = format!("{PUBLIC}/v1/sign-in/callback?code=any&state={}", asked("state").unwrap());
    let answer = browser.come_back(router, &back).await;
    (browser, answer)
}

fn header(key: &Key) -> Value {
    json!({ "alg": "ES256", "kid": key.id })
}

#[tokio::test]
async fn forged_tokens_are_refused() {
    let (key, stranger) = (Key::new("one"), Key::new("one"));
    let issuer = Issuer::start(vec![key.public()]).await;
    let world =
        World::start(SignInSettings { algorithms: vec![Algorithm::Es256], ..sign_in(issuer.url.clone()) }).await;
    let changed = |nonce: &str, changes: &Value| {
        let mut claims = issuer.claims(nonce);
        claims.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        claims
    };
    let now = seconds();
    let claims = [
        (json!({ "nonce": "another" }), "nonce differs"),
        (json!({ "nonce": null }), "nonce differs"),
        (json!({ "aud": "another" }), "for another client"),
        (json!({ "aud": null }), "for another client"),
        (json!({ "aud": ["orgwatch", "another"] }), "for another client"),
        (json!({ "aud": ["orgwatch", "another"], "azp": "another" }), "for another client"),
        (json!({ "azp": "another" }), "for another client"),
        (json!({ "iss": "https://evil.example" }), "of another issuer"),
        (json!({ "iss": format!("{}/", issuer.url) }), "of another issuer"),
        (json!({ "exp": now - 61 }), "has expired"),
        (json!({ "exp": null }), "malformed"),
        (json!({ "exp": "4000000000" }), "malformed"),
        (json!({ "iat": now + 300 }), "not valid yet"),
        (json!({ "nbf": now + 300 }), "not valid yet"),
        (json!({ "sub": null }), "no subject"),
        (json!({ "sub": "dave" }), "as expected"),
        (json!({ "email_verified": false }), "not verified your address"),
        (json!({ "groups": ["staff"] }), "none of your groups"),
    ];
    for (changes, expect) in claims {
        let sign = |nonce: &str| Some(key.sign(&header(&key), &changed(nonce, &changes)));
        let (browser, answer) = attempt(&world.router, &issuer, sign).await;
        assert!(answer.status.is_client_error() || answer.status == StatusCode::BAD_GATEWAY, "{changes}");
        assert!(answer.text.contains(expect), "{changes}: {}", answer.text);
        assert!(!browser.has_session(), "{changes}");
    }

    type Forge<'a> = Box<dyn FnOnce(&str) -> Option<String> + 'a>;
    let secret = hmac::Key::new(hmac::HMAC_SHA256, b"a secret: with % and +");
    let valid = |nonce: &str| changed(nonce, &json!({}));
    let tokens: Vec<(&str, Forge<'_>, &str)> = vec![
        (
            "none",
            Box::new(|nonce| Some(format!("{}.", unsigned(&json!({ "alg": "none" }), &valid(nonce))))),
            "algorithm",
        ),
        (
            "a shared secret",
            Box::new(|nonce| {
                let signed = unsigned(&json!({ "alg": "HS256", "kid": "one" }), &valid(nonce));
                let tag = hmac::sign(&secret, signed.as_bytes());
                Some(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag)))
            }),
            "algorithm",
        ),
        (
            "not allowed",
            Box::new(|nonce| Some(key.sign(&json!({ "alg": "RS256", "kid": "one" }), &valid(nonce)))),
            "algorithm",
        ),
        (
            "critical",
            Box::new(|nonce| Some(key.sign(&json!({ "alg": "ES256", "kid": "one", "crit": ["b64"] }), &valid(nonce)))),
            "algorithm",
        ),
        ("another key", Box::new(|nonce| Some(stranger.sign(&header(&stranger), &valid(nonce)))), "signature"),
        (
            "no such key",
            Box::new(|nonce| Some(stranger.sign(&json!({ "alg": "ES256", "kid": "two" }), &valid(nonce)))),
            "not published",
        ),
        (
            "changed",
            Box::new(|nonce| {
                let token = key.sign(&header(&key), &valid(nonce));
                let forged = unsigned(&header(&key), &changed(nonce, &json!({ "groups": ["leads"] })));
                Some(format!("{forged}.{}", token.rsplit_once('.').unwrap().1))
            }),
            "signature",
        ),
        ("not a token", Box::new(|_| Some("one.two".to_owned())), "malformed"),
        ("nothing", Box::new(|_| None), "no ID token"),
    ];
    for (name, forge, expect) in tokens {
        let (browser, answer) = attempt(&world.router, &issuer, forge).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{name}: {}", answer.text);
        assert!(answer.text.contains(expect), "{name}: {}", answer.text);
        assert!(!browser.has_session(), "{name}");
    }
    assert!(world.audit().await.iter().all(|(_, action, ..)| action == "sign-in refused"));
    assert_eq!(issuer.key_fetches(), 2, "once, and once more for the unknown key");

    let several = json!({ "aud": ["orgwatch", "another"], "azp": "orgwatch", "exp": now - 30, "iat": now + 30 });
    for changes in [json!({}), several] {
        let sign = |nonce: &str| Some(key.sign(&header(&key), &changed(nonce, &changes)));
        let (browser, answer) = attempt(&world.router, &issuer, sign).await;
        assert_eq!(answer.location(), "/incidents");
        assert!(browser.has_session());
    }
}

#[tokio::test]
async fn a_new_key_is_fetched_once_it_is_used() {
    let (old, new) = (Key::new("old"), Key::new("new"));
    let issuer = Issuer::start(vec![old.public()]).await;
    let world = World::start(sign_in(issuer.url.clone())).await;
    for (key, fetches) in [(&old, 1), (&old, 1), (&new, 2), (&new, 2)] {
        issuer.publish(vec![json!({ "kty": "oct" }), old.public(), new.public()]);
        if fetches == 1 && issuer.key_fetches() == 0 {
            issuer.publish(vec![old.public()]);
        }
        let sign = |nonce: &str| Some(key.sign(&header(key), &issuer.claims(nonce)));
        let (_, answer) = attempt(&world.router, &issuer, sign).await;
        assert_eq!((answer.location().as_str(), issuer.key_fetches()), ("/incidents", fetches));
    }
}

#[tokio::test]
async fn one_of_all_replicas_uses_a_refresh_token() {
    let key = Key::new("one");
    let issuer = Issuer::start(vec![key.public()]).await;
    issuer.rotate();
    let world = World::start(sign_in(issuer.url.clone())).await;
    let sign = |nonce: &str| Some(key.sign(&header(&key), &issuer.claims(nonce)));
    let (browser, answer) = attempt(&world.router, &issuer, sign).await;
    answer.location();
    let sealed = world.sealed().await;
    assert!(!String::from_utf8_lossy(&sealed).contains("access-token-in-clear"));

    let (other, due) =
        (world.replica(), "UPDATE orgwatch.sessions SET check_at = now(), checked_at = now() - '1 h'::interval");
    for round in 1..=3 {
        world.sql(due).await;
        let ask = |router: &Router| {
            let (mut browser, router) = (browser.clone(), router.clone());
            async move { browser.get(&router, "/v1/session").await.status }
        };
        let asked = [&world.router, &other, &world.router, &other, &world.router, &other].map(ask);
        assert_eq!(join_all(asked).await, [StatusCode::OK; 6]);
        assert_eq!(issuer.refreshes(), round);
        assert_ne!(world.sealed().await, sealed);
    }

    // Whoever was not checked waits for the check: nobody sees anything by a group that is gone.
    issuer.set_userinfo(StatusCode::OK, json!({ "sub": "carol" }));
    world.sql(due).await;
    let ask = |router: &Router| {
        let (mut browser, router) = (browser.clone(), router.clone());
        async move { browser.get(&router, "/v1/session").await.status }
    };
    let asked = [&world.router, &other, &world.router, &other].map(ask);
    assert_eq!(join_all(asked).await, [StatusCode::UNAUTHORIZED; 4]);
}

#[tokio::test]
async fn the_end_of_a_token_ends_the_session_and_an_error_does_not() {
    let key = Key::new("one");
    let issuer = Issuer::start(vec![key.public()]).await;
    let world = World::start(sign_in(issuer.url.clone())).await;
    let sign = |nonce: &str| Some(key.sign(&header(&key), &issuer.claims(nonce)));
    let (mut browser, answer) = attempt(&world.router, &issuer, sign).await;
    answer.location();
    let person = json!({ "sub": "carol", "groups": ["soc"] });
    for (status, claims, expect) in [
        (StatusCode::INTERNAL_SERVER_ERROR, person.clone(), StatusCode::OK),
        (StatusCode::NOT_FOUND, person.clone(), StatusCode::OK),
        (StatusCode::OK, json!({ "sub": "dave", "groups": ["soc"] }), StatusCode::OK),
        (StatusCode::OK, person.clone(), StatusCode::OK),
        (StatusCode::UNAUTHORIZED, person, StatusCode::UNAUTHORIZED),
    ] {
        issuer.set_userinfo(status, claims);
        world.sql("UPDATE orgwatch.sessions SET check_at = now()").await;
        assert_eq!(browser.get(&world.router, "/v1/session").await.status, expect, "{status}");
    }
    let (_, action, _, reason) = world.audit().await.swap_remove(0);
    assert_eq!(action, "session ended");
    assert!(reason.contains("holds no longer"), "{reason}");
}

#[tokio::test]
async fn sign_in_is_throttled_and_returns_to_own_paths_alone() {
    let issuer = Issuer::start(Vec::new()).await;
    let world = World::start(SignInSettings { per_minute: 3, ..sign_in(issuer.url.clone()) }).await;
    let mut browser = Browser::default();
    browser.begin(&world.router).await;
    for path in ["/v1/sign-in?return_to=//evil.example", "/v1/sign-in?return_to=https://evil.example"] {
        assert_eq!(browser.get(&world.router, path).await.status, StatusCode::BAD_REQUEST, "{path}");
    }
    for path in ["/v1/sign-in", "/v1/sign-in?return_to=/"] {
        let answer = browser.get(&world.router, path).await;
        assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS, "{path}");
        assert!(answer.headers["retry-after"].to_str().unwrap().parse::<u64>().unwrap() <= 21);
    }
    // The way back has a count of its own: who has begun can finish.
    assert_eq!(browser.get(&world.router, "/v1/sign-in/callback").await.status, StatusCode::BAD_REQUEST);
}
