//! Checks, prints and distributes the configuration.

mod history;
mod own;
mod push;

pub(super) use own::{Followed, Standard};
pub(super) use push::{Proposal, announce};

use super::database;
use crate::arguments::{ConfigCommand, PushArguments};
use crate::config::Config;
use crate::rules::{self, Live};
use anyhow::{Context, Result, bail};
use bus::Bus;
use serde_json::json;
use settings::{Settings, SettingsError};
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

/// Name of the sessions, as Postgres shows it.
const APPLICATION: &str = "orgwatch-config";

/// Checks, prints or distributes the configuration.
///
/// # Errors
/// If it is not valid; if the servers do not answer; if an org or decision does not exist.
pub(crate) async fn config(config: Config, command: ConfigCommand) -> Result<ExitCode> {
    match command {
        ConfigCommand::Check => check(&config)?,
        ConfigCommand::Show => write!(std::io::stdout(), "{}", runtime::config::show(&config)?)?,
        ConfigCommand::Push(arguments) if arguments.orgs.is_empty() => to_all(config, arguments).await?,
        ConfigCommand::Push(arguments) => return push::to_orgs(config, arguments).await,
        ConfigCommand::Live { org: None } => live(config).await?,
        ConfigCommand::Live { org: Some(org) } => own::live(config, &org).await?,
        ConfigCommand::History { org, format } => history::history(&config, org, format).await?,
        ConfigCommand::Revert { decision, because } => return push::revert(config, decision, because).await,
    }
    Ok(ExitCode::SUCCESS)
}

/// Checks the configuration as all services together do when they start. A file with a token, or with the secret of an
/// org, that cannot be read is only named, as ingest starts without it.
fn check(config: &Config) -> Result<()> {
    let mut problems = config.postgres.check();
    let (ingest, salesforce) = config.ingest.clone().split();
    let mut warnings = Vec::new();
    match ingest::check(&ingest) {
        Ok(tokens) => warnings.extend(tokens.unreadable()),
        Err(more) => problems.extend(more),
    }
    if !salesforce.orgs.is_empty() {
        match salesforce_source::check(&salesforce) {
            Ok(opened) => warnings.extend_from_slice(opened.unreadable()),
            Err(more) => problems.extend(more),
        }
    }
    for warning in warnings {
        writeln!(std::io::stderr(), "warning: {warning}")?;
    }
    if !problems.is_empty() {
        bail!("configuration is not valid:\n  {}", problems.join("\n  "));
    }
    Ok(())
}

/// Distributes the keys of a file to all services, or returns them to their own configuration. Prints what changes for a
/// service with the configuration of this machine.
async fn to_all(config: Config, arguments: PushArguments) -> Result<()> {
    let PushArguments { file, reset, dry_run, remark, .. } = arguments;
    let own = config.rules();
    let overlay = file.map(|path| overlay(&own, &path, reset)).transpose()?.flatten();
    let bus = Bus::connect("operator", &config.nats).await?;
    let store = database(&config, APPLICATION).await?;
    let before = live_rules(&bus, &own).await?.rules.settings;
    let plan = rules::plan(&own, &before, overlay.as_deref())?;
    let (hash, changes) = (plan.after.hash.clone(), plan.changes.clone());
    if !dry_run {
        rules::push(&bus, &store, plan, remark.reason.as_deref(), remark.who.claimed_by.as_deref()).await?;
    }
    if remark.who.format.json {
        return super::operate::print(&json!({ "hash": hash, "changes": changes, "pushed": !dry_run }));
    }
    let mut out = std::io::stdout();
    for change in &changes {
        writeln!(out, "{change}")?;
    }
    if changes.is_empty() {
        writeln!(out, "nothing changes")?;
    }
    let are = if dry_run { "would be" } else { "are" };
    Ok(writeln!(out, "rules {hash} {are} in force where the configuration is that of this machine")?)
}

/// Reads the keys to push; `None` if the file has none and `reset` allows that.
fn overlay(own: &Settings, path: &Path, reset: bool) -> Result<Option<String>> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    match own.overlay(&text, path) {
        Ok(rules) if rules.partitions == own.partitions => Ok(Some(text)),
        Ok(_) => bail!("{}: partitions: are fixed at installation and cannot be pushed", path.display()),
        Err(SettingsError::Empty { .. }) if reset => Ok(None),
        Err(error @ SettingsError::Empty { .. }) => {
            bail!("{error}; `config push --reset` returns all services to their own configuration")
        }
        Err(error) => Err(error.into()),
    }
}

/// Prints the rules in force, where the configuration is that of this machine, as a file that `orgwatch backtest
/// --config` takes.
async fn live(config: Config) -> Result<()> {
    let bus = Bus::connect("operator", &config.nats).await?;
    let Live { rules, pushed, unreadable } = live_rules(&bus, &config.rules()).await?;
    let source = match (pushed, unreadable) {
        (Some(pushed), _) => {
            format!("pushed by {} at {}, over the configuration of this machine", pushed.by, pushed.at)
        }
        (None, Some(_)) => "as configured on this machine; what was pushed cannot be read".to_owned(),
        (None, None) => "as configured on this machine; nothing is pushed".to_owned(),
    };
    let text = toml::to_string(&rules.settings)?;
    Ok(write!(std::io::stdout(), "# rules {}, {source}\n{text}", rules.hash)?)
}

/// Returns the rules in force where the configuration is `own`. Warns if what is pushed cannot be read.
async fn live_rules(bus: &Bus, own: &Settings) -> Result<Live> {
    let live = rules::live(bus, own).await?;
    if let Some(error) = &live.unreadable {
        writeln!(
            std::io::stderr(),
            "warning: what was pushed cannot be read and counts as nothing; push again to replace it: {error:#}"
        )?;
    }
    Ok(live)
}
