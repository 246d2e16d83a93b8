//! The settings of an org: read, changed by a decision, and taken back.

use crate::support::{Console, HASH, OTHER, OTHER_HASH, OURS, decision, incident};
use axum::http::StatusCode;
use model::{OrgId, Ruling, UserId};
use serde_json::{Value, json};
use store::Role;

fn change(toml: &str) -> Value {
    json!({ "reason": "fewer alarms", "ruling": { "kind": "settings", "org_id": OURS, "toml": toml } })
}

#[tokio::test]
async fn settings_are_previewed_decided_and_taken_back() {
    let console = Console::start().await;
    let token = console.token(&[(OURS, Role::Administrator)]).await;
    let toml = "[detect]\nraise_at = 3.5\n[risk.weights.row_spike]\nweight = 0.05\ngroup = \"reading\"\n";
    let preview = console.send(&token, "POST", "/v1/decisions/preview", Some(change(toml))).await.json();
    let changed = json!([
        { "key": "detect.raise_at", "old": "2.0", "new": "3.5" },
        { "key": "risk.weights.row_spike.weight", "old": "0.66", "new": "0.05" },
    ]);
    assert_eq!(preview["settings"][0]["changes"], changed, "{preview}");
    assert_eq!((&preview["incidents"][0]["becomes"], &preview["incidents"][1]), (&json!("falls"), &Value::Null));

    let tag = async || {
        let settings = console.get(&token, &format!("/v1/orgs/{OURS}/settings")).await;
        settings.headers["etag"].to_str().unwrap().to_owned()
    };
    let of_now = tag().await;
    let send = async |tag: &str| {
        console.send_with(&token, "POST", "/v1/decisions", Some(change(toml)), &[("if-match", tag)]).await
    };
    assert_eq!(send("\"another\"").await.status, StatusCode::PRECONDITION_FAILED);
    let recorded = send(&of_now).await;
    assert_eq!(recorded.status, StatusCode::CREATED, "{}", recorded.text);
    assert_ne!(tag().await, of_now, "the next decision is laid over this one");
    assert_eq!(send(&of_now).await.status, StatusCode::CONFLICT, "nothing changes, whatever the tag");
    let decision = recorded.json()["decisions"][0].clone();
    let (id, hash) = (decision["decision_id"].as_str().unwrap(), decision["ruling"]["hash"].as_str().unwrap());
    assert_eq!(preview["settings"][0]["hash"], hash);
    let stored = console.get(&token, &format!("/v1/settings/{hash}")).await;
    assert!(stored.text.contains("raise_at = 3.5"), "stored before it is in force: {}", stored.text);
    let followed = console.get(&token, &format!("/v1/orgs/{OURS}/settings")).await.json();
    assert_eq!((&followed["decision_id"], followed["waiting"].as_array().unwrap().len()), (&Value::Null, 2));
    assert!(followed["waiting"].as_array().unwrap().contains(&json!(id)), "no hour has closed since: {followed}");
    let history = console.get(&token, &format!("/v1/orgs/{OURS}/settings/history")).await.json();
    assert_eq!((&history[1]["decision_id"], &history[1]["standing"]), (&json!(id), &json!("waiting")));
    assert_eq!((&history[0]["changes"], &history[1]["changes"]), (&json!([]), &changed));

    let hour = model::Timestamp(1_772_461_912_867);
    console.take_effect(id.parse().unwrap(), hour).await;
    let followed = console.get(&token, &format!("/v1/orgs/{OURS}/settings")).await.json();
    assert_eq!((&followed["decision_id"], &followed["hash"]), (&json!(id), &json!(hash)));
    let history = console.get(&token, &format!("/v1/orgs/{OURS}/settings/history")).await.json();
    assert_eq!((&history[1]["standing"], &history[1]["since"]), (&json!("followed"), &json!(hour.to_string())));
    let trail = console.get(&token, "/v1/audit").await.json();
    assert_eq!((&trail["items"][0]["action"], &trail["items"][0]["subject"]), (&json!("decided"), &json!(id)));

    let again = console.send(&token, "POST", "/v1/decisions", Some(change(toml))).await;
    assert_eq!(again.status, StatusCode::CONFLICT, "nothing changes: {}", again.text);
    let undo = json!({ "reason": "too few", "ruling": { "kind": "undone", "decision_id": id } });
    let preview = console.send(&token, "POST", "/v1/decisions/preview", Some(undo.clone())).await.json();
    assert_eq!(preview["settings"][0]["changes"][0], json!({ "key": "detect.raise_at", "old": "3.5", "new": "2.0" }));
    assert_eq!(console.send(&token, "POST", "/v1/decisions", Some(undo)).await.status, StatusCode::CREATED);
    let history = console.get(&token, &format!("/v1/orgs/{OURS}/settings/history")).await.json();
    assert_eq!(history[1]["standing"], "undone");
}

