//! The whole product at a Salesforce that serves the events of a file.

use crate::kit::{Outcome, backtest, dev_with, org, org_id};
use model::{Incident, Timestamp};
use pipeline::Config;

const LEARN_UNTIL: &str = "2026-01-17";

/// What a backtest makes of an org's events, and what comes of them by `channels`.
async fn outcomes(channels: &str) -> (Outcome, Outcome) {
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("events.ndjson");
    std::fs::write(&input, org(0, 25, 24)).unwrap();
    let config = folder.path().join("orgwatchd.toml");
    std::fs::write(&config, "").unwrap();
    let learn_until = Timestamp::parse(LEARN_UNTIL).unwrap();
    let tested = backtest(&input, Config::default(), learn_until);
    let id = org_id(0);
    let live = dev_with(&input, &config, learn_until, "1", &["--salesforce", channels, "--org", id.as_str()]).await;
    (live, tested)
}

#[tokio::test(flavor = "multi_thread")]
async fn by_one_stream_in_order_it_equals_the_backtest() {
    let (live, tested) = outcomes("stream").await;
    live.assert_equals(&tested);
}

#[tokio::test(flavor = "multi_thread")]
async fn by_all_channels_at_once_the_same_incidents_come_out() {
    let (live, tested) = outcomes("all").await;
    let told = |outcome: &Outcome| {
        let mut told: Vec<String> = outcome.incidents.iter().map(|incident| tale(incident)).collect();
        told.sort_unstable();
        told
    };
    assert!(!tested.incidents.is_empty());
    assert_eq!(told(&live), told(&tested));
}

/// Who, what, and how bad.
fn tale(incident: &str) -> String {
    let mut fields: serde_json::Value = serde_json::from_str(incident).unwrap();
    // Left out where outcomes are compared.
    fields["incident_id"] = model::Uuid::nil().to_string().into();
    fields["revision"] = 0.into();
    let incident: Incident = serde_json::from_value(fields).unwrap();
    let mut detectors: Vec<&str> = incident.findings.iter().map(|finding| finding.detector.as_str()).collect();
    detectors.sort_unstable();
    format!("{} {} {}", incident.user_id, incident.severity, detectors.join(" "))
}
