//! Two orgs are kept apart: by the routes, and by the database itself.

use crate::days::day;
use crate::support::{Console, HASH, INCIDENT, OTHER, OTHER_HASH, OTHER_INCIDENT, OURS, allowlist};
use axum::body::Body;
use axum::http::{Request, StatusCode};
use console::{Settings, openapi, token};
use model::{Timestamp, Uuid};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use sqlx::AssertSqlSafe;
use std::collections::{BTreeMap, BTreeSet};
use store::Role;

/// What the console's role may read of orgs. Not `decision_effects` and `decisions_due`, which name decisions by their ids
/// alone; nor `settings`, of which it reads the hashes, and the rest by a function; nor where each org is in
/// `baseline_state`; nor `services`, which names no org.
const TABLES: [&str; 13] = [
    "incidents",
    "findings",
    "entity_risk",
    "incident_history",
    "decisions",
    "source_states",
    "source_gaps",
    "org_clocks",
    "deliveries",
    "looks",
    "audit",
    "user_days",
    "erased_incidents",
];

/// Rulings that name an org, an account or an incident.
fn rulings(org: &str, incident: Uuid) -> Vec<Value> {
    let account = json!({ "org_id": org, "user_id": "005hn00000emma1AAA" });
    let with = |more: Value| {
        let mut ruling = account.clone();
        ruling.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        ruling
    };
    vec![
        json!({ "kind": "disposition", "incident_ids": [incident], "disposition": "benign" }),
        json!({ "kind": "acknowledged", "incident_ids": [incident] }),
        json!({ "kind": "comment", "incident_ids": [incident] }),
        json!({ "kind": "snoozed", "incident_ids": [incident], "until": "2100-01-01T00:00:00Z" }),
        json!({ "kind": "reopened", "incident_ids": [incident] }),
        with(json!({ "kind": "suppression", "scope": {} })),
        with(json!({ "kind": "allowlist", "allowlist": allowlist() })),
        with(json!({ "kind": "watch", "cause": "departing", "factor": 2.0 })),
        with(json!({ "kind": "class", "class": "admin" })),
        json!({ "kind": "sensitivity", "org_id": org, "object": "Contact", "factor": 2.0 }),
        json!({ "kind": "settings", "org_id": org, "toml": "[detect]\nraise_at = 3.5" }),
        json!({ "kind": "ended", "decision_id": Uuid::from_u128(incident.as_u128() + 0x11) }),
        json!({ "kind": "undone", "decision_id": Uuid::from_u128(incident.as_u128() + 0x11) }),
    ]
}

