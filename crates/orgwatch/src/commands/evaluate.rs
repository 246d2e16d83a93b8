//! `orgwatch evaluate`

use crate::Done;
use crate::arguments::EvaluateArguments;
use crate::commands::backtest::{self, Extras};
use crate::output;
use anyhow::{Context, Result};
use comfy_table::Cell;
use engine::Analyst;
use engine::compare::PlainDetectors;
use engine::evaluate::{Alert, ClassRecall, Evaluation, Label, Labels, Week, by_week, classes, evaluate, sweep};
use model::UserClass;
use serde_json::json;
use std::collections::BTreeMap;
use std::path::Path;

pub(crate) fn run(arguments: &EvaluateArguments) -> Result<Done> {
    let Labels { labels, classes: labeled } = labels(&arguments.labels)?;
    let outcome = backtest::prepare(&arguments.read, Extras { plain: true, ..Extras::default() })?.read()?;
    let user_days = outcome.finished.counts.user_days;
    let alerts: Vec<Alert> = outcome.finished.incidents.iter().map(Alert::from).collect();
    let plain = outcome.plain.as_ref().map(PlainDetectors::alerts).unwrap_or_default();
    let ours = evaluate(&alerts, &labels, user_days, arguments.threshold);
    // The article weights each detector a quarter, so any alarm is an alert there.
    let theirs = evaluate(&plain, &labels, user_days, 0.0);
    let rows = if arguments.sweep { sweep(&alerts, &labels, user_days) } else { Vec::new() };
    let given = &outcome.finished.classes;
    let recall = classes(given.iter().map(|((_, user), given)| (user.clone(), given.class)), &labeled);
    let helped = arguments.analyst.map(|wrong| helped(arguments, &labels, wrong)).transpose()?;
    let weeks = |alerts: &[Alert]| {
        let counts = &outcome.finished.counts;
        let from = arguments.read.learn_until.or(counts.from).unwrap_or_default();
        by_week(alerts, &labels, (from, counts.to.unwrap_or_default()), arguments.threshold)
    };
    let weeks = helped.as_ref().map(|helped| (weeks(&alerts), weeks(helped)));
    if arguments.json {
        let (alone, helped) = weeks.unzip();
        output::print_json(&json!({
            "orgwatch": ours, "plain": theirs, "sweep": rows, "classes": recall,
            "weeks": { "alone": alone, "with_analyst": helped },
        }))?;
        return Ok(Done::Quietly);
    }
    print(&ours, &theirs)?;
    print_classes(&recall)?;
    if let Some((alone, helped)) = &weeks {
        print_weeks(alone, helped)?;
    }
    backtest::print_read(&outcome)?;
    if arguments.sweep {
        print_sweep(&rows)?;
    }
    if arguments.list {
        print_list(&alerts, &labels, arguments.threshold)?;
        for ((_, user), given) in given {
            if let Some(label) = labeled.get(user).filter(|label| **label != given.class) {
                let (probability, basis) = (given.belief.probability, given.belief.basis.as_str());
                output::print(&format!("{user} is {label}, given {} at {probability:.2} by {basis}", given.class))?;
            }
        }
    }
    Ok(Done::Quietly)
}

/// Runs once more with a simulated analyst, and returns the alerts.
fn helped(arguments: &EvaluateArguments, labels: &[Label], wrong: f64) -> Result<Vec<Alert>> {
    let analyst = Some(Analyst::new(labels.to_vec(), wrong, arguments.threshold));
    let outcome = backtest::prepare(&arguments.read, Extras { analyst, ..Extras::default() })?.read()?;
    Ok(outcome.finished.incidents.iter().map(Alert::from).collect())
}

fn labels(path: &Path) -> Result<Labels> {
    let json = std::fs::read(path).with_context(|| format!("{}: cannot be read", path.display()))?;
    Labels::parse(&json).with_context(|| format!("{}: no labels", path.display()))
}

