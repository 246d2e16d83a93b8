//! What one channel has delivered of one kind of events, and the org's clock.

use model::Timestamp;
use std::time::Duration;

/// What one channel has delivered of one kind.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Signal {
    /// Time of the latest event.
    pub(super) event: Option<Timestamp>,
    /// When the channel last answered, by the org's clock.
    pub(super) heard: Option<Timestamp>,
    /// What has failed since then, for an operator.
    pub(super) problem: Option<String>,
    /// Why the org or its user does not have the channel.
    pub(super) missing: Option<String>,
    /// Whether the channel has answered or failed since the process began, or its kind was published as blind.
    pub(super) is_used: bool,
    answered: Option<Duration>,
    expected: Duration,
}

/// The org's clock, as its answers show it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    time: Timestamp,
    at: Duration,
    /// Whether the org has given a time.
    is_set: bool,
}

impl Signal {
    pub(super) fn new(now: Duration) -> Self {
        Self { event: None, heard: None, problem: None, missing: None, is_used: false, answered: None, expected: now }
    }

    /// Takes in the times that were known before a restart.
    pub(super) fn restore(&mut self, event: Option<Timestamp>, heard: Option<Timestamp>) {
        // `None` is less than any time.
        (self.event, self.heard) = (self.event.max(event), self.heard.max(heard));
    }

    /// Begins to expect answers, because the channel leads from now on.
    pub(super) fn expect(&mut self, now: Duration) {
        self.expected = now;
    }

    /// Records an answer; `at` is its time by the org's clock.
    pub(super) fn heard(&mut self, at: Timestamp, now: Duration) {
        self.heard = self.heard.max(Some(at));
        self.problem = None;
        (self.answered, self.is_used) = (Some(now), true);
    }

    /// Records an answer with events, the latest of which happened at `latest`.
    pub(super) fn saw(&mut self, latest: Timestamp, at: Timestamp, now: Duration) {
        self.event = self.event.max(Some(latest));
        self.heard(at, now);
    }

    /// Records a failure.
    pub(super) fn failed(&mut self, problem: &str) {
        self.problem = Some(brief(problem));
        self.is_used = true;
    }

    /// Returns since when the channel has been silent.
    pub(super) fn since(&self) -> Duration {
        self.answered.map_or(self.expected, |answered| answered.max(self.expected))
    }

    pub(super) fn heard_after(&self, moment: Duration) -> bool {
        self.answered.is_some_and(|answered| answered > moment)
    }
}

impl Clock {
    /// Makes a clock that shows `wall` at the start, until the org gives a time.
    pub(super) fn new(wall: Timestamp) -> Self {
        Self { time: wall, at: Duration::ZERO, is_set: false }
    }

    /// Takes in a time that the org gave. It may arrive late and is never ahead, so the clock does not go back.
    pub(super) fn hear(&mut self, time: Timestamp, now: Duration) {
        if !self.is_set || time > self.at(now) {
            *self = Self { time, at: now, is_set: true };
        }
    }

    /// Returns the org's time at a moment.
    pub(super) fn at(&self, now: Duration) -> Timestamp {
        let (ahead, behind) = (milliseconds(now.saturating_sub(self.at)), milliseconds(self.at.saturating_sub(now)));
        self.time.plus(ahead - behind)
    }
}

/// Returns the problem on one line of at most 300 characters. Salesforce's errors may be of any length.
fn brief(problem: &str) -> String {
    const MAX_CHARS: usize = 300;
    let line = problem.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => line.get(..end).map(|start| format!("{start}…")).unwrap_or_default(),
        None => line,
    }
}

fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
