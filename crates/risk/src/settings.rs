//! How findings weigh in a risk score: section `[risk]` of the configuration.

use model::time::HOUR;
use model::{RiskModel, UserClass};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Section `[risk]` of the configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// `noisy_or`: 100·(1 − Π(1 − weight·score/10·decay·damping)). `sum`: the plain weighted sum, capped at 100.
    pub model: RiskModel,
    /// Merge window in hours: findings of a user that come within it of each other form one incident. 1 to 2,160.
    pub merge_hours: u32,
    /// Hours between a finding and the incident's worst moment that halve its part. 1 to 8,760.
    pub half_life_hours: f64,
    /// Factor on the part of every finding of a group but the strongest, 0 to 1.
    pub damping: f64,
    /// Factor on the odds for each further surface (list view, report, API, bulk) that findings name. 0.1 to 10.
    pub corroboration: f64,
    /// Factor on the odds if strong findings of what was done (groups `reading` and `writing`) and of who did it (`client`,
    /// `network`, `login`, `session`, `delegation` and `time`) come together, 1 to 10; weaker ones have a part of it.
    pub both_kinds: f64,
    /// Weights by detector; detectors that are absent keep the default.
    pub weights: BTreeMap<String, Weight>,
    /// Factors on the odds by object, 0.05 to 20; the highest of an incident counts.
    pub sensitivity: BTreeMap<String, f64>,
    /// Factors on the odds by class of user, 0.05 to 20.
    pub classes: BTreeMap<UserClass, f64>,
}

/// How a detector weighs in a risk score.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Weight {
    /// The risk that a full score of the detector has by itself, 0 to 1.
    pub weight: f64,
    /// The detectors of a group see the same behavior: the strongest counts in full, the others are damped.
    pub group: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            model: RiskModel::NoisyOr,
            merge_hours: 24,
            half_life_hours: 12.0,
            damping: 0.3,
            corroboration: 1.2,
            both_kinds: 3.0,
            weights: BTreeMap::new(),
            sensitivity: BTreeMap::new(),
            classes: BTreeMap::new(),
        }
    }
}

/// Weight and group by detector.
///
/// Chosen so that one certain spike alone is high (66) and the founding article's four findings are critical, and tuned
/// on simulated worlds by `cargo xtask quality fit`, together with `zero_at` and `halving` of detect, and then rounded.
/// Volume and first-time access mostly have one cause, so they form one group.
const DEFAULTS: [(&str, f64, &str); 26] = [
    ("row_spike", 0.66, "reading"),
    ("bulk_export", 0.8, "reading"),
    ("slow_drain", 0.81, "reading"),
    // One request is a weaker sign than a day. A crawl of pages is an alarm by itself, because nothing else sees it.
    ("large_request", 0.52, "reading"),
    ("page_crawl", 0.95, "reading"),
    // So that some 5,000 records deleted by a person are an alarm by themselves, and 50,000 updated are, before calibration.
    ("mass_deletion", 0.95, "writing"),
    ("mass_change", 0.95, "writing"),
    ("scope_increase", 0.95, "reading"),
    ("new_access", 0.91, "reading"),
    ("new_report_export", 0.92, "reading"),
    ("view_burst", 0.63, "reading"),
    ("unlike_self", 0.8, "reading"),
    ("rare_user_agent", 0.775, "client"),
    ("rare_network", 0.565, "network"),
    // An app brings a client of its own, and a return after long mostly another network.
    ("new_app", 0.8, "client"),
    ("dormant_account", 0.85, "network"),
    ("failed_then_success", 0.775, "login"),
    ("session_hijack", 0.9, "session"),
    ("login_as_export", 0.745, "delegation"),
    ("off_hours", 0.6, "time"),
    ("api_recon", 0.55, "reconnaissance"),
    // Evidence for what follows: one change alone (score 3 to 7) is a risk of 15 to 40, and with a certain spike an alarm.
    // Choices, not tuned: simulated orgs have no such changes.
    ("rights_raised", 0.55, "rights"),
    ("app_authorized", 0.6, "apps"),
    ("controls_loosened", 0.6, "controls"),
    ("threat_detection", 0.66, "native"),
    // Raised by ingest about a source without events: its score is the risk.
    ("blind_source", 1.0, "coverage"),
];

/// An invalid value in the settings.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A number outside of its range.
    #[error("risk.{field}: must be from {least} to {most}, is {value}")]
    Range {
        /// The key below `risk`.
        field: String,
        /// The lowest valid value.
        least: f64,
        /// The highest valid value.
        most: f64,
        /// The value that was set.
        value: f64,
    },
    /// A weight for a detector that does not exist.
    #[error("risk.weights: no such detector: {0:?}")]
    NoSuchDetector(String),
}

impl Settings {
    /// Returns weight and group of a detector. A detector without either a setting or a default weighs 0.5, in a group of
    /// its own.
    pub fn weight(&self, detector: &str) -> Weight {
        let default = || {
            let known = DEFAULTS.iter().find(|(name, ..)| *name == detector);
            let (_, weight, group) = known.copied().unwrap_or((detector, 0.5, detector));
            Weight { weight, group: group.to_owned() }
        };
        self.weights.get(detector).cloned().unwrap_or_else(default)
    }

    /// Returns the names of all detectors with a default weight.
    pub fn detectors() -> impl Iterator<Item = &'static str> {
        DEFAULTS.iter().map(|(name, ..)| *name)
    }

    /// Returns the merge window in milliseconds.
    pub fn merge_window(&self) -> i64 {
        i64::from(self.merge_hours) * HOUR
    }

    /// Returns all errors, not only the first.
    pub fn check(&self) -> Vec<SettingsError> {
        let mut errors = Vec::new();
        let mut range = |field: String, value: f64, least: f64, most: f64| {
            if !(least..=most).contains(&value) {
                errors.push(SettingsError::Range { field, least, most, value });
            }
        };
        range("merge_hours".into(), f64::from(self.merge_hours), 1.0, 24.0 * 90.0);
        range("half_life_hours".into(), self.half_life_hours, 1.0, 24.0 * 365.0);
        range("damping".into(), self.damping, 0.0, 1.0);
        range("corroboration".into(), self.corroboration, 0.1, 10.0);
        range("both_kinds".into(), self.both_kinds, 1.0, 10.0);
        for (detector, weight) in &self.weights {
            range(format!("weights.{detector}.weight"), weight.weight, 0.0, 1.0);
        }
        for (object, factor) in &self.sensitivity {
            range(format!("sensitivity.{object}"), *factor, 0.05, 20.0);
        }
        for (class, factor) in &self.classes {
            range(format!("classes.{class}"), *factor, 0.05, 20.0);
        }
        let unknown = self.weights.keys().filter(|name| !DEFAULTS.iter().any(|(known, ..)| known == name));
        errors.extend(unknown.cloned().map(SettingsError::NoSuchDetector));
        errors
    }
}
