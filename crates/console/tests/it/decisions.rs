//! Decisions over the API.

use crate::support::{Console, INCIDENT, OURS};
use axum::http::StatusCode;
use serde_json::{Value, json};
use store::Role;

fn benign(reason: &str) -> Value {
    let ruling =
        json!({ "kind": "disposition", "incident_ids": [INCIDENT], "disposition": "benign", "suppress": true });
    json!({ "reason": reason, "ruling": ruling })
}

#[tokio::test]
async fn a_decision_is_previewed_recorded_once_and_undone() {
    let console = Console::start().await;
    let token = console.token(&[(OURS, Role::Analyst)]).await;
    let preview = console.send(&token, "POST", "/v1/decisions/preview", Some(benign("a migration"))).await;
    assert_eq!(preview.status, StatusCode::OK, "{}", preview.text);
    insta::assert_json_snapshot!("preview_of_a_disposition", preview.json());
    let key = [("idempotency-key", "one")];
    let first = console.send_with(&token, "POST", "/v1/decisions", Some(benign("a migration")), &key).await;
    assert_eq!(first.status, StatusCode::CREATED, "{}", first.text);
    let again = console.send_with(&token, "POST", "/v1/decisions", Some(benign("a migration")), &key).await;
    assert_eq!(again.status, StatusCode::OK, "{}", again.text);
    assert_eq!(first.json()["decisions"], again.json()["decisions"]);
    let other = console.send_with(&token, "POST", "/v1/decisions", Some(benign("another reason")), &key).await;
    assert_eq!(other.status, StatusCode::CONFLICT);

    let listed = console.get(&token, &format!("/v1/decisions?org={OURS}&kind=disposition")).await.json();
    let [disposition] = listed["items"].as_array().unwrap().as_slice() else { panic!("{listed}") };
    assert_eq!(disposition["decided_by"], "token a test", "attributed to the session, not to the database login");
    assert_eq!(disposition["reason"], "a migration");
    let undo = json!({ "kind": "undone", "decision_id": disposition["decision_id"] });
    let undo = json!({ "reason": "a mistake", "ruling": undo });
    let key = [("idempotency-key", "two")];
    let undone = console.send_with(&token, "POST", "/v1/decisions", Some(undo.clone()), &key).await;
    assert_eq!(undone.status, StatusCode::CREATED, "{}", undone.text);
    assert_eq!(undone.json()["applied"], false, "no correlator runs");
    let repeated = console.send_with(&token, "POST", "/v1/decisions", Some(undo.clone()), &key).await;
    assert_eq!((repeated.status, &repeated.json()["decisions"]), (StatusCode::OK, &undone.json()["decisions"]));
    let twice = console.send(&token, "POST", "/v1/decisions", Some(undo)).await;
    assert_eq!(twice.status, StatusCode::CONFLICT);
    assert!(twice.text.contains("undone by decision"), "{}", twice.text);
}

#[tokio::test]
async fn a_key_that_was_used_for_another_account_is_refused() {
    let console = Console::start().await;
    let token = console.token(&[(OURS, Role::Analyst)]).await;
    let watch = async |user: &str| {
        let ruling = json!({ "kind": "watch", "org_id": OURS, "user_id": user, "cause": "departing", "factor": 2.0 });
        let body = json!({ "reason": "why", "ruling": ruling });
        console.send_with(&token, "POST", "/v1/decisions", Some(body), &[("idempotency-key", "k")]).await
    };
    assert_eq!(watch("005hn00000emma1").await.status, StatusCode::CREATED);
    assert_eq!(watch("005hn00000omar1AAA").await.status, StatusCode::CONFLICT);
    let listed = console.get(&token, &format!("/v1/decisions?org={OURS}&kind=watch")).await.json();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    assert_eq!(listed["items"][0]["user_id"], "005hn00000emma1AAA", "ids have 18 characters");
}

