//! Worlds and their attacks.

use std::collections::{BTreeSet, HashMap, HashSet};

use proptest::prelude::*;

use super::{check_days, days};
use crate::event::{Body, Event};
use crate::{Attacks, Day, Label, Plan, Simulation, WorldKind, Writes, families};

fn plan(world: WorldKind, users: u32, length: u32) -> Plan {
    Plan { attacks: Attacks::None, world, ..Plan::new(users, length, 11) }
}

fn events(days: &[Day]) -> impl Iterator<Item = &Event> {
    days.iter().flat_map(|day| &day.events)
}

#[test]
fn worlds_have_names() {
    for kind in WorldKind::ALL {
        assert_eq!(WorldKind::of_name(kind.name()), Some(kind));
    }
    assert_eq!(WorldKind::of_name("other"), None);
    let names: HashSet<&str> = WorldKind::ALL.iter().map(|kind| kind.name()).collect();
    assert_eq!(names.len(), 8);
}

#[test]
fn every_world_is_repeatable_and_differs() {
    let ids = |kind| -> Vec<String> { events(&days(plan(kind, 30, 8))).map(Event::identifier).collect() };
    let mut all = HashSet::new();
    for kind in WorldKind::ALL {
        assert_eq!(ids(kind), ids(kind), "{kind}");
        assert!(all.insert(ids(kind)), "{kind}");
    }
}

#[test]
fn the_days_of_a_world_do_not_depend_on_their_number() {
    for kind in WorldKind::ALL {
        let ids = |length| -> Vec<String> {
            let days = days(plan(kind, 30, length));
            events(&days[..6]).filter(|event| event.object() != "ApiEvent").map(Event::identifier).collect()
        };
        assert_eq!(ids(6), ids(20), "{kind}");
    }
}

#[test]
fn every_family_occurs_in_every_other_world() {
    for kind in &WorldKind::ALL[1..] {
        let plan = Plan { attacks: Attacks::PerFamily(1), world: *kind, ..Plan::new(200, 75, 3) };
        let simulation = Simulation::new(plan).unwrap();
        let found: BTreeSet<&str> = simulation.labels().labels.iter().map(|label| label.family.as_str()).collect();
        assert_eq!(found, families(*kind, Writes::None).into_iter().collect(), "{kind}");
        assert_eq!(found.len(), 25);
    }
}

/// Returns the malicious events by family, with the labels.
fn attacks(kind: WorldKind) -> (Vec<Label>, HashMap<String, Vec<Event>>) {
    let attacked = Plan { attacks: Attacks::PerFamily(1), ..plan(kind, 150, 60) };
    let innocent: HashSet<u128> = events(&days(plan(kind, 150, 60))).map(|event| event.id).collect();
    let simulation = Simulation::new(attacked).unwrap();
    let labels = simulation.labels().labels.clone();
    let families: HashMap<String, String> =
        labels.iter().map(|label| (label.user_id.clone(), label.family.clone())).collect();
    let mut found: HashMap<String, Vec<Event>> = HashMap::new();
    for event in simulation.flat_map(|day| day.events).filter(|event| !innocent.contains(&event.id)) {
        if !matches!(event.body, Body::Threat(_)) {
            found.entry(families[event.user_id()].clone()).or_default().push(event);
        }
    }
    (labels, found)
}

#[test]
fn the_events_of_each_reported_family_are_there() {
    let (labels, found) = attacks(WorldKind::Mixed);
    for label in &labels {
        let times = || found[&label.family].iter().map(Event::at);
        let span = (Some(label.from.parse().unwrap()), Some(label.to.parse().unwrap()));
        assert_eq!((times().min(), times().max()), span, "{label:?}");
    }
    let pages = |family: &str| {
        let reads = found[family].iter().filter(|event| matches!(event.body, Body::LightningUri { .. }));
        reads.count()
    };
    assert!(pages("guest_enumeration") >= 120);
    assert!(pages("page_scraping") >= 150);
    assert!(pages("admin_snooping") >= 8);
    assert!(pages("integration_by_hand") >= 15);
    assert!(pages("insider_weeks") >= 50);
    assert!(pages("dormant_account") >= 5 && pages("departed_account") >= 5);
    assert!(pages("domestic_session_theft") >= 10);
    let counts = |event: &&Event| matches!(&event.body, Body::Api { query, .. } if query.text.contains("COUNT()"));
    let bulk = |event: &&Event| matches!(event.body, Body::BulkApiResult { .. });
    let theft = &found["token_theft"];
    assert!(theft.iter().find(counts).unwrap().at < theft.iter().find(bulk).unwrap().at);
    let app = |event: &Event| match event.body {
        Body::Api { api, .. } => api.connected_app,
        _ => None,
    };
    assert!(found["cloned_app"].iter().any(|event| app(event).is_some_and(|app| app > 900)));
    let weeks = labels.iter().find(|label| label.family == "insider_weeks").unwrap();
    assert!(weeks.note.contains("working days"), "{}", weeks.note);
}

#[test]
fn attacks_of_other_worlds_begin_at_any_hour_and_span_midnight() {
    let plan = Plan { attacks: Attacks::PerFamily(3), world: WorldKind::Bursty, ..Plan::new(400, 60, 5) };
    let simulation = Simulation::new(plan).unwrap();
    let labels = &simulation.labels().labels;
    let hours: HashSet<&str> = labels.iter().map(|label| &label.from[11..13]).collect();
    assert!(hours.len() > 15, "{hours:?}");
    let short = labels.iter().filter(|label| !label.family.contains("drip") && label.family != "insider_weeks");
    assert!(short.filter(|label| label.from[..10] != label.to[..10]).count() > 4);
}

#[test]
fn sites_have_several_guests_with_many_visitors() {
    let days = days(plan(WorldKind::Roaming, 120, 10));
    let mut visitors: HashMap<&str, HashSet<&str>> = HashMap::new();
    for event in events(&days).filter(|event| event.username().starts_with("guest")) {
        if matches!(event.body, Body::LightningUri { operation: "Read", .. }) {
            visitors.entry(event.user_id()).or_default().insert(&event.session.ip);
        }
    }
    assert!(visitors.len() > 2, "{}", visitors.len());
    assert!(visitors.values().all(|addresses| addresses.len() > 40));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn days_of_all_worlds_are_complete_and_in_order(number in 0..8_usize, users in 5..40_u32, seed: u64) {
        let plan = Plan { world: WorldKind::ALL[number], ..Plan::new(users, 14, seed) };
        check_days(&plan);
    }
}
