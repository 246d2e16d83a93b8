//! Shared by the tests: simulated orgs, the outcome of a backtest, and services as processes.

use model::{Decision, Finding, Incident, OrgId, Timestamp, UserId};
use orgwatch::{Backtest, Options};
use serde_json::Value;
use settings::Settings;
use simulator::{Attacks, Plan, Simulation};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::process::{Child, Command};

/// Returns the events of an org as lines, each with the id of the org.
pub(crate) fn org(number: u64, users: u32, days: u32) -> Vec<u8> {
    let plan = Plan { attacks: Attacks::PerFamily(1), ..Plan::new(users, days, 900 + number) };
    let id = format!("\"ORGANIZATION_ID\":\"{}\",", org_id(number));
    let mut lines = Vec::new();
    for event in Simulation::new(plan).unwrap().flat_map(|day| day.events) {
        let mut line = Vec::new();
        event.write_json(&mut line);
        lines.push(b'{');
        lines.extend_from_slice(id.as_bytes());
        lines.extend_from_slice(&line[1..]);
    }
    lines
}

/// Writes small orgs, one file each, into a new folder below this one, and returns that folder.
pub(crate) fn orgs(folder: &Path, count: u64, days: u32) -> PathBuf {
    let input = folder.join("events");
    std::fs::create_dir(&input).unwrap();
    for number in 0..count {
        std::fs::write(input.join(format!("{number}.ndjson")), org(number, 25, days)).unwrap();
    }
    input
}

pub(crate) fn org_id(number: u64) -> OrgId {
    OrgId::new(&format!("00Dhn00000{number:05}AAA"))
}

/// The findings and incidents of a run, in a form that can be compared with that of another run.
#[derive(Debug, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) findings: Vec<String>,
    pub(crate) incidents: Vec<String>,
}

impl Outcome {
    pub(crate) fn new(findings: &[Finding], incidents: &[Incident]) -> Self {
        let values = |value: Value| canonical(value).to_string();
        let mut findings: Vec<String> =
            findings.iter().map(|finding| values(serde_json::to_value(finding).unwrap())).collect();
        let mut incidents: Vec<String> =
            incidents.iter().map(|incident| values(serde_json::to_value(incident).unwrap())).collect();
        findings.sort_unstable();
        incidents.sort_unstable();
        Self { findings, incidents }
    }

    pub(crate) fn read(folder: &Path) -> Self {
        let lines = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
        let findings: Vec<Finding> = lines(FINDINGS).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let incidents: Vec<Incident> =
            lines(INCIDENTS).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        Self::new(&findings, &incidents)
    }

    /// Compares, and prints only the first difference.
    pub(crate) fn assert_equals(&self, expected: &Self) {
        assert!(!expected.incidents.is_empty(), "nothing to compare");
        for (kind, live, tested) in
            [("finding", &self.findings, &expected.findings), ("incident", &self.incidents, &expected.incidents)]
        {
            if let Some(line) = tested.iter().find(|line| live.binary_search(line).is_err()) {
                let similar = live.iter().find(|other| other[..80] == line[..80]);
                panic!(
                    "a {kind} of {} is missing, there are {}: {line}\nsimilar: {similar:?}",
                    tested.len(),
                    live.len()
                );
            }
            if let Some(line) = live.iter().find(|line| tested.binary_search(line).is_err()) {
                panic!("an unexpected {kind} among {}, expected {}: {line}", live.len(), tested.len());
            }
            assert_eq!(live.len(), tested.len(), "a {kind} occurs twice");
        }
    }
}

const FINDINGS: &str = "findings.ndjson";
const INCIDENTS: &str = "incidents.ndjson";

/// Removes the fields that depend on when and how often an incident was written.
fn canonical(mut value: Value) -> Value {
    if let Some(fields) = value.as_object_mut() {
        if fields.contains_key("receipt") {
            fields.remove("revision");
        }
        fields.remove("incident_id");
    }
    value
}

pub(crate) fn backtest(input: &Path, settings: Settings, learn_until: Timestamp) -> Outcome {
    backtest_with(input, settings, learn_until, Vec::new())
}

/// Works as [`backtest`], with decisions of people.
pub(crate) fn backtest_with(
    input: &Path,
    settings: Settings,
    learn_until: Timestamp,
    decisions: Vec<Decision>,
) -> Outcome {
    let options = Options { learn_until: Some(learn_until), threads: 2, decisions, ..Options::default() };
    let finished = run(input, settings, options);
    Outcome::new(&finished.findings, &finished.incidents)
}