#[tokio::test]
async fn roles_decide_what_they_may() {
    let console = Console::start().await;
    let of_account = json!({ "kind": "watch", "org_id": OURS, "user_id": "005hn00000emma1AAA", "cause": "departing", "factor": 2.0 });
    let of_org = json!({ "kind": "sensitivity", "org_id": OURS, "object": "Contact", "factor": 2.0 });
    let settings = json!({ "kind": "ended", "decision_id": model::Uuid::from_u128(INCIDENT.as_u128() + 0x13) });
    for (role, allowed) in [
        (Role::Viewer, [false, false, false]),
        (Role::Analyst, [true, false, false]),
        (Role::Responder, [true, true, false]),
        (Role::Administrator, [true, true, true]),
    ] {
        let token = console.token(&[(OURS, role)]).await;
        for (ruling, is_allowed) in [&of_account, &of_org, &settings].into_iter().zip(allowed) {
            let body = json!({ "reason": "why", "ruling": ruling });
            let answer = console.send(&token, "POST", "/v1/decisions", Some(body)).await;
            let expected = if is_allowed { StatusCode::CREATED } else { StatusCode::FORBIDDEN };
            assert_eq!(answer.status, expected, "{role:?} {ruling}: {}", answer.text);
        }
    }
}

#[tokio::test]
async fn a_decision_on_what_has_changed_is_refused() {
    let console = Console::start().await;
    let token = console.token(&[(OURS, Role::Analyst)]).await;
    let seen = console.get(&token, &format!("/v1/incidents/{INCIDENT}")).await;
    let tag = seen.headers["etag"].to_str().unwrap().to_owned();
    console.change(OURS, INCIDENT, 2).await;
    let condition = [("if-match", tag.as_str())];
    let late = console.send_with(&token, "POST", "/v1/decisions", Some(benign("why")), &condition).await;
    assert_eq!(late.status, StatusCode::PRECONDITION_FAILED, "{}", late.text);
    let nothing = console.get(&token, &format!("/v1/decisions?org={OURS}&kind=disposition")).await.json();
    assert_eq!(nothing["items"], json!([]));
    let seen = console.get(&token, &format!("/v1/incidents/{INCIDENT}")).await;
    let condition = [("if-match", seen.headers["etag"].to_str().unwrap())];
    let now = console.send_with(&token, "POST", "/v1/decisions", Some(benign("why")), &condition).await;
    assert_eq!(now.status, StatusCode::CREATED, "{}", now.text);
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_with_the_reason() {
    let console = Console::start().await;
    let token = console.token(&[(OURS, Role::Administrator)]).await;
    let account = "005hn00000emma1AAA";
    for (ruling, status, text) in [
        (json!({ "kind": "suppression", "org_id": OURS, "scope": {} }), 422, "would hide all findings"),
        (
            json!({ "kind": "watch", "org_id": OURS, "user_id": account, "cause": "other", "factor": 21.0 }),
            422,
            "factor",
        ),
        (json!({ "kind": "acknowledged", "incident_ids": [] }), 422, "1 to 100"),
        (json!({ "kind": "snoozed", "incident_ids": [INCIDENT], "until": "2020-01-01T00:00:00Z" }), 422, "has passed"),
        (json!({ "kind": "reopened", "incident_ids": [INCIDENT] }), 409, "nobody has said"),
        (json!({ "kind": "undone", "decision_id": model::Uuid::from_u128(5) }), 404, "does not exist"),
        (json!({ "kind": "nonsense" }), 422, "unknown variant"),
        (
            json!({ "kind": "sensitivity", "org_id": OURS, "object": "a".repeat(256), "factor": 2.0 }),
            422,
            "1 to 255 characters",
        ),
        (json!({ "kind": "class", "org_id": OURS, "user_id": "\0", "class": "admin" }), 422, "user_id"),
        (
            json!({ "kind": "suppression", "org_id": OURS, "user_id": account, "scope": {}, "from": "-200000-01-01" }),
            422,
            "years 1 to 9999",
        ),
    ] {
        let body = json!({ "reason": "why", "ruling": ruling });
        let answer = console.send(&token, "POST", "/v1/decisions", Some(body)).await;
        assert_eq!(answer.status.as_u16(), status, "{ruling}: {}", answer.text);
        assert!(answer.text.contains(text), "{ruling}: {}", answer.text);
    }
    let unreasoned = json!({ "reason": " ", "ruling": { "kind": "acknowledged", "incident_ids": [INCIDENT] } });
    assert_eq!(console.send(&token, "POST", "/v1/decisions", Some(unreasoned)).await.status.as_u16(), 422);
}
