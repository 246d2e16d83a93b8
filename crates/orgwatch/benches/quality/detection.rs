//! Detection and calibration on simulated worlds.

use crate::fit::fit;
use crate::on_all_cores;
use crate::worlds::{Org, Run, run};
use engine::evaluate::{Alert, Evaluation, HIGH, Label, evaluate};
use model::UserId;
use simulator::{Attacks, WorldKind};
use std::collections::BTreeMap;

/// Accounts of each org, enough for statistics of classes.
const USERS: u32 = 200;
/// Days of each org; the first [`TAUGHT`] only teach.
const DAYS: u32 = 90;
const TAUGHT: i64 = 30;
/// False alerts in 1,000 user-days at which recall is measured.
const RATES: [f64; 3] = [0.5, 1.0, 2.0];

/// Prints what is found in worlds with attacks, and what the tests find in the same worlds without any.
pub(crate) fn measure(worlds: &[WorldKind], seeds: &[u64]) {
    let attacked = on_all_cores(&orgs(worlds, seeds, Attacks::Standard), run);
    let mut parts = by_world(worlds, seeds, &attacked);
    parts.push(("all", attacked.iter().collect()));
    print_recall(&parts);
    print_families(&parts);
    print_calibration(&on_all_cores(&orgs(worlds, seeds, Attacks::None), run));
}

fn orgs(worlds: &[WorldKind], seeds: &[u64], attacks: Attacks) -> Vec<Org> {
    let pairs = worlds.iter().flat_map(|world| seeds.iter().map(move |seed| (*world, *seed)));
    pairs.map(|(world, seed)| Org { world, seed, users: USERS, days: DAYS, taught: TAUGHT, attacks }).collect()
}

fn by_world<'a>(worlds: &[WorldKind], seeds: &[u64], runs: &'a [Run]) -> Vec<(&'static str, Vec<&'a Run>)> {
    let of_worlds = runs.chunks(seeds.len()).map(|runs| runs.iter().collect());
    worlds.iter().map(|world| world.name()).zip(of_worlds).collect()
}

/// Prints the weights that find most in worlds with attacks.
pub(crate) fn fit_weights(worlds: &[WorldKind], seeds: &[u64]) {
    let runs = on_all_cores(&orgs(worlds, seeds, Attacks::Standard), run);
    fit(&by_world(worlds, seeds, &runs));
}

/// Prints recall at several rates of false incidents, by world, of orgwatch and of the article's detectors.
fn print_recall(parts: &[(&str, Vec<&Run>)]) {
    println!(
        "\n| world | by | user-days | attacks | AP | recall at .5 | at 1 | at 2 false in 1,000 user-days | recall at risk {HIGH} | false |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    for (name, runs) in parts {
        for (by, alerts) in
            [("orgwatch", Pool::of(runs, |run| &run.ours)), ("article", Pool::of(runs, |run| &run.plain))]
        {
            let at_60 = alerts.evaluated(HIGH);
            let recalls = RATES.map(|rate| alerts.recall_at(rate)).join(" | ");
            println!(
                "| {name} | {by} | {} | {} | {:.3} | {recalls} | {:.3} | {:.2} |",
                alerts.user_days,
                alerts.labels.len(),
                at_60.average_precision,
                at_60.recall,
                at_60.false_per_1000_user_days,
            );
        }
    }
}

