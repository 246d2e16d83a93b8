//! How well orgwatch detects: `cargo xtask quality` runs it and prints its tables.
//!
//! Settings and weights are fitted on the simulated worlds of one group, chosen by those of another, and reported on those
//! of the third. Calibration is measured on the same worlds without attacks, false alarms at the start on new orgs, and
//! public sets have labels that nobody here made.
#![expect(clippy::unwrap_used, reason = "a measurement that cannot go on fails")]
#![expect(clippy::expect_used, clippy::panic, reason = "wrong arguments end a measurement")]
#![expect(clippy::print_stdout, reason = "a measurement prints its figures")]

mod cold;
mod detection;
mod fit;
mod sets;
mod worlds;

use simulator::WorldKind;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

/// Worlds and seeds by what they are used for.
const GROUPS: [(&str, &[WorldKind], &[u64]); 3] = [
    ("learn", &[WorldKind::Standard, WorldKind::Bursty, WorldKind::Integrated], &[11, 12, 13]),
    ("choose", &[WorldKind::Changing, WorldKind::Roaming], &[21, 22, 23]),
    ("report", &[WorldKind::Staffing, WorldKind::Seasonal, WorldKind::Mixed], &[31, 32, 33, 34]),
];

/// The parts about new orgs, and about public sets.
const COLD: &str = "cold";
const SETS: &str = "sets";
/// The search for weights, on the worlds of the first group; only if it is named.
const FIT: &str = "fit";

fn main() {
    let started = Instant::now();
    let (parts, folder) = arguments();
    let is_wanted = |name: &str| parts.is_empty() || parts.iter().any(|part| part == name);
    for (group, worlds, seeds) in GROUPS.iter().filter(|(name, ..)| is_wanted(name)) {
        println!("\n# {group}: {}", worlds.iter().map(|world| world.name()).collect::<Vec<_>>().join(", "));
        detection::measure(worlds, seeds);
        print_elapsed(started);
    }
    if parts.iter().any(|part| part == FIT) {
        println!("\n# {FIT}: weights of detectors");
        let [(_, worlds, seeds), ..] = GROUPS;
        detection::fit_weights(worlds, seeds);
    }
    if is_wanted(COLD) {
        println!("\n# {COLD}: orgs of which nothing is known");
        cold::measure();
        print_elapsed(started);
    }
    if let Some(folder) = folder.filter(|_| is_wanted(SETS)) {
        println!("\n# public sets");
        sets::measure(&folder);
        print_elapsed(started);
    }
}

/// Returns the parts to measure, all if none is named, and the folder of the public sets.
fn arguments() -> (Vec<String>, Option<PathBuf>) {
    let (mut parts, mut folder) = (Vec::new(), None);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            // Cargo adds it.
            "--bench" => {}
            "--sets" => folder = Some(arguments.next().expect("--sets needs a folder").into()),
            COLD | SETS | FIT => parts.push(argument),
            name if GROUPS.iter().any(|(group, ..)| *group == name) => parts.push(argument),
            _ => panic!("no such part: {argument}; see cargo xtask quality --help"),
        }
    }
    assert!(folder.is_some() || !parts.iter().any(|part| part == SETS), "{SETS} needs --sets FOLDER");
    (parts, folder)
}

fn print_elapsed(started: Instant) {
    println!("\n{} seconds so far", started.elapsed().as_secs());
}

/// Runs all cases on all cores. The results are in the order of the cases.
pub(crate) fn on_all_cores<C: Sync, R: Send>(cases: &[C], run: impl Fn(usize, &C) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(BTreeMap::new());
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(case) = cases.get(index) else { return };
                    let result = run(index, case);
                    done.lock().unwrap().insert(index, result);
                }
            });
        }
    });
    done.into_inner().unwrap().into_values().collect()
}
