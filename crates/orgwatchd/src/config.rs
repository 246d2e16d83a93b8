//! The configuration of a deployment: one file for all services, of which each reads its sections.

use anyhow::{Result, bail};
use model::OrgId;
use runtime::telemetry::TelemetrySettings;
use salesforce_source::SalesforceSettings;
use serde::{Deserialize, Serialize};
use settings::{OrgSettings, PartitionSettings};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// All sections.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// NATS.
    pub nats: bus::Settings,
    /// Postgres.
    pub postgres: store::Settings,
    /// Logs, traces and metrics.
    pub telemetry: TelemetrySettings,
    /// The admin server.
    pub admin: AdminSettings,
    /// The service ingest.
    pub ingest: ingest::Settings<SalesforceSettings>,
    /// The service baseline.
    pub baseline: baseline::Settings,
    /// The service detector.
    pub detector: detector::Settings,
    /// The service correlator.
    pub correlator: correlator::Settings,
    /// The service notifier.
    pub notifier: notifier::Settings,
    /// The service console.
    pub console: console::Settings,
    /// How profiles learn. This section and those below are also the settings of `orgwatch backtest --config`.
    pub profile: profile::Settings,
    /// How detectors judge.
    pub detect: detect::Settings,
    /// How findings add up to a risk score.
    pub risk: risk::Settings,
    /// How orgs are assigned to partitions.
    pub partitions: PartitionSettings,
    /// What single orgs set for themselves.
    pub orgs: BTreeMap<OrgId, OrgSettings>,
    /// The file that was loaded.
    #[serde(skip)]
    pub file: Option<PathBuf>,
}

/// The section `admin`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdminSettings {
    /// Address of the server for probes and Prometheus.
    pub listen: SocketAddr,
}

impl Default for AdminSettings {
    fn default() -> Self {
        Self { listen: SocketAddr::from(([0, 0, 0, 0], 9090)) }
    }
}

impl Config {
    /// Loads the defaults, then the file, then the variables `ORGWATCH_…`.
    ///
    /// # Errors
    /// With all problems.
    pub fn load(file: Option<&Path>) -> Result<Self> {
        let mut config: Self = runtime::config::load(file)?;
        config.nats.partitions = config.partitions.count;
        config.file = file.map(Path::to_owned);
        let problems = config.check();
        if !problems.is_empty() {
            bail!("configuration is not valid:\n  {}", problems.join("\n  "));
        }
        Ok(config)
    }

    fn check(&self) -> Vec<String> {
        let nats = self.nats.check().into_iter().map(|error| error.to_string());
        let telemetry = self.telemetry.check().into_iter().map(|problem| format!("telemetry.{problem}"));
        let mut problems: Vec<String> = nats.chain(telemetry).collect();
        problems.extend(self.ingest.check());
        problems.extend(self.ingest.salesforce.check());
        problems.extend(self.baseline.check());
        problems.extend(self.detector.check());
        problems.extend(self.correlator.check());
        problems.extend(self.notifier.check().into_iter().map(|error| format!("notifier.{error}")));
        problems.extend(self.console.check());
        problems.extend(self.rules().check());
        problems
    }

    /// Returns an error if a command that uses Postgres cannot start.
    ///
    /// # Errors
    /// With all problems.
    pub fn check_postgres(&self) -> Result<()> {
        let problems = self.postgres.check();
        if !problems.is_empty() {
            bail!("configuration is not valid:\n  {}", problems.join("\n  "));
        }
        Ok(())
    }

    /// Returns the settings that a backtest takes.
    pub fn rules(&self) -> settings::Settings {
        settings::Settings {
            profile: self.profile.clone(),
            detect: self.detect.clone(),
            risk: self.risk.clone(),
            partitions: self.partitions.clone(),
            orgs: self.orgs.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use runtime::config::{File, load_from, show};

    const EXAMPLE: &str = include_str!("../orgwatchd.example.toml");

    /// Returns the configuration of a file, without the environment.
    fn load(text: &str) -> Config {
        load_from(Some(File { name: "orgwatchd.example.toml", text }), []).unwrap()
    }

    #[test]
    fn the_example_gives_the_defaults_and_its_examples_are_valid() {
        let defaults = show(&Config::default()).unwrap();
        assert_eq!(show(&load(EXAMPLE)).unwrap(), defaults);
        let of_services = defaults.split("[profile]").next().unwrap();
        for key in of_services.lines().filter_map(|line| line.split_once(" = ")).map(|(key, _)| format!("{key} = ")) {
            assert!(EXAMPLE.lines().any(|line| line.trim_start_matches('#').starts_with(&key)), "{key}is left out");
        }
        // Lines that begin with # and no space are keys.
        let is_key = |line: &str| line.strip_prefix('#').is_some_and(|rest| rest.starts_with(|c: char| c != ' '));
        let all: Vec<&str> = EXAMPLE.lines().map(|line| if is_key(line) { &line[1..] } else { line }).collect();
        let config = load(&all.join("\n"));
        assert_eq!((config.notifier.destinations.len(), config.ingest.orgs.len()), (3, 1));
        assert_eq!(config.orgs.len(), 1);
    }
}
