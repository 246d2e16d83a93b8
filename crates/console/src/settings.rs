//! Section `[console]` of the configuration.

use crate::SignInSettings;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use store::Role;

/// Section `[console]` of the configuration.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Address of the server.
    pub listen: SocketAddr,
    /// Minutes without a request after which the session of a person ends, 1 to 1,440.
    pub idle_minutes: u32,
    /// Hours after which the session of a person ends in any case, 1 to 168.
    pub session_hours: u32,
    /// The most requests of one session in a minute, 1 to 100,000. Bursts up to as many are served at once.
    pub requests_per_minute: u32,
    /// The least role that sees the names of accounts; those below see pseudonyms.
    pub names_from: Role,
    /// Milliseconds between two looks for new changes of an event stream, 100 to 60,000.
    pub stream_ms: u64,
    /// How many milliseconds the answer to a decision waits until the correlator has applied it, 0 to 30,000.
    pub apply_wait_ms: u64,
    /// The OpenID provider by which persons sign in; without it there are tokens alone.
    pub sign_in: Option<SignInSettings>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([0, 0, 0, 0], 8090)),
            idle_minutes: 60,
            session_hours: 12,
            requests_per_minute: 1_200,
            names_from: Role::Analyst,
            stream_ms: 1_000,
            apply_wait_ms: 5_000,
            sign_in: None,
        }
    }
}

impl Settings {
    /// Returns the errors in the values, each with its key.
    pub fn check(&self) -> Vec<String> {
        let mut errors = Vec::new();
        let mut range = |key: &str, value: u64, low: u64, high: u64| {
            if !(low..=high).contains(&value) {
                errors.push(format!("console.{key}: must be from {low} to {high}, is {value}"));
            }
        };
        range("idle_minutes", self.idle_minutes.into(), 1, 1_440);
        range("session_hours", self.session_hours.into(), 1, 168);
        range("requests_per_minute", self.requests_per_minute.into(), 1, 100_000);
        range("stream_ms", self.stream_ms, 100, 60_000);
        range("apply_wait_ms", self.apply_wait_ms, 0, 30_000);
        errors.extend(self.sign_in.iter().flat_map(SignInSettings::check));
        errors
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_out_of_range_are_named() {
        assert_eq!(Settings::default().check(), Vec::<String>::new());
        let wrong = Settings { idle_minutes: 0, stream_ms: 99, ..Settings::default() };
        assert_eq!(
            wrong.check(),
            [
                "console.idle_minutes: must be from 1 to 1440, is 0",
                "console.stream_ms: must be from 100 to 60000, is 99"
            ]
        );
    }
}
