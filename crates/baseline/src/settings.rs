//! Settings of this service.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The section `[baseline]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Milliseconds between two checkpoints of a partition. After a crash, entries since the last one are applied again.
    pub checkpoint_ms: u64,
    /// Milliseconds between two checks for other replicas and free partitions.
    pub balance_ms: u64,
    /// Profiles that a partition keeps in memory beyond those of accounts that are active today.
    pub profiles_in_memory: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { checkpoint_ms: 5_000, balance_ms: 1_000, profiles_in_memory: 50_000 }
    }
}

impl Settings {
    /// Returns one text for each value that is out of range.
    pub fn check(&self) -> Vec<String> {
        let mut errors = Vec::new();
        let mut range = |name: &str, value: u64, least: u64, most: u64| {
            if !(least..=most).contains(&value) {
                errors.push(format!("baseline.{name}: must be from {least} to {most}, is {value}"));
            }
        };
        range("checkpoint_ms", self.checkpoint_ms, 10, 600_000);
        // At most 5 s, so that partitions are taken over within ten seconds.
        range("balance_ms", self.balance_ms, 50, 5_000);
        errors
    }

    pub(crate) fn checkpoint_interval(&self) -> Duration {
        Duration::from_millis(self.checkpoint_ms)
    }

    pub(crate) fn balance_interval(&self) -> Duration {
        Duration::from_millis(self.balance_ms)
    }
}
