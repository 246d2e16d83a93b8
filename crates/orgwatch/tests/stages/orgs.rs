//! Which org records have that name none.

use crate::events::{Events, START};
use crate::support::{Folder, canonical, run_path};
use files::UNNAMED_ORG;
use model::OrgId;
use model::time::{DAY, HOUR, MINUTE};
use orgwatch::{Backtest, Options, Outcome, backtest};
use serde_json::json;
use settings::Settings;
use std::path::PathBuf;

const ORG: &str = "00Dhn0000018hrcMAU";
const OTHER: &str = "00Dhn0000018hrdMAE";
/// Longer than the part of a file that is looked at before it is read.
const MANY: i64 = 1_000;

fn user(number: i64) -> String {
    format!("005hn00000Orgs{number:01}AAA")
}

/// Ordinary views of two users, and on the last day far more by one of them; none names an org.
fn unnamed() -> Events {
    let mut events = Events::default();
    for number in 0..MANY {
        let at = START.plus(number * 30 * DAY / MANY);
        events.list_view(&user(number % 2), at, "Account", "MyAccounts", 4);
    }
    for number in 0..30 {
        events.list_view(&user(0), START.plus(30 * DAY + number * MINUTE), "Contact", "AllContacts", 2_000);
    }
    events
}

/// One view that names the org, `hours` after the first event.
fn named(org: &str, hours: i64) -> String {
    let mut events = Events::default();
    let at = START.plus(hours * HOUR);
    let more = json!({
        "EventIdentifier": format!("7c1f0a52-7c39-4d1e-9b0a-{hours:012x}"), "OrganizationIdentifier": org,
        "QueriedEntities": "Account", "DeveloperName": "MyAccounts", "RowsProcessed": 4,
    });
    events.add("ListViewEvent", &user(2), at, more);
    events.text()
}

fn options(org: Option<&str>, threads: usize) -> Options {
    Options { org: org.map(OrgId::new), threads, learn_until: Some(START.plus(20 * DAY)), ..Options::default() }
}

fn joined(outcome: &Outcome) -> Option<(&str, u64)> {
    outcome.joined.as_ref().map(|(org, count)| (org.as_str(), *count))
}

#[test]
fn records_that_name_no_org_are_one_unnamed_org() {
    let folder = Folder::new();
    let file = folder.add("events.ndjson", unnamed().text());
    let outcome = run_path(&file, options(None, 2));
    assert_eq!((joined(&outcome), outcome.faults.total()), (Some((UNNAMED_ORG, MANY as u64 + 30)), 0));
    assert!(!outcome.finished.incidents.is_empty());
    let given = run_path(&file, options(Some(UNNAMED_ORG), 2));
    assert_eq!(canonical(&outcome), canonical(&given));
    assert_eq!(joined(&given), None);
}

/// Checks that records without an org join the one that is named `hours` after the first, wherever it stands.
fn check_one(hours: i64, threads: usize) {
    let events = unnamed().text();
    let apart = Folder::new();
    apart.add("a.ndjson", &events);
    apart.add("b.ndjson", named(ORG, hours));
    let given = run_path(apart.path(), options(Some(ORG), threads));
    assert!(!given.finished.incidents.is_empty());
    let outcome = run_path(apart.path(), options(None, threads));
    assert_eq!(canonical(&outcome), canonical(&given));
    assert_eq!((joined(&outcome), outcome.events), (Some((ORG, MANY as u64 + 30)), given.events));

    let together = Folder::new();
    let file = together.add("events.ndjson", events + &named(ORG, hours));
    let outcome = run_path(&file, options(None, threads));
    assert_eq!(canonical(&outcome), canonical(&run_path(&file, options(Some(ORG), threads))));
    assert_eq!(joined(&outcome), Some((ORG, MANY as u64 + 30)));
}

#[test]
fn records_that_name_no_org_join_the_only_one_wherever_it_is_named() {
    for hours in [0, 15 * 24, 31 * 24] {
        for threads in [1, 4] {
            check_one(hours, threads);
        }
    }
}

#[test]
fn with_several_orgs_records_that_name_none_are_set_aside_wherever_they_are_named() {
    let events = unnamed().text();
    for (first, second) in [(0, 1), (0, 31 * 24), (30 * 24, 31 * 24)] {
        let folder = Folder::new();
        let file = folder.add("events.ndjson", events.clone() + &named(ORG, first) + &named(OTHER, second));
        let outcome = run_path(&file, options(None, 2));
        assert_eq!((outcome.events, outcome.faults.total(), joined(&outcome)), (2, MANY as u64 + 30, None));
        let faults: Vec<&str> = outcome.faults.iter().map(|(fault, _)| fault).collect();
        assert_eq!(faults, ["no org in the record: pass --org"]);
    }
}

#[test]
fn several_named_orgs_need_no_second_reading() {
    let folder = Folder::new();
    let padding = " ".repeat(300 * 1024) + "\n";
    let file = folder.add("events.ndjson", named(ORG, 0) + &padding + &named(OTHER, 1));
    let run = Backtest::new(&[file], Settings::default(), options(None, 1)).unwrap();
    let mut events = Vec::new();
    let outcome = backtest(run, |_, _| Ok(()), |progress| events.push(progress.events)).unwrap();
    assert_eq!((outcome.events, outcome.faults.total(), joined(&outcome)), (2, 0, None));
    assert!(events.is_sorted(), "{events:?}");
}

#[test]
fn each_record_set_aside_is_reported_once_although_files_are_read_again() {
    let folder = Folder::new();
    let events = unnamed().text();
    let bad = "{\"attributes\":{\"type\":\"ListViewEvent\"}}\n";
    let (head, tail) = events.split_at(events.find('\n').unwrap() + 1);
    let text = [bad, head, bad, tail, bad, &named(ORG, 15 * 24), bad, &named(OTHER, 31 * 24)].concat();
    let file = folder.add("events.ndjson", text);
    let run = Backtest::new(std::slice::from_ref(&file), Settings::default(), options(None, 2)).unwrap();
    let mut listed = Vec::new();
    let list = |path: &PathBuf, reject: &salesforce::Reject| {
        assert_eq!(*path, file);
        listed.push(reject.line);
        Ok(())
    };
    let outcome = backtest(run, list, |_| ()).unwrap();
    listed.sort_unstable();
    let before = listed.len();
    listed.dedup();
    assert_eq!((listed.len(), before), (MANY as usize + 34, MANY as usize + 34));
    assert_eq!((outcome.faults.total(), outcome.events), (MANY as u64 + 34, 2));
}
