//! Another threshold of a detector, tried on what is stored.

use crate::days::{day, raised_day};
use crate::support::{Console, INCIDENT, OTHER, OURS, incident};
use axum::http::StatusCode;
use console::Settings;
use model::{DaySurprise, Finding, OrgId, Timestamp, UserId, Uuid, time::DAY, time::HOUR};
use secrecy::SecretString;
use serde_json::{Value, json};
use store::Role;

/// The day of the findings of the incidents.
const RAISED: i64 = 20_513;

fn path(org: &str, detector: &str, least: &str) -> String {
    let (from, to) = (Timestamp((RAISED - 30) * DAY), Timestamp((RAISED + 2) * DAY));
    format!("/v1/orgs/{org}/detectors/{detector}/what-if?least={least}&from={from}&to={to}")
}

/// An incident of another account, with a weak finding of the detector and a strong one of another.
async fn open_another(console: &Console) {
    let mut another = incident(&(OrgId::new(OURS), UserId::new("005hn00000carl1AAA")), 0x500);
    let first = another.findings.remove(0);
    let username = Some("carl@lumenworks.example".into());
    let weak =
        Finding { surprise: 2.5, anomaly_score: 0.159_104, score: 2.0, username: username.clone(), ..first.clone() };
    let strong = Finding { finding_id: Uuid::from_u128(0x5FF), detector: "new_access".into(), username, ..first };
    another.findings = vec![weak, strong];
    console.open(another).await;
}

#[tokio::test]
async fn a_threshold_says_which_incidents_and_days_would_differ() {
    let console = Console::start().await;
    open_another(&console).await;
    let day_of = |number: i64| Timestamp(number * DAY);
    console.put_days(&[day(OURS, RAISED - 5, 0), raised_day(day_of(RAISED)), day(OTHER, RAISED - 5, 0)]).await;
    let token = console.token(&[(OURS, Role::Analyst)]).await;
    let tried = async |least: &str| {
        let answer = console.get(&token, &path(OURS, "row_spike", least)).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        answer.json()
    };
    let changed = |tried: &Value| -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let incidents = tried["incidents"].as_array().unwrap();
        incidents.iter().map(|one| (text(&one["username"]), text(&one["becomes"]))).collect()
    };

    let low = tried("2.5").await;
    assert_eq!((&low["raise_at"], &low["least"]), (&json!(2.0), &json!(2.5)));
    assert_eq!(
        (changed(&low), &low["incident_count"]),
        (vec![], &json!(0)),
        "a finding as strong as the threshold stays"
    );
    let unraised = json!([{ "user_id": "005hn00000emma1AAA", "username": "emma@lumenworks.example",
        "day": day_of(RAISED - 5).to_string(), "surprise": 3.5 }]);
    assert_eq!((&low["days"], &low["day_count"]), (&unraised, &json!(1)), "not the day with a finding");

    let middle = tried("3.6").await;
    let [incident] = middle["incidents"].as_array().unwrap().as_slice() else { panic!("{middle}") };
    assert_eq!(incident["username"], "carl@lumenworks.example");
    let risk = |when: &str| incident[when].as_f64().unwrap();
    assert!(risk("risk_after") < risk("risk_before") && risk("risk_after") > 0.0, "{incident}");
    assert_eq!((&middle["days"], &middle["day_count"]), (&json!([]), &json!(0)));

    let high = tried("7.5").await;
    let gone = high["incidents"].as_array().unwrap().iter().find(|one| one["becomes"] == "vanishes").unwrap();
    assert_eq!((&gone["incident_id"], &gone["risk_after"]), (&json!(INCIDENT), &Value::Null));
    assert_eq!((&high["incident_count"], &high["incidents_left_out"]), (&json!(2), &json!(0)));
    insta::assert_json_snapshot!("threshold", high);

    // The span holds for findings, too.
    let early = format!("/v1/orgs/{OURS}/detectors/row_spike/what-if?least=9&to={}", day_of(RAISED));
    assert_eq!(console.get(&token, &early).await.json()["incident_count"], 0);
}

#[tokio::test]
async fn a_lower_threshold_says_which_incidents_would_appear() {
    let console = Console::start().await;
    let token = console.token(&[(OURS, Role::Administrator)]).await;
    adopt(&console, &token, "new_app", "5").await;
    // The day of the incident, a day of an account without any, and one that the threshold in force would raise.
    let surprised = |user: &str, number: i64, surprise: f64| {
        let mut quiet = day(OURS, number, 0);
        quiet.user_id = UserId::new(user);
        quiet.facts.surprises = vec![DaySurprise { detector: "new_app".into(), surprise }];
        quiet
    };
    let days = [
        surprised("005hn00000emma1AAA", RAISED, 4.5),
        surprised("005hn00000dora1AAA", RAISED - 9, 4.0),
        surprised("005hn00000finn1AAA", RAISED - 9, 6.0),
    ];
    console.put_days(&days).await;
    let changed = async |least: &str| {
        let tried = console.get(&token, &path(OURS, "new_app", least)).await.json();
        tried["incidents"].as_array().unwrap().clone()
    };
    assert_eq!(
        changed("4.8").await,
        [Value::Null; 0],
        "no day reaches it but one that the threshold in force would raise"
    );
    let [risen] = changed("4.2").await.try_into().unwrap();
    assert_eq!((&risen["incident_id"], &risen["user_id"]), (&json!(INCIDENT), &json!("005hn00000emma1AAA")));
    assert!(risen["risk_after"].as_f64() > risen["risk_before"].as_f64(), "{risen}");
    let both = changed("3").await;
    let appearing = both.iter().find(|one| one["user_id"] == "005hn00000dora1AAA").unwrap();
    assert_eq!((&appearing["becomes"], &appearing["risk_before"]), (&json!("appears"), &Value::Null));
    assert!(appearing["risk_after"].as_f64() > Some(0.0) && both.len() == 2, "{both:?}");
}

