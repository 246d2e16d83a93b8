//! Orgs that write as well as read: writes neither hide nor fake reads, and destruction is found.

use crate::support::{Folder, of, options, run, run_path, time};
use model::{Finding, Severity};
use orgwatch::Outcome;
use simulator::{Attacks, Label, LogFile, Plan, Simulation, Writes, logfile};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

/// An org that writes, with one attack of each family, as stored events.
struct World {
    text: String,
    labels: Vec<Label>,
    outcome: Outcome,
}

fn plan() -> Plan {
    Plan { attacks: Attacks::PerFamily(1), writes: Writes::Standard, ..Plan::new(90, 22, 21) }
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let simulation = Simulation::new(plan()).unwrap();
    let labels = simulation.labels().labels.clone();
    let mut text = Vec::new();
    simulation.flat_map(|day| day.events).for_each(|event| event.write_json(&mut text));
    let text = String::from_utf8(text).unwrap();
    let outcome = run(&text);
    World { text, labels, outcome }
});

fn label(family: &str) -> &'static Label {
    WORLD.labels.iter().find(|label| label.family == family).unwrap()
}

/// The findings of a detector on the account of an attack, from its beginning on.
fn found<'a>(outcome: &'a Outcome, detector: &str, family: &str) -> Vec<&'a Finding> {
    let label = label(family);
    let is_of =
        |finding: &&Finding| finding.user_id.as_str() == label.user_id && finding.observed_at >= time(&label.from);
    of(outcome, detector).into_iter().filter(is_of).collect()
}

/// The findings of the detectors of reading.
fn of_reading(outcome: &Outcome) -> BTreeSet<(String, String, String)> {
    let detectors = ["row_spike", "slow_drain", "bulk_export", "view_burst", "api_recon"];
    let findings = detectors.iter().flat_map(|detector| of(outcome, detector));
    findings
        .map(|finding| (finding.detector.to_string(), finding.finding_id.to_string(), finding.summary.clone()))
        .collect()
}

#[test]
fn without_its_writes_an_org_has_the_same_findings_of_reading() {
    let is_write = |line: &&str| {
        ["Insert", "Update", "Upsert", "DeleteSoft", "DeleteHard"].iter().any(|operation| {
            line.contains("\"type\":\"ApiEvent\"") && line.contains(&format!("\"Operation\":\"{operation}\""))
        })
    };
    let (writes, reads): (Vec<&str>, Vec<&str>) = WORLD.text.lines().partition(is_write);
    assert!(writes.len() > 1_000, "{}", writes.len());
    let without = run(&reads.join("\n"));
    assert_eq!(of_reading(&WORLD.outcome), of_reading(&without));
}

#[test]
fn attacks_are_found_and_usual_writes_are_low_at_most() {
    let theft = found(&WORLD.outcome, "row_spike", "theft_under_writes");
    assert!(theft.iter().any(|finding| finding.severity >= Severity::High), "{theft:?}");
    for family in ["mass_deletion", "mass_change"] {
        let findings = found(&WORLD.outcome, family, family);
        assert!(findings.iter().any(|finding| finding.severity >= Severity::Medium), "{family}: {findings:?}");
    }
    let attacked: BTreeSet<&str> = WORLD.labels.iter().map(|label| label.user_id.as_str()).collect();
    let ordinary = ["mass_change", "mass_deletion"].iter().flat_map(|detector| of(&WORLD.outcome, detector));
    let grave: Vec<_> = ordinary
        .filter(|finding| !attacked.contains(finding.user_id.as_str()) && finding.severity > Severity::Low)
        .map(|finding| &finding.summary)
        .collect();
    assert!(grave.is_empty(), "{grave:#?}");
}

#[test]
fn log_files_of_the_apis_give_the_same_attacks() {
    let folder = Folder::new();
    let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    let logs = [LogFile::Api, LogFile::RestApi, LogFile::BulkApi2];
    for day in Simulation::new(plan()).unwrap() {
        for event in &day.events {
            let Some(kind) = event.log_file().filter(|kind| logs.contains(kind)) else { continue };
            let file = files.entry(kind.file_name(day.date)).or_insert_with(|| logfile::csv_header(kind).into_bytes());
            event.write_csv(file);
        }
    }
    files.iter().for_each(|(name, bytes)| drop(folder.add(name, bytes)));
    let outcome = run_path(folder.path(), options());
    assert!(!found(&outcome, "row_spike", "theft_under_writes").is_empty());
    for family in ["mass_deletion", "mass_change"] {
        assert!(!found(&outcome, family, family).is_empty(), "{family}");
    }
}
