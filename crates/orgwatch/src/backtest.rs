//! From files to incidents.

use engine::compare::PlainDetectors;
use engine::{Analyst, Finished, Period};
use files::{Input, InputError, NamedOrgs, Skipped};
use model::{Decision, OrgId, Timestamp};
use salesforce::reading::delivered::{Delivered, LeftOut};
use salesforce::{Context, Counts, Faults, Reject, RejectReason, TypeNames};
use settings::Settings;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Which files to run over, and how.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Org of records that name none. Without it they join the only org that is named, or [`files::UNNAMED_ORG`] if
    /// none is; if several are named, they are set aside.
    pub org: Option<OrgId>,
    /// Types of records that do not say theirs.
    pub types: TypeNames,
    /// The time. Events that are dated more than 5 minutes later are set aside; none if it is `None`.
    pub now: Option<Timestamp>,
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
    /// Whether what all tests find of each user-day is kept.
    pub scores: bool,
    /// Decisions of people, as they were exported.
    pub decisions: Vec<Decision>,
    /// A simulated analyst, who decides on what is raised.
    pub analyst: Option<Analyst>,
}

/// A run that is ready to start.
pub struct Backtest {
    /// The files to read, by the time of their first event.
    pub inputs: Vec<Input>,
    /// Files of folders that hold no events.
    pub skipped: Vec<Skipped>,
    start: Start,
    org: Option<OrgId>,
    threads: usize,
}

/// What an engine starts with.
struct Start {
    settings: Settings,
    period: Period,
    plain: bool,
    scores: bool,
    decisions: Vec<Decision>,
    analyst: Option<Analyst>,
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
    /// Events left out because another channel has delivered the same, by kind and channel.
    pub left_out: LeftOut,
    /// Events of types that are not watched, types that records do not say, and values that could not be read.
    pub counts: Counts,
    /// Records set aside, by fault.
    pub faults: Faults<Example>,
    /// Where no org was given and some records name none: the org that they joined, and how many they are.
    pub joined: Option<(OrgId, u64)>,
    /// The founding article's plain detectors, if they ran beside.
    pub plain: Option<PlainDetectors>,
}

/// A record that was set aside.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Example {
    /// Its file.
    pub file: PathBuf,
    /// The line on which it starts, from 1.
    pub line: u64,
    /// Why it was set aside, with its values.
    pub reason: String,
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
        let Options { org, types, now, learn_until, from, to, threads, plain, scores, decisions, analyst } = options;
        let period = Period { learn_until, from, to };
        let start = Start { settings, period, plain, scores, decisions, analyst };
        // An empty period is an error before files are opened.
        start.engine()?;
        let (inputs, skipped) = files::expand(paths, &Context { org: org.clone(), types, received: now })?;
        Ok(Self { inputs, skipped, start, org, threads })
    }

    /// Returns the bytes on disk of all inputs.
    pub fn bytes(&self) -> u64 {
        self.inputs.iter().map(|input| input.bytes).sum()
    }
}

impl Start {
    fn engine(&self) -> Result<engine::Backtest, engine::BacktestError> {
        let plain = self.plain.then(|| PlainDetectors::new(self.period.learn_until));
        let engine = engine::Backtest::new(self.settings.clone(), self.period, plain)?;
        let engine = engine.with_decisions(&self.decisions)?;
        let engine = if self.scores { engine.with_scores() } else { engine };
        Ok(match &self.analyst {
            Some(analyst) => engine.with_analyst(analyst.clone()),
            None => engine,
        })
    }
}

/// Runs to the end. Calls `reject` with every record set aside, file by file, and `progress` after each batch.
///
/// Where no org is given, the beginnings of the files say which org records join that name none. If a later record
/// names another org, the files are read again from the start, at most twice; and once more if several channels have
/// delivered the same kind of events, when it is known which of them leads at each time.
///
/// # Errors
/// If a file cannot be read to its end, or `reject` fails.
pub fn backtest(
    run: Backtest,
    mut reject: impl FnMut(&PathBuf, &Reject) -> std::io::Result<()>,
    mut progress: impl FnMut(Progress),
) -> Result<Outcome, BacktestError> {
    let mut known =
        Known { named: run.org.is_none().then(|| NamedOrgs::at_the_beginning(&run.inputs)), delivered: None };
    let mut reported = Reported::default();
    loop {
        let report = |path: &PathBuf, rejected: &Reject| {
            if reported.is_new(path, rejected) { reject(path, rejected) } else { Ok(()) }
        };
        match read(&run, &mut known, report, &mut progress) {
            Ok(outcome) => return Ok(Outcome { skipped: run.skipped, ..outcome }),
            Err(Stop::Failed(error)) => return Err(error),
            Err(Stop::OtherOrg) => {}
            Err(Stop::Shared(delivered)) => known.delivered = Some(delivered),
        }
        reported.restart();
    }
}

