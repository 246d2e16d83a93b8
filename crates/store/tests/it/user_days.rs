//! Days of accounts: written with a checkpoint, replaced when they close once more, read and dropped.

use crate::support::{Database, org, put_user_days, user, user_day};
use model::time::DAY;
use model::{DaySurprise, FirstOf, OrgId, Timestamp, UserDay};
use secrecy::SecretString;
use store::{HeatMeasure, HeatRow, Owner, Retention, SurprisedDay};

fn at(day: i64) -> Timestamp {
    Timestamp(day * DAY)
}

/// Sets the count of a kind of first times.
fn with_firsts(mut closed: UserDay, what: FirstOf, count: u32) -> UserDay {
    closed.facts.firsts.retain(|firsts| firsts.what != what);
    if count > 0 {
        closed.facts.firsts.push(model::DayFirsts { what, count, names: Vec::new() });
        closed.facts.firsts.sort_by_key(|firsts| firsts.what);
    }
    closed
}

#[tokio::test]
async fn the_last_close_of_a_day_counts_and_its_fields_survive() {
    let (database, store) = Database::migrated().await;
    let owner = Owner::connect(&database.settings(), "test", "test", 1).await.unwrap();
    assert!(owner.try_acquire(3).await.unwrap());
    let emma = user("emma");
    let [first, other] = [20_000, 20_001].map(|day| user_day(&emma, day));
    let mut plain = user_day(&emma, 20_002);
    (plain.username, plain.facts.held) = (None, false);
    (plain.facts.volumes, plain.facts.firsts, plain.facts.surprises) = Default::default();
    (plain.facts.hours, plain.facts.unjudged) = (Some(0), Some(Vec::new()));
    let mut late = first.clone();
    (late.facts.last_at, late.facts.volumes[0].rows) = (Timestamp(20_000 * DAY + 5), 5_000);

    owner.checkpoint(3, 5, &[], &[], &[], &[first.clone(), other.clone(), plain.clone()]).await.unwrap();
    assert!(owner.checkpoint(3, 4, &[], &[], &[], &[late.clone()]).await.is_err(), "behind");
    let read = async |from, to| store.user_days(&emma.0, &emma.1, at(from), at(to)).await.unwrap();
    let stored = |mut closed: UserDay| {
        let reports = closed.facts.firsts.iter_mut().find(|firsts| firsts.what == FirstOf::Report).unwrap();
        // Postgres cannot hold U+0000.
        reports.names = vec!["Pipe\u{fffd}line".into()];
        closed
    };
    assert_eq!(read(0, 30_000).await, [stored(first.clone()), stored(other.clone()), plain.clone()]);
    owner.checkpoint(3, 6, &[], &[], &[], &[first, late.clone()]).await.unwrap();
    assert_eq!(read(0, 30_000).await, [stored(late), stored(other.clone()), plain]);
    assert_eq!(read(20_001, 20_002).await, [stored(other)]);
    assert_eq!(store.user_days(&OrgId::new("other"), &emma.1, at(0), at(30_000)).await.unwrap(), []);
}

#[tokio::test]
async fn hours_and_what_could_not_be_judged_are_not_known_of_days_of_earlier_versions() {
    let (database, store) = Database::migrated().await;
    let emma = user("emma");
    put_user_days(&database, &[user_day(&emma, 20_000), user_day(&emma, 20_001)]).await;
    let of_before = "UPDATE orgwatch.user_days SET hours = NULL, unjudged = NULL WHERE day < '2024-10-05'";
    sqlx::query(of_before).execute(&mut database.connection().await).await.unwrap();
    let days = store.user_days(&emma.0, &emma.1, at(0), at(30_000)).await.unwrap();
    let known: Vec<_> = days.iter().map(|day| (day.facts.hours, day.facts.unjudged.as_ref().map(Vec::len))).collect();
    assert_eq!(known, [(None, None), (Some(0b1111 << 8), Some(1))]);
}