#[tokio::test]
async fn no_route_shows_or_changes_another_org() {
    let console = Console::start().await;
    let token = console.token(&[(OURS, Role::Administrator)]).await;
    let mut asked = BTreeSet::new();
    for (path, item) in &openapi().paths.paths {
        let filled = path
            .replace("{org_id}", OTHER)
            .replace("{user_id}", "005hn00000emma1AAA")
            .replace("{incident_id}", &OTHER_INCIDENT.to_string())
            .replace("{finding_id}", &Uuid::from_u128(OTHER_INCIDENT.as_u128() + 1).to_string())
            .replace("{session_id}", &Uuid::from_u128(7).to_string())
            .replace("{detector}", "row_spike")
            .replace("{hash}", OTHER_HASH);
        for (method, operation) in [
            ("GET", &item.get),
            ("POST", &item.post),
            ("PUT", &item.put),
            ("PATCH", &item.patch),
            ("DELETE", &item.delete),
        ] {
            if operation.is_none() || path == "/v1/events" {
                continue;
            }
            asked.insert(format!("{method} {path}"));
            let bodies = match (method, path.as_str()) {
                ("POST", "/v1/decisions" | "/v1/decisions/preview") => rulings(OTHER, OTHER_INCIDENT)
                    .into_iter()
                    .map(|ruling| Some(json!({ "reason": "why", "ruling": ruling })))
                    .collect(),
                ("POST", "/v1/sessions") => {
                    vec![Some(json!({ "name": "mine", "roles": { OTHER: "viewer" }, "days": 1 }))]
                }
                ("POST", "/v1/orgs/{org_id}/accounts/{user_id}/reveal") => vec![Some(json!({ "reason": "why" }))],
                _ => vec![None],
            };
            let is_named = [OTHER, OTHER_HASH, &OTHER_INCIDENT.to_string()].iter().any(|name| filled.contains(name));
            let queries = if is_named {
                vec![String::new()]
            } else {
                vec![String::new(), format!("?org={OTHER}"), format!("?by=org&org={OTHER}")]
            };
            for query in &queries {
                for body in &bodies {
                    let needed = match path.as_str() {
                        "/v1/orgs/{org_id}/heat-map" => "?measure=first_reports",
                        "/v1/orgs/{org_id}/day" => "?day=2026-03-02T00:00:00Z",
                        "/v1/orgs/{org_id}/detectors/{detector}/days"
                        | "/v1/orgs/{org_id}/detectors/{detector}/what-if" => "?least=3",
                        _ => "",
                    };
                    let answer = console.send(&token, method, &format!("{filled}{query}{needed}"), body.clone()).await;
                    let place = format!("{method} {filled}{query} {body:?}: {} {}", answer.status, answer.text);
                    assert!(!answer.status.is_server_error(), "{place}");
                    assert!(answer.status != StatusCode::CREATED && answer.status != StatusCode::NO_CONTENT, "{place}");
                    let quoted = answer.text.contains(OTHER) && answer.status.is_success();
                    assert!(!quoted && !answer.text.contains(&format!("\"{OTHER_INCIDENT}\"")), "{place}");
                    if is_named {
                        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{place}");
                    }
                }
            }
        }
    }
    assert!(asked.len() > 20, "{asked:?}");
    let events = console.get(&token, &format!("/v1/events?org={OTHER}")).await;
    assert_eq!(events.status, StatusCode::NOT_FOUND);
    // The same routes answer for the org of the session.
    assert_eq!(console.get(&token, &format!("/v1/settings/{HASH}")).await.status, StatusCode::OK);
    assert_eq!(console.get(&token, &format!("/v1/incidents/{INCIDENT}")).await.status, StatusCode::OK);
    for ruling in rulings(OURS, INCIDENT) {
        let body = json!({ "reason": "why", "ruling": ruling });
        let answer = console.send(&token, "POST", "/v1/decisions/preview", Some(body)).await;
        let expected = if ruling["kind"] == "reopened" { StatusCode::CONFLICT } else { StatusCode::OK };
        assert_eq!(answer.status, expected, "{ruling}: {}", answer.text);
    }
}

#[tokio::test]
async fn the_database_shows_the_orgs_of_the_session_alone() {
    let console = Console::start().await;
    let ours = console.token(&[(OURS, Role::Administrator)]).await;
    let both = console.token(&[("*", Role::Viewer)]).await;
    console.put_days(&[day(OURS, 20_500, 1), day(OTHER, 20_500, 1)]).await;
    for org in [OURS, OTHER] {
        let values = format!("(gen_random_uuid(), '{org}', now())");
        console.execute(&format!("INSERT INTO orgwatch.erased_incidents VALUES {values}")).await;
    }
    let mut connection = console.sql().await;
    let mut rows = async |secret: &str| {
        let mut found = Vec::new();
        for table in TABLES {
            let mut transaction = sqlx::Connection::begin(&mut connection).await.unwrap();
            sqlx::query("SELECT set_config('orgwatch.session', $1, true)")
                .bind(secret)
                .execute(&mut *transaction)
                .await
                .unwrap();
            let query = AssertSqlSafe(format!("SELECT count(*) FROM orgwatch.{table} t WHERE t::text LIKE '%00Dhn%'"));
            let count: i64 = sqlx::query_scalar(query).fetch_one(&mut *transaction).await.unwrap();
            let query =
                AssertSqlSafe(format!("SELECT count(*) FROM orgwatch.{table} t WHERE t::text LIKE '%{OTHER}%'"));
            let of_other: i64 = sqlx::query_scalar(query).fetch_one(&mut *transaction).await.unwrap();
            found.push((table, count, of_other));
        }
        found
    };
    for (table, count, _) in rows("").await.into_iter().chain(rows("orgwatch_wrong").await) {
        assert_eq!(count, 0, "{table} without a session");
    }
    for (table, count, of_other) in rows(ours.expose_secret()).await {
        assert_eq!(of_other, 0, "{table}");
        assert_eq!(count > 0, !["deliveries", "looks", "audit"].contains(&table), "{table}");
    }
    assert!(
        rows(both.expose_secret()).await.iter().any(|(table, _, of_other)| *table == "incidents" && *of_other == 1)
    );
}

