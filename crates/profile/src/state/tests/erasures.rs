//! An erased account is forgotten, and no other account changes.

use super::stops::activities_of_the_world;
use super::*;
use crate::erase;
use proptest::prelude::*;

/// Returns an org's records without those of its users, as [`erase`] takes them.
fn of_org(table: &Table) -> Vec<(String, Vec<u8>)> {
    table.iter().filter(|(key, _)| !key.starts_with("user/")).map(|(key, bytes)| (key.clone(), bytes.clone())).collect()
}

fn erased(table: &Table, user: &UserId) -> Table {
    let mut without = table.clone();
    apply(&mut without, erase(of_org(table), user).unwrap());
    without
}

/// Returns what the others' activities give from here on.
fn results_of_others(
    table: &Table,
    erased: &UserId,
    activities: &[Activity],
) -> Vec<(ActivityOutcome, Vec<Observation>)> {
    let id = activities[0].org_id.clone();
    let mut org = restore(&id, table);
    let others = activities.iter().filter(|activity| activity.user_id != *erased);
    let mut results: Vec<_> = others.map(|activity| learn(Org::observe, &mut org, activity, table)).collect();
    let mut out = Vec::new();
    org.finish(&mut out);
    results.push((ActivityOutcome::Learned, out));
    results
}

/// Returns the records of an org after the activities, with all days closed if `closed`.
fn stored(activities: &[Activity], closed: bool) -> Table {
    let mut org = Org::new(activities[0].org_id.clone(), &settings()).unwrap();
    for activity in activities {
        org.observe(activity, &mut Vec::new());
    }
    if closed {
        org.advance(activities[activities.len() - 1].event_time.plus(2 * time::DAY), &mut Vec::new());
    }
    whole(org)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 20, ..ProptestConfig::default() })]
    #[test]
    fn other_accounts_do_not_change(share in 1usize..10, who in 0usize..30) {
        let activities = activities_of_the_world();
        let (before, after) = activities.split_at(activities.len() * share / 10);
        let table = stored(before, true);
        let user = before[who * 97 % before.len()].user_id.clone();
        let without = erased(&table, &user);
        let others = |table: &Table| -> Vec<(String, Vec<u8>)> {
            let of_users = table.iter().filter(|(key, _)| key.starts_with("user/") && **key != Org::user_key(&user));
            of_users.map(|(key, bytes)| (key.clone(), bytes.clone())).collect()
        };
        prop_assert!(others(&table) == others(&without), "profiles");
        prop_assert!(!without.contains_key(&Org::user_key(&user)));
        prop_assert!(results_of_others(&table, &user, after) == results_of_others(&without, &user, after), "observations");
    }

    #[test]
    fn the_open_day_is_erased_with_its_account(count in 1usize..2_000, who in 0usize..2_000) {
        let activities = &activities_of_the_world()[..count];
        let table = stored(activities, false);
        let user = &activities[who % count].user_id;
        let without = erased(&table, user);
        let mut org = restore(&activities[0].org_id, &without);
        prop_assert!(!org.is_away(user), "unknown");
        let mut out = Vec::new();
        org.finish(&mut out);
        prop_assert!(out.iter().all(|observation| observation.user_id != *user));
        prop_assert!(erase(of_org(&without), user).unwrap().is_empty(), "once");
    }
}

#[test]
fn no_record_names_the_erased_account() {
    let table = whole(small_org());
    let emma = UserId::new("emma");
    let names_emma = |table: &Table| {
        table.iter().any(|(key, bytes)| key.contains("emma") || bytes.windows(4).any(|window| window == b"emma"))
    };
    assert!(names_emma(&table));
    let without = erased(&table, &emma);
    assert!(!names_emma(&without));
    // Active again, she is a new account with a slot of its own.
    let mut org = restore(&org_id(), &without);
    assert!(["0", "\x000"].iter().all(|name| !org.is_away(&UserId::new(name))), "no account has the erased slot");
    let again = activity(9_999, "emma", Timestamp::parse("2026-04-20T09:00:00Z").unwrap(), Kind::Api);
    assert_eq!(learn(Org::observe, &mut org, &again, &without).0, ActivityOutcome::Learned);
    let mut later = without.clone();
    apply(&mut later, org.take_changes().unwrap());
    let gone = erased(&later, &emma);
    assert!(!names_emma(&gone));
    restore(&org_id(), &gone);
}

#[test]
fn an_unknown_account_changes_nothing_and_damage_is_an_error() {
    let table = whole(small_org());
    assert_eq!(erase(of_org(&table), &UserId::new("nobody")).unwrap(), []);
    // The name of an erased slot names no account.
    assert_eq!(erase(of_org(&erased(&table, &UserId::new("bob"))), &UserId::new("\x001")).unwrap(), []);
    let broken = of_org(&table).into_iter().map(|(key, _)| (key, vec![FUTURE]));
    assert!(matches!(erase(broken, &UserId::new("emma")), Err(StateError::Version { found: FUTURE, .. })));
    let headless = of_org(&table).into_iter().filter(|(key, _)| key != "head");
    assert!(matches!(erase(headless, &UserId::new("emma")), Err(StateError::Missing { .. })));
}

const FUTURE: u8 = 99;

#[test]
fn decisions_on_an_account_are_erased_whether_it_was_active_or_not() {
    let decision = |id: u128, user: &str, ruling: &str| -> model::Decision {
        let (id, at) = (Uuid::from_u128(id), "2026-04-08T00:00:00Z");
        let json = format!(
            r#"{{"decision_id":"{id}","org_id":"{}","user_id":"{user}","ruling":{ruling},"from":"{at}",
                "decided_by":"a","reason":"b","decided_at":"{at}"}}"#,
            org_id()
        );
        serde_json::from_str(&json).unwrap()
    };
    let class = r#"{"kind":"class","class":"power"}"#;
    let disposed = r#"{"kind":"disposition","incident_id":"00000000-0000-0000-0000-000000000009","disposition":"benign",
        "teaches":true,"credits":{"row_spike":0.75},"user_class":"normal","severity":"high"}"#;
    for user in ["emma", "nadia"] {
        let mut org = small_org();
        for (id, ruling) in [(1, disposed), (2, class)] {
            org.decide(&decision(id, user, ruling), None);
        }
        org.advance(Timestamp::parse("2026-04-08").unwrap(), &mut Vec::new());
        org.decide(&decision(3, user, class), None);
        let table = whole(org);
        let names = |table: &Table| {
            let is_named = |bytes: &[u8]| bytes.windows(user.len()).any(|window| window == user.as_bytes());
            table.iter().any(|(key, bytes)| key.contains(user) || is_named(bytes))
        };
        assert!(names(&table));
        let without = erased(&table, &UserId::new(user));
        assert!(!names(&without), "{user}");
        let precisions = |table: &Table| {
            let org = restore(&org_id(), table);
            org.shared.decisions.precisions(model::UserClass::Normal).to_vec()
        };
        assert!(!precisions(&table).is_empty() && precisions(&table) == precisions(&without));
        assert!(erase(of_org(&without), &UserId::new(user)).unwrap().is_empty(), "once");
    }
}
