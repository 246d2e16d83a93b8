//! With npm's oidc-provider as a process.

use super::world::{Browser, CALLBACK, World, sign_in, until};
use axum::http::StatusCode;
use console::SignInSettings;
use reqwest::redirect::Policy;
use serde_json::json;
use servers::OidcProvider;
use std::collections::BTreeMap;
use std::path::Path;

async fn provider() -> OidcProvider {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oidc/provider.mjs");
    OidcProvider::start(&script, CALLBACK).await.unwrap()
}

fn client() -> reqwest::Client {
    drop(rustls::crypto::ring::default_provider().install_default());
    reqwest::Client::builder().redirect(Policy::none()).build().unwrap()
}

/// Does at the provider what a person does in a browser, and returns the URL to which it sends the browser back.
async fn log_in(provider: &OidcProvider, start: reqwest::Url, name: &str) -> String {
    let client = client();
    let mut cookies: BTreeMap<String, String> = BTreeMap::new();
    let mut request = client.get(start);
    for _ in 0..5 {
        let sent: Vec<String> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let answer = request.header("cookie", sent.join("; ")).send().await.unwrap();
        for cookie in answer.headers().get_all("set-cookie") {
            let (pair, _) = cookie.to_str().unwrap().split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            cookies.insert(name.to_owned(), value.to_owned());
        }
        let location = answer.headers()["location"].to_str().unwrap().to_owned();
        if location.starts_with(CALLBACK) {
            return location;
        }
        let url = reqwest::Url::parse(&provider.url()).unwrap().join(&location).unwrap();
        request = if url.path().starts_with("/interaction/") {
            client.post(url).form(&[("login", name)])
        } else {
            client.get(url)
        };
    }
    panic!("the provider does not come to an end");
}

async fn put_groups(provider: &OidcProvider, name: &str, groups: &[&str]) {
    let url = format!("{}/accounts/{name}", provider.url());
    let answer = client().put(url).body(json!(groups).to_string()).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
}

/// A console, and the browser of alice, who has signed in.
async fn signed_in(provider: &OidcProvider, settings: SignInSettings) -> (World, Browser) {
    let world = World::start(settings).await;
    let mut browser = Browser::default();
    let url = browser.begin(&world.router).await;
    let back = log_in(provider, url, "alice").await;
    assert_eq!(browser.come_back(&world.router, &back).await.location(), "/incidents");
    (world, browser)
}

#[tokio::test]
async fn a_person_signs_in_and_out() {
    let provider = provider().await;
    let world = World::start(sign_in(provider.url())).await;
    let router = &world.router;
    let mut browser = Browser::default();

    let url = browser.begin(router).await;
    let back = log_in(&provider, url, "alice").await;

    // Another browser, which did not begin it, as with a link that somebody sent.
    let mut victim = Browser::default();
    assert_eq!(victim.come_back(router, &back).await.status, StatusCode::BAD_REQUEST);
    victim.begin(router).await;
    assert_eq!(victim.come_back(router, &back).await.status, StatusCode::BAD_REQUEST);
    assert!(!victim.has_session());

    let replayed = browser.clone();
    assert_eq!(browser.come_back(router, &back).await.location(), "/incidents");
    let session = browser.get(router, "/v1/session").await.json();
    assert_eq!((&session["name"], &session["roles"]), (&json!("alice@example.com"), &json!({ "*": "analyst" })));
    assert!(browser.cookies["__Host-orgwatch"].len() > 43);
    assert_eq!(browser.cookies.len(), 1, "the state is gone");

    // The provider takes a code once. It then takes back what it gave for it, which a thief may have.
    let mut thief = replayed;
    assert_eq!(thief.come_back(router, &back).await.status, StatusCode::FORBIDDEN);
    assert!(!thief.has_session());

    let forged = browser.send(router, "POST", "/v1/sign-out", "cross-site").await;
    assert_eq!(forged.status(), StatusCode::FORBIDDEN);
    assert_eq!(browser.get(router, "/v1/session").await.status, StatusCode::OK);
    let stolen = browser.clone();
    assert_eq!(browser.send(router, "POST", "/v1/sign-out", "same-origin").await.status(), StatusCode::NO_CONTENT);
    assert!(!browser.has_session());
    assert_eq!(stolen.clone().get(router, "/v1/session").await.status, StatusCode::UNAUTHORIZED);

    let audit = world.audit().await;
    let of = |wanted: &str| audit.iter().filter(|(_, action, ..)| action == wanted).collect::<Vec<_>>();
    let alice = "alice@example.com".to_owned();
    for action in ["signed in", "signed out"] {
        assert_eq!(of(action), [&(alice.clone(), action.to_owned(), alice.clone(), String::new())]);
    }
    let reasons: Vec<&str> = of("sign-in refused").iter().map(|(.., reason)| reason.as_str()).collect();
    let not_begun = "not of a sign-in that this browser began";
    assert_eq!(reasons, ["token endpoint: the provider refused with status 400: invalid_grant", not_begun, not_begun]);
}

