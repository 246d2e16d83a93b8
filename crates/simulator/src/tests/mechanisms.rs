//! Each mechanism can be seen in the events of a world that has it, and not in the standard world.

mod calendar;
mod change;
mod networks;
mod people;
mod programs;
mod volumes;

use std::collections::BTreeMap;

use crate::event::Event;
use crate::mechanism::Mechanism;
use crate::world::World;
use crate::{Attacks, Day, Plan, Simulation, WorldKind};

/// An org without attacks, with its events.
struct Org {
    world: World,
    days: Vec<Day>,
}

/// Simulates a world that has the mechanism.
fn org(kind: WorldKind, mechanism: Mechanism) -> Org {
    assert!(kind.strength(mechanism) > 0.0, "{kind} has no {mechanism:?}");
    simulate(kind, 90, 4)
}

fn standard() -> Org {
    simulate(WorldKind::Standard, 90, 4)
}

fn simulate(kind: WorldKind, users: u32, seed: u64) -> Org {
    let plan = Plan { attacks: Attacks::None, world: kind, ..Plan::new(users, 66, seed) };
    Org { world: World::new(plan.clone()), days: Simulation::new(plan).unwrap().collect() }
}

impl Org {
    fn events(&self) -> impl Iterator<Item = (u32, &Event)> {
        (0..).zip(&self.days).flat_map(|(day, events)| events.events.iter().map(move |event| (day, event)))
    }

    /// Returns the events of people.
    fn people(&self) -> impl Iterator<Item = (u32, &Event)> {
        let is_person = |event: &Event| {
            !["integration", "guest", "autoproc"].iter().any(|name| event.identity.username.starts_with(name))
        };
        self.events().filter(move |(_, event)| is_person(event))
    }

    /// Returns the number of events of each person on each day with any.
    fn activity(&self) -> BTreeMap<&str, BTreeMap<u32, f64>> {
        let mut activity: BTreeMap<&str, BTreeMap<u32, f64>> = BTreeMap::new();
        for (day, event) in self.people() {
            *activity.entry(event.user_id()).or_default().entry(day).or_default() += 1.0;
        }
        activity
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Returns the standard deviation.
fn spread(values: &[f64]) -> f64 {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count).sqrt()
}
