//! `backtest`, `explain` and `evaluate`: files, pipes and exit codes.

use crate::support::{ORG, ORG_FOLDER, command, events, fail, file, json, lines, run, run_with, succeed, text};
use serde_json::Value;
use std::process::Stdio;

fn backtest_json() -> Value {
    json(&succeed(&["backtest", "--json", "--org", ORG, &events()]))
}

#[test]
fn json_has_incidents_and_counts() {
    let value = backtest_json();
    assert!(!value["incidents"].as_array().unwrap().is_empty());
    assert!(value["reading"]["counts"]["events"].as_u64().unwrap() > 1_000);
    assert_eq!(value["reading"]["counts"]["set_aside"], 0);
}

#[test]
fn findings_incidents_and_rejects_are_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let [findings, incidents, rejects, report] =
        ["findings.ndjson", "incidents.ndjson", "rejects.ndjson", "report.html"].map(|name| text(&path(name)));
    let (_bad, bad) = file("bad.ndjson", "{\"attributes\":{\"type\":\"ApiEvent\"},\"UserId\":\"005\"}\n{\"broken\n");
    succeed(&[
        "backtest",
        "--org",
        ORG,
        "--findings",
        &findings,
        "--incidents",
        &incidents,
        "--rejects",
        &rejects,
        "--report",
        &report,
        &events(),
        &text(&bad),
    ]);
    let written = lines(&path("incidents.ndjson"));
    assert_eq!(written, *backtest_json()["incidents"].as_array().unwrap());
    let in_incidents: usize = written.iter().map(|incident| incident["findings"].as_array().unwrap().len()).sum();
    assert_eq!(lines(&path("findings.ndjson")).len(), in_incidents);
    let rejects = lines(&path("rejects.ndjson"));
    assert_eq!(rejects.len(), 2);
    assert_eq!((rejects[0]["file"].as_str(), rejects[0]["line"].as_u64()), (bad.to_str(), Some(1)));
    assert!(rejects[0]["reason"].as_str().unwrap().starts_with("no time"));
    assert!(std::fs::read_to_string(path("report.html")).unwrap().contains("</html>"));
}

#[test]
fn scores_are_written_for_days_with_and_without_findings() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scores.ndjson");
    let from = "2026-01-17T00:00:00.000Z";
    let run = ["backtest", "--org", ORG, "--learn-until", from, "--scores", &text(&path), &events()];
    succeed(&run);
    let days = lines(&path);
    assert!(days.iter().all(|day| day["day"].as_str().unwrap() >= from && day["org_id"] == ORG));
    let is_risky = |day: &&Value| day["risk_score"].as_f64().unwrap() > 0.0;
    let raised = |wanted: bool| days.iter().filter(|day| day["raised"] == wanted).filter(is_risky).count();
    assert!(raised(true) > 0 && raised(false) > raised(true), "{} {}", raised(true), raised(false));
    let tests = days.iter().flat_map(|day| day["tests"].as_array().unwrap());
    let tests: Vec<&Value> = tests.collect();
    assert!(tests.len() > days.len(), "{} tests on {} days", tests.len(), days.len());
    let has_facts = |day: &Value| day["last_at"].is_string() && day["held"].is_boolean() && day["volumes"].is_array();
    assert!(days.iter().all(has_facts), "all days have closed");
    // The facts calibrate when the day closes, and by detector; the tests as of each observation.
    let largest = |day: &Value| {
        let surprises = day["surprises"].as_array().unwrap().iter();
        surprises.map(|found| found["surprise"].as_f64().unwrap()).fold(0.0, f64::max)
    };
    assert!(days.iter().any(|day| largest(day) > 4.0));
    // A calibrated surprise gains at most so much.
    let gain = |test: &Value| if test["detector"] == "large_request" { 1.0 } else { 0.4 };
    let is_bounded = |test: &&Value| {
        let most = test["surprise"].as_f64().unwrap() + gain(test) + 1e-9;
        (0.0..=most).contains(&-test["p"].as_f64().unwrap().log10())
    };
    assert!(tests.iter().all(is_bounded));
}

#[test]
fn a_dash_is_standard_input() {
    let content = std::fs::read(events()).unwrap();
    let output = run_with(&["backtest", "--json", "--org", ORG, "-"], &content);
    let piped = json(std::str::from_utf8(&output.stdout).unwrap());
    assert_eq!(piped["incidents"], backtest_json()["incidents"]);
}

#[test]
fn exit_codes_follow_the_outcome() {
    let quiet = std::fs::read_to_string(events()).unwrap().lines().take(50).collect::<Vec<_>>().join("\n");
    let (_folder, quiet) = file("quiet.ndjson", &quiet);
    let code = |path: &str, fail_at: &str| run(&["backtest", "--org", ORG, "--fail-at", fail_at, path]).status.code();
    assert_eq!((code(&text(&quiet), "low"), code(&events(), "low")), (Some(0), Some(3)));
    assert_eq!(fail(&["backtest", "--no-such-option", "x"]).0, Some(2));
    assert_eq!(fail(&["backtest", "--threads", "0", "x"]).0, Some(2));
    assert_eq!(fail(&["backtest", "--fail-at", "grave", "x"]).0, Some(2));
    assert_eq!(fail(&["backtest"]).0, Some(2));
    let (code, error) = fail(&["backtest", "no-such-file.ndjson"]);
    assert!(code == Some(1) && error.contains("no-such-file.ndjson"), "{code:?} {error}");
}

