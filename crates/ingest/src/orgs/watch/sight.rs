//! What one source has told of one kind of events, and the org's clock. Pure: time is an argument.

use model::Timestamp;
use std::time::Duration;
use tokio::time::Instant;

/// What one source has told of one kind.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sight {
    /// Time of the latest event.
    pub(super) event: Option<Timestamp>,
    /// When it last answered, by the org's clock.
    pub(super) heard: Option<Timestamp>,
    /// What went wrong since; in words for an operator.
    pub(super) problem: Option<String>,
    /// Why the org or its user does not have it.
    pub(super) missing: Option<String>,
    /// Whether anything was heard of it since the process began, good or bad.
    pub(super) is_used: bool,
    answered: Option<Instant>,
    expected: Instant,
}

/// The org's clock, as far as its answers tell it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    time: Timestamp,
    at: Instant,
    /// Whether the org has said anything.
    is_set: bool,
}

impl Sight {
    pub(super) fn new(now: Instant) -> Self {
        Self { event: None, heard: None, problem: None, missing: None, is_used: false, answered: None, expected: now }
    }

    pub(super) fn restore(&mut self, event: Option<Timestamp>, heard: Option<Timestamp>) {
        // Nothing is earlier than any time.
        (self.event, self.heard) = (self.event.max(event), self.heard.max(heard));
    }

    /// It leads from now on: an answer is due.
    pub(super) fn expect(&mut self, now: Instant) {
        self.expected = now;
    }

    pub(super) fn heard(&mut self, at: Timestamp, now: Instant) {
        self.heard = self.heard.max(Some(at));
        self.problem = None;
        (self.answered, self.is_used) = (Some(now), true);
    }

    pub(super) fn saw(&mut self, latest: Timestamp, at: Timestamp, now: Instant) {
        self.event = self.event.max(Some(latest));
        self.heard(at, now);
    }

    pub(super) fn failed(&mut self, problem: &str) {
        self.problem = Some(brief(problem));
        self.is_used = true;
    }

    /// Since when there is nothing.
    pub(super) fn since(&self) -> Instant {
        self.answered.map_or(self.expected, |answered| answered.max(self.expected))
    }

    pub(super) fn heard_after(&self, told: Instant) -> bool {
        self.answered.is_some_and(|answered| answered > told)
    }
}

impl Clock {
    /// A clock that shows `wall` until the org has said what time it is.
    pub(super) fn new(at: Instant, wall: Timestamp) -> Self {
        Self { time: wall, at, is_set: false }
    }

    /// The org says that it was `time` some while ago: what is said may be late, and is never early.
    pub(super) fn hear(&mut self, time: Timestamp, now: Instant) {
        if !self.is_set || time > self.at(now) {
            *self = Self { time, at: now, is_set: true };
        }
    }

    pub(super) fn at(&self, now: Instant) -> Timestamp {
        let (ahead, behind) = (milliseconds(now.duration_since(self.at)), milliseconds(self.at.duration_since(now)));
        self.time.plus(ahead - behind)
    }
}

/// Errors of others may be of any length, and of several lines.
fn brief(problem: &str) -> String {
    const MOST: usize = 300;
    let line = problem.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(MOST) {
        Some((end, _)) => line.get(..end).map(|start| format!("{start}…")).unwrap_or_default(),
        None => line,
    }
}

fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
