//! Held and released days in the stored state, and in a simulated org with all kinds of activities.

use super::stops::activities_of_the_world;
use super::*;
use crate::Tested;
use crate::org::user_at;
use crate::user::{ClosedDay, Held};
use model::Disposition;

/// How many features an observation has, as a surprise.
fn tests(observation: &Observation) -> Vec<Tested> {
    vec![Tested { detector: "many", subject: "", surprise: observation.features.len() as f64 / 2.0 }]
}

/// Releases a copy of the first closed day of each account that has one. Returns how many there are.
fn release(org: &mut Org) -> usize {
    let day = org.open.unwrap().day;
    let mut released = 0;
    for slot in 0..org.users.len() as u32 {
        let profile = &mut user_at(&mut org.users, slot).unwrap().profile;
        let Some(number) = (0..20).map(|age| day - age).find(|number| profile.clone().reopen(*number).is_some()) else {
            continue;
        };
        let closed = profile.clone().reopen(number).unwrap();
        // Late activities find the day that was closed.
        let mut copy = ClosedDay::new(closed.day);
        copy.day.number -= 100;
        copy.held = Some(Held { released: Some(day), said: None });
        profile.keep(copy, i32::MIN);
        released += 1;
    }
    released
}

/// Learns the simulated org, with days of all accounts released on the way or not. Returns it and how many observations a
/// second profile made.
fn world(is_released: bool) -> (Org, usize) {
    let activities = activities_of_the_world();
    let mut org = Org::new(activities[0].org_id.clone(), &settings()).unwrap();
    org.calibrate_by(1);
    let mut judged = 0;
    for (index, activity) in activities.iter().enumerate() {
        if is_released && index == activities.len() / 2 {
            assert!(release(&mut org) > 20);
        }
        let how = if index % 900 < 100 { Org::backfill } else { Org::observe };
        let mut out = Vec::new();
        how(&mut org, activity, &mut out);
        judged += out.iter().filter(|observation| observation.revision == 0).count();
        for observation in &mut out {
            let tested = tests(observation);
            org.calibrate(observation, &tested, true);
        }
        org.close_calibrations();
    }
    (org, judged)
}

#[test]
fn a_profile_that_only_judges_changes_nothing_else() {
    let state = |(mut org, _): (Org, usize)| {
        for slot in 0..org.users.len() as u32 {
            let profile = &mut user_at(&mut org.users, slot).unwrap().profile;
            (profile.reserve, profile.revision) = (None, 0);
        }
        whole(org)
    };
    let (with, without) = (world(true), world(false));
    assert!(with.1 > 100 && without.1 == 0, "{}", with.1);
    let (with, without) = (state(with), state(without));
    let differ: Vec<&String> = without.keys().filter(|key| with.get(*key) != without.get(*key)).collect();
    assert!(differ.is_empty() && with.len() == without.len(), "{differ:?}");
}

/// Returns the small org with a held day, one that was released, and one that was learned for good, and its records.
fn org_with_held_days() -> (Org, Table) {
    let (mut org, mut table) = (small_org(), Table::new());
    let day = org.open.unwrap().day;
    let slot = org.slots[&UserId::new("emma")];
    let profile = &mut user_at(&mut org.users, slot).unwrap().profile;
    for (number, released, said) in [
        (day - 1, None, Some(Disposition::Suspicious)),
        (day - 2, Some(day - 1), None),
        (day - 3, Some(day - 40), None),
    ] {
        let mut closed = ClosedDay::new(profile.reopen(number).unwrap().day);
        closed.held = Some(Held { released, said });
        profile.keep(closed, i32::MIN);
    }
    org.dispose(&UserId::new("bob"), Timestamp(0), Timestamp(i64::MAX), Some(Disposition::Malicious));
    let next = Timestamp::parse("2026-04-08T08:00:00Z").unwrap();
    org.observe(&activity(930, "emma", next, Kind::ListView), &mut Vec::new());
    apply(&mut table, org.take_changes().unwrap());
    (org, table)
}

#[test]
fn held_days_are_stored_and_restored() {
    let (org, table) = org_with_held_days();
    let held = org.held(&UserId::new("emma"));
    assert_eq!(held.len(), 2, "{held:?}");
    let users: Vec<(&str, u8)> =
        table.iter().filter_map(|(key, bytes)| Some((key.strip_prefix("user/")?, bytes[0]))).collect();
    assert_eq!(users, [("bob", 8), ("emma", 8), ("sync", 7)], "versions");
    let mut again = restore(&org_id(), &table);
    for user in ["emma", "bob"].map(UserId::new) {
        if again.is_away(&user) {
            load(&mut again, &user, &table);
        }
    }
    assert_eq!(again.held(&UserId::new("emma")), held);
    assert!(dump(again, &table) == whole(org));
}

#[test]
fn version_8_of_profiles() {
    let (_, table) = org_with_held_days();
    let users: Table = table.into_iter().filter(|(key, _)| key.starts_with("user/")).collect();
    insta::assert_snapshot!("version_8", golden::text(&users));
}

#[test]
fn a_reserve_that_is_damaged_is_reported() {
    let (mut org, table) = org_with_held_days();
    let bytes = &table["user/emma"];
    for length in [bytes.len() - 1, bytes.len() / 2] {
        let slot = org.slots[&UserId::new("emma")];
        org.users[slot as usize] = Member::Stored(UserId::new("emma"));
        org.changes.away = 1;
        assert!(org.load(&UserId::new("emma"), &bytes[..length]).unwrap_err().is_damage());
    }
}
