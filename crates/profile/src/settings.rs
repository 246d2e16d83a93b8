//! How profiles learn. What decides a verdict is not here but with the detectors.

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// IANA name of the time zone in which the org's days begin.
    pub time_zone: String,
    /// Seconds by which an event may come after later ones and still count in its hour.
    pub lateness_seconds: u32,
    /// Hours for which identities are remembered, so that nothing is counted twice.
    pub identity_hours: u32,
    /// Active days that a baseline remembers at most.
    pub memory_days: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self { time_zone: "UTC".to_owned(), lateness_seconds: 600, identity_hours: 96, memory_days: 60 }
    }
}

/// What is wrong with the settings.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    #[error("profile.time_zone: no such time zone: {0:?}")]
    TimeZone(String),
    #[error("profile.{field}: must be from {least} to {most}, is {value}")]
    Range { field: &'static str, least: u32, most: u32, value: u32 },
}

impl Settings {
    /// Every error at once.
    pub fn check(&self) -> Vec<SettingsError> {
        let mut errors = Vec::new();
        if self.time_zone.parse::<chrono_tz::Tz>().is_err() {
            errors.push(SettingsError::TimeZone(self.time_zone.clone()));
        }
        let ranges = [
            ("lateness_seconds", self.lateness_seconds, 0, 7 * 86_400),
            ("identity_hours", self.identity_hours, 1, 24 * 180),
            ("memory_days", self.memory_days, 10, 365),
        ];
        for (field, value, least, most) in ranges {
            if !(least..=most).contains(&value) {
                errors.push(SettingsError::Range { field, least, most, value });
            }
        }
        errors
    }
}
