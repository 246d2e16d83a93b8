//! A live run has the same outcome as a backtest of the same activities, with any number of replicas.

use crate::kit::{Outcome, backtest, dev, org, org_id, orgs};
use model::Timestamp;
use settings::Settings;
use std::path::Path;

/// Six small orgs, and one that is spread over four partitions.
const ORGS: u64 = 7;
const SPREAD: u64 = 6;

async fn live_equals_backtest(replicas: &str) {
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("events");
    std::fs::create_dir(&input).unwrap();
    for number in 0..ORGS {
        let users = if number == SPREAD { 60 } else { 25 };
        std::fs::write(input.join(format!("{number}.ndjson")), org(number, users, 24)).unwrap();
    }
    let settings = format!("[partitions.spread]\n\"{}\" = 4\n", org_id(SPREAD));
    let config = folder.path().join("orgwatchd.toml");
    std::fs::write(&config, &settings).unwrap();
    let learn_until = Timestamp::parse("2026-01-17").unwrap();
    let tested = backtest(&input, Settings::parse(&settings, Path::new("test")).unwrap(), learn_until);
    dev(&input, &config, learn_until, replicas).await.assert_equals(&tested);
}

/// Removes the hash of the settings, which differs for the same results.
fn without_hash(outcome: &Outcome) -> (Vec<String>, Vec<String>) {
    let strip = |line: &String| {
        let mut parts = line.split("\"config_hash\":\"");
        let first = parts.next().unwrap_or_default().to_owned();
        parts.fold(first, |line, part| line + &part[16..])
    };
    let strip = |lines: &[String]| lines.iter().map(strip).collect();
    (strip(&outcome.findings), strip(&outcome.incidents))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_org_with_settings_of_its_own_is_as_if_it_were_alone() {
    let folder = tempfile::tempdir().unwrap();
    let input = orgs(folder.path(), 2, 24);
    let learn_until = Timestamp::parse("2026-01-17").unwrap();
    let parse = |text: &str| Settings::parse(text, Path::new("test")).unwrap();
    let whole = format!(
        "profile.time_zone = \"Europe/Berlin\"\n[orgs.{}]\ntime_zone = \"Asia/Kolkata\"\nlateness_seconds = 7200\n\
         merge_hours = 60\n",
        org_id(1)
    );
    let alone = [
        "profile.time_zone = \"Europe/Berlin\"\n",
        "profile = { time_zone = \"Asia/Kolkata\", lateness_seconds = 7200 }\nrisk.merge_hours = 60\n",
    ];
    let tested = backtest(&input, parse(&whole), learn_until);
    let mut expected = (Vec::new(), Vec::new());
    for (number, text) in alone.iter().enumerate() {
        let one = backtest(&input.join(format!("{number}.ndjson")), parse(text), learn_until);
        let (findings, incidents) = without_hash(&one);
        assert!(!incidents.is_empty());
        expected.0.extend(findings);
        expected.1.extend(incidents);
    }
    expected.0.sort_unstable();
    expected.1.sort_unstable();
    let mut both = without_hash(&tested);
    both.0.sort_unstable();
    both.1.sort_unstable();
    assert!(both == expected, "{} and {} incidents", both.1.len(), expected.1.len());
    assert!(without_hash(&backtest(&input, parse(alone[0]), learn_until)) != both, "the settings make a difference");

    let config = folder.path().join("orgwatchd.toml");
    std::fs::write(&config, &whole).unwrap();
    dev(&input, &config, learn_until, "1").await.assert_equals(&tested);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_replica_equals_the_backtest() {
    live_equals_backtest("1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn three_replicas_equal_the_backtest() {
    live_equals_backtest("3").await;
}
