//! How well orgwatch detects on simulated worlds: `cargo xtask quality` runs it and prints its tables.
//!
//! Settings and weights are fitted on the worlds of one group, chosen by those of another, and reported on those of the
//! third. Calibration is measured on the same worlds without attacks.
#![expect(clippy::unwrap_used, reason = "a measurement that cannot go on fails")]
#![expect(clippy::print_stdout, reason = "a measurement prints its figures")]

use engine::compare::PlainDetectors;
use engine::evaluate::{Alert, Label, Labels, evaluate};
use engine::{Backtest, DayScores, Period};
use model::time::DAY;
use model::{OrgId, Timestamp, UserId};
use salesforce::{Chunks, Context, Format};
use settings::Settings;
use simulator::{Attacks, Plan, Simulation, WorldKind};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Accounts of each org, enough for statistics of classes.
const USERS: u32 = 200;
/// Days of each org; the first [`TAUGHT`] only teach.
const DAYS: u32 = 90;
const TAUGHT: i64 = 30;

/// Worlds and seeds by what they are used for.
const GROUPS: [(&str, &[WorldKind], &[u64]); 3] = [
    ("learn", &[WorldKind::Standard, WorldKind::Bursty, WorldKind::Integrated], &[11, 12, 13]),
    ("choose", &[WorldKind::Changing, WorldKind::Roaming], &[21, 22, 23]),
    ("report", &[WorldKind::Staffing, WorldKind::Seasonal, WorldKind::Mixed], &[31, 32, 33, 34]),
];

/// What was found in one org.
struct Run {
    ours: Vec<Alert>,
    plain: Vec<Alert>,
    labels: Vec<Label>,
    user_days: u64,
    scores: Vec<DayScores>,
}

/// An org to simulate.
#[derive(Clone, Copy)]
struct Org {
    world: WorldKind,
    seed: u64,
    attacks: Attacks,
}

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    for (group, worlds, seeds) in
        GROUPS.iter().filter(|(name, ..)| wanted.is_empty() || wanted.iter().any(|w| w == name))
    {
        let pairs = worlds.iter().flat_map(|world| seeds.iter().map(move |seed| (*world, *seed)));
        let pairs: Vec<(WorldKind, u64)> = pairs.collect();
        let orgs =
            |attacks| pairs.iter().map(|(world, seed)| Org { world: *world, seed: *seed, attacks }).collect::<Vec<_>>();
        println!("\n# {group}: {}", worlds.iter().map(|world| world.name()).collect::<Vec<_>>().join(", "));
        let attacked = run_all(&orgs(Attacks::Standard));
        print_detection(&attacked, worlds, seeds.len());
        let quiet = run_all(&orgs(Attacks::None));
        print_calibration(&quiet);
    }
}

/// Runs orgs on all cores. The runs are in the order of the orgs.
fn run_all(orgs: &[Org]) -> Vec<Run> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(BTreeMap::new());
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(org) = orgs.get(index) else { return };
                    let run = run(*org, index);
                    done.lock().unwrap().insert(index, run);
                }
            });
        }
    });
    done.into_inner().unwrap().into_values().collect()
}

fn run(org: Org, index: usize) -> Run {
    let plan = Plan { world: org.world, attacks: org.attacks, ..Plan::new(USERS, DAYS, org.seed) };
    let context = Context { org: Some(OrgId::new(&plan.org_id)), ..Context::default() };
    let start = plan.start.and_time(chrono::NaiveTime::MIN).and_utc().timestamp_millis();
    let learn_until = Some(Timestamp(start).plus(TAUGHT * DAY));
    let simulation = Simulation::new(plan).unwrap();
    let mut labels = Labels::parse(&serde_json::to_vec(simulation.labels()).unwrap()).unwrap().labels;
    let period = Period { learn_until, ..Period::default() };
    let mut backtest =
        Backtest::new(Settings::default(), period, Some(PlainDetectors::new(learn_until))).unwrap().with_scores();
    let mut text = Vec::new();
    for day in simulation {
        text.clear();
        day.events.iter().for_each(|event| event.write_json(&mut text));
        let mut chunks = Chunks::new(&text[..], Format::JsonLines);
        while let Some(chunk) = chunks.next_chunk().unwrap() {
            for activity in salesforce::parse(&chunk, &context).activities {
                backtest.push(activity).unwrap();
            }
            chunks.recycle(chunk);
        }
    }
    let outcome = backtest.finish().unwrap();
    // Accounts of several orgs have the same ids.
    let unique = |user: &UserId| UserId::new(&format!("{index} {user}"));
    let unique_alerts = |alerts: Vec<Alert>| -> Vec<Alert> {
        alerts.into_iter().map(|alert| Alert { user_id: unique(&alert.user_id), ..alert }).collect()
    };
    labels.iter_mut().for_each(|label| label.user_id = unique(&label.user_id));
    Run {
        ours: unique_alerts(outcome.finished.incidents.iter().map(Alert::from).collect()),
        plain: unique_alerts(outcome.plain.unwrap().alerts()),
        labels,
        user_days: outcome.finished.counts.user_days,
        scores: outcome.finished.scores,
    }
}