/// Prints the attacks found of each family by world, at risks at which all worlds together have so many false incidents.
fn print_families(parts: &[(&str, Vec<&Run>)]) {
    let pools: Vec<Pool> = parts.iter().map(|(_, runs)| Pool::of(runs, |run| &run.ours)).collect();
    let Some(all) = pools.last() else { return };
    let [half, one, two] = RATES.map(|rate| all.threshold(rate));
    let evaluated: Vec<[Evaluation; 4]> =
        pools.iter().map(|pool| [half, one, two, HIGH].map(|risk| pool.evaluated(risk))).collect();
    println!("\nFound at .5, 1 and 2 false in 1,000 user-days, and at risk {HIGH}, of so many attacks\n");
    let names: Vec<&str> = parts.iter().map(|(name, _)| *name).collect();
    println!("| family | {} |\n|---|{}", names.join(" | "), "---|".repeat(names.len()));
    let families = evaluated.last().into_iter().flat_map(|[of_all, ..]| of_all.families.keys());
    for family in families {
        let cell = |evaluations: &[Evaluation; 4]| {
            let found = evaluations.each_ref().map(|evaluation| evaluation.families.get(family));
            let attacks = found[0].map_or(0, |of| of.attacks);
            let [half, one, two, at_60] = found.map(|of| of.map_or(0, |of| of.detected));
            if attacks > 0 { format!("{half}, {one}, {two}, {at_60} of {attacks}") } else { "–".to_owned() }
        };
        let cells: Vec<String> = evaluated.iter().map(cell).collect();
        println!("| {family} | {} |", cells.join(" | "));
    }
}

/// The alerts and attacks of several orgs.
pub(crate) struct Pool {
    pub(crate) alerts: Vec<Alert>,
    pub(crate) labels: Vec<Label>,
    pub(crate) user_days: u64,
}

impl Pool {
    fn of(runs: &[&Run], alerts: impl Fn(&Run) -> &Vec<Alert>) -> Self {
        Self {
            alerts: runs.iter().flat_map(|run| alerts(run).clone()).collect(),
            labels: runs.iter().flat_map(|run| run.labels.clone()).collect(),
            user_days: runs.iter().map(|run| run.user_days).sum(),
        }
    }

    pub(crate) fn evaluated(&self, threshold: f64) -> Evaluation {
        evaluate(&self.alerts, &self.labels, self.user_days, threshold)
    }

    /// Returns the least risk at which there are at most so many false alerts per 1,000 user-days.
    pub(crate) fn threshold(&self, rate: f64) -> f64 {
        let mut labels: BTreeMap<&UserId, Vec<Label>> = BTreeMap::new();
        self.labels.iter().for_each(|label| labels.entry(&label.user_id).or_default().push(label.clone()));
        let is_false = |alert: &&Alert| {
            let of_user = labels.get(&alert.user_id).map_or(&[][..], Vec::as_slice);
            evaluate(std::slice::from_ref(*alert), of_user, 1, 0.0).false_alerts > 0
        };
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

/// Prints how often each detector's surprise reaches a level on days without attacks, as a multiple of what it promises:
/// calibrated, and behind the slash by the detector's model.
fn print_calibration(runs: &[Run]) {
    const LEVELS: [f64; 4] = [2.0, 3.0, 4.0, 6.0];
    let user_days: u64 = runs.iter().map(|run| run.scores.len() as u64).sum();
    let mut counts: BTreeMap<&str, [[u64; 2]; LEVELS.len()]> = BTreeMap::new();
    for day in runs.iter().flat_map(|run| &run.scores) {
        let mut largest: BTreeMap<&str, [f64; 2]> = BTreeMap::new();
        for test in &day.tests {
            let [calibrated, of_model] = largest.entry(test.detector).or_default();
            *calibrated = calibrated.max(-test.p.log10());
            *of_model = of_model.max(test.surprise);
        }
        for (detector, surprises) in largest {
            for (of_level, level) in counts.entry(detector).or_default().iter_mut().zip(LEVELS) {
                // Less than a rounding error of a power counts as reached.
                of_level.iter_mut().zip(surprises).for_each(|(count, s)| *count += u64::from(s + 1e-9 >= level));
            }
        }
    }
    println!(
        "\n{user_days} user-days without attacks: days at a surprise of so much, as a multiple of what it promises"
    );
    println!("| detector | ≥ 2 | ≥ 3 | ≥ 4 | ≥ 6 |\n|---|---|---|---|---|");
    for (detector, counts) in counts {
        let cell = |(counts, level): (&[u64; 2], f64)| {
            let [calibrated, of_model] = counts.map(|count| count as f64 / (user_days as f64 * 10f64.powf(-level)));
            format!("{calibrated:.2} / {of_model:.2}")
        };
        let cells: Vec<String> = counts.iter().zip(LEVELS).map(cell).collect();
        println!("| {detector} | {} |", cells.join(" | "));
    }
}