#[tokio::test]
async fn functions_that_see_all_rows_answer_for_the_orgs_of_the_session_alone() {
    let console = Console::start().await;
    let ours = console.token(&[(OURS, Role::Administrator)]).await;
    let (_, without_roles) = token("without roles", BTreeMap::new(), Timestamp(4_000_000_000_000)).unwrap();
    console.owner.create_token(&without_roles).await.unwrap();
    for org in [OURS, OTHER] {
        let record = ::profile::Record { key: "head".into(), bytes: Some(vec![1]) };
        console.put_state(1, org, vec![record]).await;
    }
    let mut connection = console.sql().await;
    let settings = format!("SELECT hash FROM orgwatch.settings_of_session(ARRAY['{HASH}', '{OTHER_HASH}'])");
    for (query, expect) in [
        ("SELECT * FROM orgwatch.incidents_with_facets(ARRAY['object:Contact'], 10)", vec![INCIDENT.to_string()]),
        ("SELECT * FROM orgwatch.incidents_with_words('emma', 10)", vec![INCIDENT.to_string()]),
        (&*settings, vec![HASH.to_owned()]),
        ("SELECT name FROM orgwatch.other_sessions()", vec!["a test".to_owned()]),
        ("SELECT org_id FROM orgwatch.partitions_of_session()", vec![OURS.to_owned()]),
        (&format!("SELECT 'ended' WHERE orgwatch.end_session('{}')", without_roles.session_id), vec![]),
    ] {
        for (secret, expect) in [(&ours, expect), (&SecretString::from("orgwatch_wrong"), vec![])] {
            let mut transaction = sqlx::Connection::begin(&mut connection).await.unwrap();
            sqlx::query("SELECT set_config('orgwatch.session', $1, true)")
                .bind(secret.expose_secret())
                .execute(&mut *transaction)
                .await
                .unwrap();
            let query = AssertSqlSafe(format!("SELECT found::text FROM ({query}) q (found)"));
            let found: Vec<String> = sqlx::query_scalar(query).fetch_all(&mut *transaction).await.unwrap();
            assert_eq!(found, expect);
        }
    }
}

