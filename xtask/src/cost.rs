//! The guard on cost: instructions per event of each stage, counted by callgrind, against those kept in the tree.
//!
//! Instructions and not seconds, because they repeat from run to run and from machine to machine. A script of our own
//! and not the crate gungraun: that needs a runner built from source at the same version, keeps its numbers under
//! `target/`, and does not compare functions.

mod profile;
mod record;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::steps::{Steps, cargo, command, output, root};
use profile::Profile;
use record::{Record, Stage, Toolchain};

/// Where the numbers are, from the root of the work tree.
const FILE: &str = "xtask/cost.toml";

/// The package with the harness, a bench target called `cost`.
const PACKAGE: &str = "orgwatch";
const BENCH: &str = "cost";

/// The function of the harness that ends its preparations.
const START: &str = "start";

/// The functions of the harness that follow each other, and that callgrind measures one by one.
const STAGES: &[&str] = &["parse", "observe", "judge", "backtest"];

/// Compares the current cost with [`FILE`] as a step, or skips the step where it cannot be compared.
pub(crate) fn step(steps: &mut Steps) {
    let name = "instructions per event";
    if output(&mut command("valgrind", &["--version"])).is_err() {
        return steps.skip(name, "valgrind is not installed");
    }
    let recorded = match read() {
        Ok(recorded) => recorded,
        Err(error) => return steps.step(name, || Err(error)),
    };
    match Toolchain::current() {
        Ok(current) if current != recorded.toolchain => {
            let (old, new) = (recorded.toolchain, current);
            steps.skip(name, &format!("{FILE} is of {old}, this is {new}; see `cargo xtask cost --write`"));
        }
        Ok(_) => steps.step(name, || compare(&recorded)),
        Err(error) => steps.step(name, || Err(error)),
    }
}

/// Measures and compares with [`FILE`], whatever toolchain that is of.
pub(crate) fn check() -> Result<()> {
    compare(&read()?)
}

/// Measures and writes [`FILE`].
pub(crate) fn write() -> Result<()> {
    let measured = measure()?;
    fs::write(root().join(FILE), measured.to_text()?).with_context(|| format!("cannot write {FILE}"))?;
    for (name, stage) in &measured.stages {
        println!("{name:>9}: {:>8} instructions per event", stage.per_event);
    }
    Ok(())
}

fn read() -> Result<Record> {
    let text = fs::read_to_string(root().join(FILE)).with_context(|| format!("cannot read {FILE}"))?;
    Record::parse(&text).with_context(|| format!("cannot read {FILE}"))
}

fn compare(recorded: &Record) -> Result<()> {
    let measured = measure()?;
    for line in measured.summary(recorded) {
        println!("{line}");
    }
    let violations = measured.violations(recorded);
    if !violations.is_empty() {
        bail!(
            "{}\nmake it cheaper, or say in the commit why it is worth it and run `cargo xtask cost --write`",
            violations.join("\n")
        );
    }
    Ok(())
}

/// Builds the harness, writes its input, and runs it once under callgrind.
fn measure() -> Result<Record> {
    let harness = build()?;
    let folder = root().join("target/cost");
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("cannot delete {}", folder.display()))?;
    }
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let input = folder.join("input.ndjson");
    output(command(&harness, &["write"]).arg(&input))?;

    let mut valgrind = command("valgrind", &["--quiet", "--tool=callgrind"]);
    for function in [START].iter().chain(STAGES) {
        // One file for what happens between leaving the function before and leaving this one.
        valgrind.arg(format!("--dump-after={BENCH}::{function}*"));
    }
    valgrind.arg(format!("--callgrind-out-file={}", folder.join("profile").display()));
    let printed = output(valgrind.arg(&harness).arg("run").arg(&input))?;
    let events = events(&String::from_utf8_lossy(&printed)).context("the harness printed no count of events")?;

    let profiles = read_profiles(&folder)?;
    let mut stages = BTreeMap::new();
    for name in STAGES {
        let profile = profiles.get(*name).with_context(|| format!("callgrind wrote nothing of the stage {name}"))?;
        stages.insert((*name).to_owned(), Stage::new(profile, events));
    }
    let input_bytes = fs::metadata(&input).with_context(|| format!("cannot read {}", input.display()))?.len();
    Ok(Record { toolchain: Toolchain::current()?, input_bytes, events, stages })
}

fn events(printed: &str) -> Option<u64> {
    printed.lines().find_map(|line| line.strip_prefix("events ")?.parse().ok())
}

/// The profiles that callgrind wrote on leaving a stage, by stage.
fn read_profiles(folder: &Path) -> Result<BTreeMap<String, Profile>> {
    let mut profiles = BTreeMap::new();
    for entry in fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))? {
        let path = entry?.path();
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("profile")) {
            let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
            let profile = Profile::parse(&text).with_context(|| format!("cannot read {}", path.display()))?;
            if let Some(stage) = profile.stage(BENCH) {
                profiles.insert(stage.to_owned(), profile);
            }
        }
    }
    Ok(profiles)
}

/// Builds the harness as benchmarks are built; returns the path of the executable.
fn build() -> Result<PathBuf> {
    // As benchmarks are built, and not as a release for development is.
    let arguments = ["build", "--quiet", "--profile", "bench", "--package", PACKAGE, "--bench", BENCH];
    let messages = output(cargo(&arguments).arg("--message-format=json-render-diagnostics"))?;
    let messages = String::from_utf8_lossy(&messages);
    let mut built = messages.lines().filter_map(|line| serde_json::from_str::<Message>(line).ok());
    // Cargo also builds the executables of the package, which benchmarks may run.
    let harness = built.find(|message| message.target.name == BENCH && message.executable.is_some());
    harness.and_then(|message| message.executable).with_context(|| format!("cargo built no executable {BENCH}"))
}

/// A message of `cargo build` about something that it built.
#[derive(Deserialize)]
struct Message {
    target: Target,
    executable: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
}
