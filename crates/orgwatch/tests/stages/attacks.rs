//! An attack that goes on does not become usual.

use crate::events::{Events, about_a_hundred, user, working_days};
use crate::support::{Folder, incidents_of, options, run, run_path};
use model::time::{DAY, HOUR, SECOND};
use model::{Finding, Severity, Timestamp};
use orgwatch::{Options, Outcome};

const USERS: usize = 12;
const DAYS: usize = 25;

/// Broad list views of objects that the account never viewed, with forty times its usual rows.
fn attack(events: &mut Events, user: &str, morning: Timestamp) {
    for number in 0..16 {
        let at = morning.plus(6 * HOUR + number * 2 * SECOND);
        let (object, name) = [("Contact", "AllContacts"), ("Case", "All_Cases")][number as usize % 2];
        events.list_view(user, at, object, name, 250);
    }
}

/// An ordinary team, and an attack of the same size on each of `days`.
fn attacked_on(days: &[usize]) -> Outcome {
    let mut events = Events::default();
    for (day, morning) in working_days().take(DAYS).enumerate() {
        for number in 0..USERS {
            let at = morning.plus(number as i64 * 11 * 60 * SECOND);
            events.ordinary_day(&user(number), at, about_a_hundred(number, day));
        }
        if days.contains(&day) {
            attack(&mut events, &user(0), morning);
        }
    }
    run(&events.text())
}

/// Findings of the attacked account on one working day, of `detector`.
fn found<'a>(outcome: &'a Outcome, detector: &str, day: usize) -> Vec<&'a Finding> {
    let morning = working_days().nth(day).unwrap();
    let on_day = |finding: &&Finding| (0..DAY).contains(&finding.observed_at.since(morning));
    let of_user = outcome.finished.findings.iter().filter(|finding| finding.user_id.as_str() == user(0));
    of_user.filter(|finding| finding.detector == detector).filter(on_day).collect()
}

#[test]
fn the_same_attack_is_found_on_both_of_two_days() {
    let outcome = attacked_on(&[22, 23]);
    for day in [22, 23] {
        let [spike] = found(&outcome, "row_spike", day)[..] else { panic!("no row spike on day {day}") };
        assert!(spike.severity >= Severity::High, "day {day}: {}", spike.score);
    }
    let incidents = incidents_of(&outcome, &user(0));
    assert!(incidents.iter().any(|incident| incident.severity == Severity::Critical), "{incidents:#?}");
}

#[test]
fn an_attack_is_still_found_on_its_fifth_day() {
    let outcome = attacked_on(&[20, 21, 22, 23, 24]);
    assert_eq!(found(&outcome, "row_spike", 24).len(), 1);
}

#[test]
fn no_other_account_is_high() {
    let outcome = attacked_on(&[22]);
    let others = outcome.finished.incidents.iter().filter(|incident| incident.user_id.as_str() != user(0));
    let grave: Vec<_> = others.filter(|incident| incident.severity >= Severity::High).collect();
    assert!(grave.is_empty(), "{grave:#?}");
}

#[test]
fn while_learning_nothing_is_raised_and_the_attack_is_found_afterwards() {
    let mut events = Events::default();
    for (day, morning) in working_days().take(DAYS).enumerate() {
        events.ordinary_day(&user(0), morning, about_a_hundred(0, day));
        if [15, 24].contains(&day) {
            attack(&mut events, &user(0), morning);
        }
    }
    let folder = Folder::new();
    let file = folder.add("events.ndjson", events.text());
    let learn_until = Some(working_days().nth(20).unwrap());
    let outcome = run_path(&file, Options { learn_until, ..options() });
    assert!(outcome.finished.findings.iter().all(|finding| Some(finding.observed_at) >= learn_until));
    assert_eq!(found(&outcome, "row_spike", 24).len(), 1);
}
