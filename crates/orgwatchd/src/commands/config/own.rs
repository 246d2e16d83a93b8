//! The settings of single orgs: those that people have decided on, or else those of the services.

use super::{APPLICATION, live_rules};
use crate::arguments::{Format, ListArguments};
use crate::commands::database;
use crate::commands::decisions::{Listed, Standing, by, listed};
use crate::config::Config;
use anyhow::{Context, Result};
use bus::Bus;
use model::{Decision, OrgId, Ruling, Text, Timestamp, Uuid};
use settings::Settings;
use std::io::Write;
use std::path::Path;
use store::Store;

/// The settings of the services where the configuration is that of this machine. They are read when they are first asked for,
/// and once.
pub(in crate::commands) struct Standard<'a> {
    config: &'a Config,
    read: Option<Own>,
}

/// The settings of an org.
#[derive(Clone, Debug)]
pub(in crate::commands) struct Own {
    /// Their hash, as findings carry it.
    pub(in crate::commands) hash: Text,
    pub(in crate::commands) settings: Settings,
}

/// All decisions on the settings of one org, in the order in which they were recorded.
pub(in crate::commands) struct Decided {
    listed: Vec<Listed>,
    /// The event time that the org has reached.
    clock: Option<Timestamp>,
}

impl<'a> Standard<'a> {
    pub(in crate::commands) fn new(config: &'a Config) -> Self {
        Self { config, read: None }
    }

    /// Returns them.
    ///
    /// # Errors
    /// If the bucket does not answer.
    pub(in crate::commands) async fn get(&mut self) -> Result<Own> {
        if let Some(read) = &self.read {
            return Ok(read.clone());
        }
        let bus = Bus::connect("operator", &self.config.nats).await?;
        let rules = live_rules(&bus, &self.config.rules()).await?.rules;
        Ok(self.read.insert(Own { hash: rules.hash, settings: rules.settings }).clone())
    }
}

impl Decided {
    /// Reads them.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub(in crate::commands) async fn read(store: &Store, org: &OrgId) -> Result<Self> {
        let arguments = ListArguments { org: Some(org.clone()), all: true, format: Format { json: false } };
        let listed = listed(store, &arguments, None, Some("settings")).await?;
        Ok(Self { listed, clock: store.org_clock(org).await? })
    }

    /// Returns the event time that the org has reached.
    pub(in crate::commands) fn clock(&self) -> Option<Timestamp> {
        self.clock
    }

    /// Returns those that hold or will, as decisions.
    pub(super) fn standing(&self) -> impl Iterator<Item = &Decision> {
        self.listed.iter().filter(|listed| listed.standing.holds_or_will()).map(|listed| &listed.decision)
    }

    /// Whether one of them was taken back.
    pub(super) fn is_undone(&self, decision_id: Uuid) -> bool {
        let is_it = |listed: &&Listed| listed.decision.decision_id == decision_id;
        self.listed.iter().find(is_it).is_some_and(|listed| listed.standing == Standing::Undone)
    }

    /// Returns the same without one of them.
    pub(super) fn without(self, decision_id: Uuid) -> Self {
        let mut listed = self.listed;
        listed.retain(|listed| listed.decision.decision_id != decision_id);
        Self { listed, ..self }
    }

    /// Returns the settings at a time, once all that was decided has taken effect.
    ///
    /// # Errors
    /// If they cannot be read.
    pub(in crate::commands) async fn at(&self, at: Timestamp, standard: &mut Standard<'_>) -> Result<Own> {
        match latest(self.standing().filter(|decision| decision.holds_at(at))) {
            Some(decision) => read(decision),
            None => standard.get().await,
        }
    }

    /// Returns the decision that the org follows now; `None`: it follows the services.
    pub(super) fn in_force(&self) -> Option<&Decision> {
        let clock = self.clock?;
        latest(self.standing().filter(|decision| decision.holds_at(clock) && !decision.in_force.is_empty()))
    }

    /// Returns how each decision stands, in words.
    pub(super) fn in_words(&self) -> impl Iterator<Item = (&Decision, String)> {
        let in_force = self.in_force().map(|decision| decision.decision_id);
        self.listed.iter().map(move |Listed { decision, standing }| {
            let word = match standing {
                Standing::InForce if decision.in_force.is_empty() => WAITS.to_owned(),
                Standing::InForce if in_force != Some(decision.decision_id) => "replaced".to_owned(),
                standing => standing.to_string(),
            };
            (decision, word)
        })
    }
}

/// How a decision stands that no hour has closed with yet.
const WAITS: &str = "waits for the next hour";

/// Returns the decision that an org follows of those that hold: the one that begins last, and of these the last recorded.
fn latest<'a>(holding: impl Iterator<Item = &'a Decision>) -> Option<&'a Decision> {
    holding.max_by_key(|decision| (decision.from, decision.decided_at, decision.decision_id))
}

/// Reads the settings of a decision.
fn read(decision: &Decision) -> Result<Own> {
    let Ruling::Settings { hash, toml } = &decision.ruling else { anyhow::bail!("not a decision on settings") };
    let name = format!("decision {}", decision.decision_id);
    let settings = Settings::read_stored(toml, Path::new(&name))
        .with_context(|| format!("settings {hash}: cannot be read; a later version may have written them"))?;
    Ok(Own { hash: hash.clone(), settings })
}

/// The settings that an org follows now.
pub(in crate::commands) struct Followed {
    pub(in crate::commands) own: Own,
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
        let decided = Decided::read(store, org).await?;
        let (own, source) = match decided.in_force() {
            Some(decision) => {
                let (id, by, at) = (decision.decision_id, by(decision), decision.decided_at);
                (read(decision)?, format!("decision {id} by {by} at {at}"))
            }
            None => {
                let source = "those of the services where configured as this machine".to_owned();
                (Standard::new(config).get().await?, source)
            }
        };
        let waiting = decided.in_words().filter(|(_, word)| word == WAITS).map(|(decision, _)| decision.decision_id);
        Ok(Self { own, source, waiting: waiting.collect() })
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
