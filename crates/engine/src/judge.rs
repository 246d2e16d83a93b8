//! From an observation to findings.

use detect::{Detector, Verdict};
use model::{Finding, Observation, Text, Timestamp};
use settings::Settings;
use std::collections::BTreeMap;

/// The settings by which observations are judged: those of the service, and those that people have decided on for single
/// orgs, which observations name by hash.
#[derive(Clone, Debug)]
pub struct Rules {
    detect: detect::Settings,
    config_hash: Text,
    decided: BTreeMap<Text, detect::Settings>,
    learn_until: Timestamp,
}

impl Rules {
    /// Takes the rules from the settings. Observations before `learn_until` raise nothing; `None` judges all.
    pub fn new(settings: &Settings, learn_until: Option<Timestamp>) -> Self {
        Self {
            detect: settings.detect.clone(),
            config_hash: settings.hash(),
            decided: BTreeMap::new(),
            learn_until: learn_until.unwrap_or(Timestamp(i64::MIN)),
        }
    }

    /// Adds settings that observations may name. `hash` is as the decision gives it.
    pub fn add(&mut self, hash: Text, settings: &Settings) {
        self.decided.insert(hash, settings.detect.clone());
    }

    /// Returns the hash of the settings that an observation names and that have yet to be [added](Rules::add).
    pub fn lacks<'a>(&self, observation: &'a Observation) -> Option<&'a Text> {
        let hash = &observation.settings;
        (!hash.is_empty() && !self.decided.contains_key(hash)).then_some(hash)
    }

    /// Returns the settings of an observation.
    pub(crate) fn detect_of(&self, observation: &Observation) -> &detect::Settings {
        self.of(observation).0
    }

    /// Returns the settings of an observation with their hash: those of the service if it names none, or [lacked](Rules::lacks)
    /// ones.
    fn of(&self, observation: &Observation) -> (&detect::Settings, &Text) {
        let decided = if self.decided.is_empty() { None } else { self.decided.get_key_value(&observation.settings) };
        decided.map_or((&self.detect, &self.config_hash), |(hash, detect)| (detect, hash))
    }

    /// Returns the hash of the settings of the service, for findings of observations that name no others.
    pub fn config_hash(&self) -> &Text {
        &self.config_hash
    }

    /// Returns the time before which observations raise nothing.
    pub fn learn_until(&self) -> Timestamp {
        self.learn_until
    }

    /// Asks those of `detectors` that the settings of the observation enable, and returns their findings, which carry the
    /// hash of these settings. Each verdict goes to `count` with the name of its detector.
    ///
    /// Settings that the rules [lack](Rules::lacks) must be added before; without, those of the service judge.
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
        let (settings, hash) = self.of(observation);
        for detector in detectors.iter().filter(|detector| settings.is_enabled(detector.name())) {
            for verdict in detector.judge(observation, settings) {
                count(detector.name(), &verdict);
                if let Verdict::Anomalous(finding) = verdict {
                    findings.push(Finding { config_hash: hash.clone(), ..*finding });
                }
            }
        }
        findings
    }
}
