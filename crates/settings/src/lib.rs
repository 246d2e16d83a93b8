#![doc = include_str!("../README.md")]

mod changes;
mod orgs;

pub use changes::Change;
pub use orgs::OrgSettings;

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
    /// What single orgs set for themselves.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub orgs: BTreeMap<OrgId, OrgSettings>,
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

/// Settings with their hash.
#[derive(Clone, Debug, PartialEq)]
pub struct Hashed {
    /// The hash, as [`Settings::hash`] returns it.
    pub hash: Text,
    /// The settings.
    pub settings: Settings,
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
    /// It sets no key.
    #[error("{}: sets no key", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// They cannot be written as TOML.
    #[error("the settings cannot be written as TOML")]
    Unwritable(#[source] toml::ser::Error),
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
        syntax(toml::from_str::<Self>(text), path)?.checked(path)
    }

    /// Reads `text` over these settings: a key that it lacks keeps its value.
    ///
    /// # Errors
    /// As [`Settings::parse`], and [`SettingsError::Empty`] if the text sets no key.
    pub fn overlay(&self, text: &str, path: &Path) -> Result<Self, SettingsError> {
        // By itself at first: only then an error has its line.
        syntax(toml::from_str::<Self>(text), path)?;
        let over: toml::Table = syntax(toml::from_str(text), path)?;
        if changes::is_empty(&over) {
            return Err(SettingsError::Empty { path: path.into() });
        }
        let mut table = self.table()?;
        changes::put(&mut table, over);
        syntax(table.try_into::<Self>(), path)?.checked(path)
    }

    /// Returns the settings as a text that gives the same results in any later version: with the weights that are compiled
    /// in. [`Settings::read_stored`] reads it.
    ///
    /// # Errors
    /// If a value has no form in TOML.
    pub fn stored(&self) -> Result<String, SettingsError> {
        Ok(self.whole().table()?.to_string())
    }

    /// Reads a text of [`Settings::stored`]. Its values are not checked, because ranges may change from version to version.
    ///
    /// # Errors
    /// If it is not TOML, or has keys that this version lacks. The error names `path`.
    pub fn read_stored(text: &str, path: &Path) -> Result<Self, SettingsError> {
        syntax(toml::from_str(text), path)
    }

    /// Returns what differs in `new`, by key. A weight that is compiled in is the same as one that is set.
    ///
    /// # Errors
    /// If a value has no form in TOML.
    pub fn changes(&self, new: &Self) -> Result<Vec<Change>, SettingsError> {
        Ok(changes::between(&self.whole().table()?, &new.whole().table()?))
    }

    /// Returns the settings with the weights that are compiled in.
    fn whole(&self) -> Self {
        let mut whole = self.clone();
        for name in risk::Settings::detectors() {
            whole.risk.weights.insert(name.to_owned(), self.risk.weight(name));
        }
        whole
    }

    fn table(&self) -> Result<toml::Table, SettingsError> {
        toml::Table::try_from(self).map_err(SettingsError::Unwritable)
    }

    fn checked(self, path: &Path) -> Result<Self, SettingsError> {
        let errors = self.check();
        if errors.is_empty() { Ok(self) } else { Err(SettingsError::Invalid { path: path.into(), errors }) }
    }

    /// Returns one text for each value that is out of range.
    pub fn check(&self) -> Vec<String> {
        let profile = self.profile.check().into_iter().map(|error| error.to_string());
        let detect = self.detect.check().into_iter().map(|error| error.to_string());
        let risk = self.risk.check().into_iter().map(|error| error.to_string());
        profile.chain(detect).chain(risk).chain(self.partitions.check()).chain(orgs::check(&self.orgs)).collect()
    }

    /// Returns sixteen hex digits that change with any setting, and with any ceiling or weight that is compiled in.
    /// Findings and receipts carry them.
    pub fn hash(&self) -> Text {
        // Fields serialize in their order and maps are sorted, so equal settings have equal text.
        let partitions =
            PartitionSettings { spread: orgs::normalized(&self.partitions.spread), ..self.partitions.clone() };
        let settings = Self { orgs: orgs::normalized(&self.orgs), partitions, ..self.clone() };
        let mut text = serde_json::to_string(&settings).unwrap_or_default();
        for detector in detect::DETECTORS {
            let weight = self.risk.weight(detector.name());
            text.push_str(&format!("{} {} {} {};", detector.name(), detector.ceiling(), weight.weight, weight.group));
        }
        Text::from(format!("{:016x}", id::hash(text.as_bytes())))
    }
}

