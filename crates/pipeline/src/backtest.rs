//! From files to incidents.

use crate::input::{self, Input, InputError, Skipped};
use crate::plain::Plain;
use crate::{Config, Engine, Finished};
use model::{OrgId, Timestamp};
use salesforce::Reject;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// What to run over which files.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Org of records that name none.
    pub org: Option<OrgId>,
    /// Before this time the profiles only learn.
    pub learn_until: Option<Timestamp>,
    /// Events from this time on, and before the other.
    pub from: Option<Timestamp>,
    pub to: Option<Timestamp>,
    /// Threads that parse, at least 1.
    pub threads: usize,
    /// Whether the founding article's plain detectors run beside.
    pub plain: bool,
}

/// A run that is ready to start.
pub struct Backtest {
    pub inputs: Vec<Input>,
    pub skipped: Vec<Skipped>,
    config: Config,
    options: Options,
}

/// What a run gave, with all that was read, set aside and skipped.
pub struct Outcome {
    pub finished: Finished,
    pub skipped: Vec<Skipped>,
    pub files: u64,
    pub bytes: u64,
    pub events: u64,
    /// Events outside the asked time.
    pub outside: u64,
    /// Events of kinds that are not watched.
    pub ignored: u64,
    pub rejects: u64,
    pub rejects_by_reason: BTreeMap<String, u64>,
    pub plain: Option<Plain>,
}

#[derive(Debug, thiserror::Error)]
pub enum BacktestError {
    #[error(transparent)]
    Input(#[from] InputError),
    #[error("no time is asked for: from {from} is not before to {to}")]
    EmptyPeriod { from: Timestamp, to: Timestamp },
    #[error(transparent)]
    Settings(#[from] profile::SettingsError),
    /// What the caller's own handling of rejects or progress ran into.
    #[error("cannot write the rejects")]
    Rejects(#[source] std::io::Error),
}

/// How far a run has come.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    pub bytes: u64,
    pub events: u64,
}

impl Backtest {
    /// # Errors
    /// If no time can be between [`Options::from`] and [`Options::to`], a path cannot be read, or there is no file of
    /// events.
    pub fn new(paths: &[PathBuf], config: Config, options: Options) -> Result<Self, BacktestError> {
        if let (Some(from), Some(to)) = (options.from, options.to)
            && from >= to
        {
            return Err(BacktestError::EmptyPeriod { from, to });
        }
        let (inputs, skipped) = input::expand(paths, options.org.as_ref())?;
        Ok(Self { inputs, skipped, config, options })
    }

    /// Bytes on disk of all inputs.
    pub fn bytes(&self) -> u64 {
        self.inputs.iter().map(|input| input.bytes).sum()
    }
}

/// Runs to the end. `reject` gets what is set aside, file by file; `progress` is told after each batch.
///
/// # Errors
/// If a file cannot be read to its end, or `reject` fails.
pub fn backtest(
    run: Backtest,
    mut reject: impl FnMut(&PathBuf, &Reject) -> std::io::Result<()>,
    mut progress: impl FnMut(Progress),
) -> Result<Outcome, BacktestError> {
    let Backtest { inputs, skipped, config, options } = run;
    let mut engine = Engine::new(config, options.learn_until);
    let mut plain = options.plain.then(|| Plain::new(options.learn_until));
    let (mut events, mut outside, mut ignored, mut rejects, mut bytes) = (0, 0, 0, 0, 0);
    let mut by_reason: BTreeMap<String, u64> = BTreeMap::new();
    input::read::<BacktestError>(&inputs, options.org.as_ref(), options.threads, |batch| {
        for (path, rejected) in &batch.rejects {
            rejects += 1;
            *by_reason.entry(rejected.reason.to_string()).or_default() += 1;
            reject(path, rejected).map_err(BacktestError::Rejects)?;
        }
        ignored += batch.ignored;
        bytes = batch.bytes;
        for activity in &batch.activities {
            events += 1;
            let at = activity.event_time;
            if options.from.is_some_and(|from| at < from) || options.to.is_some_and(|to| at >= to) {
                outside += 1;
                continue;
            }
            engine.push(activity)?;
            if let Some(plain) = &mut plain {
                plain.push(activity);
            }
        }
        progress(Progress { bytes, events });
        Ok(())
    })?;
    Ok(Outcome {
        finished: engine.finish(),
        skipped,
        files: inputs.len() as u64,
        bytes,
        events,
        outside,
        ignored,
        rejects,
        rejects_by_reason: by_reason,
        plain,
    })
}
