//! Files in a folder that goes away, runs over them, and what came out in a shape that can be compared.

use engine::Finished;
use model::{Finding, Incident, OrgId, Timestamp};
use orgwatch::{Backtest, BacktestError, Options, Outcome, backtest};
use serde_json::Value;
use settings::Settings;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A folder of event files.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn add(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }
}

/// The options of most tests.
pub(crate) fn options() -> Options {
    Options { org: Some(OrgId::new("00Dhn0000018hrcMAU")), threads: 2, ..Options::default() }
}

/// Runs over one path with the default settings.
pub(crate) fn run_path(path: &Path, options: Options) -> Outcome {
    try_path(path, options).unwrap()
}

pub(crate) fn try_path(path: &Path, options: Options) -> Result<Outcome, BacktestError> {
    let run = Backtest::new(&[path.to_owned()], Settings::default(), options)?;
    backtest(run, |_, _| Ok(()), |_| ())
}

/// Runs over one file of this text.
pub(crate) fn run(text: &str) -> Outcome {
    let folder = Folder::new();
    run_path(&folder.add("events.ndjson", text), options())
}

/// Findings and incidents as sorted JSON, one a line, without what may differ between two runs over the same events.
pub(crate) fn canonical(outcome: &Outcome) -> String {
    canonical_of(&outcome.finished)
}

/// [`canonical`] of a run of the engine alone.
pub(crate) fn canonical_of(finished: &Finished) -> String {
    let findings = finished.findings.iter().map(|finding| serde_json::to_value(finding).unwrap());
    let incidents = finished.incidents.iter().map(|incident| serde_json::to_value(incident).unwrap());
    let mut lines: Vec<String> = findings.chain(incidents).map(|value| without_revisions(value).to_string()).collect();
    lines.sort();
    lines.join("\n")
}

fn without_revisions(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let kept = members.into_iter().filter(|(name, _)| name != "incident_id" && name != "revision");
            Value::Object(kept.map(|(name, member)| (name, without_revisions(member))).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(without_revisions).collect()),
        other => other,
    }
}

/// The findings of one detector.
pub(crate) fn of<'a>(outcome: &'a Outcome, detector: &str) -> Vec<&'a Finding> {
    outcome.finished.findings.iter().filter(|finding| finding.detector == detector).collect()
}

/// The incidents of one user.
pub(crate) fn incidents_of<'a>(outcome: &'a Outcome, user: &str) -> Vec<&'a Incident> {
    outcome.finished.incidents.iter().filter(|incident| incident.user_id.as_str() == user).collect()
}

pub(crate) fn measure(finding: &Finding, name: &str) -> f64 {
    finding.measures.iter().find(|measure| measure.name == name).unwrap().value
}

pub(crate) fn time(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}