fn print(ours: &Evaluation, theirs: &Evaluation) -> Result<()> {
    let mut table = output::table(&["", "orgwatch", "the article's detectors"]);
    let mut row = |name: &str, value: &dyn Fn(&Evaluation) -> String| {
        table.add_row(vec![Cell::new(name), output::number(value(ours)), output::number(value(theirs))]);
    };
    row("average precision", &|e| format!("{:.3}", e.average_precision));
    row("recall", &|e| format!("{:.3} ({} of {})", e.recall, e.detected, e.attacks));
    row("precision", &|e| format!("{:.3}", e.precision));
    row("false alerts", &|e| e.false_alerts.to_string());
    row("false alerts per 1,000 user-days", &|e| format!("{:.2}", e.false_per_1000_user_days));
    row("median minutes to detect", &|e| e.median_minutes_to_detect.map_or("-".into(), |m| format!("{m:.1}")));
    for (name, family) in &ours.families {
        let of = |e: &Evaluation| e.families.get(name).map_or(0, |f| f.detected);
        row(&format!("  {name}"), &|e| format!("{} of {}", of(e), family.attacks));
    }
    output::print(&table.to_string())?;
    output::print(&format!("{} user-days; an alert is an incident of risk {} or more.", ours.user_days, ours.threshold))
}

/// Prints which share of the accounts of each class were recognized; nothing without labels of classes.
fn print_classes(classes: &BTreeMap<UserClass, ClassRecall>) -> Result<()> {
    if classes.is_empty() {
        return Ok(());
    }
    let mut table = output::table(&["class", "accounts", "recognized", "recall", "given another"]);
    for (name, class) in classes {
        let others = class.given.iter().filter(|(given, _)| *given != name);
        let others: Vec<String> = others.map(|(given, count)| format!("{count} {given}")).collect();
        table.add_row(vec![
            Cell::new(name),
            output::number(class.accounts),
            output::number(class.recognized),
            output::number(format!("{:.2}", class.recall)),
            Cell::new(others.join(", ")),
        ]);
    }
    output::print(&table.to_string())?;
    let mean = classes.values().map(|class| class.recall).sum::<f64>() / classes.len() as f64;
    output::print(&format!("mean recall over classes: {mean:.3}"))
}

/// Prints false alerts and recall of each week, without and with the simulated analyst.
fn print_weeks(alone: &[Week], helped: &[Week]) -> Result<()> {
    let mut table = output::table(&["week from", "attacks", "found", "found with", "false", "false with"]);
    let mut row = |from: String, a: &Week, b: &Week| {
        let counts = [a.attacks, a.detected, b.detected, a.false_alerts, b.false_alerts];
        let cells = counts.into_iter().map(output::number);
        table.add_row(std::iter::once(Cell::new(from)).chain(cells));
    };
    for (alone, helped) in alone.iter().zip(helped) {
        row(alone.from.to_string().chars().take(10).collect(), alone, helped);
    }
    let sum = |weeks: &[Week]| {
        weeks.iter().fold(Week::default(), |sum, week| Week {
            from: week.from,
            attacks: sum.attacks + week.attacks,
            detected: sum.detected + week.detected,
            false_alerts: sum.false_alerts + week.false_alerts,
        })
    };
    row("all".to_owned(), &sum(alone), &sum(helped));
    output::print(&table.to_string())
}

fn print_sweep(rows: &[Evaluation]) -> Result<()> {
    let mut table = output::table(&["risk from", "recall", "precision", "false alerts", "per 1,000 user-days"]);
    for row in rows {
        table.add_row(vec![
            output::number(row.threshold),
            output::number(format!("{:.3}", row.recall)),
            output::number(format!("{:.3}", row.precision)),
            output::number(row.false_alerts),
            output::number(format!("{:.2}", row.false_per_1000_user_days)),
        ]);
    }
    output::print(&table.to_string())
}

fn print_list(alerts: &[Alert], labels: &[Label], threshold: f64) -> Result<()> {
    let one = |label: &Label| evaluate(alerts, std::slice::from_ref(label), 1, threshold).detected > 0;
    for label in labels.iter().filter(|label| !one(label)) {
        let best = alerts
            .iter()
            .filter(|a| evaluate(std::slice::from_ref(a), std::slice::from_ref(label), 1, 0.0).detected > 0);
        let best = best.max_by(|a, b| a.risk.total_cmp(&b.risk));
        let best = best.map_or("nothing".to_owned(), |a| format!("risk {:.1} by {}", a.risk, a.detectors.join(", ")));
        output::print(&format!("missed {} of {} at {}: {best}", label.family, label.user_id, label.from))?;
    }
    for alert in alerts.iter().filter(|alert| alert.risk >= threshold) {
        if evaluate(std::slice::from_ref(alert), labels, 1, 0.0).false_alerts > 0 {
            let detectors = alert.detectors.join(", ");
            output::print(&format!("false {:.1} on {} at {}: {detectors}", alert.risk, alert.user_id, alert.first))?;
        }
    }
    Ok(())
}
