//! A change of an org's time zone.

use super::*;
use model::time::{HOUR, MINUTE};

const NEW: &str = "America/New_York";

/// Returns the stream after the change: the next three days.
fn later() -> Vec<Activity> {
    let shifted = small_activities().into_iter().filter(|activity| activity.event_time >= after());
    shifted.collect()
}

/// In the middle of an hour and of a day.
fn after() -> Timestamp {
    Timestamp::parse("2026-04-05T08:30:00Z").unwrap()
}

#[test]
fn a_new_zone_begins_with_the_next_hour_and_as_after_a_restart() {
    let before = small_activities().into_iter().filter(|activity| activity.event_time < after());
    let mut running = Org::new(org_id(), &settings()).unwrap();
    for activity in before {
        running.observe(&activity, &mut Vec::new());
    }
    running.advance(after(), &mut Vec::new());
    let mut table = Table::new();
    apply(&mut table, running.take_changes().unwrap());
    let moved = Settings { time_zone: NEW.to_owned(), ..settings() };

    let mut restore = Restore::new(org_id(), &moved).unwrap();
    for (key, bytes) in table.iter().filter(|(key, _)| !key.starts_with("user/")) {
        restore.add(key.clone(), bytes.clone()).unwrap();
    }
    let mut restarted = restore.finish().unwrap();
    for user in restarted.wanted() {
        load(&mut restarted, &user, &table);
    }
    running.set_settings(&moved).unwrap();
    let open = running.open.unwrap();
    running.advance(open.end.plus(-1), &mut Vec::new());
    restarted.advance(open.end.plus(-1), &mut Vec::new());
    assert_eq!(running.open, Some(open), "the hour in progress ends as it began");

    let (mut ran, mut came_back) = (Vec::new(), Vec::new());
    running.advance(open.end, &mut ran);
    restarted.advance(open.end, &mut came_back);
    let next = running.open.unwrap();
    // 19:00 at Lord Howe is 08:30 UTC. That hour ends at 09:30 UTC, which is 05:30 in New York.
    assert_eq!((open.hour, next.hour), (19, 5));
    for activity in later() {
        ran.extend(learn(Org::observe, &mut running, &activity, &table).1);
        came_back.extend(learn(Org::observe, &mut restarted, &activity, &table).1);
    }
    assert_eq!(ran, came_back);
    assert!(!ran.is_empty());
    let (hour, minute) = (running.open.unwrap().start.0 / HOUR, running.open.unwrap().start.0 % HOUR / MINUTE);
    assert!(hour > 0 && minute == 0, "hours of New York begin with those of UTC");
    assert_eq!(dump(running, &table), dump(restarted, &table));
    let unknown = Settings { time_zone: "Mars".to_owned(), ..settings() };
    assert!(small_org().set_settings(&unknown).is_err());
}
