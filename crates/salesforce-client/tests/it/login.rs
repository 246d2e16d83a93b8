//! Tests of tokens: minted when needed, shared, and never shown.

use crate::org::{ORG_ID, Org, SECRET};
use model::OrgId;
use salesforce_client::{Client, Error, Settings, Trouble};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::sync::Barrier;

const KEY: &str = include_str!("../testdata/test-only-rsa.pkcs8.pem");

#[tokio::test]
async fn concurrent_calls_with_a_refused_token_mint_one_token() {
    let org = Org::start().await;
    let client = org.client();
    client.limits().await.unwrap();
    org.state.expire();
    *org.state.refused_together.lock().unwrap() = Some(Arc::new(Barrier::new(20)));
    let calls = (0..20).map(|_| {
        let client = client.clone();
        tokio::spawn(async move { client.limits().await })
    });
    for outcome in futures::future::join_all(calls).await {
        assert_eq!(outcome.unwrap().unwrap().daily_remaining, 4_981);
    }
    assert_eq!(org.state.minted(), 2);
}

#[tokio::test]
async fn concurrent_calls_without_a_token_fail_by_one_login() {
    let org = Org::start().await;
    org.state.is_login_refused.store(true, Ordering::SeqCst);
    let client = org.client();
    let calls = futures::future::join_all((0..20).map(|_| client.identity())).await;
    for outcome in calls {
        let error = outcome.unwrap_err();
        assert_eq!(error.to_string(), "token: invalid_grant: no such user");
        assert_eq!(error.trouble(), Trouble::Login);
    }
    assert_eq!(org.state.minted(), 1);
    org.state.is_login_refused.store(false, Ordering::SeqCst);
    client.identity().await.unwrap();
    assert_eq!(org.state.minted(), 2);
}

#[tokio::test]
async fn every_call_is_repeated_once_with_a_new_token() {
    let org = Org::start().await;
    let client = org.client();
    client.query("SELECT Id FROM LoginEvent", 200).await.unwrap();
    org.state.expire();
    client.query("SELECT Id FROM LoginEvent", 200).await.unwrap();
    org.state.expire();
    client.more("/services/data/v64.0/query/01g-2").await.unwrap();
    org.state.expire();
    client.describe("LoginEvent").await.unwrap();
    org.state.expire();
    client.download("/services/data/v64.0/sobjects/EventLogFile/whole/LogFile").await.map(drop).unwrap();
    assert_eq!(org.state.minted(), 5);
}

#[tokio::test]
async fn a_second_refusal_is_final() {
    let org = Org::start().await;
    org.state.expire_all();
    let client = org.client();
    let error = client.limits().await.unwrap_err();
    assert_eq!(error.trouble(), Trouble::Login);
    assert!(matches!(error, Error::Refused { status: 401, .. }), "{error:?}");
    let download = client.download("/services/data/v64.0/sobjects/EventLogFile/whole/LogFile").await;
    assert_eq!(download.map(drop).unwrap_err().trouble(), Trouble::Login);
    assert_eq!(org.state.minted(), 3);
}

#[tokio::test]
async fn the_org_is_read_from_the_token_or_fetched() {
    let org = Org::start().await;
    let expect = (OrgId::new(ORG_ID), org.url.clone());
    for is_id_absent in [false, true] {
        org.state.is_id_absent.store(is_id_absent, Ordering::SeqCst);
        let identity = org.client().identity().await.unwrap();
        assert_eq!((identity.org_id, identity.instance_url), expect, "{is_id_absent}");
    }
}

#[tokio::test]
async fn a_secret_is_replaced_without_a_restart() {
    let org = Org::start().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret");
    std::fs::write(&path, "one").unwrap();
    let settings = Settings { client_secret: None, client_secret_file: Some(path.clone()), ..org.settings() };
    let client = Client::new(&settings).unwrap();
    client.limits().await.unwrap();
    std::fs::write(&path, "two").unwrap();
    org.state.expire();
    client.limits().await.unwrap();
    std::fs::remove_file(&path).unwrap();
    org.state.expire();
    assert_eq!(client.limits().await.unwrap_err().trouble(), Trouble::Login);

    let login = |secret| format!("grant_type=client_credentials&client_id=3MVG9&client_secret={secret}");
    assert_eq!(*org.state.logins.lock().unwrap(), [login("one"), login("two")]);
}

#[tokio::test]
async fn a_key_signs_an_assertion() {
    let org = Org::start().await;
    let settings = Settings {
        client_secret: None,
        private_key: Some(KEY.into()),
        username: Some("orgwatch@acme.example".to_owned()),
        ..org.settings()
    };
    Client::new(&settings).unwrap().identity().await.unwrap();
    let logins = org.state.logins.lock().unwrap();
    let login = logins.first().unwrap();
    let grant = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=eyJ";
    assert!(login.starts_with(grant) && login.matches('.').count() == 2, "{login}");
}

#[tokio::test]
async fn no_token_and_no_secret_is_shown() {
    let org = Org::start().await;
    let client = org.client();
    client.limits().await.unwrap();
    let mut shown = format!("{client:?} {:?}", client.identity().await.unwrap());
    let subscription = client.subscribe("/event/LoginEventStream", salesforce_client::Replay::Latest).await.unwrap();
    shown.push_str(&format!("{subscription:?}"));
    org.state.expire_all();
    let refused = client.limits().await.unwrap_err();
    drop(org);
    let unreachable = client.limits().await.unwrap_err();
    for error in [refused, unreachable] {
        let causes = std::iter::successors(std::error::Error::source(&error), |error| error.source());
        let causes: String = causes.map(|error| format!("{error} {error:?}")).collect();
        shown.push_str(&format!("{error} {error:?} {causes}"));
    }
    assert!(!shown.contains("hidden-token") && !shown.contains(SECRET), "{shown}");
}