#[test]
fn without_an_org_records_that_name_none_are_one_org() {
    let value = json(&succeed(&["backtest", "--json", &events()]));
    let incidents = value["incidents"].as_array().unwrap();
    assert_eq!(incidents.len(), backtest_json()["incidents"].as_array().unwrap().len());
    assert!(incidents.iter().all(|incident| incident["org_id"] == "unnamed-org"), "{value}");
    assert_eq!(value["reading"]["counts"]["without_an_org"], value["reading"]["counts"]["events"]);
    let labels = text(&ORG_FOLDER.path().join("labels.json"));
    for arguments in [&["backtest"][..], &["evaluate", "--labels", &labels]] {
        let printed = succeed(&[arguments, &[&events()]].concat());
        assert!(printed.contains("No record names an org: all of them count for one, unnamed-org. Give"), "{printed}");
    }
}

#[test]
fn the_org_that_the_last_record_of_standard_input_names_is_that_of_all() {
    let mut content = std::fs::read(events()).unwrap();
    let last = content.trim_ascii_end().rsplit(|byte| *byte == b'\n').next().unwrap().to_owned();
    let mut last: Value = serde_json::from_slice(&last).unwrap();
    last["OrganizationIdentifier"] = ORG.into();
    content.extend(last.to_string().into_bytes());
    let output = run_with(&["backtest", "--json", "-"], &content);
    let piped = json(std::str::from_utf8(&output.stdout).unwrap());
    assert_eq!(piped["incidents"], backtest_json()["incidents"]);
    let printed = String::from_utf8(run_with(&["backtest", "-"], &content).stdout).unwrap();
    assert!(printed.contains(&format!("records name no org and count for {ORG}, the only one named.")), "{printed}");
}

#[test]
fn outputs_are_opened_before_anything_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let findings = folder.path().join("findings.ndjson");
    let nowhere = text(&folder.path().join("missing").join("output"));
    for option in ["--incidents", "--report", "--rejects"] {
        let (code, error) =
            fail(&["backtest", "--org", ORG, "--findings", &text(&findings), option, &nowhere, &events()]);
        assert!(code == Some(1) && error.contains(&format!("{nowhere}: cannot be written")), "{option}: {error}");
        assert_eq!(std::fs::read_to_string(&findings).unwrap_or_default(), "", "{option}");
    }
}

#[test]
fn a_period_that_ends_before_it_begins_is_refused() {
    let (code, error) = fail(&["backtest", "--from", "2026-03-02", "--to", "2026-03-01", "no-such-file.ndjson"]);
    assert!(code == Some(1) && error.contains("from 2026-03-02") && !error.contains("no-such-file"), "{error}");
}

#[test]
fn standard_input_that_breaks_off_is_read_as_far_as_it_goes() {
    // A gzip file of stored blocks without the last block.
    let mut packed = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    for block in std::fs::read(events()).unwrap().chunks(50_000).take(20) {
        let length = block.len() as u16;
        packed.push(0);
        packed.extend(length.to_le_bytes());
        packed.extend((!length).to_le_bytes());
        packed.extend(block);
    }
    let output = run_with(&["backtest", "--org", ORG, "-"], &packed);
    let printed = String::from_utf8(output.stdout).unwrap();
    let line = printed.split("(first in - line ").nth(1).unwrap().split(')').next().unwrap();
    assert!(output.status.code() == Some(0) && line.parse::<u64>().unwrap() > 100, "{printed}");
    assert!(printed.contains(&format!("cut off at byte {}, after ", packed.len())), "{printed}");
}

#[test]
fn explain_prints_terms_that_add_up() {
    let folder = tempfile::tempdir().unwrap();
    let incidents = text(&folder.path().join("incidents.ndjson"));
    succeed(&["backtest", "--org", ORG, "--incidents", &incidents, &events()]);
    let user = lines(incidents.as_ref())[0]["user_id"].as_str().unwrap().to_owned();

    let printed = succeed(&["explain", &incidents, &user]);
    // Points stand in the first column of a table, their sum below it.
    let tables: Vec<&str> = printed.split("\n points ").skip(1).collect();
    assert!(!tables.is_empty(), "{printed}");
    for table in tables {
        let (terms, sum) = table.split_once("\n= ").unwrap();
        let first = |line: &str| line.split_whitespace().next().and_then(hundredths);
        let points: Vec<i64> = terms.lines().filter_map(first).collect();
        assert!(!points.is_empty(), "{printed}");
        assert_eq!(Some(points.iter().sum()), first(sum), "{printed}");
    }
    let (code, error) = fail(&["explain", &incidents, "nobody"]);
    assert!(code == Some(1) && error.contains("no incident of \"nobody\""), "{error}");
}

/// A number with two decimals, without the rounding of floating point.
fn hundredths(number: &str) -> Option<i64> {
    let (whole, part) = number.split_once('.')?;
    if part.len() == 2 { format!("{whole}{part}").parse().ok() } else { None }
}

#[test]
fn evaluate_measures_against_labels() {
    let labels = text(&ORG_FOLDER.path().join("labels.json"));
    let value = json(&succeed(&["evaluate", "--json", "--sweep", "--org", ORG, "--labels", &labels, &events()]));
    let attacks = value["orgwatch"]["attacks"].as_u64().unwrap();
    assert_eq!(attacks, json(&std::fs::read_to_string(&labels).unwrap())["labels"].as_array().unwrap().len() as u64);
    let precision = |of: &str| value[of]["average_precision"].as_f64().unwrap();
    assert!(precision("orgwatch") > precision("plain"), "{value}");
    assert!(value["sweep"].as_array().unwrap().len() > 1);
}

#[test]
fn a_closed_pipe_is_no_failure() {
    for arguments in [&["config", "default"][..], &["completions", "zsh"], &["--help"]] {
        let mut child = command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!((output.status.code(), error.as_str()), (Some(0), ""), "{arguments:?}");
    }
}
