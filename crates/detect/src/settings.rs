//! What decides a verdict. Changing it needs no relearning.

use crate::registry::DETECTORS;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Surprise from which on a finding is raised.
    pub raise_at: f64,
    /// Surprise at which the score is 0, and at which it reaches the detector's ceiling.
    pub zero_at: f64,
    pub full_at: f64,
    /// Surprise that halves what is left to certainty. A noisy-or of such scores adds surprises up.
    pub halving: f64,
    /// Chance that an account behaves as its peers do from today on, by change of role.
    pub peer_mix: f64,
    /// Fewer rows a day than this are no spike for anybody.
    pub least_rows: f64,
    /// Part of a finding's confidence that is left while events are missing that could change it.
    pub blind_confidence: f64,
    /// By detector; what is absent stays at the detector's default.
    pub detectors: BTreeMap<String, Tuning>,
}

/// What may differ from a detector's defaults.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tuning {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// Highest score the detector gives, 0 to 10.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ceiling: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raise_at: Option<f64>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            raise_at: 2.0,
            zero_at: 1.7,
            full_at: 6.0,
            halving: 0.8,
            peer_mix: 1e-3,
            least_rows: 100.0,
            blind_confidence: 0.7,
            detectors: BTreeMap::new(),
        }
    }
}

/// What is wrong with the settings.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    #[error("detect.detectors: no such detector: {0:?}")]
    NoSuchDetector(String),
    #[error("detect.{field}: must be from {least} to {most}, is {value}")]
    Range { field: String, least: f64, most: f64, value: f64 },
    #[error("detect.full_at: must be above detect.zero_at")]
    Order,
}

impl Settings {
    /// Every error at once.
    pub fn check(&self) -> Vec<SettingsError> {
        let mut errors = Vec::new();
        let mut range = |field: String, value: f64, least: f64, most: f64| {
            if !(least..=most).contains(&value) {
                errors.push(SettingsError::Range { field, least, most, value });
            }
        };
        range("raise_at".into(), self.raise_at, 1.0, 40.0);
        range("zero_at".into(), self.zero_at, 0.0, 39.0);
        range("full_at".into(), self.full_at, 0.0, 40.0);
        range("halving".into(), self.halving, 0.05, 40.0);
        range("peer_mix".into(), self.peer_mix, 0.0, 1.0);
        range("least_rows".into(), self.least_rows, 0.0, 1e12);
        range("blind_confidence".into(), self.blind_confidence, 0.0, 1.0);
        for (name, tuning) in &self.detectors {
            if let Some(ceiling) = tuning.ceiling {
                range(format!("detectors.{name}.ceiling"), ceiling, 0.0, 10.0);
            }
            if let Some(raise_at) = tuning.raise_at {
                range(format!("detectors.{name}.raise_at"), raise_at, 0.0, 40.0);
            }
        }
        let known = |name: &String| DETECTORS.iter().any(|detector| detector.name() == name);
        errors.extend(self.detectors.keys().filter(|name| !known(name)).cloned().map(SettingsError::NoSuchDetector));
        if self.full_at <= self.zero_at {
            errors.push(SettingsError::Order);
        }
        errors
    }

    pub fn is_enabled(&self, detector: &str) -> bool {
        self.detectors.get(detector).and_then(|tuning| tuning.enabled).unwrap_or(true)
    }

    /// The score from 0 to the ceiling of `detector`.
    pub(crate) fn score(&self, detector: &str, ceiling: f64, surprise: f64) -> f64 {
        let ceiling = self.detectors.get(detector).and_then(|tuning| tuning.ceiling).unwrap_or(ceiling);
        let certainty = |above: f64| 1.0 - (-above.max(0.0) / self.halving).exp2();
        let share = certainty(surprise - self.zero_at) / certainty(self.full_at - self.zero_at);
        // To the hundredth: more would pretend to know more.
        (ceiling * share.clamp(0.0, 1.0) * 100.0).round() / 100.0
    }

    pub(crate) fn raise_at(&self, detector: &str) -> f64 {
        self.detectors.get(detector).and_then(|tuning| tuning.raise_at).unwrap_or(self.raise_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_in_order() {
        assert!(Settings::default().check().is_empty());
    }

    #[test]
    fn every_error_is_told() {
        let tuning = Tuning { ceiling: Some(11.0), ..Tuning::default() };
        let settings = Settings {
            raise_at: 99.0,
            full_at: 1.0,
            blind_confidence: 1.5,
            detectors: BTreeMap::from([("row_spyke".to_owned(), tuning)]),
            ..Settings::default()
        };
        let errors: Vec<String> = settings.check().iter().map(ToString::to_string).collect();
        insta::assert_json_snapshot!(errors, @r#"
        [
          "detect.raise_at: must be from 1 to 40, is 99",
          "detect.blind_confidence: must be from 0 to 1, is 1.5",
          "detect.detectors.row_spyke.ceiling: must be from 0 to 10, is 11",
          "detect.detectors: no such detector: \"row_spyke\"",
          "detect.full_at: must be above detect.zero_at"
        ]
        "#);
    }

    #[test]
    fn the_score_reaches_the_ceiling_when_sure() {
        let settings = Settings::default();
        assert_eq!(settings.score("row_spike", 10.0, 6.0), 10.0);
        assert_eq!(settings.score("view_burst", 8.0, 12.0), 8.0);
        assert_eq!(settings.score("view_burst", 8.0, 4.0), 7.08);
        assert_eq!(settings.score("view_burst", 8.0, 1.0), 0.0);
    }
}