#[tokio::test]
async fn a_day_that_would_be_raised_merges_with_an_incident_of_the_next() {
    let console = Console::start().await;
    let token = console.token(&[(OURS, Role::Administrator)]).await;
    adopt(&console, &token, "new_app", "5").await;
    let mut eve = day(OURS, RAISED - 1, 0);
    eve.facts.last_at = Timestamp(RAISED * DAY - HOUR);
    eve.facts.surprises = vec![DaySurprise { detector: "new_app".into(), surprise: 4.5 }];
    console.put_days(&[eve]).await;
    let tried = console.get(&token, &path(OURS, "new_app", "4.2")).await.json();
    let [changed] = tried["incidents"].as_array().unwrap().as_slice() else { panic!("{tried}") };
    assert_eq!(changed["incident_id"], json!(INCIDENT));
    assert!(changed["becomes"] != "appears" && changed["risk_before"].is_number(), "{changed}");
}

/// Decides a threshold, and has it take effect.
async fn adopt(console: &Console, token: &SecretString, detector: &str, least: &str) {
    let toml = console.get(token, &path(OURS, detector, least)).await.json()["toml"].clone();
    let ruling = json!({ "kind": "settings", "org_id": OURS, "toml": toml });
    let change = json!({ "reason": "fewer alarms", "ruling": ruling });
    let recorded = console.send(token, "POST", "/v1/decisions", Some(change)).await;
    assert_eq!(recorded.status, StatusCode::CREATED, "{}", recorded.text);
    let id = recorded.json()["decisions"][0]["decision_id"].as_str().unwrap().parse().unwrap();
    console.take_effect(id, Timestamp(1_772_461_912_867)).await;
}

#[tokio::test]
async fn a_threshold_that_was_tried_is_adopted_as_it_is() {
    let console = Console::start().await;
    let token = console.token(&[(OURS, Role::Administrator)]).await;
    for (least, shown) in [("3", "3.0"), ("3.25", "3.25"), ("40", "40.0")] {
        let tried = console.get(&token, &path(OURS, "row_spike", least)).await.json();
        let ruling = json!({ "kind": "settings", "org_id": OURS, "toml": tried["toml"] });
        let change = json!({ "reason": "fewer alarms", "ruling": ruling });
        let preview = console.send(&token, "POST", "/v1/decisions/preview", Some(change)).await;
        assert_eq!(preview.status, StatusCode::OK, "{}", preview.text);
        let changes = &preview.json()["settings"][0]["changes"];
        assert_eq!(changes[0]["key"], "detect.detectors.row_spike.raise_at", "{changes}");
        assert_eq!((&changes[0]["new"], &changes[1]), (&json!(shown), &Value::Null));
    }
    adopt(&console, &token, "row_spike", "3.5").await;
    let now = console.get(&token, &path(OURS, "row_spike", "3.5")).await.json();
    assert_eq!(now["raise_at"], 3.5, "{now}");
}

#[tokio::test]
async fn thresholds_are_tried_by_analysts_of_the_org_and_show_names_as_they_may_see_them() {
    let settings = Settings { names_from: Role::Responder, ..Settings::default() };
    let console = Console::with(settings).await;
    console.put_days(&[day(OURS, RAISED - 5, 0)]).await;
    let analyst = console.token(&[(OURS, Role::Analyst)]).await;
    let tried = console.get(&analyst, &path(OURS, "row_spike", "7.5")).await;
    assert!(tried.text.contains("\"account-") && !tried.text.contains("emma@"), "{}", tried.text);
    let tried = console.get(&analyst, &path(OURS, "row_spike", "3")).await;
    assert!(tried.text.contains("\"account-") && !tried.text.contains("emma@"), "{}", tried.text);
    let viewer = console.token(&[(OURS, Role::Viewer)]).await;
    for (token, path, expect) in [
        (&viewer, path(OURS, "row_spike", "3"), StatusCode::FORBIDDEN),
        (&analyst, path(OTHER, "row_spike", "3"), StatusCode::NOT_FOUND),
        (&analyst, path(OURS, "none", "3"), StatusCode::NOT_FOUND),
        (&analyst, path(OURS, "row_spike", "0.9"), StatusCode::BAD_REQUEST),
        (&analyst, path(OURS, "row_spike", "40.1"), StatusCode::BAD_REQUEST),
        (&analyst, path(OURS, "row_spike", "NaN"), StatusCode::BAD_REQUEST),
    ] {
        assert_eq!(console.get(token, &path).await.status, expect, "{path}");
    }
}