/// Prints recall at several rates of false incidents, by world and by family.
fn print_detection(runs: &[Run], worlds: &[WorldKind], seeds: usize) {
    println!(
        "| world | user-days | attacks | AP | the article's AP | recall at .5 | at 1 | at 2 false in 1,000 user-days | recall at risk 60 | false |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    let row = |name: &str, runs: &[&Run]| {
        let ours = Pool::of(runs, |run| &run.ours);
        let plain = Pool::of(runs, |run| &run.plain);
        let at_60 = evaluate(&ours.alerts, &ours.labels, ours.user_days, 60.0);
        let [half, one, two] = [0.5, 1.0, 2.0].map(|rate| ours.recall_at(rate));
        println!(
            "| {name} | {} | {} | {:.3} | {:.3} | {} | {} | {} | {:.3} | {:.2} |",
            ours.user_days,
            ours.labels.len(),
            at_60.average_precision,
            evaluate(&plain.alerts, &plain.labels, plain.user_days, 0.0).average_precision,
            half,
            one,
            two,
            at_60.recall,
            at_60.false_per_1000_user_days,
        );
    };
    for (world, of_world) in worlds.iter().zip(runs.chunks(seeds)) {
        row(world.name(), &of_world.iter().collect::<Vec<_>>());
    }
    let all: Vec<&Run> = runs.iter().collect();
    row("all", &all);
    let pool = Pool::of(&all, |run| &run.ours);
    println!("\n| family | found at .5 | at 2 | at risk 60 | attacks |\n|---|---|---|---|---|");
    let [half, two] = [0.5, 2.0].map(|rate| pool.evaluated(pool.threshold(rate)));
    let at_60 = pool.evaluated(60.0);
    for (family, of_half) in &half.families {
        let detected =
            |evaluation: &engine::evaluate::Evaluation| evaluation.families.get(family).map_or(0, |of| of.detected);
        println!(
            "| {family} | {} | {} | {} | {} |",
            of_half.detected,
            detected(&two),
            detected(&at_60),
            of_half.attacks
        );
    }
}

/// The alerts and attacks of several orgs.
struct Pool {
    alerts: Vec<Alert>,
    labels: Vec<Label>,
    user_days: u64,
}

impl Pool {
    fn of(runs: &[&Run], alerts: impl Fn(&Run) -> &Vec<Alert>) -> Self {
        Self {
            alerts: runs.iter().flat_map(|run| alerts(run).clone()).collect(),
            labels: runs.iter().flat_map(|run| run.labels.clone()).collect(),
            user_days: runs.iter().map(|run| run.user_days).sum(),
        }
    }

    fn evaluated(&self, threshold: f64) -> engine::evaluate::Evaluation {
        evaluate(&self.alerts, &self.labels, self.user_days, threshold)
    }

    /// Returns the least risk at which there are at most so many false alerts per 1,000 user-days.
    fn threshold(&self, rate: f64) -> f64 {
        let is_false = |alert: &&Alert| evaluate(std::slice::from_ref(*alert), &self.labels, 1, 0.0).false_alerts > 0;
        let mut risks: Vec<f64> = self.alerts.iter().filter(is_false).map(|alert| alert.risk).collect();
        risks.sort_by(|a, b| b.total_cmp(a));
        let allowed = (rate * self.user_days as f64 / 1_000.0) as usize;
        risks.get(allowed).map_or(0.01, |risk| risk + 0.005)
    }

    /// Words the recall at a rate of false alerts, with its 95 % interval (Wilson).
    fn recall_at(&self, rate: f64) -> String {
        let found = self.evaluated(self.threshold(rate));
        let (n, p) = (found.attacks.max(1) as f64, found.recall);
        let z = 1.96_f64;
        let (center, spread) = ((p + z * z / (2.0 * n)), z * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt());
        let [low, high] = [center - spread, center + spread].map(|bound| bound / (1.0 + z * z / n));
        format!("{p:.3} ({low:.2}–{high:.2})")
    }
}

/// Prints how often each detector's surprise reaches a level on days without attacks, as a multiple of what it promises.
fn print_calibration(runs: &[Run]) {
    const LEVELS: [f64; 4] = [2.0, 3.0, 4.0, 6.0];
    let user_days: u64 = runs.iter().map(|run| run.scores.len() as u64).sum();
    let mut counts: BTreeMap<&str, [u64; LEVELS.len()]> = BTreeMap::new();
    for day in runs.iter().flat_map(|run| &run.scores) {
        let mut largest: BTreeMap<&str, f64> = BTreeMap::new();
        for test in &day.tests {
            let most = largest.entry(test.detector).or_default();
            *most = most.max(test.surprise);
        }
        for (detector, surprise) in largest {
            let of_detector = counts.entry(detector).or_default();
            for (count, level) in of_detector.iter_mut().zip(LEVELS) {
                *count += u64::from(surprise >= level);
            }
        }
    }
    println!(
        "\n{user_days} user-days without attacks: days at a surprise of so much, as a multiple of what it promises"
    );
    println!("| detector | ≥ 2 | ≥ 3 | ≥ 4 | ≥ 6 |\n|---|---|---|---|---|");
    for (detector, counts) in counts {
        let ratio = |(count, level): (&u64, f64)| *count as f64 / (user_days as f64 * 10f64.powf(-level));
        let cells: Vec<String> = counts.iter().zip(LEVELS).map(|cell| format!("{:.2}", ratio(cell))).collect();
        println!("| {detector} | {} |", cells.join(" | "));
    }
}
