//! Orgs that write, and those that do not.

use std::collections::BTreeSet;

use super::{days, json, plan};
use crate::event::{Body, WriteOperation};
use crate::{Attacks, Event, Plan, Simulation, WorldKind, Writes, families};

fn writing(plan: Plan) -> Plan {
    Plan { writes: Writes::Standard, ..plan }
}

fn is_write(event: &&Event) -> bool {
    matches!(event.body, Body::Write { .. })
}

#[test]
fn the_rest_of_an_account_s_day_stays_as_it_is() {
    let identifiers = |plan: Plan| -> BTreeSet<String> {
        let days = days(plan);
        days.iter().flat_map(|day| &day.events).filter(|event| !is_write(event)).map(Event::identifier).collect()
    };
    assert!(identifiers(plan(60, 10)).is_subset(&identifiers(writing(plan(60, 10)))));
}

#[test]
fn integrations_write_every_night_administrators_every_monday_and_people_most_days() {
    let days = days(writing(plan(120, 14)));
    let wrote = |wanted: WriteOperation, is_machine: bool| -> Vec<usize> {
        let is_such = |event: &Event| match event.body {
            Body::Write { operation, .. } => {
                operation == wanted && event.username().starts_with("integration") == is_machine
            }
            _ => false,
        };
        (0..days.len()).filter(|day| days[*day].events.iter().any(is_such)).collect()
    };
    assert_eq!(wrote(WriteOperation::Upsert, true).len(), 14);
    assert_eq!(wrote(WriteOperation::Upsert, false).len(), 0);
    let imports = wrote(WriteOperation::Insert, false);
    assert!(imports.contains(&0) && imports.contains(&7) && imports.len() < 10, "{imports:?}");
    assert!(wrote(WriteOperation::Update, false).len() >= 10);
}

#[test]
fn every_family_occurs_in_an_org_that_writes() {
    let plan = writing(Plan { attacks: Attacks::PerFamily(1), ..Plan::new(200, 40, 3) });
    let simulation = Simulation::new(plan).unwrap();
    let found: BTreeSet<&str> = simulation.labels().labels.iter().map(|label| label.family.as_str()).collect();
    assert_eq!(found, families(WorldKind::Standard, Writes::Standard).into_iter().collect());
}

#[test]
fn writes_have_a_record_and_a_row() {
    let days = days(writing(plan(60, 7)));
    let written = days.iter().flat_map(|day| &day.events).filter(is_write);
    let mut rows = Vec::new();
    for event in written {
        let mut row = Vec::new();
        event.write_csv(&mut row);
        rows.push(String::from_utf8(row).unwrap());
    }
    assert!(rows.iter().any(|row| row.contains("\"PATCH\"")) && rows.iter().any(|row| row.contains("\"upsert\"")));
    assert!(rows.iter().all(|row| row.ends_with("\"\n")), "a write without a row");
    let text: String = days.iter().map(json).collect();
    assert!(text.contains("\"Operation\":\"Upsert\"") && text.contains("\"Operation\":\"Update\""));
}