#[tokio::test]
async fn a_person_without_a_mapped_group_has_no_access() {
    let provider = provider().await;
    let world = World::start(sign_in(provider.url())).await;
    let mut browser = Browser::default();
    let url = browser.begin(&world.router).await;
    let back = log_in(&provider, url, "bob").await;
    let answer = browser.come_back(&world.router, &back).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert!(answer.text.contains("none of your groups has access"), "{}", answer.text);
    assert!(!browser.has_session());
    let (_, action, subject, reason) = world.audit().await.swap_remove(0);
    assert_eq!((&*action, &*subject, &*reason), ("sign-in refused", "bob@example.com", "no group with a role"));
}

#[tokio::test]
async fn losing_a_group_changes_or_ends_the_session_and_its_streams() {
    let provider = provider().await;
    let settings = SignInSettings { check_seconds: 1, ..sign_in(provider.url()) };
    let (world, mut browser) = signed_in(&provider, settings).await;
    let stream = browser.send(&world.router, "GET", "/v1/events", "same-origin").await;
    assert_eq!(stream.status(), StatusCode::OK);

    put_groups(&provider, "alice", &["leads"]).await;
    until(async || {
        let session = browser.get(&world.router, "/v1/session").await.json();
        session["roles"] == json!({ super::world::ORG: "responder" })
    })
    .await;

    put_groups(&provider, "alice", &["staff"]).await;
    // No request but the stream itself finds out.
    let ended = tokio::time::timeout(std::time::Duration::from_secs(60), super::world::Answer::of(stream)).await;
    assert!(ended.is_ok(), "the stream goes on");
    assert_eq!(browser.get(&world.router, "/v1/session").await.status, StatusCode::UNAUTHORIZED);

    let actions: Vec<(String, String)> =
        world.audit().await.into_iter().map(|(_, action, _, reason)| (action, reason)).collect();
    assert!(actions.contains(&("session ended".to_owned(), "no group with a role".to_owned())), "{actions:?}");
    assert!(actions.iter().any(|(action, _)| action == "roles renewed"), "{actions:?}");
}

#[tokio::test]
async fn a_session_outlives_the_provider_for_a_while_only() {
    let mut provider = provider().await;
    let settings = SignInSettings { check_seconds: 1, outage_seconds: 3, ..sign_in(provider.url()) };
    let (world, mut browser) = signed_in(&provider, settings).await;
    provider.kill().await;

    // The next check fails, and the request is answered all the same.
    world.sql("UPDATE orgwatch.sessions SET check_at = now()").await;
    assert_eq!(browser.get(&world.router, "/v1/session").await.status, StatusCode::OK);
    until(async || browser.get(&world.router, "/v1/session").await.status == StatusCode::UNAUTHORIZED).await;
    let begun = browser.get(&world.router, "/v1/sign-in").await;
    assert!(matches!(begun.status, StatusCode::SEE_OTHER | StatusCode::BAD_GATEWAY), "{}", begun.text);
}