/// What earlier readings of the files have shown.
struct Known {
    /// The orgs that records name; `None` if the caller gave the org.
    named: Option<NamedOrgs>,
    /// When each channel has delivered events, if several have delivered the same kind.
    delivered: Option<Delivered>,
}

/// Why the files have to be read again, or cannot be read.
enum Stop {
    Failed(BacktestError),
    /// Records without an org were counted for another org than is now known to be theirs.
    OtherOrg,
    /// Several channels have delivered the same kind of events.
    Shared(Delivered),
}

impl From<BacktestError> for Stop {
    fn from(error: BacktestError) -> Self {
        Self::Failed(error)
    }
}

impl From<InputError> for Stop {
    fn from(error: InputError) -> Self {
        Self::Failed(error.into())
    }
}

/// Reads all files once.
fn read(
    run: &Backtest,
    known: &mut Known,
    mut reject: impl FnMut(&PathBuf, &Reject) -> std::io::Result<()>,
    progress: &mut impl FnMut(Progress),
) -> Result<Outcome, Stop> {
    let Backtest { inputs, start, threads, .. } = run;
    let Known { named, delivered } = known;
    let org = match named {
        Some(named) => named.joined(),
        None => run.org.clone(),
    };
    let mut engine = start.engine().map_err(BacktestError::from)?;
    let (mut counts, mut faults, mut left_out) = (Counts::default(), Faults::default(), LeftOut::new());
    let (mut read, mut bytes, mut seen) = (0, 0, Delivered::default());
    files::read::<Stop>(inputs, org.as_ref(), *threads, |batch| {
        for (path, rejected) in &batch.rejects {
            faults.add(&rejected.reason, || Example {
                file: path.clone(),
                line: rejected.line,
                reason: rejected.reason.to_string(),
            });
            reject(path, rejected).map_err(BacktestError::Rejects)?;
        }
        counts.append(std::mem::take(&mut batch.counts));
        bytes = batch.bytes;
        if let Some(named) = named {
            batch.activities.iter().for_each(|activity| named.see(&activity.org_id));
            if counts.unnamed > 0 && named.joined() != org {
                return Err(Stop::OtherOrg);
            }
        }
        read += batch.activities.len() as u64;
        match delivered {
            Some(delivered) => delivered.leave_out(&mut batch.activities, &mut left_out),
            None => batch.activities.iter().for_each(|activity| seen.see(activity)),
        }
        // Once two channels have delivered the same kind, only what each has delivered is still of interest.
        if !seen.is_shared() {
            for activity in batch.activities.drain(..) {
                engine.push(activity).map_err(BacktestError::from)?;
            }
        }
        progress(Progress { bytes, events: read });
        Ok(())
    })?;
    if seen.is_shared() {
        return Err(Stop::Shared(seen));
    }
    let engine::Outcome { finished, events: _, outside, plain } = engine.finish().map_err(BacktestError::from)?;
    let joined = org.filter(|_| named.is_some() && counts.unnamed > 0).map(|org| (org, counts.unnamed));
    Ok(Outcome {
        finished,
        skipped: Vec::new(),
        files: inputs.len() as u64,
        bytes,
        events: read,
        outside,
        left_out,
        counts,
        faults,
        joined,
        plain,
    })
}

/// Counts the records set aside of each file, so that each is reported once although files may be read again.
///
/// Only records without an org are set aside in one reading and not in another; they are in the last one alone.
#[derive(Default)]
struct Reported {
    before: BTreeMap<PathBuf, u64>,
    now: BTreeMap<PathBuf, u64>,
}

impl Reported {
    fn is_new(&mut self, path: &PathBuf, reject: &Reject) -> bool {
        if reject.reason == RejectReason::NoOrg {
            return true;
        }
        let count = match self.now.get_mut(path) {
            Some(count) => count,
            None => self.now.entry(path.clone()).or_default(),
        };
        *count += 1;
        *count > self.before.get(path).copied().unwrap_or(0)
    }

    fn restart(&mut self) {
        for (path, count) in std::mem::take(&mut self.now) {
            let before = self.before.entry(path).or_default();
            *before = count.max(*before);
        }
    }
}
