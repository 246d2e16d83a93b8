//! A day that is busy for the whole org is no anomaly of any account.

use crate::events::{Events, about_a_hundred, user, working_days};
use crate::support::run;
use model::time::{DAY, HOUR, MINUTE};
use model::{Severity, Timestamp};
use orgwatch::Outcome;

const USERS: usize = 40;
const DAYS: usize = 25;
const BUSY: usize = 22;

/// An org with one day on which the first `busy` of its accounts view `factor` times their usual rows.
fn org(busy: usize, factor: f64) -> Outcome {
    let mut events = Events::default();
    for (day, morning) in working_days().take(DAYS).enumerate() {
        for number in 0..USERS {
            let usual = about_a_hundred(number, day);
            let is_busy = day == BUSY && number < busy;
            let rows = if is_busy { (usual as f64 * factor) as u64 } else { usual };
            events.ordinary_day(&user(number), morning.plus(number as i64 * 9 * MINUTE), rows);
        }
    }
    run(&events.text())
}

/// Accounts with an incident of at least `severity` on the busy day.
fn reported(outcome: &Outcome, severity: Severity) -> usize {
    let day: Timestamp = working_days().nth(BUSY).unwrap().plus(-9 * HOUR);
    let on_day = |at: Timestamp| (0..DAY).contains(&at.since(day));
    let incidents = outcome.finished.incidents.iter();
    incidents.filter(|incident| on_day(incident.first_event_at) && incident.severity >= severity).count()
}

#[test]
fn a_day_that_is_busy_for_all_raises_at_most_one_account() {
    let outcome = org(USERS, 2.5);
    assert_eq!(reported(&outcome, Severity::High), 0);
    assert!(reported(&outcome, Severity::Low) <= 1, "{}", reported(&outcome, Severity::Low));
}

#[test]
fn a_day_that_is_busy_for_one_account_is_raised() {
    let together = org(USERS, 8.0);
    let alone = org(1, 8.0);
    let spikes = |outcome: &Outcome| {
        let of_first = outcome.finished.findings.iter().filter(|finding| finding.user_id.as_str() == user(0));
        of_first.filter(|finding| finding.detector == "row_spike").count()
    };
    assert_eq!((spikes(&alone), spikes(&together)), (1, 0));
}

/// The first accounts of the morning are raised before the day shows to be busy for all.
#[test]
fn findings_that_the_day_explains_are_withdrawn() {
    let outcome = org(USERS, 8.0);
    let (raised, _) = outcome.finished.counts.verdicts["row_spike"];
    let standing = outcome.finished.findings.iter().filter(|finding| finding.detector == "row_spike").count();
    assert!(raised > standing as u64, "{raised} raised, {standing} stand");
    assert!(reported(&outcome, Severity::Low) <= USERS / 20, "{}", reported(&outcome, Severity::Low));
    let of_incidents = outcome.finished.incidents.iter().flat_map(|incident| &incident.findings);
    assert!(outcome.finished.findings.iter().chain(of_incidents).all(|finding| !finding.withdrawn));
}
