//! Closed days of accounts, and heat maps.

use crate::support::{Console, INCIDENT, OTHER, OURS};
use axum::http::StatusCode;
use model::{
    DayFacts, DayFirsts, DaySurprise, DayUnjudged, DayVolume, FirstOf, OrgId, Surface, Timestamp, UserClass, UserDay,
    UserId, time::DAY,
};
use store::Role;

const ACCOUNT: &str = "005hn00000emma1AAA";

pub(crate) fn day(org: &str, number: i64, reports: u32) -> UserDay {
    UserDay {
        org_id: OrgId::new(org),
        user_id: UserId::new(ACCOUNT),
        day: Timestamp(number * DAY),
        username: Some("emma@lumenworks.example".into()),
        user_class: UserClass::Power,
        facts: DayFacts {
            last_at: Timestamp(number * DAY + 1),
            volumes: vec![DayVolume { surface: Surface::Report, rows: 4_151, requests: 12, usual: None }],
            downloads: 0,
            bytes: 0,
            written: 0,
            firsts: vec![DayFirsts { what: FirstOf::Report, count: reports, names: vec!["Pipeline".into()] }],
            surprises: vec![DaySurprise { detector: "row_spike".into(), surprise: 3.5 }],
            held: false,
            hours: Some(1 << 8 | 1 << 17),
            unjudged: Some(vec![DayUnjudged { detector: "mass_change".into(), reason: "no baseline".into() }]),
        },
    }
}

