//! A thin baseline leans on its class; without a class the verdict is unscoreable, and counted.

use crate::events::{Events, about_a_hundred, user, working_days};
use crate::support::{measure, of, run};
use detect::Unscoreable;
use model::time::{MINUTE, SECOND};

const USERS: usize = 30;
const DAYS: usize = 25;
const NEWCOMER: usize = 900;

/// An org of `users` ordinary accounts, and on its last days a newcomer with these rows a day.
fn newcomer_in(users: usize, rows: &[u64]) -> orgwatch::Outcome {
    let mut events = Events::default();
    let first = DAYS - rows.len();
    for (day, morning) in working_days().take(DAYS).enumerate() {
        for number in 0..users {
            let at = morning.plus(number as i64 * 3 * MINUTE);
            events.ordinary_day(&user(number), at, about_a_hundred(number, day));
        }
        if day >= first {
            for (number, part) in (0..).zip([rows[day - first] / 2; 2]) {
                let at = morning.plus(95 * MINUTE + number * 40 * SECOND);
                events.list_view(&user(NEWCOMER), at, "Account", "MyAccounts", part);
            }
        }
    }
    run(&events.text())
}

#[test]
fn far_more_than_any_peer_is_found_with_low_confidence() {
    let outcome = newcomer_in(USERS, &[90, 80, 12_000]);
    let spikes: Vec<_> =
        of(&outcome, "row_spike").into_iter().filter(|f| f.user_id.as_str() == user(NEWCOMER)).collect();
    let [spike] = spikes[..] else { panic!("one spike of the newcomer: {spikes:#?}") };
    assert!(spike.confidence < 0.5, "{}", spike.confidence);
    assert!(measure(spike, "peer_weight") > 0.5, "{}", measure(spike, "peer_weight"));
}

#[test]
fn as_much_as_its_peers_is_usual() {
    let outcome = newcomer_in(USERS, &[90, 80, 130]);
    assert!(outcome.finished.incidents.iter().all(|incident| incident.user_id.as_str() != user(NEWCOMER)));
}

#[test]
fn without_a_population_it_is_unscoreable_and_counted() {
    let outcome = newcomer_in(0, &[12_000]);
    assert!(outcome.finished.findings.is_empty());
    let unscoreable = &outcome.finished.counts.unscoreable;
    assert!(
        unscoreable.get(&("row_spike", Unscoreable::NoBaseline)).is_some_and(|count| *count > 0),
        "{unscoreable:?}"
    );
}
