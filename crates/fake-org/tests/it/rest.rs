//! Tests of behavior that all REST calls share.

use crate::support::{Client, MONDAY, list_views, set};
use fake_org::{FakeOrg, Fault, Speed};
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn every_answer_carries_the_time_and_the_usage() {
    let script = set(list_views(10), |settings| {
        settings.speed = Speed::Manual;
        settings.calls_used = 5;
        settings.calls_max = 7;
    });
    let org = FakeOrg::start(script).await.unwrap();
    let client = Client::of(&org).await;
    org.control().advance_to(MONDAY.plus(61_999));
    let answer = client.get("/services/data/v62.0/limits").send().await.unwrap();
    assert_eq!(answer.headers()["date"], "Mon, 05 Jan 2026 00:01:01 GMT");
    assert_eq!(answer.headers()["sforce-limit-info"], "api-usage=6/7");
    let (_, limits) = client.json("/services/data/v62.0/limits").await;
    assert_eq!(limits["DailyApiRequests"], json!({ "Max": 7, "Remaining": 0 }));
    let (status, refused) = client.json("/services/data/v62.0/limits").await;
    assert_eq!((status, refused[0]["errorCode"].as_str()), (403, Some("REQUEST_LIMIT_EXCEEDED")));
    let (status, refused) = client.json("/services/data/v62.0/nothing").await;
    assert_eq!((status, refused[0]["errorCode"].as_str()), (404, Some("NOT_FOUND")));
}

#[tokio::test]
async fn faults_apply_to_calls() {
    let org = FakeOrg::start(list_views(3)).await.unwrap();
    let client = Client::of(&org).await;
    let control = org.control();
    let limits = "/services/data/v62.0/limits";
    control.misbehave(Fault::Unavailable.on("limits").times(1));
    control.misbehave(Fault::LimitExceeded.on("limits").times(1));
    assert_eq!(client.json(limits).await.0, 503);
    assert_eq!(client.json(limits).await.0, 403);
    assert_eq!(client.json(limits).await.0, 200);

    control.misbehave(Fault::BodyCut { after: 5 }.on("limits").times(1));
    assert!(client.get(limits).send().await.unwrap().bytes().await.is_err());
    control.misbehave(Fault::BodySlow { every: 10, pause: Duration::from_millis(1) }.on("limits").times(1));
    let body = client.get(limits).send().await.unwrap().bytes().await.unwrap();
    assert!(body.starts_with(b"{\"DailyApiRequests\""));

    control.misbehave(Fault::Unavailable);
    assert_eq!(client.query("SELECT Id FROM User").await.0, 503);
    control.calm();
    assert_eq!(client.query("SELECT Id FROM User").await.0, 200);
    let counts = control.requests();
    assert_eq!((counts["limits"], counts["query"], counts["token"]), (5, 2, 1));
}
