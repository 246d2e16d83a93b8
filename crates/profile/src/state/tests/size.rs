//! The size of a checkpoint follows what changed.

use super::*;

fn keys(records: &[Record]) -> Vec<&str> {
    records.iter().map(|record| record.key.as_str()).collect()
}

#[test]
fn one_activity_writes_few_records() {
    let mut org = Org::new(org_id(), &settings()).unwrap();
    let start = Timestamp::parse("2026-03-30T01:00:00Z").unwrap();
    for n in 0..3_000u128 {
        let mut activity = activity(n, &format!("user{n}"), start.plus(n as i64), Kind::ListView);
        activity.resource_name = Some(format!("view {n}").into());
        assert_eq!(org.observe(&activity, &mut Vec::new()), ActivityOutcome::Learned);
    }
    let all = org.take_changes().unwrap();
    assert!(all.len() > 3_000 + 3 + 256 + 256);
    assert_eq!(org.take_changes().unwrap(), []);

    let again = activity(9_000, "user7", start.plus(5_000), Kind::ListView);
    assert_eq!(org.observe(&again, &mut Vec::new()), ActivityOutcome::Learned);
    let records = org.take_changes().unwrap();
    let shards = records.iter().filter(|record| record.key.starts_with("known/")).count();
    assert!(shards <= 1, "the network's");
    let others = keys(&records).into_iter().filter(|key| !key.starts_with("known/") && !key.starts_with("names/"));
    assert_eq!(others.collect::<Vec<_>>(), ["head", "seen/493009/1", "user/user7"]);
    let bytes: usize = records.iter().flat_map(|record| &record.bytes).map(Vec::len).sum();
    assert!(bytes < 20_000, "{bytes}");

    let copy = org.observe(&again, &mut Vec::new());
    assert_eq!((copy, org.take_changes().unwrap()), (ActivityOutcome::Duplicate, vec![]));

    let new = activity(9_001, "user3001", start.plus(6_000), Kind::Login);
    assert_eq!(org.observe(&new, &mut Vec::new()), ActivityOutcome::Learned);
    let records = org.take_changes().unwrap();
    assert!(keys(&records).contains(&"slots/2") && !keys(&records).contains(&"slots/1"), "{:?}", keys(&records));
}

#[test]
fn a_forgotten_hour_is_removed() {
    let mut org = small_org();
    let mut table = Table::new();
    apply(&mut table, org.take_changes().unwrap());
    let seen = |table: &Table| table.keys().filter(|key| key.starts_with("seen/")).count();
    assert!(seen(&table) > 8);
    org.advance(Timestamp::parse("2026-05-01").unwrap(), &mut Vec::new());
    apply(&mut table, org.take_changes().unwrap());
    assert_eq!(seen(&table), 0);
    assert!(dump(org, &table) == table);
}

#[test]
fn only_idle_and_stored_profiles_are_evicted() {
    let mut org = small_org();
    assert_eq!((org.evict(0), org.profiles_in_memory()), (0, 3), "nothing is stored");
    let mut table = Table::new();
    apply(&mut table, org.take_changes().unwrap());
    assert_eq!(org.evict(0), 0, "the day is open");
    org.advance(Timestamp::parse("2026-04-09").unwrap(), &mut Vec::new());
    assert_eq!(org.evict(0), 0, "the close of the day is not stored");
    apply(&mut table, org.take_changes().unwrap());
    assert_eq!((org.evict(3), org.evict(1), org.profiles_in_memory()), (0, 2, 1));
    assert!(!org.is_away(&UserId::new("sync")) && org.is_away(&UserId::new("emma")), "sync was active last");
    assert_eq!(org.profiles().count(), 1);

    let back = activity(5_000, "emma", Timestamp::parse("2026-04-09T08:00:00Z").unwrap(), Kind::Login);
    let mut out = Vec::new();
    assert_eq!((org.observe(&back, &mut out), out.len()), (ActivityOutcome::Away, 0));
    assert_eq!(org.take_changes().unwrap(), [], "nothing was changed");
    assert_eq!(learn(Org::observe, &mut org, &back, &table).0, ActivityOutcome::Learned);
}

#[test]
fn nothing_changes_before_wanted_profiles_are_loaded() {
    let mut table = Table::new();
    apply(&mut table, small_org().take_changes().unwrap());
    let records = table.iter().filter(|(key, _)| !key.starts_with("user/"));
    let records = records.map(|(key, bytes)| (key.clone(), bytes.clone()));
    let mut org = restored(org_id(), &settings(), records).unwrap();
    assert_eq!(org.wanted(), ["emma", "bob", "sync"].map(UserId::new));
    let mut out = Vec::new();
    let new = activity(5_000, "new", Timestamp::parse("2026-04-09").unwrap(), Kind::Login);
    assert_eq!(org.observe(&new, &mut out), ActivityOutcome::Away);
    org.advance(new.event_time, &mut out);
    org.finish(&mut out);
    assert_eq!((org.take_changes().unwrap(), out.len()), (vec![], 0));
    org.wanted().iter().for_each(|user| load(&mut org, user, &table));
    assert_eq!(org.observe(&new, &mut out), ActivityOutcome::Learned);
}
