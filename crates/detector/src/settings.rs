//! Settings of this service.

use model::Timestamp;
use serde::{Deserialize, Serialize};

/// The section `[detector]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Most messages judged in one batch.
    pub messages: usize,
    /// Observations before this event time raise nothing: the profiles only learn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub learn_until: Option<Timestamp>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { messages: 64, learn_until: None }
    }
}

impl Settings {
    /// Returns one text for each value that is out of range.
    pub fn check(&self) -> Vec<String> {
        let in_range = (1..=1_000).contains(&self.messages);
        let wrong = || format!("detector.messages: must be from 1 to 1000, is {}", self.messages);
        if in_range { Vec::new() } else { vec![wrong()] }
    }
}
