#![doc = include_str!("../README.md")]

use model::partition::Partitions;
use model::{OrgId, Text, id};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The settings of every stage that decides anything. The defaults are [`DEFAULT`], with a comment for each key.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// How profiles learn.
    pub profile: profile::Settings,
    /// What detectors decide by.
    pub detect: detect::Settings,
    /// How findings become incidents, and their risk scores.
    pub risk: risk::Settings,
    /// How orgs are laid over partitions.
    pub partitions: PartitionSettings,
}

/// How orgs are laid over partitions. The users of one partition are compared with each other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PartitionSettings {
    /// Number of partitions, 1 to 1,024. Fixed at installation.
    pub count: u16,
    /// Number of partitions over which the users of a giant org are spread, by org. Each is a population of its own.
    pub spread: BTreeMap<OrgId, u16>,
}

/// The commented defaults, as `orgwatch config default` prints them.
pub const DEFAULT: &str = include_str!("defaults.toml");

/// Why a text is not usable as settings.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// It is not TOML, holds an unknown key, or a value of the wrong type.
    #[error("{}: {message}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// What is wrong, with line and column.
        message: String,
    },
    /// Values are out of range.
    #[error("{}: {}", path.display(), errors.join("; "))]
    Invalid {
        /// The file.
        path: PathBuf,
        /// One text for each wrong value.
        errors: Vec<String>,
    },
}

impl Settings {
    /// Reads `text` over the defaults. Errors name `path`, which is not opened.
    ///
    /// # Errors
    /// If the text is not TOML, holds an unknown key, or any value is out of range.
    pub fn parse(text: &str, path: &Path) -> Result<Self, SettingsError> {
        let settings: Self = toml::from_str(text).map_err(|error| SettingsError::Syntax {
            path: path.into(),
            message: error.to_string().trim().to_owned(),
        })?;
        let errors = settings.check();
        if errors.is_empty() { Ok(settings) } else { Err(SettingsError::Invalid { path: path.into(), errors }) }
    }

    /// Returns one text for each value that is out of range.
    pub fn check(&self) -> Vec<String> {
        let profile = self.profile.check().into_iter().map(|error| error.to_string());
        let detect = self.detect.check().into_iter().map(|error| error.to_string());
        let risk = self.risk.check().into_iter().map(|error| error.to_string());
        profile.chain(detect).chain(risk).chain(self.partitions.check()).collect()
    }

    /// Returns sixteen hex digits that change with any setting, and with any ceiling or weight that is compiled in.
    /// Findings and receipts carry them.
    pub fn hash(&self) -> Text {
        // Fields serialize in their order and maps are sorted, so equal settings have equal text.
        let mut text = serde_json::to_string(self).unwrap_or_default();
        for detector in detect::DETECTORS {
            let weight = self.risk.weight(detector.name());
            text.push_str(&format!("{} {} {} {};", detector.name(), detector.ceiling(), weight.weight, weight.group));
        }
        Text::from(format!("{:016x}", id::hash(text.as_bytes())))
    }
}

impl Default for PartitionSettings {
    fn default() -> Self {
        Self { count: 32, spread: BTreeMap::new() }
    }
}

impl PartitionSettings {
    /// Returns the function from org and user to partition.
    pub fn partitions(&self) -> Partitions {
        Partitions::new(self.count, self.spread.clone())
    }

    fn check(&self) -> Vec<String> {
        let mut errors = Vec::new();
        if !(1..=1024).contains(&self.count) {
            errors.push(format!("partitions.count: must be from 1 to 1024, is {}", self.count));
        }
        let wide = self.spread.iter().filter(|(_, spread)| !(1..=self.count.max(1)).contains(spread));
        errors.extend(wide.map(|(org, spread)| {
            format!("partitions.spread.{org}: must be from 1 to partitions.count = {}, is {spread}", self.count)
        }));
        errors
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Settings, String> {
        Settings::parse(text, Path::new("orgwatch.toml")).map_err(|error| error.to_string())
    }

    #[test]
    fn the_commented_defaults_are_the_defaults() {
        assert_eq!(parse(DEFAULT), Ok(Settings::default()));
    }

    #[test]
    fn an_unknown_key_is_an_error_with_its_place() {
        insta::assert_snapshot!(parse("[detect]\nraise_att = 3.0\n").unwrap_err());
    }

    #[test]
    fn all_errors_are_reported_at_once() {
        let text = "[profile]\ntime_zone = \"Mars\"\n[detect]\nraise_at = 99\n[risk]\nmerge_hours = 0\n";
        insta::assert_snapshot!(parse(text).unwrap_err(), @r#"orgwatch.toml: profile.time_zone: no such time zone: "Mars"; detect.raise_at: must be from 1 to 40, is 99; risk.merge_hours: must be from 1 to 2160, is 0"#);
    }

    #[test]
    fn the_hash_follows_the_settings() {
        let other = parse("[detect]\nraise_at = 3.5\n").unwrap();
        assert_ne!(other.hash(), Settings::default().hash());
        assert_eq!(Settings::default().hash(), parse(DEFAULT).unwrap().hash());
    }
}