#[tokio::test]
async fn settings_that_make_no_sense_are_refused() {
    let console = Console::start().await;
    let token = console.token(&[(OURS, Role::Administrator)]).await;
    for (toml, expected) in [
        ("not = = toml", "toml: "),
        ("", "sets no key"),
        ("[detect]\nraise_at = -1.0", "raise_at"),
        ("[detect]\nunknown = 1", "unknown"),
        ("[partitions]\ncount = 3", "is no setting of one org"),
        ("[profile]\nidentity_hours = 4320", "profile.identity_hours: is no setting of one org"),
        (&format!("[orgs.{OTHER}]\ntime_zone = \"UTC\""), "is no setting of one org"),
        (&format!("# {}\n[detect]\nraise_at = 3.5", "x".repeat(100_000)), "at most 100000 bytes"),
    ] {
        let answer = console.send(&token, "POST", "/v1/decisions", Some(change(toml))).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{toml}: {}", answer.text);
        assert!(answer.text.contains(expected), "{toml}: {}", answer.text);
    }
    let own = change(&format!("[orgs.{OURS}]\ntime_zone = \"Europe/Berlin\""));
    assert_eq!(console.send(&token, "POST", "/v1/decisions", Some(own)).await.status, StatusCode::CREATED);
    let token = console.token(&[(OURS, Role::Responder)]).await;
    let answer = console.send(&token, "POST", "/v1/decisions", Some(change("[detect]\nraise_at = 3.5"))).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN, "{}", answer.text);
}

#[tokio::test]
async fn settings_that_other_orgs_alone_have_decided_are_not_shown() {
    let console = Console::start().await;
    let in_force = ::settings::Hashed::from(::settings::Settings::default());
    // Of the services once, and now; both were decided by the other org, too.
    for (number, hash) in ["past", in_force.hash.as_str()].into_iter().enumerate() {
        let ruling = Ruling::Settings { hash: hash.into(), toml: String::new() };
        let same = decision(0xF00 + number as u128, &OrgId::new(OTHER), None, ruling);
        console.owner.record(&same).await.unwrap();
        console.owner.put_settings(hash, "[risk]\n").await.unwrap();
    }
    console.owner.put_settings("of-the-services", "[risk]\n").await.unwrap();
    let ours = console.token(&[(OURS, Role::Viewer)]).await;
    let other = console.token(&[(OTHER, Role::Viewer)]).await;
    let all = console.token(&[("*", Role::Viewer)]).await;
    let seen = async |hash: &str| {
        let mut seen = vec![];
        for token in [&ours, &other, &all] {
            let answer = console.get(token, &format!("/v1/settings/{hash}")).await;
            assert!([StatusCode::OK, StatusCode::NOT_FOUND].contains(&answer.status), "{}", answer.text);
            seen.push(answer.status.is_success());
        }
        seen
    };
    assert_eq!(seen(HASH).await, [true, false, true]);
    assert_eq!(seen(OTHER_HASH).await, [false, true, true]);
    assert_eq!(seen("of-the-services").await, [true, true, true]);
    assert_eq!(seen(&in_force.hash).await, [true, true, true]);
    assert_eq!(seen("none").await, [false, false, false]);
    assert_eq!(seen("past").await, [false, true, true]);
    let mut earlier = incident(&(OrgId::new(OURS), UserId::new("005hn00000emma1AAA")), 0x300);
    earlier.receipt.config_hash = "past".into();
    console.open(earlier).await;
    assert_eq!(seen("past").await, [true, true, true], "on a receipt");
}
