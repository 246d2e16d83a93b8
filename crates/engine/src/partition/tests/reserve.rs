//! A day that detectors find strange is held, and released when nobody decides.

use super::*;
use profile::Standing;

const DAYS: i64 = 75;
const SPIKE: i64 = 40;

/// A thief reads a hundred times as much as usual on one day.
fn stream() -> Vec<Entry> {
    let mut entries = Vec::new();
    for day in 0..DAYS {
        for (account, user) in (0..).zip(["eve", "ann", "bob", "cat", "dan", "fay", "gus", "hal", "ida", "joe"]) {
            for of_day in 0..4 {
                let n = (day * 100 + account * 5 + of_day) as u128;
                let at =
                    Timestamp::parse("2026-01-05").unwrap().plus(day * DAY + (8 + of_day) * HOUR + account * MINUTE);
                let of = (OrgId::new("00Dhn0000018hrcEAA"), UserId::new(user));
                let id = Uuid::from_u128(n);
                let mut activity = Activity::new(id, of.0, of.1, at, Channel::Stream, Kind::ListView);
                let random = model::id::hash(&n.to_le_bytes());
                let factor = if user == "eve" && day == SPIKE { 400 } else { 1 };
                activity.rows = Some((random % 100 + 100) * factor);
                activity.objects = ["Lead".into()].into_iter().collect();
                activity.resource_name = Some(format!("View {}", random % 3).into());
                activity.scope = Some(Scope::Own);
                entries.push((at, Entry::Activity(Box::new(activity))));
            }
        }
    }
    entries.sort_by_key(|(at, _)| *at);
    entries.into_iter().map(|(_, entry)| entry).collect()
}

#[test]
fn a_strange_day_is_held_and_then_released_and_judged_by() {
    let (org, user) = (OrgId::new("00Dhn0000018hrcEAA"), UserId::new("eve"));
    let mut partition = Partition::new(&Settings::default());
    let (mut standings, mut revisions) = (Vec::new(), BTreeMap::new());
    for entry in stream() {
        let mut out = Vec::new();
        partition.apply(&entry, &mut out).unwrap();
        for observation in &out {
            let last = revisions.insert(observation.user_id.clone(), observation.revision).unwrap_or(0);
            assert!(observation.revision > last, "revisions rise: {last} {}", observation.revision);
        }
        let profile = partition.profiles().find(|(of, account, _)| **of == org && **account == user);
        standings.push(profile.and_then(|(_, _, profile)| Some(profile.held().first()?.standing)));
        standings.dedup();
    }
    assert_eq!(standings, [None, Some(Standing::Held), Some(Standing::Released)]);
}
