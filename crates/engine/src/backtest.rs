//! An engine over the activities of a period.

use crate::compare::PlainDetectors;
use crate::{Analyst, Engine, Finished, PartitionError};
use model::{Activity, Decision, Timestamp};
use settings::Settings;

/// Which activities count, and from when on something is raised.
#[derive(Clone, Copy, Debug, Default)]
pub struct Period {
    /// Before this time the profiles only learn.
    pub learn_until: Option<Timestamp>,
    /// Activities before this time are left out.
    pub from: Option<Timestamp>,
    /// Activities from this time on are left out.
    pub to: Option<Timestamp>,
}

/// A backtest under way.
pub struct Backtest {
    engine: Engine,
    plain: Option<PlainDetectors>,
    analyst: Option<Analyst>,
    period: Period,
    events: u64,
    outside: u64,
}

/// The result of a backtest.
pub struct Outcome {
    /// Findings, incidents, and what was counted.
    pub finished: Finished,
    /// Activities taken in, including those outside the period.
    pub events: u64,
    /// Activities outside the period.
    pub outside: u64,
    /// The founding article's plain detectors, if they ran beside.
    pub plain: Option<PlainDetectors>,
}

/// Why a backtest cannot start or go on.
#[derive(Debug, thiserror::Error)]
pub enum BacktestError {
    /// `from` is not before `to`.
    #[error("the period is empty: from {from} is not before to {to}")]
    EmptyPeriod {
        /// The period's start.
        from: Timestamp,
        /// The period's end.
        to: Timestamp,
    },
    /// The settings of profiles do not fit.
    #[error(transparent)]
    Partition(#[from] PartitionError),
}

impl Backtest {
    /// Starts a backtest; with `plain`, the founding article's detectors run beside.
    ///
    /// # Errors
    /// If the period is empty.
    pub fn new(settings: Settings, period: Period, plain: Option<PlainDetectors>) -> Result<Self, BacktestError> {
        if let (Some(from), Some(to)) = (period.from, period.to)
            && from >= to
        {
            return Err(BacktestError::EmptyPeriod { from, to });
        }
        Ok(Self {
            engine: Engine::new(settings, period.learn_until),
            plain,
            analyst: None,
            period,
            events: 0,
            outside: 0,
        })
    }

    /// Keeps what all tests find of each user-day, see [`Finished::scores`].
    #[must_use]
    pub fn with_scores(mut self) -> Self {
        self.engine = self.engine.with_scores();
        self
    }

    /// Takes decisions of people, which have been exported with the hours with which they took effect.
    ///
    /// # Errors
    /// If the settings of profiles do not fit.
    pub fn with_decisions(mut self, decisions: &[Decision]) -> Result<Self, BacktestError> {
        decisions.iter().try_for_each(|decision| self.engine.decide(decision))?;
        Ok(self)
    }

    /// Has a simulated analyst decide, every morning of event time, on what was raised.
    #[must_use]
    pub fn with_analyst(mut self, analyst: Analyst) -> Self {
        self.analyst = Some(analyst);
        self
    }

    /// Takes in the next activity, in order of event time.
    ///
    /// # Errors
    /// If the settings of profiles do not fit.
    pub fn push(&mut self, activity: Activity) -> Result<(), BacktestError> {
        self.events += 1;
        let at = activity.event_time;
        if self.period.from.is_some_and(|from| at < from) || self.period.to.is_some_and(|to| at >= to) {
            self.outside += 1;
            return Ok(());
        }
        if let Some(plain) = &mut self.plain {
            plain.observe(&activity);
        }
        if let Some(analyst) = &mut self.analyst {
            analyst.pass(&mut self.engine, at)?;
        }
        Ok(self.engine.apply(&activity.into())?)
    }

    /// Returns how many activities were taken in.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// Closes all days and returns the result.
    ///
    /// # Errors
    /// If the settings of profiles do not fit.
    pub fn finish(self) -> Result<Outcome, BacktestError> {
        let Self { engine, plain, events, outside, .. } = self;
        Ok(Outcome { finished: engine.finish()?, events, outside, plain })
    }
}
