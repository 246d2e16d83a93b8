//! `orgwatch backtest`

use crate::Done;
use crate::arguments::{BacktestArguments, ReadArguments};
use crate::output;
use crate::progress;
use anyhow::{Result, bail};
use engine::ActivityOutcome;
use files::UNNAMED_ORG;
use model::Timestamp;
use orgwatch::{Backtest, Options, Outcome};
use serde_json::json;
use settings::Settings;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};
use view::report::{self, Report};

/// A run whose inputs are found and whose file of rejects is open.
pub(crate) struct Prepared {
    backtest: Backtest,
    rejects: Option<BufWriter<File>>,
}

pub(crate) fn run(arguments: &BacktestArguments) -> Result<Done> {
    let prepared = prepare(&arguments.read, false)?;
    // Opened before the run, which may take hours, so that a file that cannot be written fails at once.
    let open = |path: &Option<PathBuf>| path.as_deref().map(output::create).transpose();
    let (findings, incidents) = (open(&arguments.findings)?, open(&arguments.incidents)?);
    let report = open(&arguments.report)?;
    let outcome = prepared.read()?;
    let finished = &outcome.finished;
    if let Some(file) = findings {
        output::write_lines(file, &finished.findings)?;
    }
    if let Some(file) = incidents {
        output::write_lines(file, &finished.incidents)?;
    }
    if let Some(file) = report {
        write_report(&outcome, "orgwatch backtest", file)?;
    }
    if arguments.json {
        output::print_json(&json!({ "incidents": finished.incidents, "reading": as_json(&outcome) }))?;
    } else {
        print(&outcome, arguments.top)?;
    }
    let is_grave = |fail_at| finished.incidents.iter().any(|incident| incident.severity >= fail_at);
    Ok(if arguments.fail_at.is_some_and(is_grave) { Done::WithIncidents } else { Done::Quietly })
}

fn now() -> Timestamp {
    Timestamp(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64))
}

/// Finds the inputs and opens the file of rejects, if one is asked for.
pub(crate) fn prepare(arguments: &ReadArguments, plain: bool) -> Result<Prepared> {
    let settings: Settings = crate::commands::config::load(arguments.config.as_deref())?;
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    let options = Options {
        org: arguments.org.clone(),
        types: arguments.types.unwrap_or_default(),
        now: Some(now()),
        learn_until: arguments.learn_until,
        from: arguments.from,
        to: arguments.to,
        threads: arguments.threads.map_or_else(cores, usize::from),
        plain,
    };
    let backtest = Backtest::new(&arguments.inputs, settings, options)?;
    let rejects = arguments.rejects.as_deref().map(output::create).transpose()?;
    Ok(Prepared { backtest, rejects })
}

impl Prepared {
    /// Runs over the inputs with a progress bar, and writes the rejects if asked to.
    pub(crate) fn read(self) -> Result<Outcome> {
        let bar = progress::over_bytes(self.backtest.bytes());
        let mut rejects = self.rejects;
        let outcome = orgwatch::backtest(
            self.backtest,
            |path, reject| {
                let Some(file) = &mut rejects else { return Ok(()) };
                let line = json!({
                    "file": path, "line": reject.line, "reason": reject.reason.to_string(), "excerpt": reject.excerpt,
                });
                writeln!(file, "{line}")
            },
            |progress| {
                bar.set_position(progress.bytes);
                bar.set_message(format!("{} events", progress.events));
            },
        )?;
        bar.finish_and_clear();
        if let Some(mut file) = rejects {
            file.flush()?;
        }
        if let (0, Some((reason, count))) =
            (outcome.events, outcome.rejects_by_reason.iter().max_by_key(|(_, count)| **count))
        {
            bail!("no event could be read; {count} of {} records were set aside: {reason}", outcome.rejects);
        }
        Ok(outcome)
    }
}

pub(crate) fn print(outcome: &Outcome, top: usize) -> Result<()> {
    let incidents = &outcome.finished.incidents;
    if incidents.is_empty() {
        output::print("No incidents.")?;
    } else {
        output::print(&output::incidents(incidents, top).to_string())?;
    }
    if top > 0 && incidents.len() > top {
        output::print(&format!("{} more of lower risk; --top 0 shows all\n", incidents.len() - top))?;
    }
    print_read(outcome)?;
    for (reason, count) in &outcome.rejects_by_reason {
        output::print(&format!("Set aside {count}: {reason}"))?;
    }
    for skipped in &outcome.skipped {
        output::print(&format!("Skipped {}: {}", skipped.path.display(), skipped.reason))?;
    }
    for ((detector, reason), count) in &outcome.finished.counts.unscoreable {
        output::print(&format!("Unscoreable {count} by {detector}: {reason}"))?;
    }
    Ok(())
}