/// Works as [`backtest`]. Returns what `--scores` writes, too.
pub(crate) fn backtest_with_days(
    input: &Path,
    settings: Settings,
    learn_until: Timestamp,
) -> (Outcome, Vec<engine::DayScores>) {
    let options = Options { learn_until: Some(learn_until), threads: 2, scores: true, ..Options::default() };
    let finished = run(input, settings, options);
    (Outcome::new(&finished.findings, &finished.incidents), finished.scores)
}

fn run(input: &Path, settings: Settings, options: Options) -> engine::Finished {
    let run = Backtest::new(&[input.to_owned()], settings, options).unwrap();
    let outcome = orgwatch::backtest(run, |_, _| Ok(()), |_| ()).unwrap();
    assert_eq!(outcome.faults.total(), 0);
    outcome.finished
}

/// Compares the days of accounts that are stored with those of a backtest from `learn_until` on.
pub(crate) async fn assert_equal_days(store: &store::Store, tested: &[engine::DayScores], learn_until: Timestamp) {
    let mut by_account: BTreeMap<(&OrgId, &UserId), Vec<_>> = BTreeMap::new();
    for day in tested {
        let facts = day.facts.clone().unwrap_or_else(|| panic!("a day has not closed: {day:?}"));
        by_account.entry((&day.org_id, &day.user_id)).or_default().push((day.day, facts));
    }
    let end = Timestamp::parse("2100-01-01").unwrap();
    let surprised = tested.iter().filter_map(|day| day.facts.as_ref()).filter(|facts| !facts.surprises.is_empty());
    assert!(surprised.count() > 10, "little to compare");
    for ((org, user), expected) in by_account {
        let stored = store.user_days(org, user, learn_until, end).await.unwrap();
        let stored: Vec<_> = stored.into_iter().map(|day| (day.day, day.facts)).collect();
        for (live, tested) in stored.iter().zip(&expected) {
            assert_eq!(live, tested, "{org} {user}");
        }
        assert_eq!(stored.len(), expected.len(), "{org} {user}");
    }
}

/// Runs `orgwatchd` with these arguments, which must succeed.
pub(crate) async fn orgwatchd(arguments: &[&str]) {
    let output = command(arguments).output().await.unwrap();
    let (out, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "orgwatchd {arguments:?}: {}\n{error}\n{}", output.status, tail(&out));
}

/// Runs all services in one process until all input is processed.
pub(crate) async fn dev(input: &Path, config: &Path, learn_until: Timestamp, replicas: &str) -> Outcome {
    dev_with(input, config, learn_until, replicas, &[]).await
}

/// Works as [`dev`], with further arguments.
pub(crate) async fn dev_with(
    input: &Path,
    config: &Path,
    learn_until: Timestamp,
    replicas: &str,
    more: &[&str],
) -> Outcome {
    let folder = tempfile::tempdir().unwrap();
    let (findings, incidents) = (folder.path().join(FINDINGS), folder.path().join(INCIDENTS));
    let arguments = [
        "--config",
        config.to_str().unwrap(),
        "dev",
        "--input",
        input.to_str().unwrap(),
        "--learn-until",
        &learn_until.to_string(),
        "--until-idle",
        "--findings",
        findings.to_str().unwrap(),
        "--incidents",
        incidents.to_str().unwrap(),
        "--baselines",
        replicas,
        "--detectors",
        replicas,
    ];
    orgwatchd(&[&arguments, more].concat()).await;
    Outcome::read(folder.path())
}

/// The longest time that a test waits for a condition. None takes a fifth of it on an idle machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// Polls until there is an answer.
pub(crate) async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let answered = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, answered).await.unwrap_or_else(|_| panic!("never: {what}"))
}

/// Exports the findings and incidents of Postgres.
pub(crate) async fn export(config: &Path) -> Outcome {
    let folder = tempfile::tempdir().unwrap();
    let (findings, incidents) = (folder.path().join(FINDINGS), folder.path().join(INCIDENTS));
    let paths = [config, &findings, &incidents].map(|path| path.to_str().unwrap());
    orgwatchd(&["--config", paths[0], "export", "--findings", paths[1], "--incidents", paths[2]]).await;
    Outcome::read(folder.path())
}

