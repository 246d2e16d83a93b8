//! Weights of detectors that find most attacks at few false incidents, over several worlds at once.

use crate::detection::Pool;
use crate::worlds::Run;
use engine::evaluate::{Alert, HIGH};
use model::{Finding, UserId};
use risk::{Rulebook, Settings};
use std::collections::BTreeMap;

/// Weight in the value of a setting of each false incident above [`BUDGET`].
const COST_OF_FALSE: f64 = 0.25;
/// Factors on −ln(1 − weight) that are tried for each detector.
const FACTORS: [f64; 4] = [0.5, 0.75, 1.33, 2.0];
/// Rounds over all detectors.
const ROUNDS: usize = 2;
/// The highest weight: no detector alone is certain.
const MOST: f64 = 0.97;
/// A certain spike alone must stay high: its weight is not fitted.
const FIXED: [&str; 2] = ["row_spike", "blind_source"];
/// False incidents in 1,000 user-days at risk 60 that cost nothing.
const BUDGET: f64 = 0.8;

/// Cost of a weight for each factor of e away from its default: worlds differ, and defaults were chosen on others.
const COST_OF_CHANGE: f64 = 0.001;

/// What is searched.
#[derive(Clone)]
struct Tried {
    risk: Settings,
    /// `zero_at` and `halving` of the scores.
    shape: (f64, f64),
}

/// A change of the settings to try.
type Change = Box<dyn Fn(&Tried) -> Tried>;

/// Searches weights by coordinates from the present ones, and prints what was better.
pub(crate) fn fit(worlds: &[(&str, Vec<&Run>)]) {
    let defaults = detect::Settings::default();
    let mut best = Tried { risk: Settings::default(), shape: (defaults.zero_at, defaults.halving) };
    let mut value = objective(worlds, &best, true);
    for round in 1..=ROUNDS {
        let mut candidates: Vec<(String, Change)> = Vec::new();
        for shape in [(1.7, 0.8), (2.0, 0.8), (2.3, 0.8), (1.7, 1.2), (2.0, 1.2), (2.3, 1.2), (2.0, 1.6)] {
            candidates.push((format!("shape {shape:?}"), Box::new(move |tried| Tried { shape, ..tried.clone() })));
        }
        for damping in [0.2, 0.4, 0.6, 0.8] {
            let change = move |risk: Settings| Settings { damping, ..risk };
            candidates.push((format!("damping {damping}"), with(change)));
        }
        for half_life_hours in [6.0, 12.0, 24.0, 48.0] {
            let change = move |risk: Settings| Settings { half_life_hours, ..risk };
            candidates.push((format!("half-life {half_life_hours}"), with(change)));
        }
        for corroboration in [1.0, 1.25, 1.5, 2.0] {
            let change = move |risk: Settings| Settings { corroboration, ..risk };
            candidates.push((format!("corroboration {corroboration}"), with(change)));
        }
        for both_kinds in [1.0, 2.0, 3.0, 4.0] {
            let change = move |risk: Settings| Settings { both_kinds, ..risk };
            candidates.push((format!("both kinds {both_kinds}"), with(change)));
        }
        for merge_hours in [10, 16, 24] {
            let change = move |risk: Settings| Settings { merge_hours, ..risk };
            candidates.push((format!("merge {merge_hours}"), with(change)));
        }
        for detector in Settings::detectors().filter(|name| !FIXED.contains(name)) {
            for factor in FACTORS {
                let change = move |mut risk: Settings| {
                    let mut weight = risk.weight(detector);
                    weight.weight = (-((-weight.weight).ln_1p() * factor).exp_m1()).min(MOST);
                    risk.weights.insert(detector.to_owned(), weight);
                    risk
                };
                candidates.push((format!("{detector} x {factor}"), with(change)));
            }
        }
        for (name, change) in candidates {
            let tried = change(&best);
            let found = objective(worlds, &tried, false);
            if found > value + 1e-4 {
                println!("round {round}: {name}: {value:.4} -> {found:.4}");
                (best, value) = (tried, found);
            }
        }
    }
    objective(worlds, &best, true);
    println!("{:?} {:?}", best.shape, Settings { weights: BTreeMap::new(), ..best.risk.clone() });
    let weights = Settings::detectors().map(|name| format!("{name} {:.3}", best.risk.weight(name).weight));
    println!("{}", weights.collect::<Vec<_>>().join("\n"));
}

fn with(change: impl Fn(Settings) -> Settings + 'static) -> Change {
    Box::new(move |tried| Tried { risk: change(tried.risk.clone()), shape: tried.shape })
}

/// Returns the mean over worlds of average precision, recall at .5 and at 1 false incident, and recall at risk 60, less
/// what too many false incidents at risk 60 and changes of weights cost.
fn objective(worlds: &[(&str, Vec<&Run>)], tried: &Tried, is_printed: bool) -> f64 {
    let of_world = |(name, runs): &(&str, Vec<&Run>)| {
        let pool = Pool {
            alerts: runs.iter().flat_map(|run| alerts(run, tried)).collect(),
            labels: runs.iter().flat_map(|run| run.labels.clone()).collect(),
            user_days: runs.iter().map(|run| run.user_days).sum(),
        };
        let at_60 = pool.evaluated(HIGH);
        let [half, one] = [0.5, 1.0].map(|rate| pool.evaluated(pool.threshold(rate)).recall);
        if is_printed {
            println!(
                "{name}: AP {:.3}, recall at .5 {half:.3}, at 1 {one:.3}, at risk 60 {:.3} with {:.2} false",
                at_60.average_precision, at_60.recall, at_60.false_per_1000_user_days
            );
        }
        let cost = COST_OF_FALSE * (at_60.false_per_1000_user_days - BUDGET).max(0.0);
        (at_60.average_precision + half + one + at_60.recall - cost) / 4.0
    };
    let values = crate::on_all_cores(worlds, |_, world| of_world(world));
    let defaults = Settings::default();
    let strength = |risk: &Settings, name| -(-risk.weight(name).weight.min(MOST)).ln_1p();
    let changes =
        Settings::detectors().map(|name| (strength(&tried.risk, name) / strength(&defaults, name)).ln().abs());
    values.iter().sum::<f64>() / values.len() as f64 - COST_OF_CHANGE * changes.sum::<f64>()
}

fn alerts(run: &Run, tried: &Tried) -> Vec<Alert> {
    let rules = Rulebook::new("".into(), tried.risk.clone());
    let defaults = detect::Settings::default();
    let (zero_at, halving) = tried.shape;
    let shaped = detect::Settings { zero_at, halving, ..detect::Settings::default() };
    let scored = |finding: &Finding| {
        let before = defaults.share(finding.surprise);
        let factor = if before > 0.0 { shaped.share(finding.surprise) / before } else { 0.0 };
        Finding { score: finding.score * factor, ..finding.clone() }
    };
    let of_user = |(user, findings): (&UserId, &Vec<Finding>)| -> Vec<Alert> {
        let incidents = risk::incidents(findings.iter().map(scored).collect(), &rules, &risk::Decisions::default());
        incidents.iter().map(|incident| Alert { user_id: user.clone(), ..Alert::from(incident) }).collect()
    };
    run.findings.iter().flat_map(of_user).collect()
}
