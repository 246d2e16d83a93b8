//! The right to administer decides the class of an account and nothing else.

use super::*;
use crate::user::Profile;
use model::{Surface, UserClass};

/// Returns the small org, with activities that say by day whether emma may administer.
fn org_with_right(administers: impl Fn(i64) -> Option<bool>) -> Org {
    let mut org = Org::new(org_id(), &settings()).unwrap();
    let start = Timestamp::parse("2026-03-30").unwrap();
    for mut activity in small_activities() {
        if activity.user_id.as_str() == "emma" {
            activity.administers = administers(activity.event_time.since(start) / time::DAY);
        }
        assert_eq!(org.observe(&activity, &mut Vec::new()), ActivityOutcome::Learned);
    }
    org.finish(&mut Vec::new());
    org
}

fn emma(org: &Org) -> &Profile {
    org.profiles().find(|(user, _)| user.as_str() == "emma").unwrap().1
}

#[test]
fn the_right_makes_an_administrator() {
    let class = |administers: fn(i64) -> Option<bool>| emma(&org_with_right(administers)).class();
    assert_eq!(class(|_| None), class(|_| Some(false)));
    assert_ne!(class(|_| None), UserClass::Admin);
    assert_eq!(class(|_| Some(true)), UserClass::Admin);
    assert_eq!(class(|day| (day == 2).then_some(true)), UserClass::Admin, "until an activity says otherwise");
    assert_ne!(class(|day| Some(day < 4)), UserClass::Admin);
}

#[test]
fn a_change_of_the_right_is_no_change_of_role() {
    let role = |administers: fn(i64) -> Option<bool>| {
        let org = org_with_right(administers);
        let profile = emma(&org);
        (profile.role.changed, profile.rows_of(Surface::ListView).unwrap().day.weight)
    };
    let plain = role(|_| None);
    assert_eq!(plain.0, None);
    assert_eq!(role(|day| Some(day >= 4)), plain);
    assert_eq!(role(|day| Some(day < 4)), plain);
}