pub(crate) fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_orgwatchd"));
    command.args(arguments).stdin(Stdio::null()).kill_on_drop(true);
    // Tests run at the same time, so each service takes any free port.
    command.env("ORGWATCH_ADMIN__LISTEN", "127.0.0.1:0").env("ORGWATCH_INGEST__LISTEN", "127.0.0.1:0");
    command.env("ORGWATCH_CONSOLE__LISTEN", "127.0.0.1:0");
    command
}

fn tail(text: &str) -> &str {
    let from = text.len().saturating_sub(4_000);
    text.get(from..).unwrap_or(text)
}

/// Services as separate processes, by name.
pub(crate) struct Fleet {
    config: PathBuf,
    logs: PathBuf,
    /// A folder with a file for each service, which holds the seed of its nkey.
    seeds: Option<PathBuf>,
    variables: Vec<(&'static str, String)>,
    running: BTreeMap<String, Child>,
}

/// The variable for the file with a service's seed.
pub(crate) const SEED: &str = "ORGWATCH_NATS__AUTH__NKEY_SEED_FILE";

/// A test that fails shows how each service ended and the end of its log.
#[expect(clippy::print_stderr, reason = "a failed test shows its output")]
impl Drop for Fleet {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        for (name, mut child) in std::mem::take(&mut self.running) {
            eprintln!("── {name}, ended: {:?}\n{}", child.try_wait(), self.log(&name));
        }
    }
}

impl Fleet {
    pub(crate) fn new(config: PathBuf, logs: PathBuf) -> Self {
        Self { config, logs, seeds: None, variables: Vec::new(), running: BTreeMap::new() }
    }

    pub(crate) fn with_seeds(mut self, seeds: PathBuf) -> Self {
        self.seeds = Some(seeds);
        self
    }

    /// Sets a variable in the environment of every service.
    pub(crate) fn with(mut self, name: &'static str, value: String) -> Self {
        self.variables.push((name, value));
        self
    }

    /// Starts a service. Its command is the name up to the first dash.
    pub(crate) fn start(&mut self, name: &str) {
        let service = name.split('-').next().unwrap_or(name);
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.logs.join(name)).unwrap();
        let mut command = command(&["--config", self.config.to_str().unwrap(), service]);
        if let Some(seeds) = &self.seeds {
            command.env(SEED, seeds.join(service));
        }
        command.envs(self.variables.iter().map(|(name, value)| (*name, value)));
        command.stdout(log.try_clone().unwrap()).stderr(log);
        self.running.insert(name.to_owned(), command.spawn().unwrap());
    }

    /// Restarts services that stop by themselves. Never returns.
    pub(crate) async fn keep_alive(&mut self) {
        loop {
            for name in self.names() {
                let status = self.running.get_mut(&name).and_then(|child| child.try_wait().unwrap());
                if status.is_some() {
                    self.start(&name);
                }
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Kills a service with SIGKILL.
    pub(crate) async fn kill(&mut self, name: &str) {
        if let Some(mut child) = self.running.remove(name) {
            child.kill().await.unwrap();
        }
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.running.keys().cloned().collect()
    }

    /// Sends SIGTERM to all services. Each must stop without an error, and in time.
    pub(crate) async fn stop(&mut self) {
        for (name, mut child) in std::mem::take(&mut self.running) {
            let pid = child.id().unwrap().to_string();
            until_terminable(&pid).await;
            assert!(Command::new("kill").args(["-TERM", &pid]).status().await.unwrap().success());
            let stopped = tokio::time::timeout(Duration::from_secs(25), child.wait()).await;
            let status = stopped.unwrap_or_else(|_| panic!("{name} did not stop within 25 s of SIGTERM")).unwrap();
            assert!(status.success(), "{name}: {status}: {}", self.log(&name));
        }
    }

    /// Returns the end of a log.
    pub(crate) fn log(&self, name: &str) -> String {
        tail(&self.whole_log(name)).to_owned()
    }

    pub(crate) fn whole_log(&self, name: &str) -> String {
        std::fs::read_to_string(self.logs.join(name)).unwrap_or_default()
    }
}

/// Waits until a process catches SIGTERM, which would kill a process that has just started. Linux lists caught signals.
async fn until_terminable(pid: &str) {
    const TERM: u64 = 1 << 14;
    while let Ok(status) = std::fs::read_to_string(format!("/proc/{pid}/status")) {
        let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim();
        let caught = u64::from_str_radix(field("SigCgt:"), 16).unwrap_or(TERM);
        if caught & TERM != 0 || field("State:").starts_with('Z') {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