#[tokio::test]
async fn days_and_heat_maps_are_those_of_the_session_s_orgs() {
    let console = Console::start().await;
    let first = 20_500;
    console.put_days(&[day(OURS, first, 3), day(OURS, first + 1, 2), day(OTHER, first, 7)]).await;
    let token = console.token(&[(OURS, Role::Viewer)]).await;
    let (from, to) = (Timestamp(first * DAY), Timestamp((first + 10) * DAY));
    let span = format!("from={from}&to={to}");
    let days = console.get(&token, &format!("/v1/orgs/{OURS}/accounts/{ACCOUNT}/days?{span}")).await;
    assert_eq!(days.status, StatusCode::OK, "{}", days.text);
    insta::assert_json_snapshot!("closed_days", days.json());
    let map = console.get(&token, &format!("/v1/orgs/{OURS}/heat-map?measure=first_reports&{span}")).await;
    insta::assert_json_snapshot!("heat_map", map.json());
    let none = console.get(&token, &format!("/v1/orgs/{OURS}/heat-map?measure=first_objects&{span}")).await;
    assert_eq!(none.json(), serde_json::json!([]));
    let threshold = async |least: &str| {
        let path = format!("/v1/orgs/{OURS}/detectors/row_spike/days?least={least}&{span}");
        console.get(&token, &path).await
    };
    assert_eq!(threshold("3.5").await.json()["items"].as_array().unwrap().len(), 2, "of one org alone");
    assert_eq!(threshold("3.6").await.json(), serde_json::json!({ "items": [], "next_cursor": null }));
    assert_eq!(threshold("0.9").await.status, StatusCode::BAD_REQUEST);
    let unknown = console.get(&token, &format!("/v1/orgs/{OURS}/detectors/none/days?least=3&{span}")).await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
    let other = console.get(&token, &format!("/v1/orgs/{OTHER}/heat-map?measure=first_reports&{span}")).await;
    assert_eq!(other.status, StatusCode::NOT_FOUND);
    for wrong in ["from=2026-01-02&to=2026-01-01", "from=2020-01-01&to=2026-01-01", "from=soon"] {
        let answer = console.get(&token, &format!("/v1/orgs/{OURS}/accounts/{ACCOUNT}/days?{wrong}")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{wrong}");
    }
}

#[tokio::test]
async fn what_others_did_on_a_day_is_counted_by_class_and_surface() {
    let console = Console::start().await;
    let of = |org: &str, user: &str, class: UserClass, rows: u64| {
        let mut one = day(org, 20_500, 0);
        (one.user_id, one.user_class) = (UserId::new(user), class);
        one.facts.volumes = vec![DayVolume { surface: Surface::Report, rows, requests: 1, usual: None }];
        one
    };
    let mut next = of(OURS, "anna", UserClass::Power, 9_000);
    next.day = Timestamp(20_501 * DAY);
    let days = [
        of(OURS, "anna", UserClass::Power, 100),
        of(OURS, "carl", UserClass::Power, 300),
        of(OURS, "emma", UserClass::Admin, 500),
        of(OTHER, "eve", UserClass::Power, 7_000),
        next,
    ];
    console.put_days(&days).await;
    let token = console.token(&[(OURS, Role::Viewer)]).await;
    let start = Timestamp(20_500 * DAY);
    let found = console.get(&token, &format!("/v1/orgs/{OURS}/day?day={start}")).await.json();
    let expect = serde_json::json!([
        { "user_class": "admin", "surface": "report", "accounts": 1, "median_rows": 500.0, "high_rows": 500.0 },
        { "user_class": "power", "surface": "report", "accounts": 2, "median_rows": 200.0, "high_rows": 290.0 },
        { "user_class": null, "surface": "report", "accounts": 3, "median_rows": 300.0, "high_rows": 480.0 },
    ]);
    assert_eq!(found, expect);
    let empty = console.get(&token, &format!("/v1/orgs/{OURS}/day?day={}", start.plus(5 * DAY))).await;
    assert_eq!(empty.json(), serde_json::json!([]));
}

#[tokio::test]
async fn pages_of_surprised_days_follow_each_other_without_a_gap() {
    let console = Console::start().await;
    let first = 20_500;
    let mut days = vec![];
    for (number, account) in (0..4).flat_map(|number| ["carl", "anna", "emma"].map(|account| (number, account))) {
        let mut one = day(OURS, first + number, 0);
        one.user_id = UserId::new(account);
        days.push(one);
    }
    console.put_days(&days).await;
    let mut expect: Vec<(String, String)> =
        days.iter().map(|day| (day.day.to_string(), day.user_id.to_string())).collect();
    expect.sort();
    let token = console.token(&[(OURS, Role::Viewer)]).await;
    let span = format!("from={}&to={}", Timestamp(first * DAY), Timestamp((first + 10) * DAY));
    let path = format!("/v1/orgs/{OURS}/detectors/row_spike/days?least=3&{span}");
    for limit in [1, 4, 5, 12] {
        let (mut found, mut cursor) = (vec![], String::new());
        loop {
            let page = console.get(&token, &format!("{path}&limit={limit}{cursor}")).await.json();
            let items = page["items"].as_array().unwrap();
            assert!(!items.is_empty() && items.len() <= limit, "{page}");
            let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
            found.extend(items.iter().map(|item| (text(&item["day"]), text(&item["user_id"]))));
            let Some(next) = page["next_cursor"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        assert_eq!(found, expect, "{limit}");
    }
    let place = |text: &str| base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, text);
    for (cursor, expect) in [
        (place("1772400000000"), StatusCode::BAD_REQUEST),
        (place("9223372036854775807\nemma"), StatusCode::BAD_REQUEST),
        (place("1772400000000\nem\0ma"), StatusCode::OK),
    ] {
        let answer = console.get(&token, &format!("{path}&cursor={cursor}")).await;
        assert_eq!(answer.status, expect, "{cursor}: {}", answer.text);
    }
}

#[tokio::test]
async fn a_score_card_counts_incidents_dispositions_and_surprises() {
    let console = Console::start().await;
    let first = 20_500;
    let days: Vec<UserDay> = (0..10).map(|number| day(OURS, first + number, 0)).collect();
    console.put_days(&days).await;
    console.put_days(&[day(OTHER, first, 0)]).await;
    let token = console.token(&[(OURS, Role::Analyst)]).await;
    let ruling = serde_json::json!({ "kind": "disposition", "incident_ids": [INCIDENT], "disposition": "benign" });
    let body = serde_json::json!({ "reason": "a migration", "ruling": ruling });
    let decided = console.send(&token, "POST", "/v1/decisions", Some(body)).await.json();
    let span = format!("from={}&to={}", Timestamp(first * DAY), Timestamp((first + 90) * DAY));
    let card = async || console.get(&token, &format!("/v1/orgs/{OURS}/detectors/row_spike?{span}")).await.json();
    assert_eq!(card().await["precision"], serde_json::json!([]), "no hour has closed since");
    let id: model::Uuid = decided["decisions"][0]["decision_id"].as_str().unwrap().parse().unwrap();
    console.take_effect(id, Timestamp(first * DAY)).await;
    // As the correlator does.
    console.execute("UPDATE orgwatch.incidents SET disposition = 'benign'").await;
    insta::assert_json_snapshot!("score_card", card().await);
    let other = console.get(&token, &format!("/v1/orgs/{OTHER}/detectors/row_spike")).await;
    assert_eq!(other.status, StatusCode::NOT_FOUND);
    let unknown = console.get(&token, &format!("/v1/orgs/{OURS}/detectors/none")).await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_timeline_has_the_findings_of_an_account_in_pages() {
    let console = Console::start().await;
    let more = "INSERT INTO orgwatch.findings (finding_id, org_id, user_id, detector, severity, score, revision, observed_at,
                    revised_at, withdrawn, summary, message, first_observed_at)
                SELECT gen_random_uuid(), org_id, user_id, detector, severity, score, 1, observed_at - n / 2, revised_at, n = 3,
                    summary, message, first_observed_at
                FROM orgwatch.findings CROSS JOIN generate_series(1, 6) n";
    console.execute(more).await;
    let token = console.token(&[(OURS, Role::Viewer)]).await;
    let path = format!("/v1/orgs/{OURS}/accounts/{ACCOUNT}/timeline");
    let whole = console.get(&token, &path).await.json();
    let items = whole["items"].as_array().unwrap().clone();
    assert_eq!((items.len(), &whole["next_cursor"]), (7, &serde_json::Value::Null));
    assert_eq!(items.iter().filter(|item| item["withdrawn"] == true).count(), 1);
    assert!(!whole.to_string().contains("emma@"), "a viewer sees no names: {whole}");
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = console.get(&token, &format!("{path}?limit=2{cursor}")).await.json();
        found.extend(page["items"].as_array().unwrap().iter().cloned());
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(found, items);
    let day = Timestamp(1_772_400_000_000 / DAY * DAY);
    console.put_days(&[raised_day(day), raised_day(day.plus(DAY))]).await;
    let days = format!("/v1/orgs/{OURS}/accounts/{ACCOUNT}/days?from={day}&to={}", day.plus(2 * DAY));
    let days = console.get(&token, &days).await.json();
    assert_eq!([&days[0]["raised"], &days[1]["raised"]], [true, false]);
}

pub(crate) fn raised_day(at: Timestamp) -> UserDay {
    let mut of = day(OURS, at.0 / DAY, 0);
    of.facts.last_at = at.plus(DAY - 1);
    of
}
