//! The demonstration: Emma Martin leaves.

use crate::support::{lines, succeed, text};
use std::collections::BTreeSet;

#[test]
fn emma_is_on_top_and_in_the_report() {
    let folder = tempfile::tempdir().unwrap();
    let printed = succeed(&["demo", "--out", &text(folder.path())]);
    let first_row = printed.lines().find(|line| line.contains("@")).unwrap();
    assert!(first_row.contains("critical") && first_row.contains("emma.martin@"), "{first_row}");

    let incidents = lines(&folder.path().join("incidents.ndjson"));
    let top = &incidents[0];
    assert_eq!(top["severity"], "critical");
    assert!(top["username"].as_str().unwrap().starts_with("emma.martin@"));
    let findings = top["findings"].as_array().unwrap();
    let detectors: BTreeSet<&str> = findings.iter().map(|finding| finding["detector"].as_str().unwrap()).collect();
    let expected = BTreeSet::from(["row_spike", "scope_increase", "view_burst", "new_access"]);
    assert!(detectors.is_superset(&expected), "{detectors:?}");

    let report = std::fs::read_to_string(folder.path().join("report.html")).unwrap();
    assert!(report.starts_with("<!doctype html>") || report.starts_with("<!DOCTYPE html>"));
    assert!(report.contains("emma.martin@"));
}
