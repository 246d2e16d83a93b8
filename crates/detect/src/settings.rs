//! What decides a verdict: the `[detect]` section of the configuration. Changing it needs no relearning, but for
//! [`Settings::surprise_key`].

use crate::registry::DETECTORS;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Thresholds and scales of all detectors. Defaults are in [`Settings::default`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Surprise (−log10 p) from which on a finding is raised, 1 to 40.
    pub raise_at: f64,
    /// Surprise at which the score is 0.
    pub zero_at: f64,
    /// Surprise at which the score reaches the detector's ceiling.
    pub full_at: f64,
    /// Surprise that halves the distance to certainty. With such scores, a noisy-or over detectors adds up surprises.
    pub halving: f64,
    /// Probability that an account behaves as its peers do from today on, by a change of role, 0 to 1.
    pub peer_mix: f64,
    /// Rows a day below which neither `row_spike` nor `slow_drain` raises a finding, nor `large_request` one request of a
    /// quarter of them.
    pub least_rows: f64,
    /// Records created or updated in a day below which `mass_change` raises nothing, 100 or more.
    pub least_changed: f64,
    /// Records deleted in a day below which `mass_deletion` raises nothing, 100 or more.
    pub least_deleted: f64,
    /// Factor on the confidence of a finding while kinds of events are missing that could change it, 0 to 1.
    pub blind_confidence: f64,
    /// Overrides by detector name; what is absent stays at the detector's default.
    pub detectors: BTreeMap<String, Tuning>,
}

/// Overrides of one detector's defaults.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tuning {
    /// Whether the detector judges at all; on by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// Highest score that the detector gives, 0 to 10.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ceiling: Option<f64>,
    /// Surprise from which on this detector raises findings, 0 to 40.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raise_at: Option<f64>,
}

impl Default for Settings {
    /// The defaults were set on simulated orgs, with seeds other than those that the README's section on quality
    /// reports; the choices are explained beside each.
    fn default() -> Self {
        Self {
            // p = 0.01. Single findings may be weak: incidents combine them, and only risk 60 is an alarm.
            raise_at: 2.0,
            // A little below `raise_at`, so that a finding that is just raised has a score above 0.
            zero_at: 1.95,
            // p = 1e-6: more evidence proves no more to an analyst.
            full_at: 6.0,
            // A surprise of 3 has 0.47 of the score, one of 4 has 0.74 of it. Set with the weights in `risk`, and then raised
            // from 1.2, with which surprises that calibration adds to made more false alarms.
            halving: 1.4,
            // One change of role in 1,000 active days. More hides attacks of the size of a colleague's day.
            peer_mix: 1e-3,
            // Fewer rows than a few pages of a list view are not worth an alarm. A choice.
            least_rows: 100.0,
            // Five calls of the API with 200 records each, the most that one takes. A choice.
            least_changed: 1_000.0,
            // One such call. A choice.
            least_deleted: 200.0,
            // A choice: a finding of an org that lacks events is worth less, not nothing.
            blind_confidence: 0.7,
            detectors: BTreeMap::new(),
        }
    }
}

/// A setting that is out of its range or names no detector.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// An override for a name that no detector has.
    #[error("detect.detectors: no such detector: {0:?}")]
    NoSuchDetector(String),
    /// A number outside its range.
    #[error("detect.{field}: must be from {least} to {most}, is {value}")]
    Range {
        /// The key below `detect.`.
        field: String,
        /// The smallest value allowed.
        least: f64,
        /// The largest value allowed.
        most: f64,
        /// The value found.
        value: f64,
    },
    /// `full_at` is not above `zero_at`.
    #[error("detect.full_at: must be above detect.zero_at")]
    Order,
}

impl Settings {
    /// Returns every error in the settings at once; none if they are valid.
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
        range("least_changed".into(), self.least_changed, profile::LEAST_WRITTEN, 1e12);
        range("least_deleted".into(), self.least_deleted, profile::LEAST_WRITTEN, 1e12);
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

    /// Identifies all that surprises depend on: calibrations learned with another key do not fit.
    pub fn surprise_key(&self) -> u64 {
        /// To be raised by a release of which a detector is surprised by something else.
        const RELEASE: f64 = 1.0;
        let values = [RELEASE, self.peer_mix, self.least_rows, self.least_changed, self.least_deleted];
        // Days on which a detector did not judge say nothing of it.
        let enabled = DETECTORS.iter().map(|detector| detector.name()).filter(|name| self.is_enabled(name));
        let names = enabled.flat_map(|name| [name.as_bytes(), b"\n"]).collect::<Vec<_>>().concat();
        model::id::hash(&[values.map(f64::to_be_bytes).concat(), names].concat())
    }

    /// Whether the detector of this name judges.
    pub fn is_enabled(&self, detector: &str) -> bool {
        self.detectors.get(detector).and_then(|tuning| tuning.enabled).unwrap_or(true)
    }

    /// Maps a surprise to a share of the highest score, 0 to 1: c(surprise − zero_at) / c(full_at − zero_at), with
    /// c(x) = 1 − 2^(−x/halving) for x > 0, else 0.
    pub fn share(&self, surprise: f64) -> f64 {
        let certainty = |above: f64| 1.0 - (-above.max(0.0) / self.halving).exp2();
        (certainty(surprise - self.zero_at) / certainty(self.full_at - self.zero_at)).clamp(0.0, 1.0)
    }

    /// Maps a surprise to a score from 0 to the ceiling of `detector`.
    pub(crate) fn score(&self, detector: &str, ceiling: f64, surprise: f64) -> f64 {
        let ceiling = self.detectors.get(detector).and_then(|tuning| tuning.ceiling).unwrap_or(ceiling);
        // Two decimals: more would suggest a precision that the evidence does not have.
        (ceiling * self.share(surprise) * 100.0).round() / 100.0
    }

    /// Returns the surprise from which on `detector` raises findings.
    pub fn raise_at(&self, detector: &str) -> f64 {
        self.detectors.get(detector).and_then(|tuning| tuning.raise_at).unwrap_or(self.raise_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid() {
        assert!(Settings::default().check().is_empty());
    }

    #[test]
    fn surprises_depend_on_what_is_judged_and_not_on_when_it_is_raised() {
        let key = Settings::default().surprise_key();
        assert_eq!(Settings { raise_at: 3.0, ..Settings::default() }.surprise_key(), key);
        assert_ne!(Settings { least_rows: 50.0, ..Settings::default() }.surprise_key(), key);
        let off = Tuning { enabled: Some(false), ..Tuning::default() };
        let detectors = BTreeMap::from([("off_hours".to_owned(), off)]);
        assert_ne!(Settings { detectors, ..Settings::default() }.surprise_key(), key);
    }

    #[test]
    fn every_error_is_reported() {
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
        assert_eq!(settings.score("view_burst", 8.0, 4.0), 5.89);
        assert_eq!(settings.score("view_burst", 8.0, 1.0), 0.0);
    }
}
