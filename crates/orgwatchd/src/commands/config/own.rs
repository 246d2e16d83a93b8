//! The settings of single orgs: those that people have decided on, or else those of the services.

use super::{APPLICATION, live_rules};
use crate::commands::database;
use crate::commands::decisions::by;
use crate::config::Config;
use anyhow::Result;
use bus::Bus;
use console::decide::{DecidedSettings, SettingsStanding, read};
use model::{OrgId, Timestamp, Uuid};
use settings::Hashed;
use std::io::Write;
use store::{DecisionFilter, Store};

/// The settings of the services where the configuration is that of this machine. They are read when they are first asked for,
/// and once.
pub(in crate::commands) struct Standard<'a> {
    config: &'a Config,
    read: Option<Hashed>,
}

impl<'a> Standard<'a> {
    pub(in crate::commands) fn new(config: &'a Config) -> Self {
        Self { config, read: None }
    }

    /// Returns them.
    ///
    /// # Errors
    /// If the bucket does not answer.
    pub(in crate::commands) async fn get(&mut self) -> Result<Hashed> {
        if let Some(read) = &self.read {
            return Ok(read.clone());
        }
        let bus = Bus::connect("operator", &self.config.nats).await?;
        let rules = live_rules(&bus, &self.config.rules()).await?.rules;
        Ok(self.read.insert(rules).clone())
    }

    /// Returns the settings of an org at a time, once all that was decided has taken effect.
    ///
    /// # Errors
    /// If they cannot be read.
    pub(in crate::commands) async fn or_decided(&mut self, decided: &DecidedSettings, at: Timestamp) -> Result<Hashed> {
        match decided.at(at)? {
            Some(settings) => Ok(settings),
            None => self.get().await,
        }
    }
}

/// Reads the decisions on the settings of an org.
///
/// # Errors
/// If the database cannot be read.
pub(in crate::commands) async fn decided(store: &Store, org: &OrgId) -> Result<DecidedSettings> {
    let filter = DecisionFilter { org_id: Some(org.clone()), ..DecisionFilter::default() };
    Ok(DecidedSettings::new(store.decisions(&filter).await?, store.org_clock(org).await?))
}

/// The settings that an org follows now.
pub(in crate::commands) struct Followed {
    pub(in crate::commands) own: Hashed,
    /// What they are from, in words.
    pub(in crate::commands) source: String,
    /// The decisions that take effect when the next hour closes.
    pub(in crate::commands) waiting: Vec<Uuid>,
}

impl Followed {
    /// Reads them.
    ///
    /// # Errors
    /// If they cannot be read.
    pub(in crate::commands) async fn by(store: &Store, config: &Config, org: &OrgId) -> Result<Self> {
        let decided = decided(store, org).await?;
        let followed = match decided.followed() {
            Some(decision) => {
                let (id, by, at) = (decision.decision_id, by(decision), decision.decided_at);
                read(decision)?.map(|own| (own, format!("decision {id} by {by} at {at}")))
            }
            None => None,
        };
        let (own, source) = match followed {
            Some(followed) => followed,
            None => {
                let source = "those of the services where configured as this machine".to_owned();
                (Standard::new(config).get().await?, source)
            }
        };
        let waiting = decided.all().filter(|(_, standing)| *standing == SettingsStanding::Waiting);
        Ok(Self { own, source, waiting: waiting.map(|(decision, _)| decision.decision_id).collect() })
    }
}

/// Prints the settings that an org follows, as a file that `orgwatch backtest --config` takes.
///
/// # Errors
/// If they cannot be read.
pub(super) async fn live(config: Config, org: &OrgId) -> Result<()> {
    let store = database(&config, APPLICATION).await?;
    let Followed { own, source, waiting } = Followed::by(&store, &config, org).await?;
    let mut out = std::io::stdout();
    writeln!(out, "# settings {} of org {org}: {source}", own.hash)?;
    for decision in waiting {
        writeln!(out, "# decision {decision} waits for the next hour of event time to close")?;
    }
    Ok(write!(out, "{}", toml::to_string(&own.settings)?)?)
}
