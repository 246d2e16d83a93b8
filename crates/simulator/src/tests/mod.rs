//! Tests of whole simulated orgs.

mod attacks;
mod days;
mod formats;
mod mechanisms;
mod realism;
mod worlds;
mod writes;

use crate::{Attacks, DISORDER, Day, Plan, Simulation};

fn plan(users: u32, days: u32) -> Plan {
    Plan { attacks: Attacks::None, ..Plan::new(users, days, 11) }
}

fn days(plan: Plan) -> Vec<Day> {
    Simulation::new(plan).unwrap().collect()
}

/// Checks that every day is there, with its own events in their order of delivery.
fn check_days(plan: &Plan) {
    let days = days(plan.clone());
    assert_eq!(days.len(), plan.days as usize);
    for (day, date) in days.iter().zip(plan.start.iter_days()) {
        assert_eq!(day.date, date);
        let mut latest = 0;
        for event in &day.events {
            assert_eq!(event.at().date_naive(), date);
            let at = event.at().timestamp_millis();
            assert!(at >= latest - DISORDER, "{at} after {latest}");
            latest = latest.max(at);
        }
    }
}

fn json(day: &Day) -> String {
    let mut out = Vec::new();
    day.events.iter().for_each(|event| event.write_json(&mut out));
    String::from_utf8(out).unwrap()
}
