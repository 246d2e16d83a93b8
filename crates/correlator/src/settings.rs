//! Section `[correlator]` of the configuration.

use serde::{Deserialize, Serialize};
use std::time::Duration;
use store::Retention;

/// Section `[correlator]` of the configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The most messages to merge in one transaction, 1 to 1,000.
    pub messages: usize,
    /// Milliseconds between two reads of the outbox, 5 to 60,000.
    pub relay_ms: u64,
    /// Seconds between two searches for incidents to end, 1 to 86,400.
    pub closing_seconds: u64,
    /// How long history, audit trail and finished deliveries are kept.
    pub retention: Retention,
}

impl Default for Settings {
    fn default() -> Self {
        Self { messages: 64, relay_ms: 50, closing_seconds: 30, retention: Retention::default() }
    }
}

impl Settings {
    /// Returns the errors in the values, each with its key.
    pub fn check(&self) -> Vec<String> {
        let mut errors = Vec::new();
        if !(1..=1_000).contains(&self.messages) {
            errors.push(format!("correlator.messages: must be from 1 to 1000, is {}", self.messages));
        }
        if !(5..=60_000).contains(&self.relay_ms) {
            errors.push(format!("correlator.relay_ms: must be from 5 to 60000, is {}", self.relay_ms));
        }
        if !(1..=86_400).contains(&self.closing_seconds) {
            errors.push(format!("correlator.closing_seconds: must be from 1 to 86400, is {}", self.closing_seconds));
        }
        errors
    }

    pub(crate) fn ending_interval(&self) -> Duration {
        Duration::from_secs(self.closing_seconds)
    }

    pub(crate) fn relay_interval(&self) -> Duration {
        Duration::from_millis(self.relay_ms)
    }
}
