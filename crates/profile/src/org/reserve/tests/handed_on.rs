//! Closed days as they are handed on.

use super::*;
use model::FirstOf;

/// Returns the days of all accounts as they closed last.
fn latest(service: &Service) -> BTreeMap<(UserId, Timestamp), UserDay> {
    service.user_days.iter().map(|day| ((day.user_id.clone(), day.day), day.clone())).collect()
}

#[test]
fn a_day_is_handed_on_with_what_was_usual_before_it() {
    let service = run(&activities(1, SPIKE + 5, &[SPIKE]), 14, &[], &[]);
    let days = latest(&service);
    let of_eve = |day| &days[&(UserId::new(EVE), at(day))].facts;
    let spike = of_eve(SPIKE);
    let [volume] = spike.volumes[..] else { panic!("{spike:?}") };
    assert!(volume.rows > 1_600_000 && volume.requests >= 4, "{volume:?}");
    let usual = volume.usual.unwrap();
    assert!(usual.low < usual.expected && usual.expected < usual.high && usual.high < 10_000, "{usual:?}");
    assert!(spike.held && spike.surprises.iter().any(|found| found.detector == "rows" && found.surprise > 4.0));
    assert!(spike.first_count(FirstOf::Report) > 0 && spike.last_at >= at(SPIKE).plus(12 * HOUR), "{spike:?}");
    let ordinary = of_eve(SPIKE - 1);
    assert!(!ordinary.held && ordinary.volumes[0].rows < usual.high, "{ordinary:?}");
    let in_first_days = days.values().filter(|day| day.day < at(4));
    assert!(in_first_days.clone().count() > 20 && in_first_days.clone().all(|day| day.facts.firsts.is_empty()));
    let clients: u32 = days.values().map(|day| day.facts.first_count(FirstOf::Client)).sum();
    assert!(clients > 0, "new clients have names");
    assert!(service.user_days.len() > days.len(), "late activities close days once more");
}

#[test]
fn restarts_change_no_day() {
    let world = activities(2, SPIKE + 20, &[SPIKE]);
    let stops: Vec<usize> = (0..world.len()).step_by(97).collect();
    let (through, stopped) = (run(&world, 5, &[], &[]), run(&world, 5, &[], &stops));
    assert!(latest(&through) == latest(&stopped));
    assert_eq!(through.user_days.len(), stopped.user_days.len());
}
