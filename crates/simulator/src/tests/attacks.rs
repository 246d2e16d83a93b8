//! Labels match the events.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use chrono::{DateTime, Utc};

use super::plan;
use crate::{
    Attacks, Event, Label, Plan, Scenario, Simulation, SimulationError, WorldKind, Writes, confounder_kinds, families,
};

fn span(label: &Label) -> (DateTime<Utc>, DateTime<Utc>) {
    (label.from.parse().unwrap(), label.to.parse().unwrap())
}

#[test]
fn every_family_and_every_confounder_occurs() {
    for seed in 1..=4 {
        let simulation = Simulation::new(Plan::new(200, 75, seed)).unwrap();
        let labels = simulation.labels();
        let found: BTreeSet<&str> = labels.labels.iter().map(|label| label.family.as_str()).collect();
        assert_eq!(found, families(WorldKind::Standard, Writes::None).into_iter().collect());
        let found: BTreeSet<&str> = labels.confounders.iter().map(|confounder| confounder.kind.as_str()).collect();
        assert_eq!(found, confounder_kinds().into_iter().collect());
    }
}

#[test]
fn attacks_are_late_and_on_distinct_accounts() {
    let plan = Plan::new(200, 75, 2);
    let simulation = Simulation::new(plan.clone()).unwrap();
    let labels = &simulation.labels().labels;
    let accounts: HashSet<&str> = labels.iter().map(|label| label.user_id.as_str()).collect();
    assert_eq!(accounts.len(), labels.len());
    assert_eq!(labels.len(), 36);
    for label in labels {
        let (from, to) = span(label);
        let day = (from.date_naive() - plan.start).num_days();
        assert!(day >= 59 || label.family == "slow_drip", "{label:?}");
        assert!((to.date_naive() - plan.start).num_days() < 75, "{label:?}");
        let minutes = (to - from).num_minutes();
        assert!(label.family == "slow_drip" || minutes <= 200, "{label:?} lasts {minutes} minutes");
    }
}

/// Compares an org with the same org without attacks.
#[test]
fn labels_cover_exactly_the_malicious_events() {
    let ids = |plan: &Plan| -> HashSet<String> {
        let simulation = Simulation::new(plan.clone()).unwrap();
        simulation.flat_map(|day| day.events).map(|event| event.identifier()).collect()
    };
    let attacked = Plan { attacks: Attacks::PerFamily(1), ..plan(60, 20) };
    let innocent = ids(&plan(60, 20));
    let simulation = Simulation::new(attacked).unwrap();
    let labels = simulation.labels().labels.clone();
    assert_eq!(labels.len(), families(WorldKind::Standard, Writes::None).len());
    let mut malicious: BTreeMap<String, Vec<Event>> = BTreeMap::new();
    for event in simulation.flat_map(|day| day.events).filter(|event| !innocent.contains(&event.identifier())) {
        if !event.object().contains("Anomaly") && !event.object().contains("Hijacking") {
            malicious.entry(event.user_id().to_owned()).or_default().push(event);
        }
    }
    assert_eq!(malicious.len(), labels.len());
    for label in &labels {
        let events = &malicious[&label.user_id];
        assert!(events.iter().all(|event| event.username() == label.username));
        let times = || events.iter().map(Event::at);
        assert_eq!((times().min(), times().max()), (Some(span(label).0), Some(span(label).1)), "{label:?}");
    }
}

#[test]
fn sizes_range_from_hard_to_blatant() {
    let plan = Plan { attacks: Attacks::PerFamily(5), ..Plan::new(200, 60, 4) };
    let simulation = Simulation::new(plan).unwrap();
    let notes = simulation.labels().labels.iter().filter(|label| label.family == "leaver").map(|label| &label.note);
    let factors: Vec<f64> =
        notes.map(|note| note.split(" times").next().unwrap().rsplit(' ').next().unwrap().parse().unwrap()).collect();
    assert!(factors.iter().any(|factor| *factor < 6.0), "{factors:?}");
    assert!(factors.iter().any(|factor| *factor > 20.0), "{factors:?}");
}

#[test]
fn too_many_attacks_are_refused() {
    let plan = Plan { attacks: Attacks::PerFamily(9), ..Plan::new(40, 20, 1) };
    let error = Simulation::new(plan).err();
    assert!(
        matches!(error, Some(SimulationError::TooFewAccounts { family: "integration_abuse", wanted: 9, .. })),
        "{error:?}"
    );
}

#[test]
fn the_leaver_scenario_has_one_attack() {
    let plan = Plan::leaver(3);
    assert_eq!(plan.scenario, Scenario::Leaver);
    let simulation = Simulation::new(plan).unwrap();
    let labels = simulation.labels().labels.clone();
    assert_eq!(labels.len(), 1);
    let label = &labels[0];
    assert_eq!(label.username, "emma.martin@lumenworks.example");
    assert_eq!(label.from, "2026-03-02T14:31:52.867Z");
    let mut working_days = 0;
    let mut last_day = Vec::new();
    for day in simulation {
        let emma: Vec<Event> = day.events.into_iter().filter(|event| event.user_id() == label.user_id).collect();
        working_days += u32::from(!emma.is_empty());
        last_day = emma;
    }
    assert!(working_days >= 40, "{working_days}");
    let lines = super::json(&crate::Day { date: Default::default(), events: last_day });
    let lines: Vec<serde_json::Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let in_burst = |line: &&serde_json::Value| {
        let date = line["EventDate"].as_str().unwrap();
        line["ListViewId"].is_string()
            && ("2026-03-02T14:31:52.867".."2026-03-02T14:32:51").contains(&date)
            && line["Scope"] == "Everything"
    };
    let burst: Vec<&serde_json::Value> = lines.iter().filter(in_burst).collect();
    assert_eq!(burst.len(), 11);
    assert_eq!(burst.iter().filter(|line| line["RowsProcessed"] == 250.0).count(), 10);
    assert!(burst.iter().any(|line| line["DeveloperName"] == "All_Cases"));
    let exports = lines.iter().filter(|line| line["Operation"] == "ReportExported" && line["Sequence"] == 1);
    assert_eq!(exports.count(), 2);
}
