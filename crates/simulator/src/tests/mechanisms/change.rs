use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::{Org, median, org, standard};
use crate::WorldKind;
use crate::event::{Body, Event};
use crate::mechanism::Mechanism;

fn object(event: &Event) -> Option<&'static str> {
    match &event.body {
        Body::ListView { view, .. } => Some(view.object),
        Body::LightningUri { object, .. } => Some(object),
        _ => None,
    }
}

/// Returns the number of pairs of a person and an object that are new, by day.
fn firsts(org: &Org) -> Vec<f64> {
    let mut seen = HashSet::new();
    let mut firsts = vec![0.0; org.days.len()];
    for (day, event) in org.people() {
        if let Some(object) = object(event)
            && seen.insert((event.user_id(), object))
        {
            firsts[day as usize] += 1.0;
        }
    }
    firsts
}

#[test]
fn projects_bring_objects_that_are_new_to_people() {
    let later = |org: &Org| firsts(org)[25..40].iter().sum::<f64>();
    let (changing, usual) = (later(&org(WorldKind::Changing, Mechanism::Projects)), later(&standard()));
    assert!(changing > 1.3 * usual, "{changing}, {usual}");
}

#[test]
fn a_reorganization_changes_objects_on_one_day() {
    let later = firsts(&org(WorldKind::Changing, Mechanism::Reorganization))[38..].to_vec();
    let largest = later.iter().copied().fold(0.0, f64::max);
    assert!(largest > 4.0 * median(later.clone()).max(1.0), "{later:?}");
}

#[test]
fn teams_adopt_apps_within_a_month() {
    let org = org(WorldKind::Changing, Mechanism::Apps);
    let users = |until: u32| {
        let calls = org.people().filter(|(day, event)| {
            *day < until && matches!(event.body, Body::Api { api, .. } if api.connected_app.is_some_and(|app| app > 50))
        });
        calls.map(|(_, event)| event.user_id()).collect::<BTreeSet<_>>().len()
    };
    assert!(users(6) == 0 && users(20) > 0 && users(50) > 2 * users(20), "{} {} {}", users(6), users(20), users(50));
    assert!(users(50) < org.activity().len() / 2);
}

#[test]
fn renamed_objects_replace_their_old_names() {
    let org = org(WorldKind::Changing, Mechanism::Renames);
    let days = |name: &str| {
        let days = org.events().filter(|(_, event)| object(event) == Some(name)).map(|(day, _)| day);
        days.collect::<BTreeSet<u32>>()
    };
    let mut renamed = 0;
    for (old, new) in
        [("Invoice__c", "Billing_Document__c"), ("Quote", "Proposal__c"), ("Asset", "Installed_Product__c")]
    {
        if let Some(first) = days(new).first() {
            assert!(days(old).last().unwrap() <= first, "{old}");
            renamed += 1;
        }
    }
    assert!(renamed > 0);
}

#[test]
fn movers_hand_over_gradually() {
    let org = org(WorldKind::Staffing, Mechanism::Handovers);
    let mut changes: BTreeMap<u32, usize> = BTreeMap::new();
    for account in &org.world.accounts {
        let teams: Vec<_> = (0..66).filter_map(|day| account.persona(day)).map(|persona| persona.team).collect();
        changes.insert(account.index, teams.windows(2).filter(|pair| pair[0] != pair[1]).count());
    }
    assert!(changes.values().filter(|count| **count > 3).count() >= 2, "{changes:?}");
}
