//! The fixed work of the guard on cost: `cargo xtask cost` runs it under callgrind and counts instructions per event.
//!
//! `cost write FILE` writes the input, a simulated org; `cost run FILE` runs every stage once over it, on one thread.
//! xtask finds the stages by the names of their functions here (`cost::start`, `cost::parse` and so on), and counts from
//! the end of one to the end of the next.
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on fails")]
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use detect::DETECTORS;
use engine::Rules;
use model::{Activity, Observation, OrgId};
use orgwatch::{Backtest, Options};
use salesforce::{Chunks, Context, Format};
use settings::Settings;
use simulator::{Plan, Simulation};
use std::fs::{self, File};
use std::hint::black_box;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// Small enough for callgrind, which is about fifty times slower than the processor; long enough for baselines to
/// mature, and for attacks in the last fifth of the days.
const USERS: u32 = 25;
const DAYS: u32 = 30;
const SEED: u64 = 1;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["write", path] => write(Path::new(path)),
        ["run", path] => run(Path::new(path)),
        _ => println!("usage: cost write FILE | cost run FILE; `cargo xtask cost` does both"),
    }
}

fn run(path: &Path) {
    let text = fs::read(path).unwrap();
    let settings = Settings::default();
    let rules = Rules::new(&settings, None);
    start();
    let activities = black_box(parse(&text));
    let observations = black_box(observe(&activities, &settings));
    let findings = black_box(judge(&observations, &rules));
    let events = black_box(backtest(path, settings));
    assert_eq!(events, activities.len() as u64);
    println!("events {events}");
    println!("observations {}", observations.len());
    println!("findings {findings}");
}

/// Separates the stages from what came before.
#[inline(never)]
fn start() {
    black_box(());
}

/// Bytes to activities.
#[inline(never)]
fn parse(text: &[u8]) -> Vec<Activity> {
    let context = Context { org: Some(org()), ..Context::default() };
    let mut activities = Vec::new();
    let mut chunks = Chunks::new(text, Format::JsonLines);
    while let Some(chunk) = chunks.next_chunk().unwrap() {
        activities.extend(salesforce::parse(&chunk, &context).activities);
        chunks.recycle(chunk);
    }
    activities
}

/// Activities to observations, all days closed.
#[inline(never)]
fn observe(activities: &[Activity], settings: &Settings) -> Vec<Observation> {
    let mut org = profile::Org::new(org(), &settings.profile).unwrap();
    let mut observations = Vec::new();
    for activity in activities {
        org.observe(activity, &mut observations);
    }
    org.finish(&mut observations);
    observations
}

/// Observations to findings, as the engine and the service judge them.
#[inline(never)]
fn judge(observations: &[Observation], rules: &Rules) -> usize {
    let judged = observations.iter().map(|observation| rules.judge(&DETECTORS, observation, |_, _| ()));
    judged.map(|findings| black_box(findings).len()).sum()
}

/// A file to findings and incidents: everything above, and merging.
#[inline(never)]
fn backtest(path: &Path, settings: Settings) -> u64 {
    let options = Options { org: Some(org()), threads: 1, ..Options::default() };
    let run = Backtest::new(&[PathBuf::from(path)], settings, options).unwrap();
    orgwatch::backtest(run, |_, _| Ok(()), |_| ()).unwrap().events
}

fn org() -> OrgId {
    OrgId::new(&plan().org_id)
}

fn plan() -> Plan {
    Plan::new(USERS, DAYS, SEED)
}

fn write(path: &Path) {
    let mut file = BufWriter::new(File::create(path).unwrap());
    let mut line = Vec::new();
    for event in Simulation::new(plan()).unwrap().flat_map(|day| day.events) {
        line.clear();
        event.write_json(&mut line);
        file.write_all(&line).unwrap();
    }
    file.flush().unwrap();
}
