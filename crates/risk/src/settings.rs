//! How findings weigh in a risk score.

use model::{RiskModel, UserClass};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// `noisy_or`: 100·(1 − Π(1 − weight·score/10·decay·damping)). `sum`: the plain weighted sum, capped at 100.
    pub model: RiskModel,
    /// Findings of a user are one incident while they come within this many hours of each other.
    pub merge_hours: u32,
    /// Hours in which a finding's part halves, counted both ways from the incident's worst moment.
    pub half_life_hours: f64,
    /// Part left to every finding of a group but its strongest.
    pub damping: f64,
    /// Factor on the odds for each further log (list view, report, API, bulk) that tells of the same.
    pub corroboration: f64,
    /// By detector; what is absent stays at the default.
    pub weights: BTreeMap<String, Weight>,
    /// Factor on the odds by object; the highest of an incident counts.
    pub sensitivity: BTreeMap<String, f64>,
    /// Factor on the odds by class of user.
    pub classes: BTreeMap<UserClass, f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Weight {
    /// Part that a full score of the detector has of certainty, 0 to 1.
    pub weight: f64,
    /// Detectors of one group see the same behavior: the best counts, the rest is damped.
    pub group: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            model: RiskModel::NoisyOr,
            merge_hours: 24,
            half_life_hours: 12.0,
            damping: 0.4,
            corroboration: 1.5,
            weights: BTreeMap::new(),
            sensitivity: BTreeMap::new(),
            classes: BTreeMap::new(),
        }
    }
}

/// Weights such that one certain spike alone is high, and the founding article's four findings are critical.
/// How much was read and what was read for the first time have one cause more often than not, so they are one group.
const DEFAULTS: [(&str, f64, &str); 16] = [
    ("row_spike", 0.66, "reading"),
    ("bulk_export", 0.745, "reading"),
    ("slow_drain", 0.81, "reading"),
    ("scope_increase", 0.95, "reading"),
    ("new_access", 0.91, "reading"),
    ("new_report_export", 0.92, "reading"),
    ("view_burst", 0.63, "reading"),
    ("rare_user_agent", 0.775, "client"),
    ("rare_network", 0.565, "network"),
    ("failed_then_success", 0.775, "login"),
    ("session_hijack", 0.85, "session"),
    ("login_as_export", 0.745, "delegation"),
    ("off_hours", 0.76, "time"),
    ("api_recon", 0.79, "reconnaissance"),
    ("threat_detection", 0.66, "native"),
    // Of ingest, about sources: its score is the risk.
    ("blind_source", 1.0, "coverage"),
];

/// What is wrong with the settings.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    #[error("risk.{field}: must be from {least} to {most}, is {value}")]
    Range { field: String, least: f64, most: f64, value: f64 },
    #[error("risk.weights: no such detector: {0:?}")]
    NoSuchDetector(String),
}

impl Settings {
    /// Weight and group of a detector.
    pub fn weight(&self, detector: &str) -> Weight {
        let default = || {
            let known = DEFAULTS.iter().find(|(name, ..)| *name == detector);
            let (_, weight, group) = known.copied().unwrap_or((detector, 0.5, detector));
            Weight { weight, group: group.to_owned() }
        };
        self.weights.get(detector).cloned().unwrap_or_else(default)
    }

    /// Every error at once.
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
