//! Whether an account may administer: a change of it is a change of role, and an org that never tells is as it was.

use super::*;
use crate::user::Profile;
use model::{Source, UserClass};
use proptest::prelude::*;

/// The small org's activities, told each day whether emma may administer.
fn told(administers: impl Fn(i64) -> Option<bool>) -> Org {
    let mut org = Org::new(org_id(), &settings()).unwrap();
    let start = Timestamp::parse("2026-03-30").unwrap();
    for mut activity in small_activities() {
        if activity.user_id.as_str() == "emma" {
            activity.administers = administers(activity.event_time.since(start) / time::DAY);
        }
        assert_eq!(org.observe(&activity, &mut Vec::new()), Fate::Learned);
    }
    org.finish(&mut Vec::new());
    org
}

fn emma(org: &Org) -> &Profile {
    org.profiles().find(|(user, _)| user.as_str() == "emma").unwrap().1
}

/// The day of emma's last change of role, from the first on, and how much stands behind what is usual of her views.
fn role(org: &Org) -> (Option<i64>, f64) {
    let first = Timestamp::parse("2026-03-30").unwrap().0 / time::DAY;
    let profile = emma(org);
    let changed = profile.role.changed.map(|day| i64::from(day) - first);
    (changed, profile.rows_of(Source::ListView).unwrap().day.weight)
}

#[test]
fn who_may_administer_or_no_more_has_another_role() {
    let check = |administers: fn(i64) -> Option<bool>, expect: Option<i64>| {
        let (changed, weight) = role(&told(administers));
        let (_, plain) = role(&told(|_| None));
        assert_eq!(changed, expect);
        assert_eq!(weight < plain, expect.is_some(), "{weight} of {plain}");
    };
    check(|_| Some(true), None);
    check(|day| (day >= 4).then_some(true), None);
    check(|day| (day < 4).then_some(true), None);
    check(|day| Some(day >= 4), Some(4));
    check(|day| Some(day < 4), Some(4));
    // What is not told for some days is still known.
    check(|day| (day % 3 == 0).then_some(day >= 4), Some(6));
}

#[test]
fn all_that_changes_together_is_one_change() {
    let learned = |change: fn(&mut Activity)| {
        let mut org = small_org();
        let at = |hour| Timestamp::parse("2026-04-08").unwrap().plus(hour * time::HOUR);
        let before = Activity {
            profile_id: Some("00e1".into()),
            role_id: Some("00E1".into()),
            administers: Some(false),
            ..activity(900, "emma", at(8), Kind::ListView)
        };
        let mut after = Activity { id: Uuid::from_u128(901), event_time: at(9), ..before.clone() };
        change(&mut after);
        for activity in [before, after] {
            assert_eq!(org.observe(&activity, &mut Vec::new()), Fate::Learned);
        }
        role(&org).1
    };
    let of_ids = learned(|activity| activity.role_id = Some("00E2".into()));
    let of_right = learned(|activity| activity.administers = Some(true));
    let of_both = learned(|activity| (activity.role_id, activity.administers) = (Some("00E2".into()), Some(true)));
    assert_eq!((of_ids, of_right), (of_both, of_both));
    assert!(of_both < learned(|_| {}));
}

#[test]
fn who_may_administer_is_compared_with_administrators() {
    let class = |administers: fn(i64) -> Option<bool>| emma(&told(administers)).class();
    assert_eq!(class(|_| None), class(|_| Some(false)));
    assert_ne!(class(|_| None), UserClass::Admin);
    assert_eq!(class(|_| Some(true)), UserClass::Admin);
    assert_eq!(class(|day| (day == 2).then_some(true)), UserClass::Admin, "until it is told otherwise");
    assert_ne!(class(|day| Some(day < 4)), UserClass::Admin);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    /// Whatever was told when, the role changed on the last day on which what is known became another.
    #[test]
    fn the_last_change_is_known(days in prop::collection::vec(any::<Option<bool>>(), 9)) {
        let known: Vec<(i64, bool)> = (0..).zip(&days).filter_map(|(day, told)| Some((day, (*told)?))).collect();
        let last = known.windows(2).filter(|pair| pair[0].1 != pair[1].1).map(|pair| pair[1].0).next_back();
        prop_assert_eq!(role(&told(|day| days[day as usize])).0, last);
    }
}
