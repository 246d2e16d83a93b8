//! Days are deterministic, independent of each other and in order.

use std::collections::HashSet;

use proptest::prelude::*;

use super::{check_days, days, json, plan};
use crate::account::Class;
use crate::world::World;
use crate::{Attacks, Day, Plan, Simulation};

fn text(days: &[Day]) -> String {
    days.iter().map(json).collect()
}

#[test]
fn the_same_plan_gives_the_same_bytes() {
    let plan = Plan::new(60, 15, 5);
    let simulation = || Simulation::new(plan.clone()).unwrap();
    assert_eq!(simulation().labels(), simulation().labels());
    let bytes = text(&simulation().collect::<Vec<_>>());
    assert!(bytes.len() > 1_000_000);
    assert!(bytes == text(&simulation().collect::<Vec<_>>()));
}

#[test]
fn another_seed_or_org_gives_other_events() {
    let ids = |plan: Plan| -> HashSet<String> {
        days(plan).iter().flat_map(|day| &day.events).map(crate::Event::identifier).collect()
    };
    let usual = ids(plan(10, 3));
    let other_seed = Plan { seed: 12, ..plan(10, 3) };
    let other_org = Plan { org_id: crate::ids::salesforce_id("00D", 5), ..plan(10, 3) };
    assert!(usual.is_disjoint(&ids(other_seed)));
    assert!(usual.is_disjoint(&ids(other_org)));
}

#[test]
fn events_do_not_depend_on_the_number_of_days() {
    let (short, long) = (days(plan(30, 6)), days(plan(30, 20)));
    assert_eq!(text(&short), text(&long[..6]));
}

#[test]
fn events_do_not_depend_on_other_accounts() {
    let plain = World::new(plan(20, 6));
    let person = plain.accounts.iter().find(|account| account.class == Class::Power).unwrap();
    let user_id = &person.identity().unwrap().user_id;
    let of_person = |users| -> Vec<String> {
        let days = days(plan(users, 6));
        let events = days.iter().flat_map(|day| &day.events);
        // These types name other accounts, so they depend on how many there are.
        let own =
            events.filter(|event| event.object() != "PermissionSetEventStore" && event.object() != "LoginAsEvent");
        own.filter(|event| event.user_id() == user_id).map(crate::Event::identifier).collect()
    };
    let few = of_person(20);
    assert!(!few.is_empty());
    assert_eq!(few, of_person(35));
}

#[test]
fn without_attacks_there_are_no_labels() {
    assert!(Simulation::new(plan(30, 30)).unwrap().labels().labels.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn days_are_complete_and_in_order(users in 5..40_u32, length in 10..18_u32, seed: u64) {
        let plan = Plan { attacks: Attacks::Standard, ..Plan::new(users, length, seed) };
        check_days(&plan);
    }
}