#[tokio::test]
async fn the_console_cannot_read_sessions_or_write_for_other_orgs() {
    let console = Console::start().await;
    let token = console.token(&[(OURS, Role::Analyst), (OTHER, Role::Viewer)]).await;
    let mut connection = console.sql().await;
    let decide = |org: &str, kind: &str, user: &str| {
        format!(
            "INSERT INTO orgwatch.decisions (decision_id, org_id, user_id, kind, payload, reason, valid_from)
             VALUES (gen_random_uuid(), '{org}', {user}, '{kind}', '{{\"kind\": \"{kind}\"}}', 'why', 0)"
        )
    };
    let audit = "UPDATE orgwatch.audit SET actor = 'someone'";
    let make = format!(
        "SELECT orgwatch.create_token(gen_random_uuid(), sha256('x'), 'mine', now() + interval '1 day', '{{\"{OURS}\": \"analyst\"}}')"
    );
    for (statement, is_allowed) in [
        ("SELECT * FROM orgwatch.sessions".to_owned(), false),
        ("SELECT * FROM orgwatch.session_roles".to_owned(), false),
        ("SELECT * FROM orgwatch.baseline_state".to_owned(), false),
        ("SELECT * FROM orgwatch.checkpoints".to_owned(), false),
        ("SELECT toml FROM orgwatch.settings".to_owned(), false),
        ("SELECT hash FROM orgwatch.settings".to_owned(), true),
        ("UPDATE orgwatch.incidents SET status = 'resolved'".to_owned(), false),
        ("DELETE FROM orgwatch.decisions".to_owned(), false),
        (audit.to_owned(), false),
        (make.replace(&format!("{{\"{OURS}\": \"analyst\"}}"), "{}"), false),
        (make, false),
        (decide(OTHER, "watch", "'emma'"), false),
        (decide(OURS, "watch", "NULL"), false),
        (decide(OURS, "settings", "NULL"), false),
        (decide("00Dhn0000018hrgMAC", "watch", "'emma'"), false),
        (decide(OURS, "watch", "'emma'"), true),
    ] {
        let mut transaction = sqlx::Connection::begin(&mut connection).await.unwrap();
        sqlx::query("SELECT set_config('orgwatch.session', $1, true)")
            .bind(token.expose_secret())
            .execute(&mut *transaction)
            .await
            .unwrap();
        let outcome = sqlx::raw_sql(AssertSqlSafe(statement.clone())).execute(&mut *transaction).await;
        assert_eq!(outcome.is_ok(), is_allowed, "{statement}: {outcome:?}");
    }
}

