//! Who reads an object or a report.

use crate::days::day;
use crate::support::{Console, OTHER, OURS, decision, incident};
use axum::http::StatusCode;
use console::Settings;
use model::{DayFirsts, FirstOf, OrgId, Ruling, Timestamp, UserDay, UserId, time::DAY};
use serde_json::{Value, json};
use store::Role;

const FIRST: i64 = 20_500;
const REPORT: &str = "00Ohn000003aBcDEAU";

fn span() -> String {
    format!("from={}&to={}", Timestamp(FIRST * DAY), Timestamp((FIRST + 10) * DAY))
}

/// A day on which an account used these for the first time.
fn first_day(org: &str, (user, number): (&str, i64), objects: &[&str], reports: &[&str]) -> UserDay {
    let firsts = |what, names: &[&str]| DayFirsts {
        what,
        count: u32::try_from(names.len()).unwrap(),
        names: names.iter().map(|name| (*name).into()).collect(),
    };
    let mut of = day(org, FIRST + number, 0);
    (of.user_id, of.username) = (UserId::new(user), Some(format!("{user}@lumenworks.example").into()));
    of.facts.firsts = vec![firsts(FirstOf::Object, objects), firsts(FirstOf::Report, reports)];
    of
}

fn first_times(body: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let days = body["first_times"].as_array().unwrap();
    days.iter().map(|one| (text(&one["user_id"]), text(&one["day"]))).collect()
}

#[tokio::test]
async fn an_object_has_its_accounts_and_first_times() {
    let console = Console::start().await;
    let days = [
        first_day(OURS, ("carl", 1), &["Account", "Contact"], &[]),
        first_day(OURS, ("anna", 3), &["Contact"], &[]),
        first_day(OURS, ("emma", 3), &["Contact"], &[]),
        first_day(OURS, ("omar", 4), &["ContactPointEmail"], &["Contact"]),
        first_day(OURS, ("late", 10), &["Contact"], &[]),
        first_day(OTHER, ("none", 3), &["Contact"], &[]),
    ];
    console.put_days(&days).await;
    for (id, user) in [(0x500, "005hn00000carl1AAA"), (0x600, "005hn00000carl1AAA")] {
        console.open(incident(&(OrgId::new(OURS), UserId::new(user)), id)).await;
    }
    let token = console.token(&[(OURS, Role::Analyst)]).await;
    let object = async |name: &str| {
        let answer = console.get(&token, &format!("/v1/orgs/{OURS}/objects/{name}?{}", span())).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        answer.json()
    };
    let contact = object("Contact").await;
    let expect = [("anna", 3), ("emma", 3), ("carl", 1)];
    let expect = expect.map(|(user, number)| (user.to_owned(), Timestamp((FIRST + number) * DAY).to_string()));
    assert_eq!(first_times(&contact), expect);
    assert_eq!(
        (&contact["incidents"], &contact["account_count"], &contact["sensitivity"]),
        (&json!(3), &json!(2), &Value::Null),
        "of one org alone"
    );
    insta::assert_json_snapshot!("object", contact);

    let sensitive = Ruling::Sensitivity { object: "Contact".into(), factor: 3.0 };
    console.owner.record(&decision(0xF00, &OrgId::new(OURS), None, sensitive)).await.unwrap();
    assert_eq!(object("Contact").await["sensitivity"], 3.0);
    let unknown = object("Nothing__c").await;
    assert_eq!(
        (&unknown["incidents"], first_times(&unknown), &unknown["sensitivity"]),
        (&json!(0), vec![], &Value::Null)
    );
    assert_eq!(first_times(&object("a%00%22b").await), []);
}

#[tokio::test]
async fn a_report_is_found_by_its_id_and_its_name() {
    let console = Console::start().await;
    let days = [
        first_day(OURS, ("carl", 1), &[], &["All contacts", "Pipeline"]),
        first_day(OURS, ("anna", 3), &[], &[REPORT]),
        first_day(OURS, ("emma", 4), &[], &["All contacts", REPORT]),
        first_day(OURS, ("omar", 5), &["All contacts"], &["Pipeline"]),
    ];
    console.put_days(&days).await;
    let token = console.token(&[(OURS, Role::Viewer)]).await;
    let report = async |id: &str| {
        let answer = console.get(&token, &format!("/v1/orgs/{OURS}/resources/{id}?{}", span())).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        answer.json()
    };
    let users = |body: &Value| first_times(body).into_iter().map(|(user, _)| user).collect::<Vec<_>>();
    let by_id = report(REPORT).await;
    assert_eq!(users(&by_id), ["emma", "anna", "carl"], "each once, though a day may have both");
    assert_eq!((&by_id["name"], &by_id["incidents"]), (&json!("All contacts"), &json!(1)));
    assert!(!by_id.to_string().contains("@lumenworks"), "a viewer sees no names: {by_id}");
    let by_name = report("All%20contacts").await;
    assert_eq!((users(&by_name), &by_name["incidents"]), (vec!["emma".into(), "carl".into()], &json!(1)));
    let unknown = report("00Ohn00000nothing1").await;
    assert_eq!((users(&unknown), &unknown["incidents"], &unknown["name"]), (vec![], &json!(0), &Value::Null));
}

#[tokio::test]
async fn objects_and_reports_of_other_orgs_do_not_exist() {
    let console = Console::with(Settings { names_from: Role::Responder, ..Settings::default() }).await;
    console.put_days(&[first_day(OURS, ("carl", 1), &["Contact"], &[])]).await;
    let ours = console.token(&[(OURS, Role::Analyst)]).await;
    let other = console.token(&[(OTHER, Role::Administrator)]).await;
    for path in ["objects/Contact".to_owned(), format!("resources/{REPORT}")] {
        let path = format!("/v1/orgs/{OURS}/{path}");
        let seen = console.get(&ours, &format!("{path}?{}", span())).await;
        assert_eq!(seen.status, StatusCode::OK, "{path}");
        assert!(seen.text.contains("\"account-") && !seen.text.contains("@lumenworks"), "{}", seen.text);
        assert_eq!(console.get(&other, &path).await.status, StatusCode::NOT_FOUND, "{path}");
        let wrong = console.get(&ours, &format!("{path}?from=2026-01-02&to=2026-01-01")).await;
        assert_eq!(wrong.status, StatusCode::BAD_REQUEST, "{path}");
    }
    // The functions see all rows, and the database itself checks the session.
    let mut sql = console.sql().await;
    for call in [
        format!("SELECT count(*) FROM orgwatch.accounts_with_facet('{OURS}', 'object:Contact', 10)"),
        format!(
            "SELECT count(*) FROM orgwatch.first_days('{OURS}', ARRAY['{{\"object\": [\"Contact\"]}}'::jsonb], \
                 'epoch', 'infinity', 10)"
        ),
        format!("SELECT orgwatch.count_user_days('{OURS}', 'epoch', 'infinity')"),
    ] {
        let mut counts = vec![];
        for token in [&ours, &other] {
            use secrecy::ExposeSecret;
            let named = sqlx::query("SELECT set_config('orgwatch.session', $1, false)").bind(token.expose_secret());
            named.execute(&mut sql).await.unwrap();
            let count = sqlx::query_scalar::<_, i64>(sqlx::AssertSqlSafe(call.clone()));
            counts.push(count.fetch_one(&mut sql).await.unwrap());
        }
        assert_eq!(counts, [1, 0], "{call}");
    }
}
