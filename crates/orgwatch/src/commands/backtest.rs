//! `orgwatch backtest`

use crate::Done;
use crate::arguments::{BacktestArguments, ReadArguments};
use crate::output;
use crate::progress;
use crate::summary;
use anyhow::{Context, Result, bail};
use engine::Analyst;
use model::{Decision, Timestamp};
use orgwatch::{Backtest, Options, Outcome};
use salesforce::Fault;
use serde_json::json;
use settings::Settings;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};
use view::report::{self, Report};

/// A run whose inputs are found and whose file of rejects is open.
pub(crate) struct Prepared {
    backtest: Backtest,
    rejects: Option<BufWriter<File>>,
}

/// What a run finds out apart from incidents.
#[derive(Clone, Default)]
pub(crate) struct Extras {
    /// The alarms of the founding article's plain detectors.
    pub(crate) plain: bool,
    /// What all tests find of each user-day.
    pub(crate) scores: bool,
    /// A simulated analyst, who decides on what is raised.
    pub(crate) analyst: Option<Analyst>,
}

pub(crate) fn run(arguments: &BacktestArguments) -> Result<Done> {
    let extras = Extras { scores: arguments.scores.is_some(), ..Extras::default() };
    let prepared = prepare(&arguments.read, extras)?;
    // Opened before the run, which may take hours, so that a file that cannot be written fails at once.
    let open = |path: &Option<PathBuf>| path.as_deref().map(output::create).transpose();
    let (findings, incidents) = (open(&arguments.findings)?, open(&arguments.incidents)?);
    let (scores, report) = (open(&arguments.scores)?, open(&arguments.report)?);
    let outcome = prepared.read()?;
    let finished = &outcome.finished;
    if let Some(file) = findings {
        output::write_lines(file, &finished.findings)?;
    }
    if let Some(file) = incidents {
        output::write_lines(file, &finished.incidents)?;
    }
    if let Some(file) = scores {
        output::write_lines(file, &finished.scores)?;
    }
    if let Some(file) = report {
        write_report(&outcome, "orgwatch backtest", file)?;
    }
    if arguments.json {
        output::print_json(&json!({ "incidents": finished.incidents, "reading": summary::as_json(&outcome) }))?;
    } else {
        print(&outcome, arguments.top)?;
    }
    if let Some(why) = summary::missing_org(&outcome) {
        bail!(why);
    }
    let is_grave = |fail_at| finished.incidents.iter().any(|incident| incident.severity >= fail_at);
    Ok(if arguments.fail_at.is_some_and(is_grave) { Done::WithIncidents } else { Done::Quietly })
}

/// Reads exported decisions, one JSON object a line.
fn decisions(path: &Path) -> Result<Vec<Decision>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("{}: cannot be read", path.display()))?;
    let lines = text.lines().zip(1..).filter(|(line, _)| !line.trim().is_empty());
    let read = lines.map(|(line, number)| {
        serde_json::from_str(line).with_context(|| format!("{}: line {number}: not a decision", path.display()))
    });
    read.collect()
}

/// Returns the time of the machine.
pub(crate) fn now() -> Timestamp {
    Timestamp(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64))
}

/// Finds the inputs and opens the file of rejects, if one is asked for.
pub(crate) fn prepare(arguments: &ReadArguments, extras: Extras) -> Result<Prepared> {
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
        plain: extras.plain,
        scores: extras.scores,
        decisions: arguments.decisions.as_deref().map(decisions).transpose()?.unwrap_or_default(),
        analyst: extras.analyst,
    };
    let spinner = progress::spinner("looking at the files");
    let backtest = Backtest::new(&arguments.inputs, settings, options);
    spinner.finish_and_clear();
    let backtest = backtest?;
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
        if let Some(why) = summary::failure(&outcome) {
            bail!(why);
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
    for ((detector, reason), count) in &outcome.finished.counts.unscoreable {
        output::print(&format!("Unscoreable {count} by {detector}: {reason}"))?;
    }
    print_read(outcome)
}

/// Prints what was read, and what was not.
pub(crate) fn print_read(outcome: &Outcome) -> Result<()> {
    output::print(&summary::lines(outcome).join("\n"))
}

pub(crate) fn write_report(outcome: &Outcome, title: &str, mut file: BufWriter<File>) -> Result<()> {
    let finished = &outcome.finished;
    let unscoreable = finished.counts.unscoreable.iter();
    let faults = outcome.faults.iter();
    let html = report::render(&Report {
        title,
        from: finished.counts.from.unwrap_or_default(),
        to: finished.counts.to.unwrap_or_default(),
        incidents: &finished.incidents,
        first_exports: &finished.first_exports,
        first_objects: &finished.first_objects,
        reading: summary::counts(outcome).into_iter().map(|(what, count)| (what.to_owned(), count)).collect(),
        unscoreable: unscoreable
            .map(|((detector, reason), count)| ((*detector).to_owned(), reason.to_string(), *count))
            .collect(),
        skipped: outcome.skipped.iter().map(|s| (s.path.display().to_string(), s.reason.to_string())).collect(),
        rejects: faults
            .map(|(fault, Fault { count, first })| (fault.to_owned(), summary::example(fault, first), *count))
            .collect(),
        unread: outcome.counts.unread.iter().map(|(field, count)| ((*field).to_owned(), *count)).collect(),
        not_watched: outcome.counts.not_watched.iter().map(|(name, count)| (name.to_string(), *count)).collect(),
        remarks: summary::remarks(outcome),
    })?;
    file.write_all(html.as_bytes())?;
    Ok(file.flush()?)
}