#[tokio::test]
async fn without_a_session_in_force_nothing_is_answered() {
    let console = Console::start().await;
    let wrong = SecretString::from("orgwatch_wrong");
    let answer = console.get(&wrong, "/v1/incidents").await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert_eq!(answer.headers["content-type"], "application/problem+json");
    assert_eq!(answer.headers["www-authenticate"], "Bearer");
    let bare = console.answer(Request::get("/v1/incidents").body(Body::empty()).unwrap()).await;
    assert_eq!(bare.status, StatusCode::UNAUTHORIZED);
    let token = console.token(&[(OURS, Role::Viewer)]).await;
    let own = console.get(&token, "/v1/session").await.json();
    let path = format!("/v1/sessions/{}", own["session_id"].as_str().unwrap());
    assert_eq!(console.send(&token, "DELETE", &path, None).await.status, StatusCode::NO_CONTENT);
    assert_eq!(console.get(&token, "/v1/session").await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn names_are_pseudonyms_below_the_role_that_sees_them() {
    let console = Console::start().await;
    let viewer = console.token(&[(OURS, Role::Viewer), (OTHER, Role::Analyst)]).await;
    let path = format!("/v1/incidents/{INCIDENT}");
    for path in ["/v1/incidents?org=00Dhn0000018hrcMAU", &path, &format!("/v1/orgs/{OURS}/accounts")] {
        let answer = console.get(&viewer, path).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert!(!answer.text.contains("emma@") && answer.text.contains("account-"), "{path}: {}", answer.text);
    }
    assert_eq!(console.get(&viewer, "/v1/incidents?q=emma").await.status, StatusCode::FORBIDDEN);
    assert!(console.get(&viewer, &format!("/v1/incidents?org={OTHER}&q=contact")).await.text.contains("emma@"));
    let reveal = format!("/v1/orgs/{OURS}/accounts/005hn00000emma1AAA/reveal");
    let shown = console.send(&viewer, "POST", &reveal, Some(json!({ "reason": "call her manager" }))).await;
    assert_eq!(shown.json()["username"], "emma@lumenworks.example");
    let administrator = console.token(&[(OURS, Role::Administrator)]).await;
    let audit = console.get(&administrator, "/v1/audit").await.json();
    assert_eq!(audit["items"][0]["action"], "name revealed");
    assert_eq!(audit["items"][0]["detail"]["reason"], "call her manager");
    assert_eq!(audit["items"][0]["actor"], "token a test");
}

#[tokio::test]
async fn a_token_gives_no_more_than_its_maker_has() {
    let console = Console::start().await;
    let administrator = console.token(&[(OURS, Role::Administrator), (OTHER, Role::Analyst)]).await;
    let make = async |roles: Value| {
        let body = json!({ "name": "reports", "roles": roles, "days": 30 });
        console.send(&administrator, "POST", "/v1/sessions", Some(body)).await
    };
    assert_eq!(make(json!({ OTHER: "viewer" })).await.status, StatusCode::FORBIDDEN);
    assert_eq!(make(json!({ "*": "viewer" })).await.status, StatusCode::FORBIDDEN);
    let made = make(json!({ OURS: "viewer" })).await;
    assert_eq!(made.status, StatusCode::CREATED);
    let made = made.json();
    let token = SecretString::from(made["token"].as_str().unwrap());
    assert_eq!(console.get(&token, "/v1/incidents").await.ids(), [INCIDENT.to_string()]);
    let listed = console.get(&administrator, "/v1/sessions").await.text;
    assert!(listed.contains("reports") && !listed.contains(token.expose_secret()), "{listed}");
    let id = made["session_id"].as_str().unwrap();
    let ended = console.send(&administrator, "DELETE", &format!("/v1/sessions/{id}"), None).await;
    assert_eq!(ended.status, StatusCode::NO_CONTENT);
    assert_eq!(console.get(&token, "/v1/incidents").await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused() {
    let console = Console::start().await;
    let token = console.token(&[(OURS, Role::Analyst)]).await;
    let body = json!({ "reason": "x".repeat(1 << 20), "ruling": { "kind": "comment", "incident_ids": [INCIDENT] } });
    let answer = console.send(&token, "POST", "/v1/decisions", Some(body)).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE, "{}", answer.text);
    assert_eq!(answer.headers["content-type"], "application/problem+json");
}

#[tokio::test]
async fn a_session_that_asks_too_much_waits() {
    let console = Console::with(Settings { requests_per_minute: 3, ..Settings::default() }).await;
    let token = console.token(&[(OURS, Role::Viewer)]).await;
    for _ in 0..3 {
        assert_eq!(console.get(&token, "/v1/session").await.status, StatusCode::OK);
    }
    let late = console.get(&token, "/v1/session").await;
    assert_eq!(late.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(late.headers["retry-after"].to_str().unwrap().parse::<u64>().unwrap() <= 21);
    let other = console.token(&[(OURS, Role::Viewer)]).await;
    assert_eq!(console.get(&other, "/v1/session").await.status, StatusCode::OK);
}

/// The further parameters without which an operation refuses a query.
fn needed(parameters: &[Value], name: &str) -> String {
    let values = [("by", "severity"), ("measure", "first_reports"), ("least", "3"), ("org", OURS)];
    let is_needed = |of: &str| parameters.iter().any(|one| one["name"] == of && one["required"] == true && of != name);
    values.iter().filter(|(of, _)| is_needed(of)).map(|(of, value)| format!("&{of}={value}")).collect()
}

/// Postgres refuses texts with a zero byte.
#[tokio::test]
async fn a_zero_byte_in_a_path_or_query_is_no_failure() {
    let console = Console::start().await;
    let token = console.token(&[("*", Role::Administrator)]).await;
    let description = serde_json::to_value(openapi()).unwrap();
    let mut asked = 0;
    for (path, operations) in description["paths"].as_object().unwrap() {
        let parameters = operations["get"]["parameters"].as_array().cloned().unwrap_or_default();
        let filled = path.replace("{org_id}", OURS).replace("{detector}", "row_spike");
        for parameter in parameters.iter().filter(|_| path != "/v1/events") {
            let name = parameter["name"].as_str().unwrap();
            let url = match parameter["in"].as_str() {
                Some("path") => path.replace(&format!("{{{name}}}"), "a%00b").replace("{org_id}", OURS),
                Some("query") => format!("{filled}?{name}=a%00b{}", needed(&parameters, name)),
                _ => continue,
            };
            let answer = console.get(&token, &url.replace(['{', '}'], "")).await;
            assert!(!answer.status.is_server_error() || answer.text.contains("NATS"), "{url}: {}", answer.text);
            asked += 1;
        }
    }
    assert!(asked > 60, "{asked}");
}