pub(crate) fn write_report(outcome: &Outcome, title: &str, mut file: BufWriter<File>) -> Result<()> {
    let finished = &outcome.finished;
    let unscoreable = finished.counts.unscoreable.iter();
    let html = report::render(&Report {
        title,
        from: finished.counts.from.unwrap_or_default(),
        to: finished.counts.to.unwrap_or_default(),
        incidents: &finished.incidents,
        first_exports: &finished.first_exports,
        first_objects: &finished.first_objects,
        reading: reading(outcome).into_iter().map(|(what, count)| (what.to_owned(), count)).collect(),
        unscoreable: unscoreable
            .map(|((detector, reason), count)| ((*detector).to_owned(), reason.to_string(), *count))
            .collect(),
        skipped: outcome.skipped.iter().map(|s| (s.path.display().to_string(), s.reason.to_string())).collect(),
        rejects: outcome.rejects_by_reason.iter().map(|(reason, count)| (reason.clone(), *count)).collect(),
    })?;
    file.write_all(html.as_bytes())?;
    Ok(file.flush()?)
}

/// Prints what was read in one line, and in another which org records have that name none, unless it was given.
pub(crate) fn print_read(outcome: &Outcome) -> Result<()> {
    let counts: Vec<String> = reading(outcome).iter().map(|(what, count)| format!("{count} {what}")).collect();
    output::print(&format!("Read: {}.", counts.join(", ")))?;
    match &outcome.joined {
        Some((org, _)) if org.as_str() == UNNAMED_ORG => output::print(&format!(
            "No record names an org: all of them count for one, {UNNAMED_ORG}. Give its id with --org ID."
        )),
        Some((org, count)) => {
            output::print(&format!("{count} records name no org and count for {org}, the only one named."))
        }
        None => Ok(()),
    }
}

/// Returns counts of what was read, in the order in which they are printed, without zeros that need no mention.
fn reading(outcome: &Outcome) -> Vec<(&'static str, u64)> {
    let activities = |of: ActivityOutcome| outcome.finished.counts.activities.get(&of).copied().unwrap_or(0);
    let always = [
        ("files", outcome.files),
        ("events", outcome.events),
        ("users", outcome.finished.counts.users),
        ("set aside", outcome.rejects),
    ];
    let sometimes = [
        ("files skipped", outcome.skipped.len() as u64),
        ("without an org", outcome.joined.as_ref().map_or(0, |(_, count)| *count)),
        ("outside the asked time", outcome.outside),
        ("of kinds that are not watched", outcome.ignored),
        ("duplicates", activities(ActivityOutcome::Duplicate)),
        ("duplicates with more detail", activities(ActivityOutcome::Enriched)),
        ("late", activities(ActivityOutcome::Late)),
        ("dated in the future and quarantined", activities(ActivityOutcome::Future)),
        ("too old to recognize duplicates", activities(ActivityOutcome::Forgotten)),
        ("verdicts unscoreable", outcome.finished.counts.unscoreable.values().sum()),
    ];
    always.into_iter().chain(sometimes.into_iter().filter(|(_, count)| *count > 0)).collect()
}

pub(crate) fn as_json(outcome: &Outcome) -> serde_json::Value {
    let reading: serde_json::Map<String, serde_json::Value> =
        reading(outcome).into_iter().map(|(what, count)| (what.replace(' ', "_"), json!(count))).collect();
    let unscoreable = outcome.finished.counts.unscoreable.iter();
    json!({
        "counts": reading,
        "user_days": outcome.finished.counts.user_days,
        "rejects": outcome.rejects_by_reason,
        "skipped": outcome.skipped.iter().map(|s| json!({ "file": s.path, "reason": s.reason.to_string() })).collect::<Vec<_>>(),
        "unscoreable": unscoreable
            .map(|((detector, reason), count)| json!({ "detector": detector, "reason": reason.to_string(), "count": count }))
            .collect::<Vec<_>>(),
    })
}
