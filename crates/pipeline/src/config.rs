//! Everything that can be set, strict: an unknown key is an error, and all errors are told at once.

use model::partition::Partitions;
use model::{OrgId, Text, id};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The settings of every stage. The defaults are in `config.default.toml`, with a comment for each key.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    pub profile: profile::Settings,
    pub detect: detect::Settings,
    pub risk: risk::Settings,
    pub partitions: PartitionSettings,
}

/// How orgs are laid over partitions. Where users are compared with each other depends on it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PartitionSettings {
    /// Fixed when orgwatch is installed.
    pub count: u16,
    /// By org: over how many partitions the users of a giant one are spread, each a population of its own.
    pub spread: BTreeMap<OrgId, u16>,
}

impl Default for PartitionSettings {
    fn default() -> Self {
        Self { count: 32, spread: BTreeMap::new() }
    }
}

impl PartitionSettings {
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

/// The defaults, commented, as `orgwatch config default` prints them.
pub const DEFAULT: &str = include_str!("config.default.toml");

#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("{}: cannot be read", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{}: {message}", path.display())]
    Syntax { path: PathBuf, message: String },
    #[error("{}: {}", path.display(), errors.join("; "))]
    Invalid { path: PathBuf, errors: Vec<String> },
}

impl Config {
    /// The defaults, overridden by the file where there is one.
    ///
    /// # Errors
    /// If the file cannot be read, holds an unknown key, or any value is out of range.
    pub fn load(path: Option<&Path>) -> Result<Self, ConfigError> {
        let Some(path) = path else { return Ok(Self::default()) };
        let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.into(), source })?;
        Self::parse(&text, path)
    }

    /// # Errors
    /// As [`Config::load`]; `path` is named in them.
    pub fn parse(text: &str, path: &Path) -> Result<Self, ConfigError> {
        let config: Self = toml::from_str(text)
            .map_err(|error| ConfigError::Syntax { path: path.into(), message: error.to_string().trim().to_owned() })?;
        let errors = config.check();
        if errors.is_empty() { Ok(config) } else { Err(ConfigError::Invalid { path: path.into(), errors }) }
    }

    /// What is wrong with the values, in words.
    pub fn check(&self) -> Vec<String> {
        let profile = self.profile.check().into_iter().map(|error| error.to_string());
        let detect = self.detect.check().into_iter().map(|error| error.to_string());
        let risk = self.risk.check().into_iter().map(|error| error.to_string());
        profile.chain(detect).chain(risk).chain(self.partitions.check()).collect()
    }

    /// Sixteen hex digits that change with any setting, and with any ceiling or weight compiled in. Findings and
    /// receipts carry it.
    pub fn hash(&self) -> Text {
        // Keys are in the order of the fields, maps are sorted: equal settings have equal text.
        let mut text = serde_json::to_string(self).unwrap_or_default();
        for detector in detect::DETECTORS {
            let weight = self.risk.weight(detector.name());
            text.push_str(&format!("{} {} {} {};", detector.name(), detector.ceiling(), weight.weight, weight.group));
        }
        Text::from(format!("{:016x}", id::hash(text.as_bytes())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Config, String> {
        Config::parse(text, Path::new("orgwatch.toml")).map_err(|error| error.to_string())
    }

    #[test]
    fn the_commented_defaults_are_the_defaults() {
        assert_eq!(parse(DEFAULT), Ok(Config::default()));
    }

    #[test]
    fn an_unknown_key_is_an_error_with_its_place() {
        insta::assert_snapshot!(parse("[detect]\nraise_att = 3.0\n").unwrap_err());
    }

    #[test]
    fn all_errors_are_told() {
        let text = "[profile]\ntime_zone = \"Mars\"\n[detect]\nraise_at = 99\n[risk]\nmerge_hours = 0\n";
        insta::assert_snapshot!(parse(text).unwrap_err(), @r#"orgwatch.toml: profile.time_zone: no such time zone: "Mars"; detect.raise_at: must be from 1 to 40, is 99; risk.merge_hours: must be from 1 to 2160, is 0"#);
    }

    #[test]
    fn the_hash_follows_the_settings() {
        let other = parse("[detect]\nraise_at = 3.5\n").unwrap();
        assert_ne!(other.hash(), Config::default().hash());
        assert_eq!(Config::default().hash(), parse(DEFAULT).unwrap().hash());
    }
}
