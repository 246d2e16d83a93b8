//! The events of a simulated org, day by day.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use crate::account::Account;
use crate::behavior;
use crate::calendar::DAY;
use crate::confounder;
use crate::delivery;
use crate::event::Event;
use crate::labels::Labels;
use crate::plan::{Plan, SimulationError};
use crate::world::World;
use crate::{attack, leaver};

/// One calendar day (UTC) of an org.
#[derive(Debug, Clone)]
pub struct Day {
    /// The day.
    pub date: NaiveDate,
    /// The events in order of delivery: by event time, except that one in a hundred is up to two seconds late.
    pub events: Vec<Event>,
}

/// Generates an org's days, one at a time. Memory is bounded by the largest day.
pub struct Simulation {
    world: World,
    /// Events of attacks, by the index of their UTC day.
    attacks: BTreeMap<u32, Vec<Event>>,
    labels: Labels,
    next: usize,
    /// Events of working days that end after midnight UTC.
    pending: Vec<Event>,
}

impl Simulation {
    /// Checks the plan, and determines accounts, attacks and labels.
    ///
    /// # Errors
    /// If a value of the plan is out of range, or if there are too few suitable accounts for its attacks.
    pub fn new(plan: Plan) -> Result<Simulation, SimulationError> {
        plan.validate()?;
        let world = World::new(plan);
        let mut attacks = attack::all(&world)?;
        attacks.extend(leaver::attack(&world));
        attacks.sort_by_key(|attack| attack.events.first().map(|event| event.at));
        let labels = Labels {
            org_id: world.plan.org_id.clone(),
            labels: attacks.iter().enumerate().filter_map(|(number, attack)| attack.label(number + 1)).collect(),
            confounders: confounder::all(&world),
            classes: world.accounts.iter().filter_map(Account::label).collect(),
        };
        let first = world.calendar.first().map_or(0, |today| today.midnight);
        let mut by_day: BTreeMap<u32, Vec<Event>> = BTreeMap::new();
        for event in attacks.into_iter().flat_map(|attack| attack.events.into_iter().chain(attack.detections)) {
            let day = (event.at - first).div_euclid(DAY);
            by_day.entry(day.max(0) as u32).or_default().push(event);
        }
        Ok(Simulation { world, attacks: by_day, labels, next: 0, pending: Vec::new() })
    }

    /// Returns the ground truth for all days.
    pub fn labels(&self) -> &Labels {
        &self.labels
    }
}

impl Iterator for Simulation {
    type Item = Day;

    fn next(&mut self) -> Option<Day> {
        let today = *self.world.calendar.get(self.next)?;
        self.next += 1;
        let mut events = std::mem::take(&mut self.pending);
        for account in &self.world.accounts {
            let from = events.len();
            behavior::day(&self.world, account, today, &mut events);
            delivery::deliver(&self.world, account, today, from, &mut events);
        }
        events.extend(self.attacks.remove(&today.index).unwrap_or_default());
        let is_tomorrow = |event: &Event| event.at >= today.midnight + DAY;
        events.sort_by_key(|event| (is_tomorrow(event), event.arrival));
        self.pending = events.split_off(events.partition_point(|event| !is_tomorrow(event)));
        Some(Day { date: today.date, events })
    }
}
