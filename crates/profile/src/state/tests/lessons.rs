//! Lessons teach what activities teach, and raise nothing.

use super::*;
use model::Feature;

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

/// On the day after the small org's last: rows far beyond what is usual.
fn spike(n: u128) -> Activity {
    let activity = activity(n, "emma", at("2026-04-08T08:00:00Z"), Kind::ListView);
    Activity { rows: Some(90_000), ..activity }
}

/// A day later, which closes the day of the spike.
fn later(n: u128) -> Activity {
    activity(n, "bob", at("2026-04-09T16:00:00Z"), Kind::LightningUri)
}

/// Rows of closed days or hours that are told of emma.
fn closed(out: &[Observation]) -> Vec<f64> {
    let of_emma = out.iter().filter(|told| told.user_id.as_str() == "emma" && told.activity.is_none());
    let rows = |feature: &Feature| match feature {
        Feature::Volume(volume) => Some(volume.rows),
        _ => None,
    };
    of_emma.flat_map(|told| &told.features).filter_map(rows).collect()
}

#[test]
fn they_teach_what_activities_teach() {
    let activities = stops::activities_of_the_world();
    let [mut taught, mut observed] = [(); 2].map(|()| Org::new(activities[0].org_id.clone(), &settings()).unwrap());
    let (mut out, mut others) = (Vec::new(), Vec::new());
    for activity in activities {
        assert_eq!(taught.teach(activity, &mut out), observed.observe(activity, &mut others));
    }
    assert!(!taught.taught.is_empty());
    taught.finish(&mut out);
    observed.finish(&mut others);
    assert!(out.is_empty() && others.len() > 100 && taught.taught.is_empty());
    let state = |mut org: Org| {
        for member in &mut org.users {
            let Member::Here(user) = member else { panic!("away") };
            user.profile.revision = 0;
        }
        whole(org)
    };
    assert!(state(taught) == state(observed));
}

#[test]
fn a_day_of_lessons_closes_silently_whatever_closes_it() {
    let check = |learned: &[Learn], closer: Learn, expect: bool| {
        let mut org = small_org();
        let mut out = Vec::new();
        for (n, how) in (9_000..).zip(learned) {
            how(&mut org, &spike(n), &mut out);
        }
        out.clear();
        closer(&mut org, &later(9_500), &mut out);
        assert_eq!(!closed(&out).is_empty(), expect, "{out:?}");
        assert!(org.taught.len() <= 1, "bob's");
    };
    for closer in [Org::observe as Learn, Org::teach] {
        check(&[Org::teach], closer, false);
        check(&[Org::teach, Org::teach], closer, false);
        check(&[Org::observe], closer, true);
        check(&[Org::teach, Org::observe], closer, true);
        check(&[Org::observe, Org::teach], closer, true);
    }
}

#[test]
fn so_does_the_next_day_of_the_user() {
    let check = |how: Learn, expect: bool| {
        let mut org = small_org();
        how(&mut org, &spike(9_000), &mut Vec::new());
        // Within the time for which the clock waits: the user closes the day, not the clock.
        let mut out = Vec::new();
        let midnight = Activity { event_time: at("2026-04-08T13:31:00Z"), ..spike(9_001) };
        org.observe(&midnight, &mut out);
        assert_eq!(!closed(&out).is_empty(), expect, "{out:?}");
    };
    check(Org::teach, false);
    check(Org::observe, true);
}

#[test]
fn a_lesson_closes_what_the_clock_would_close() {
    let [mut by_lesson, mut by_clock] = [(); 2].map(|()| {
        let mut org = small_org();
        org.observe(&spike(9_000), &mut Vec::new());
        org
    });
    let (mut out, mut expected) = (Vec::new(), Vec::new());
    let lesson = later(9_500);
    by_lesson.teach(&lesson, &mut out);
    by_clock.advance(lesson.event_time.plus(-i64::from(settings().lateness_seconds) * time::SECOND), &mut expected);
    assert_eq!(out, expected);
    assert!(!closed(&out).is_empty());
}

#[test]
fn what_was_taught_is_known_when_it_is_observed() {
    let check = |first: Learn, second: Learn, told: usize| {
        let mut org = small_org();
        let mut out = Vec::new();
        let rich = Activity { source_ip: Some(SourceIp::Address([203, 0, 113, 7].into())), ..spike(9_000) };
        let poor = Activity { source_ip: None, ..rich.clone() };
        assert_eq!(first(&mut org, &poor, &mut Vec::new()), ActivityOutcome::Learned);
        assert_eq!((second(&mut org, &poor, &mut out), out.len()), (ActivityOutcome::Duplicate, 0));
        assert_eq!((second(&mut org, &rich, &mut out), out.len()), (ActivityOutcome::Enriched, told));
    };
    check(Org::teach, Org::observe, 1);
    check(Org::observe, Org::teach, 0);
}

#[test]
fn what_is_missing_is_told_until_it_comes_again() {
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
    assert!(out.iter().all(|told| told.blind == [Kind::ListView, Kind::Login]));
    [Kind::Login, Kind::ListView].into_iter().for_each(|kind| org.sighted(kind));
    let mut out = Vec::new();
    org.observe(&spike(9_001), &mut out);
    assert!(!out.is_empty() && out.iter().all(|told| told.blind.is_empty()), "{out:?}");
}
