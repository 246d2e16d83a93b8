//! Events a second of a backtest, beside those of parsing alone: `cargo bench -p orgwatch --bench throughput`.
//!
//! Reads one simulated file of a million events of ten thousand users, written on the first run. Each measurement is
//! a process of its own, so that its peak memory is its own; the best of three counts.
#![expect(clippy::unwrap_used, reason = "a bench that cannot go on fails")]
#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

use files::InputError;
use model::OrgId;
use orgwatch::{Backtest, Options, backtest};
use settings::Settings;
use simulator::{Plan, Simulation};
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

const EVENTS: usize = 1_000_000;
const USERS: u32 = 10_000;
const ROUNDS: usize = 3;
/// Environment variable of a measuring process: `stage:threads`.
const MEASURE: &str = "ORGWATCH_BENCH_MEASURE";

fn main() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/bench/throughput.ndjson");
    if let Ok(asked) = std::env::var(MEASURE) {
        let (stage, threads) = asked.split_once(':').unwrap();
        println!("{}", measure(stage, threads.parse().unwrap(), path));
        return;
    }
    if !path.exists() {
        write(&path);
    }
    let bytes = fs::metadata(&path).unwrap().len();
    println!("{EVENTS} events of {USERS} users, {} MiB; best of {ROUNDS}\n", bytes >> 20);
    println!("{:>8} {:>9} {:>12} {:>8} {:>10}", "threads", "stage", "events/s", "MiB/s", "peak MiB");
    for threads in [1, 2] {
        let parse = best("parse", threads);
        let whole = best("backtest", threads);
        for (stage, run) in [("parse", &parse), ("backtest", &whole)] {
            let rate = run.events / run.seconds;
            let volume = (bytes >> 20) as f64 / run.seconds;
            println!("{threads:>8} {stage:>9} {rate:>12.0} {volume:>8.0} {:>10.0}", run.peak_mib);
        }
        println!("{threads:>8} the whole takes {:.2} times as long as parsing", whole.seconds / parse.seconds);
    }
}

/// The measurement of one process.
struct Run {
    seconds: f64,
    events: f64,
    peak_mib: f64,
}

fn best(stage: &str, threads: usize) -> Run {
    let run = |_| {
        let mut command = Command::new(std::env::current_exe().unwrap());
        let output = command.env(MEASURE, format!("{stage}:{threads}")).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        let mut numbers = text.split_whitespace().map(|number| number.parse().unwrap());
        let mut next = || numbers.next().unwrap();
        Run { seconds: next(), events: next(), peak_mib: next() }
    };
    (0..ROUNDS).map(run).min_by(|a, b| a.seconds.total_cmp(&b.seconds)).unwrap()
}

/// Seconds, events and peak MiB of one run.
fn measure(stage: &str, threads: usize, path: PathBuf) -> String {
    let org = OrgId::new(&plan().org_id);
    let options = Options { org: Some(org.clone()), threads, ..Options::default() };
    let run = Backtest::new(&[path], Settings::default(), options).unwrap();
    let start = Instant::now();
    let events = match stage {
        "parse" => {
            let mut events = 0;
            let count = |batch: &mut files::Batch| {
                events += batch.activities.len() as u64;
                Ok::<_, InputError>(())
            };
            files::read(&run.inputs, Some(&org), threads, count).unwrap();
            events
        }
        _ => backtest(run, |_, _| Ok(()), |_| ()).unwrap().events,
    };
    let seconds = start.elapsed().as_secs_f64();
    assert_eq!(events, EVENTS as u64);
    format!("{seconds} {events} {}", peak_mib())
}

/// Returns the peak memory of this process in MiB, 0 where /proc does not exist.
fn peak_mib() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).map_or(0.0, |kib: f64| kib / 1_024.0)
}

fn plan() -> Plan {
    Plan::new(USERS, 60, 1)
}

fn write(path: &Path) {
    println!("writing {}", path.display());
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let part = path.with_extension("part");
    let mut file = BufWriter::new(File::create(&part).unwrap());
    let simulation = Simulation::new(plan()).unwrap();
    let mut line = Vec::new();
    for event in simulation.flat_map(|day| day.events).take(EVENTS) {
        line.clear();
        event.write_json(&mut line);
        file.write_all(&line).unwrap();
    }
    file.flush().unwrap();
    fs::rename(&part, path).unwrap();
}
