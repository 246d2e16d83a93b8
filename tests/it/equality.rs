//! A live run has the same outcome as a backtest of the same activities, with any number of replicas.

use crate::kit::{backtest, dev, org, org_id};
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

#[tokio::test(flavor = "multi_thread")]
async fn one_replica_equals_the_backtest() {
    live_equals_backtest("1").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn three_replicas_equal_the_backtest() {
    live_equals_backtest("3").await;
}
