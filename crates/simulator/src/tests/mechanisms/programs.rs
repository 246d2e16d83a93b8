use std::collections::{BTreeMap, BTreeSet};

use super::{Org, median, org, standard};
use crate::WorldKind;
use crate::event::{Body, Event};
use crate::mechanism::Mechanism;

fn machines(org: &Org) -> impl Iterator<Item = (u32, &Event)> {
    org.events().filter(|(_, event)| event.username().starts_with("integration"))
}

#[test]
fn programs_change_their_version_and_query() {
    let variants = |org: &Org| {
        let (mut agents, mut texts) = (BTreeSet::new(), BTreeSet::new());
        for (_, event) in machines(org) {
            if let Body::Api { query, .. } = &event.body {
                agents.insert((event.user_id().to_owned(), event.session.client.user_agent.clone()));
                texts.insert(query.text.clone());
            }
        }
        (agents.len(), texts.len())
    };
    let (integrated, usual) = (variants(&org(WorldKind::Integrated, Mechanism::ProgramChanges)), variants(&standard()));
    assert!(integrated.0 > usual.0 + 3 && integrated.1 > usual.1 + 3, "{integrated:?}, {usual:?}");
}

#[test]
fn back_fills_read_many_times_the_usual() {
    let large = |org: &Org| {
        let mut rows: BTreeMap<&str, BTreeMap<u32, f64>> = BTreeMap::new();
        for (day, event) in machines(org) {
            if let Body::Api { rows: Some(count), operation: "Query", api, .. } = event.body
                && api.api_type == "REST"
            {
                *rows.entry(event.user_id()).or_default().entry(day).or_default() += count;
            }
        }
        let share = |days: &BTreeMap<u32, f64>| {
            let usual = median(days.values().copied().collect());
            days.values().filter(|rows| **rows > 8.0 * usual).count()
        };
        rows.values().map(share).sum::<usize>()
    };
    let (integrated, usual) = (large(&org(WorldKind::Integrated, Mechanism::BackFills)), large(&standard()));
    assert!(integrated > 2 * usual + 5, "{integrated}, {usual}");
}

#[test]
fn runs_are_repeated_and_late() {
    let count = |org: &Org| {
        let (mut repeats, mut early) = (0, 0);
        let mut latest: BTreeMap<&str, (i64, Option<f64>)> = BTreeMap::new();
        let mut first: BTreeMap<(&str, u32), i64> = BTreeMap::new();
        for (day, event) in machines(org) {
            if let Body::Api { operation: "Query", rows, api, .. } = event.body
                && api.api_type == "REST"
            {
                first.entry((event.user_id(), day)).or_insert(event.at.rem_euclid(86_400_000));
                if let Some((at, before)) = latest.insert(event.user_id(), (event.at, rows)) {
                    repeats += u32::from(before == rows && event.at - at < 30_000);
                }
            }
        }
        early += first.values().filter(|at| **at > 30 * 60_000).count();
        (repeats, early)
    };
    let (integrated, usual) = (count(&org(WorldKind::Integrated, Mechanism::Retries)), count(&standard()));
    assert!(integrated.0 > 10 * (usual.0 + 1) && integrated.1 > usual.1 + 5, "{integrated:?}, {usual:?}");
}

#[test]
fn integrations_are_used_by_hand() {
    let pages = |org: &Org| {
        machines(org).filter(|(_, event)| matches!(event.body, Body::LightningUri { .. })).map(|(day, _)| day).collect()
    };
    let (integrated, usual): (BTreeSet<u32>, BTreeSet<u32>) =
        (pages(&org(WorldKind::Integrated, Mechanism::ByHand)), pages(&standard()));
    assert!(integrated.len() > 8 && usual.is_empty(), "{integrated:?}");
}
