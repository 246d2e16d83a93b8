//! What was learned of accounts.

use crate::support::{Console, OTHER, OURS};
use ::profile::{Org, Record};
use axum::http::StatusCode;
use model::time::{DAY, HOUR, MINUTE};
use model::{
    Activity, Channel, Disposition, Effect, Kind, Observation, OrgId, Scope, SourceIp, Timestamp, UserId, Uuid,
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use store::Role;

/// Has a finding, and no profile.
const EMMA: &str = "005hn00000emma1AAA";
/// Never had a finding.
const NOAH: &str = "005hn00000noah1AAA";

/// 2026-01-05, a Monday.
const START: i64 = 20_458 * DAY;

/// An org in which Noah works on weekdays from 8 to 10 h, for so many days.
fn org(id: &str, days: i64) -> Org {
    let mut org = Org::new(OrgId::new(id), &::profile::Settings::default()).unwrap();
    let mut count = 0;
    for day in (0..days).filter(|day| day % 7 < 5) {
        for (hour, kind) in [(8, Kind::ListView), (9, Kind::ReportExport), (9, Kind::ListView), (10, Kind::Api)] {
            count += 1;
            let activity =
                activity(id, count, Timestamp(START + day * DAY + hour * HOUR + count as i64 * MINUTE), kind);
            org.observe(&activity, &mut Vec::<Observation>::new());
        }
        if day == 9 {
            let (from, until) = (Timestamp(START + day * DAY), Timestamp(START + (day + 1) * DAY));
            org.dispose(&UserId::new(NOAH), from, until, Some(Disposition::Malicious));
        }
    }
    org
}

fn activity(org: &str, count: u128, at: Timestamp, kind: Kind) -> Activity {
    let (org, user) = (OrgId::new(org), UserId::new(NOAH));
    let mut activity = Activity::new(Uuid::from_u128(count), org, user, at, Channel::Stream, kind);
    activity.username = Some("noah@lumenworks.example".into());
    activity.source_ip = Some(SourceIp::Address([198, 51, 100, 7].into()));
    (activity.country, activity.client) = (Some("DE".into()), Some("Chrome on macOS".into()));
    activity.effect = Effect::of(kind, None);
    match kind {
        Kind::ListView => {
            activity.objects = ["Contact".into()].into_iter().collect();
            (activity.resource_name, activity.scope) = (Some("MyContacts".into()), Some(Scope::Own));
            activity.rows = Some(120);
        }
        Kind::Api => {
            activity.connected_app = Some("0H4000000000001".into());
            activity.application = Some("Data Loader".into());
        }
        _ => {
            activity.resource_id = Some("00Ohn000003aBcDEAU".into());
            activity.resource_name = Some("Pipeline".into());
        }
    }
    activity
}

fn path(org: &str, user: &str) -> String {
    format!("/v1/orgs/{org}/accounts/{user}/profile")
}

#[tokio::test]
async fn what_was_learned_is_said_in_words_and_figures() {
    let console = Console::start().await;
    console.put_state(2, OURS, org(OURS, 26).take_changes().unwrap()).await;
    // What is left of another number of partitions.
    console.put_state(3, OURS, org(OURS, 3).take_changes().unwrap()).await;
    // It sees no names: of networks it sees as much as of the addresses of findings.
    let viewer = console.token(&[(OURS, Role::Viewer)]).await;
    let answer = console.get(&viewer, &path(OURS, NOAH)).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    assert!(!answer.text.contains("noah@"), "{}", answer.text);
    insta::assert_json_snapshot!("profile", answer.json());
}

#[tokio::test]
async fn an_account_is_shown_that_has_a_profile_or_a_finding() {
    let console = Console::start().await;
    console.put_state(2, OTHER, org(OTHER, 5).take_changes().unwrap()).await;
    let viewer = console.token(&[(OURS, Role::Viewer)]).await;
    let emma = console.get(&viewer, &path(OURS, EMMA)).await;
    let expect = json!({
        "org_id": OURS, "user_id": EMMA, "as_of": null, "learned": null, "held_days": [],
        "summary": "Nothing is stored of what the account usually does."
    });
    assert_eq!((emma.status, emma.json()), (StatusCode::OK, expect));
    // Noah is in the other org alone.
    for unknown in [path(OURS, NOAH), path(OTHER, NOAH)] {
        assert_eq!(console.get(&viewer, &unknown).await.status, StatusCode::NOT_FOUND, "{unknown}");
    }
    let other = console.token(&[(OTHER, Role::Viewer)]).await;
    assert_eq!(console.get(&other, &path(OTHER, NOAH)).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_profile_that_cannot_be_read_is_an_error() {
    let console = Console::start().await;
    let mut records = org(OURS, 5).take_changes().unwrap();
    let of_noah = |record: &&mut Record| record.key.ends_with(NOAH);
    records.iter_mut().find(of_noah).unwrap().bytes = Some(vec![99]);
    console.put_state(2, OURS, records).await;
    let viewer = console.token(&[(OURS, Role::Viewer)]).await;
    assert_eq!(console.get(&viewer, &path(OURS, NOAH)).await.status, StatusCode::INTERNAL_SERVER_ERROR);
}

#[tokio::test]
async fn the_database_gives_the_profiles_of_the_session_s_orgs_alone() {
    let console = Console::start().await;
    for org_id in [OURS, OTHER] {
        console.put_state(if org_id == OURS { 2 } else { 3 }, org_id, org(org_id, 5).take_changes().unwrap()).await;
    }
    let ours = console.token(&[(OURS, Role::Viewer)]).await;
    let both = console.token(&[("*", Role::Viewer)]).await;
    let mut connection = console.sql().await;
    let mut keys = async |secret: &SecretString, org_id: &str| -> Vec<String> {
        let mut transaction = sqlx::Connection::begin(&mut connection).await.unwrap();
        let session = sqlx::query("SELECT set_config('orgwatch.session', $1, true)").bind(secret.expose_secret());
        session.execute(&mut *transaction).await.unwrap();
        let seen = "SELECT key FROM orgwatch.learned_state($1, ARRAY['head', 'populations', 'slots/0', 'signals', 'progress', $2])";
        let key = Org::user_key(&UserId::new(NOAH));
        sqlx::query_scalar(seen).bind(org_id).bind(key).fetch_all(&mut *transaction).await.unwrap()
    };
    let expect = ["head".to_owned(), "populations".to_owned(), Org::user_key(&UserId::new(NOAH))];
    assert_eq!(keys(&ours, OURS).await, expect);
    assert_eq!(keys(&both, OTHER).await, expect);
    assert_eq!(keys(&ours, OTHER).await, [""; 0]);
    assert_eq!(keys(&SecretString::from("orgwatch_wrong"), OURS).await, [""; 0]);
}
