//! Lists of incidents, and what one is.

use crate::support::{Console, INCIDENT, OTHER, OTHER_INCIDENT, OURS, incident};
use axum::http::StatusCode;
use model::{OrgId, Points, UserId, Uuid};
use serde_json::{Value, json};
use std::cmp::Reverse;
use store::Role;

#[tokio::test]
async fn incidents_are_found_by_what_they_are() {
    let console = Console::start().await;
    let token = console.token(&[(OURS, Role::Analyst), (OTHER, Role::Analyst)]).await;
    let (ours, both) = (vec![INCIDENT.to_string()], vec![INCIDENT.to_string(), OTHER_INCIDENT.to_string()]);
    let check = async |query: &str, expect: &[String]| {
        let answer = console.get(&token, &format!("/v1/incidents?{query}")).await;
        assert_eq!(answer.status, StatusCode::OK, "{query}: {}", answer.text);
        assert_eq!(answer.ids(), expect, "{query}");
    };
    check("", &both).await;
    check(&format!("org={OURS}"), &ours).await;
    for found in [
        "status=open,acknowledged",
        "severity=high",
        "detector=row_spike",
        "object=Contact",
        "resource=All%20contacts",
        "resource=00Ohn000003aBcDEAU",
        "address=192.0.2.7",
        "address=192.0.2.0/24",
        "client=Chrome%20on%20macOS",
        "user=005hn00000emma1AAA",
        "q=emma%20contact",
        "q=192.0.2.7",
        "since=2026-03-01T00:00:00Z&until=2026-04-01T00:00:00Z",
        "sort=latest",
    ] {
        check(found, &both).await;
    }
    for missed in [
        "status=resolved",
        "severity=low,critical",
        "disposition=benign",
        "detector=row_spike,off_hours",
        "object=Account",
        "address=192.0.2.8",
        "q=somebody",
        "since=2026-04-01T00:00:00Z",
        "changed=true",
    ] {
        check(missed, &[]).await;
    }
    for wrong in ["status=open,shut", "limit=0", "limit=201", "cursor=abc", "sort=name", "shoe=1", "since=yesterday"] {
        let answer = console.get(&token, &format!("/v1/incidents?{wrong}")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{wrong}");
        assert_eq!(answer.headers["content-type"], "application/problem+json");
    }
}

#[tokio::test]
async fn pages_follow_each_other_without_a_gap() {
    let console = Console::start().await;
    let token = console.token(&[("*", Role::Analyst)]).await;
    for sort in ["risk", "latest"] {
        let first = console.get(&token, &format!("/v1/incidents?limit=1&sort={sort}")).await;
        assert_eq!(first.ids(), [INCIDENT.to_string()]);
        let cursor = first.json()["next_cursor"].as_str().unwrap().to_owned();
        let second = console.get(&token, &format!("/v1/incidents?limit=1&sort={sort}&cursor={cursor}")).await;
        assert_eq!(second.ids(), [OTHER_INCIDENT.to_string()]);
        assert_eq!(second.json()["next_cursor"], json!(null));
    }
}

#[tokio::test]
async fn pages_go_through_each_order_in_the_orgs_of_a_session() {
    let console = Console::start().await;
    let mut all = vec![];
    for (org, number) in [OURS, OTHER].into_iter().flat_map(|org| (0_u8..7).map(move |number| (org, number))) {
        let id = if org == OURS { 0x200 } else { 0xA00 } + u128::from(number % 3) * 0x20 + u128::from(number);
        let mut opened = incident(&(OrgId::new(org), UserId::new("005hn00000emma1AAA")), id);
        // Some are equal in each order.
        opened.risk_score = Points(5_000 + i32::from(number / 3));
        opened.last_event_at = opened.last_event_at.plus(i64::from(number % 2));
        all.push((org, opened.risk_score, opened.last_event_at, opened.incident_id));
        console.open(opened).await;
    }
    for (org, id) in [(OURS, INCIDENT), (OTHER, OTHER_INCIDENT)] {
        let first = incident(&(OrgId::new(org), UserId::new("005hn00000emma1AAA")), id.as_u128());
        all.push((org, first.risk_score, first.last_event_at, id));
    }
    for roles in [&[OURS][..], &[OTHER], &[OURS, OTHER], &["*"]] {
        let token = console.token(&Vec::from_iter(roles.iter().map(|org| (*org, Role::Viewer)))).await;
        for (sort, key) in [("risk", 0), ("latest", 1)] {
            let mut expect = all.clone();
            expect.retain(|(org, ..)| roles.contains(org) || roles == ["*"]);
            expect.sort_by_key(|(_, risk, at, id)| (Reverse([i64::from(risk.0), at.0][key]), *id));
            let expect: Vec<String> = expect.iter().map(|(.., id)| id.to_string()).collect();
            for limit in [1, 3, 5] {
                let (mut found, mut cursor) = (vec![], String::new());
                loop {
                    let path = format!("/v1/incidents?sort={sort}&limit={limit}{cursor}");
                    let page = console.get(&token, &path).await;
                    found.extend(page.ids());
                    let json = page.json();
                    let Some(next) = json["next_cursor"].as_str() else { break };
                    cursor = format!("&cursor={next}");
                }
                assert_eq!(found, expect, "{roles:?} {sort} {limit}");
            }
            let counted = console.get(&token, "/v1/detectors").await.json();
            let spikes = counted.as_array().unwrap().iter().find(|one| one["name"] == "row_spike").unwrap();
            assert_eq!(spikes["incidents"], expect.len(), "{roles:?}");
        }
    }
}

#[tokio::test]
async fn incidents_are_counted_by_a_value() {
    let console = Console::start().await;
    let token = console.token(&[("*", Role::Analyst)]).await;
    for (by, expect) in [
        ("severity", json!([{ "value": "high", "incidents": 2, "highest_risk": 72.5 }])),
        ("detector", json!([{ "value": "row_spike", "incidents": 2, "highest_risk": 72.5 }])),
        ("object", json!([{ "value": "Contact", "incidents": 2, "highest_risk": 72.5 }])),
        ("status", json!([{ "value": "open", "incidents": 2, "highest_risk": 72.5 }])),
        ("class", json!([{ "value": "power", "incidents": 2, "highest_risk": 72.5 }])),
    ] {
        let answer = console.get(&token, &format!("/v1/incidents/count?by={by}")).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        assert_eq!(answer.json(), expect, "{by}");
    }
    let one = console.get(&token, &format!("/v1/incidents/count?by=org&org={OURS}")).await.json();
    assert_eq!(one[0]["incidents"], 1);
}

#[tokio::test]
async fn an_incident_says_how_far_it_has_come() {
    let console = Console::start().await;
    let token = console.token(&[(OURS, Role::Viewer)]).await;
    let stages = async || {
        let incident = console.get(&token, &format!("/v1/incidents/{INCIDENT}")).await.json();
        let stages = incident["stages"].as_array().unwrap().clone();
        stages.iter().map(|stage| stage["stage"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(stages().await, ["observed", "opened"]);
    let delivery = |incident: Uuid, channel: &str, confirmed: &str| {
        format!(
            "INSERT INTO orgwatch.deliveries (incident_id, revision, channel, state, confirmed_at)
             VALUES ('{incident}', 1, '{channel}', 'confirmed', '{confirmed}')"
        )
    };
    console.execute(&delivery(OTHER_INCIDENT, "siem", "2026-03-01T00:00:00Z")).await;
    assert_eq!(stages().await, ["observed", "opened"], "another one was delivered");
    console.execute(&delivery(INCIDENT, "chat", "2026-03-03T00:00:00Z")).await;
    console.execute(&delivery(INCIDENT, "siem", "2026-03-02T00:00:00Z")).await;
    console.execute("UPDATE orgwatch.incidents SET closed_at = '2026-03-04T00:00:00Z'").await;
    assert_eq!(stages().await, ["observed", "opened", "delivered", "closed"]);
    let incident = console.get(&token, &format!("/v1/incidents/{INCIDENT}")).await.json();
    assert_eq!(incident["stages"][2]["at"], "2026-03-02T00:00:00.000Z", "by the first destination");
    assert_eq!(incident["stages"][0]["at"], incident["first_event_at"]);
    let two_days = 2 * 86_400_000;
    assert_eq!(
        (&incident["stages"][0]["after_ms"], &incident["stages"][3]["after_ms"]),
        (&Value::Null, &two_days.into())
    );
}

#[tokio::test]
async fn an_incident_has_its_receipt_and_findings() {
    let console = Console::start().await;
    let token = console.token(&[(OURS, Role::Analyst)]).await;
    let answer = console.get(&token, &format!("/v1/incidents/{INCIDENT}")).await;
    assert_eq!(answer.status, StatusCode::OK);
    let mut incident = answer.json();
    for time in ["updated_at", "opened_at"] {
        incident[time] = json!("[time]");
    }
    incident["stages"][1]["at"] = json!("[time]");
    incident["stages"][1]["after_ms"] = json!("[time]");
    insta::assert_json_snapshot!(incident);
    let tag = answer.headers["etag"].to_str().unwrap().to_owned();
    let same = [("if-none-match", tag.as_str())];
    let path = format!("/v1/incidents/{INCIDENT}");
    let unchanged = console.send_with(&token, "GET", &path, None, &same).await;
    assert_eq!((unchanged.status, unchanged.text.as_str()), (StatusCode::NOT_MODIFIED, ""));
    console.change(OURS, INCIDENT, 2).await;
    assert_eq!(console.send_with(&token, "GET", &path, None, &same).await.status, StatusCode::OK);
    let history = console.get(&token, &format!("{path}/history")).await.json();
    let changes: Vec<_> = history.as_array().unwrap().iter().map(|change| change["change"].clone()).collect();
    assert_eq!(changes, ["updated", "opened"]);
    let finding = Uuid::from_u128(INCIDENT.as_u128() + 1);
    let found = console.get(&token, &format!("/v1/findings/{finding}")).await.json();
    assert_eq!(found["incident_id"], INCIDENT.to_string());
}

#[tokio::test]
async fn lists_say_what_has_changed_since_a_person_looked() {
    let console = Console::start().await;
    let token = console.token(&[(OURS, Role::Viewer)]).await;
    let changed = async || console.get(&token, "/v1/incidents").await.json()["items"][0]["changed_since_look"].clone();
    assert_eq!(changed().await, json!(null));
    let look = format!("/v1/incidents/{INCIDENT}/look");
    assert_eq!(console.send(&token, "POST", &look, None).await.status, StatusCode::NO_CONTENT);
    assert_eq!(changed().await, json!(false));
    console.change(OURS, INCIDENT, 2).await;
    assert_eq!(changed().await, json!(true));
    assert_eq!(console.get(&token, "/v1/incidents?changed=true").await.ids().len(), 1);
    assert_eq!(console.send(&token, "POST", &look, None).await.status, StatusCode::NO_CONTENT);
    assert_eq!(changed().await, json!(false));
}
