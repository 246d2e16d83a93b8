//! The detectors that could not judge an open day, a closed one and a held one, in the stored state.

use super::*;
use crate::org::user_at;
use crate::user::{ClosedDay, Held};

#[test]
fn detectors_that_could_not_judge_are_stored_and_restored() {
    let mut org = small_org();
    let number = org.open.unwrap().day;
    let slot = org.slots[&UserId::new("emma")];
    let profile = &mut user_at(&mut org.users, slot).unwrap().profile;
    profile.day.as_mut().unwrap().unjudged.note("row_spike", "no baseline");
    profile.closed.get_mut(number - 1).unwrap().day.unjudged.note("new_app", "no baseline");
    let mut held = ClosedDay::new(profile.reopen(number - 2).unwrap().day);
    held.held = Some(Held::default());
    held.day.unjudged.note("mass_change", "no baseline");
    profile.keep(held, i32::MIN);
    let mut table = Table::new();
    apply(&mut table, org.take_changes().unwrap());
    assert_eq!((table["user/emma"][0], table["user/bob"][0]), (10, 7), "versions");
    let of_emma = Table::from([("user/emma".to_owned(), table["user/emma"].clone())]);
    insta::assert_snapshot!("version_10", golden::text(&of_emma));
    let again = restore(&org_id(), &table);
    assert!(dump(again, &table) == whole(org));
}