#[tokio::test]
async fn a_heat_map_has_the_accounts_with_the_most_first_times() {
    let (database, store) = Database::migrated().await;
    let reports = |name, day, count| with_firsts(user_day(&user(name), day), FirstOf::Report, count);
    let mut renamed = reports("emma", 20_002, 3);
    renamed.username = Some("emma.new".into());
    let elsewhere = user_day(&(OrgId::new("00D000000000002AAA"), user("emma").1), 20_000);
    let all = [
        reports("emma", 20_000, 2),
        reports("emma", 20_001, 0),
        renamed,
        reports("omar", 20_000, 4),
        reports("zoe", 20_000, 1),
        reports("zoe", 20_005, 9),
        elsewhere,
    ];
    put_user_days(&database, &all).await;
    let row = |name: &str, username: &str, days: &[(i64, u32)]| HeatRow {
        user_id: user(name).1,
        username: Some(username.to_owned()),
        total: days.iter().map(|(_, count)| u64::from(*count)).sum(),
        days: days.iter().map(|(day, count)| (at(*day), *count)).collect(),
    };
    let map = async |measure, limit| store.heat_map(&org(), at(20_000), at(20_005), measure, limit).await.unwrap();
    let expect = [
        row("emma", "emma.new", &[(20_000, 2), (20_002, 3)]),
        row("omar", "emma.martin", &[(20_000, 4)]),
        row("zoe", "emma.martin", &[(20_000, 1)]),
    ];
    assert_eq!(map(HeatMeasure::FirstReports, 10).await, expect);
    assert_eq!(map(HeatMeasure::FirstReports, 2).await, expect[..2]);
    assert_eq!(map(HeatMeasure::FirstObjects, 1).await[0].total, 6, "of emma, on three days");
}

#[tokio::test]
async fn a_threshold_can_be_tried_on_stored_days() {
    let (database, store) = Database::migrated().await;
    let surprised = |name: &str, day, surprise| {
        let mut closed = user_day(&user(name), day);
        closed.facts.surprises = vec![DaySurprise { detector: "row_spike".into(), surprise }];
        closed
    };
    put_user_days(&database, &[surprised("emma", 1, 4.25), surprised("omar", 0, 2.5), surprised("zoe", 1, 7.0)]).await;
    let secret = SecretString::from("orgwatch_test");
    let token =
        "SELECT orgwatch.create_token(gen_random_uuid(), sha256('orgwatch_test'), 'test', now() + interval '1 day',
                     '{\"*\": \"viewer\"}')";
    sqlx::query(token).execute(&mut database.connection().await).await.unwrap();
    let found = async |detector, least| {
        let mut visit = store.visit(&secret).await.unwrap();
        visit.surprised_days((&org(), detector), (at(0), at(2)), least, None, 10).await.unwrap()
    };
    let day = |name: &str, day, surprise| SurprisedDay { user_id: user(name).1, day: at(day), surprise };
    assert_eq!(found("row_spike", 4.25).await, [day("emma", 1, 4.25), day("zoe", 1, 7.0)]);
    assert_eq!(found("row_spike", 2.0).await.len(), 3);
    assert_eq!(found("view_burst", 1.0).await, []);
}

#[tokio::test]
async fn old_days_are_dropped_with_their_months() {
    let (database, store) = Database::migrated().await;
    let emma = user("emma");
    // 2009-01-01, of the default partition, 2024-10-04, and 2025-01-12.
    put_user_days(&database, &[14_245, 20_000, 20_100].map(|day| user_day(&emma, day))).await;
    let retention = Retention { user_day_days: 60, ..Retention::default() };
    store.housekeeping(at(20_110), &retention).await.unwrap().unwrap();
    let kept = store.user_days(&emma.0, &emma.1, at(0), at(30_000)).await.unwrap();
    assert_eq!(kept.iter().map(|closed| closed.day).collect::<Vec<_>>(), [at(20_100)]);
}