impl From<Settings> for Hashed {
    fn from(settings: Settings) -> Self {
        Self { hash: settings.hash(), settings }
    }
}

fn syntax<T>(read: Result<T, toml::de::Error>, path: &Path) -> Result<T, SettingsError> {
    read.map_err(|error| SettingsError::Syntax { path: path.into(), message: error.to_string().trim().to_owned() })
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
        errors.extend(id::check_orgs("partitions.spread", self.spread.keys()));
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
    fn pages_state_the_highest_scores_and_weights() {
        let risk = risk::Settings::default();
        for detector in detect::DETECTORS {
            let (name, weight) = (detector.name(), risk.weight(detector.name()));
            let path = format!("{}/../../docs/detectors/{name}.md", env!("CARGO_MANIFEST_DIR"));
            let row = format!("| {} | {} | {} |", detector.ceiling(), weight.weight, weight.group);
            assert!(std::fs::read_to_string(&path).unwrap().contains(&row), "{name}.md lacks {row}");
        }
    }

    #[test]
    fn what_is_new_to_an_account_is_no_alarm_by_itself() {
        for name in ["new_app", "dormant_account", "rare_network", "rare_user_agent"] {
            let detector = detect::DETECTORS.iter().find(|detector| detector.name() == name).unwrap();
            let risk = detector.ceiling() / 10.0 * risk::Settings::default().weight(name).weight;
            assert!(risk < 0.6, "{name}: {risk}");
        }
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
    fn a_file_over_settings_changes_its_own_keys_only() {
        let base = parse(
            "[profile]\ntime_zone = \"Europe/Berlin\"\n[risk.weights]\nrow_spike = { weight = 0.5, group = \"a\" }\n",
        );
        let base = base.unwrap();
        let text = "[detect]\nraise_at = 3\n[risk.weights]\nnew_access = { weight = 0.4, group = \"b\" }\n";
        let over = base.overlay(text, Path::new("push.toml")).unwrap();
        let changes: Vec<String> = base.changes(&over).unwrap().iter().map(ToString::to_string).collect();
        insta::assert_snapshot!(changes.join("\n"), @r#"
        detect.raise_at: 2.0 → 3.0
        risk.weights.new_access.group: "reading" → "b"
        risk.weights.new_access.weight: 0.91 → 0.4
        "#);
        assert_eq!(over.changes(&over).unwrap(), []);
        let refused = |text: &str| base.overlay(text, Path::new("push.toml")).unwrap_err().to_string();
        for empty in ["", "# nothing\n", "[detect]\n[risk.weights]\n"] {
            assert_eq!(refused(empty), "push.toml: sets no key");
        }
        assert!(refused("[detect]\nraise_att = 3.0\n").contains("line 2"), "an unknown key");
        assert!(refused("[detect]\nraise_at = 99\n").contains("must be from 1 to 40"));
    }

    #[test]
    fn stored_settings_keep_the_weights_that_are_compiled_in() {
        let settings = parse("[detect]\nraise_at = 3.1\n[risk]\ndamping = 0.1\n").unwrap();
        let read = Settings::read_stored(&settings.stored().unwrap(), Path::new("stored")).unwrap();
        for detector in detect::DETECTORS {
            assert_eq!(read.risk.weights[detector.name()], settings.risk.weight(detector.name()));
        }
        let weights = settings.risk.weights.clone();
        assert_eq!(Settings { risk: risk::Settings { weights, ..read.risk }, ..read }, settings);
    }

    #[test]
    fn the_hash_follows_the_settings() {
        let other = parse("[detect]\nraise_at = 3.5\n").unwrap();
        assert_ne!(other.hash(), Settings::default().hash());
        assert_eq!(Settings::default().hash(), parse(DEFAULT).unwrap().hash());
    }
}
