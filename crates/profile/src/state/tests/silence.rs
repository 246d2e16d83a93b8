//! Silence judges what is open and closes nothing.

use super::*;

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

/// Returns the small org with far more rows of emma than usual, in the hour from 08:30 to 09:30 UTC.
fn busy_org() -> Org {
    let mut org = small_org();
    let spike = activity(5_000, "emma", at("2026-04-08T08:40:00Z"), Kind::ListView);
    let outcome = org.observe(&Activity { rows: Some(90_000), ..spike }, &mut Vec::new());
    assert_eq!(outcome, ActivityOutcome::Learned);
    org
}

fn judged(org: &mut Org, watermark: &str) -> usize {
    let mut out = Vec::new();
    org.judge(at(watermark), &mut out);
    assert!(out.iter().all(|observation| observation.user_id.as_str() == "emma" && observation.activity.is_none()));
    out.len()
}

#[test]
fn an_hour_is_judged_once_when_it_is_past_by_the_lateness() {
    let mut org = busy_org();
    assert_eq!(judged(&mut org, "2026-04-08T09:39:59Z"), 0, "within the lateness of ten minutes");
    assert_eq!(judged(&mut org, "2026-04-08T09:40:00Z"), 1);
    assert_eq!(judged(&mut org, "2026-06-01"), 0, "judged before");
}

#[test]
fn an_org_that_was_judged_goes_on_as_one_that_was_not() {
    let (mut judged_org, mut other) = (busy_org(), busy_org());
    assert_eq!(judged(&mut judged_org, "2026-06-01"), 1);
    let next = activity(5_001, "bob", at("2026-04-09T01:00:00Z"), Kind::LightningUri);
    let results = [&mut judged_org, &mut other].map(|org| {
        let mut out = Vec::new();
        assert_eq!(org.observe(&next, &mut out), ActivityOutcome::Learned);
        org.finish(&mut out);
        out.iter_mut().for_each(|observation| observation.revision = 0);
        out
    });
    assert!(results[0].iter().any(|observation| observation.user_id.as_str() == "emma"));
    assert_eq!(results[0], results[1]);
}

#[test]
fn identities_that_were_forgotten_stay_so_when_more_are_to_be_kept() {
    let mut org = small_org();
    let old = small_activities().remove(0);
    let later = activity(6_000, "bob", at("2026-04-20"), Kind::Login);
    assert_eq!(org.observe(&later, &mut Vec::new()), ActivityOutcome::Learned);
    let kept_longer = Settings { identity_hours: 4_000, ..settings() };
    org.set_settings(&kept_longer).unwrap();
    assert_eq!(org.observe(&old, &mut Vec::new()), ActivityOutcome::Forgotten, "it may have been counted");
    let mut table = Table::new();
    apply(&mut table, org.take_changes().unwrap());
    let mut restored = restore(&org_id(), &table);
    restored.set_settings(&kept_longer).unwrap();
    assert_eq!(restored.observe(&old, &mut Vec::new()), ActivityOutcome::Forgotten);
}
