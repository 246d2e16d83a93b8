//! How profiles learn: the `[profile]` section of the configuration. What decides a verdict is in `detect`.

use crate::Anonymizers;
use crate::calendar::{Holidays, parse_date};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Calendar, lateness and memory of an org's profiles. Changing them does not change what was already learned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// IANA name of the time zone in which the org's days begin, such as `Europe/Berlin`.
    pub time_zone: String,
    /// Seconds by which an event may arrive after later ones and still count in its hour, up to 7 days.
    pub lateness_seconds: u32,
    /// Hours of event time for which identities are kept, so that no copy counts twice; 1 to 4,320 (180 days). Older
    /// events are set aside.
    pub identity_hours: u32,
    /// Active days that a baseline weighs at most, 10 to 365; older days fade.
    pub memory_days: u32,
    /// Days of event time for which a day that stands out is held before it is learned, 0 to 60; 0 holds none.
    pub hold_days: u32,
    /// First month of the org's fiscal year, 1 to 12; `None`: unknown. It is a fact to show: nothing is learned by it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fiscal_year_start: Option<u8>,
    /// Dates such as `2026-12-25` on which people rest as on a weekend; at most 1,000.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub holidays: BTreeSet<String>,
    /// Networks that hide where somebody is, and the org's own.
    pub anonymizers: Anonymizers,
}

/// The most holidays. A choice: 30 a year for 30 years, and more.
const MOST_HOLIDAYS: usize = 1_000;

impl Default for Settings {
    /// Ten minutes of lateness cover Salesforce's streams; 96 hours of identities cover log files, which Salesforce
    /// publishes within a day and may replace, over a weekend; 60 active days are about a quarter; within 14 days an incident is looked into. All are choices.
    fn default() -> Self {
        Self {
            time_zone: "UTC".to_owned(),
            lateness_seconds: 600,
            identity_hours: 96,
            memory_days: 60,
            hold_days: 14,
            fiscal_year_start: None,
            holidays: BTreeSet::new(),
            anonymizers: Anonymizers::default(),
        }
    }
}

/// A setting that names no time zone or is out of its range.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The time zone is not in the IANA database.
    #[error("profile.time_zone: no such time zone: {0:?}")]
    TimeZone(String),
    /// An entry of a list that is no network.
    #[error("profile.anonymizers.{list}: no network, address or autonomous system: {text:?}")]
    Network {
        /// The key below `profile.anonymizers.`.
        list: &'static str,
        /// The entry.
        text: String,
    },
    /// A holiday that is no date.
    #[error("profile.holidays: must be dates such as \"2026-12-25\", one is {0:?}")]
    Holiday(String),
    /// Too many holidays.
    #[error("profile.holidays: must be at most {MOST_HOLIDAYS} dates, are {0}")]
    Holidays(usize),
    /// A number outside its range.
    #[error("profile.{field}: must be from {least} to {most}, is {value}")]
    Range {
        /// The key below `profile.`.
        field: &'static str,
        /// The smallest value allowed.
        least: u32,
        /// The largest value allowed.
        most: u32,
        /// The value found.
        value: u32,
    },
}

impl Settings {
    /// Returns the time zone.
    pub(crate) fn zone(&self) -> Result<chrono_tz::Tz, SettingsError> {
        self.time_zone.parse().map_err(|_| SettingsError::TimeZone(self.time_zone.clone()))
    }

    /// Returns the holidays.
    pub(crate) fn days_off(&self) -> Holidays {
        Holidays::new(&self.holidays)
    }

    /// Returns every error in the settings at once; none if they are valid.
    pub fn check(&self) -> Vec<SettingsError> {
        let mut errors = Vec::new();
        errors.extend(self.zone().err());
        let ranges = [
            ("lateness_seconds", self.lateness_seconds, 0, 7 * 86_400),
            ("identity_hours", self.identity_hours, 1, 24 * 180),
            ("memory_days", self.memory_days, 10, 365),
            ("hold_days", self.hold_days, 0, 60),
            ("fiscal_year_start", self.fiscal_year_start.map_or(1, u32::from), 1, 12),
        ];
        for (field, value, least, most) in ranges {
            if !(least..=most).contains(&value) {
                errors.push(SettingsError::Range { field, least, most, value });
            }
        }
        let is_wrong = |text: &&String| parse_date(text).is_none();
        errors.extend(self.holidays.iter().filter(is_wrong).map(|text| SettingsError::Holiday(text.clone())));
        if self.holidays.len() > MOST_HOLIDAYS {
            errors.push(SettingsError::Holidays(self.holidays.len()));
        }
        for (list, networks) in self.anonymizers.lists() {
            let invalid = networks.invalid().iter();
            errors.extend(invalid.map(|text| SettingsError::Network { list, text: text.to_string() }));
        }
        errors
    }
}
