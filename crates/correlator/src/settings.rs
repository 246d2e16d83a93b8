//! What can be set of this service.

use serde::{Deserialize, Serialize};
use std::time::Duration;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Messages merged in one transaction, at most.
    pub messages: usize,
    /// Milliseconds between two looks into the outbox.
    pub relay_ms: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { messages: 64, relay_ms: 50 }
    }
}

impl Settings {
    /// What is wrong with the values, in words.
    pub fn check(&self) -> Vec<String> {
        let mut errors = Vec::new();
        if !(1..=1_000).contains(&self.messages) {
            errors.push(format!("correlator.messages: must be from 1 to 1000, is {}", self.messages));
        }
        if !(5..=60_000).contains(&self.relay_ms) {
            errors.push(format!("correlator.relay_ms: must be from 5 to 60000, is {}", self.relay_ms));
        }
        errors
    }

    pub(crate) fn relay_interval(&self) -> Duration {
        Duration::from_millis(self.relay_ms)
    }
}
