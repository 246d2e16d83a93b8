//! Tests of whole simulated orgs.

mod attacks;
mod days;
mod formats;
mod mechanisms;
mod realism;
mod worlds;
mod writes;

use crate::{Attacks, Day, Plan, Simulation};

fn plan(users: u32, days: u32) -> Plan {
    Plan { attacks: Attacks::None, ..Plan::new(users, days, 11) }
}

fn days(plan: Plan) -> Vec<Day> {
    Simulation::new(plan).unwrap().collect()
}

fn json(day: &Day) -> String {
    let mut out = Vec::new();
    day.events.iter().for_each(|event| event.write_json(&mut out));
    String::from_utf8(out).unwrap()
}
