//! From files to incidents.

use engine::compare::PlainDetectors;
use engine::{Finished, Period};
use files::{Input, InputError, Skipped};
use model::{OrgId, Timestamp};
use salesforce::Reject;
use settings::Settings;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Which files to run over, and how.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Org of records that name none.
    pub org: Option<OrgId>,
    /// Before this time the profiles only learn.
    pub learn_until: Option<Timestamp>,
    /// Events before this time are left out.
    pub from: Option<Timestamp>,
    /// Events from this time on are left out.
    pub to: Option<Timestamp>,
    /// Threads that parse, at least 1.
    pub threads: usize,
    /// Whether the founding article's plain detectors run beside.
    pub plain: bool,
}

/// A run that is ready to start.
pub struct Backtest {
    /// The files to read, by the time of their first event.
    pub inputs: Vec<Input>,
    /// Files of folders that hold no events.
    pub skipped: Vec<Skipped>,
    engine: engine::Backtest,
    org: Option<OrgId>,
    threads: usize,
}

/// The result of a run, with all that was read, set aside and skipped.
pub struct Outcome {
    /// Findings, incidents, and what the engine counted.
    pub finished: Finished,
    /// Files of folders that hold no events.
    pub skipped: Vec<Skipped>,
    /// Files read.
    pub files: u64,
    /// Bytes read from disk.
    pub bytes: u64,
    /// Events read, including those outside the period.
    pub events: u64,
    /// Events outside the period.
    pub outside: u64,
    /// Events of kinds that are not watched.
    pub ignored: u64,
    /// Records set aside.
    pub rejects: u64,
    /// Records set aside, by reason.
    pub rejects_by_reason: BTreeMap<String, u64>,
    /// The founding article's plain detectors, if they ran beside.
    pub plain: Option<PlainDetectors>,
}

/// Why a run cannot start or go on.
#[derive(Debug, thiserror::Error)]
pub enum BacktestError {
    /// A file cannot be read.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The period is empty, or the settings of profiles do not fit.
    #[error(transparent)]
    Engine(#[from] engine::BacktestError),
    /// The caller could not write the rejects.
    #[error("cannot write the rejects")]
    Rejects(#[source] std::io::Error),
}

/// How far a run has come.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// Bytes read from disk.
    pub bytes: u64,
    /// Events read.
    pub events: u64,
}

impl Backtest {
    /// Finds the files of events in `paths`.
    ///
    /// # Errors
    /// If the period is empty, a path cannot be read, or there is no file of events.
    pub fn new(paths: &[PathBuf], settings: Settings, options: Options) -> Result<Self, BacktestError> {
        let Options { org, learn_until, from, to, threads, plain } = options;
        let plain = plain.then(|| PlainDetectors::new(learn_until));
        let engine = engine::Backtest::new(settings, Period { learn_until, from, to }, plain)?;
        let (inputs, skipped) = files::expand(paths, org.as_ref())?;
        Ok(Self { inputs, skipped, engine, org, threads })
    }

    /// Returns the bytes on disk of all inputs.
    pub fn bytes(&self) -> u64 {
        self.inputs.iter().map(|input| input.bytes).sum()
    }
}

/// Runs to the end. Calls `reject` with every record set aside, file by file, and `progress` after each batch.
///
/// # Errors
/// If a file cannot be read to its end, or `reject` fails.
pub fn backtest(
    run: Backtest,
    mut reject: impl FnMut(&PathBuf, &Reject) -> std::io::Result<()>,
    mut progress: impl FnMut(Progress),
) -> Result<Outcome, BacktestError> {
    let Backtest { inputs, skipped, mut engine, org, threads } = run;
    let (mut ignored, mut rejects, mut bytes) = (0, 0, 0);
    let mut rejects_by_reason: BTreeMap<String, u64> = BTreeMap::new();
    files::read::<BacktestError>(&inputs, org.as_ref(), threads, |batch| {
        for (path, rejected) in &batch.rejects {
            rejects += 1;
            *rejects_by_reason.entry(rejected.reason.to_string()).or_default() += 1;
            reject(path, rejected).map_err(BacktestError::Rejects)?;
        }
        ignored += batch.ignored;
        bytes = batch.bytes;
        for activity in batch.activities.drain(..) {
            engine.push(activity)?;
        }
        progress(Progress { bytes, events: engine.events() });
        Ok(())
    })?;
    let engine::Outcome { finished, events, outside, plain } = engine.finish()?;
    let files = inputs.len() as u64;
    Ok(Outcome { finished, skipped, files, bytes, events, outside, ignored, rejects, rejects_by_reason, plain })
}
