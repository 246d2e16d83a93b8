//! Backfill is learned as activities are, and gives no observations.

use super::*;
use crate::user::{DaySignals, DayTests};
use model::Feature;

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

/// An activity on the day after the small org's last, with far more rows than usual.
fn spike(n: u128) -> Activity {
    let activity = activity(n, "emma", at("2026-04-08T08:00:00Z"), Kind::ListView);
    Activity { rows: Some(90_000), ..activity }
}

/// An activity a day later, which closes the day of the spike.
fn later(n: u128) -> Activity {
    activity(n, "bob", at("2026-04-09T16:00:00Z"), Kind::LightningUri)
}

/// Returns the rows of emma's closed days and hours in the observations.
fn closed(out: &[Observation]) -> Vec<f64> {
    let of_emma =
        out.iter().filter(|observation| observation.user_id.as_str() == "emma" && observation.activity.is_none());
    let rows = |feature: &Feature| match feature {
        Feature::Volume(volume) => Some(volume.rows),
        _ => None,
    };
    of_emma.flat_map(|observation| &observation.features).filter_map(rows).collect()
}

#[test]
fn backfill_teaches_what_activities_teach() {
    let activities = stops::activities_of_the_world();
    let [mut filled, mut observed] = [(); 2].map(|()| Org::new(activities[0].org_id.clone(), &settings()).unwrap());
    let (mut out, mut others) = (Vec::new(), Vec::new());
    for activity in activities {
        assert_eq!(filled.backfill(activity, &mut out), observed.observe(activity, &mut others));
    }
    assert!(!filled.backfill_days.is_empty());
    filled.finish(&mut out);
    observed.finish(&mut others);
    assert!(out.is_empty() && others.len() > 100 && filled.backfill_days.is_empty());
    let state = |mut org: Org| {
        for member in &mut org.users {
            let Member::InMemory(user) = member else { panic!("away") };
            user.profile.revision = 0;
            // Only days that are judged calibrate tests.
            let closed = &mut user.profile.closed;
            let days: Vec<_> = closed.signals().into_iter().map(|(day, signals)| (day, signals.clone())).collect();
            for (day, signals) in days {
                closed.set_signals(day, DaySignals { tests: DayTests::default(), ..signals });
            }
        }
        org.shared.signals.calibrations = Default::default();
        whole(org)
    };
    assert!(state(filled) == state(observed));
}

#[test]
fn a_day_of_backfill_closes_without_an_observation_whatever_closes_it() {
    let check = |learned: &[Learn], closer: Learn, expect: bool| {
        let mut org = small_org();
        let mut out = Vec::new();
        for (n, how) in (9_000..).zip(learned) {
            how(&mut org, &spike(n), &mut out);
        }
        out.clear();
        closer(&mut org, &later(9_500), &mut out);
        assert_eq!(!closed(&out).is_empty(), expect, "{out:?}");
        assert!(org.backfill_days.len() <= 1, "bob's");
    };
    for closer in [Org::observe as Learn, Org::backfill] {
        check(&[Org::backfill], closer, false);
        check(&[Org::backfill, Org::backfill], closer, false);
        check(&[Org::observe], closer, true);
        check(&[Org::backfill, Org::observe], closer, true);
        check(&[Org::observe, Org::backfill], closer, true);
    }
}

#[test]
fn the_next_day_of_the_user_closes_a_day_of_backfill_without_an_observation() {
    let check = |how: Learn, expect: bool| {
        let mut org = small_org();
        how(&mut org, &spike(9_000), &mut Vec::new());
        // Within the allowed lateness the user's next day closes the day, not the clock.
        let mut out = Vec::new();
        let midnight = Activity { event_time: at("2026-04-08T13:31:00Z"), ..spike(9_001) };
        org.observe(&midnight, &mut out);
        assert_eq!(!closed(&out).is_empty(), expect, "{out:?}");
    };
    check(Org::backfill, false);
    check(Org::observe, true);
}

#[test]
fn backfill_closes_what_the_clock_would_close() {
    let [mut by_backfill, mut by_clock] = [(); 2].map(|()| {
        let mut org = small_org();
        org.observe(&spike(9_000), &mut Vec::new());
        org
    });
    let (mut out, mut expected) = (Vec::new(), Vec::new());
    let next = later(9_500);
    by_backfill.backfill(&next, &mut out);
    by_clock.advance(next.event_time.plus(-i64::from(settings().lateness_seconds) * time::SECOND), &mut expected);
    assert_eq!(out, expected);
    assert!(!closed(&out).is_empty());
}

#[test]
fn backfill_is_a_duplicate_when_it_is_observed_again() {
    let check = |first: Learn, second: Learn, observations: usize| {
        let mut org = small_org();
        let mut out = Vec::new();
        let rich = Activity { source_ip: Some(SourceIp::Address([203, 0, 113, 7].into())), ..spike(9_000) };
        let poor = Activity { source_ip: None, ..rich.clone() };
        assert_eq!(first(&mut org, &poor, &mut Vec::new()), ActivityOutcome::Learned);
        assert_eq!((second(&mut org, &poor, &mut out), out.len()), (ActivityOutcome::Duplicate, 0));
        assert_eq!((second(&mut org, &rich, &mut out), out.len()), (ActivityOutcome::Enriched, observations));
    };
    check(Org::backfill, Org::observe, 1);
    check(Org::observe, Org::backfill, 0);
}

#[test]
fn observations_list_missing_kinds_until_they_come_again() {
    let mut table = Table::new();
    let mut org = Org::new(org_id(), &settings()).unwrap();
    [Kind::Login, Kind::ListView, Kind::Api].into_iter().for_each(|kind| org.blind(kind));
    org.sighted(Kind::Api);
    apply(&mut table, org.take_changes().unwrap());
    let mut org = restore(&org_id(), &table);
    let mut out = Vec::new();
    for activity in small_activities() {
        org.observe(&activity, &mut out);
    }
    org.observe(&spike(9_000), &mut out);
    org.finish(&mut out);
    assert!(!closed(&out).is_empty());
    assert!(out.iter().all(|observation| observation.blind == [Kind::ListView, Kind::Login]));
    [Kind::Login, Kind::ListView].into_iter().for_each(|kind| org.sighted(kind));
    let mut out = Vec::new();
    org.observe(&spike(9_001), &mut out);
    assert!(!out.is_empty() && out.iter().all(|observation| observation.blind.is_empty()), "{out:?}");
}
