//! From an observation to findings.

use detect::{Detector, Verdict};
use model::{Finding, Observation, Text, Timestamp};
use settings::Settings;

/// The settings by which observations are judged, all of one time.
#[derive(Clone, Debug)]
pub struct Rules {
    detect: detect::Settings,
    config_hash: Text,
    learn_until: Timestamp,
}

impl Rules {
    /// Takes the rules from the settings. Observations before `learn_until` raise nothing; `None` judges all.
    pub fn new(settings: &Settings, learn_until: Option<Timestamp>) -> Self {
        Self {
            detect: settings.detect.clone(),
            config_hash: settings.hash(),
            learn_until: learn_until.unwrap_or(Timestamp(i64::MIN)),
        }
    }

    /// Returns the hash of the settings, which findings carry.
    pub fn config_hash(&self) -> &Text {
        &self.config_hash
    }

    /// Returns the time before which observations raise nothing.
    pub fn learn_until(&self) -> Timestamp {
        self.learn_until
    }

    /// Asks those of `detectors` that are enabled, and returns their findings. Each verdict goes to `count` with the
    /// name of its detector.
    pub fn judge(
        &self,
        detectors: &[&'static dyn Detector],
        observation: &Observation,
        mut count: impl FnMut(&'static str, &Verdict),
    ) -> Vec<Finding> {
        let mut findings = Vec::new();
        if observation.at < self.learn_until {
            return findings;
        }
        for detector in detectors.iter().filter(|detector| self.detect.is_enabled(detector.name())) {
            for verdict in detector.judge(observation, &self.detect) {
                count(detector.name(), &verdict);
                if let Verdict::Anomalous(finding) = verdict {
                    findings.push(Finding { config_hash: self.config_hash.clone(), ..*finding });
                }
            }
        }
        findings
    }
}
