//! Commands of operators: topology, dead letters, receipts, export, migrations.

use super::database;
use crate::arguments::{DeadCommand, OutputArguments, TopologyCommand};
use crate::config::Config;
use crate::{dump, rules};
use anyhow::{Result, bail};
use bus::dead;
use bus::permissions::{Permissions, Service};
use bus::{Bus, Topology};
use console::letter;
use model::{Decision, Receipt, Text, Uuid};
use serde::Serialize;
use serde_json::json;
use settings::{Settings, SettingsError};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::process::ExitCode;
use store::{DecisionFilter, IncidentFilter, Store, StoredIncident};

/// Sets up or prints streams and consumers. Exits with 1 if the server differs.
pub(crate) async fn topology(config: Config, command: TopologyCommand) -> Result<ExitCode> {
    let (chosen, apply) = match &command {
        TopologyCommand::Apply(chosen) => (chosen, true),
        TopologyCommand::Show(chosen) => (chosen, false),
        TopologyCommand::Permissions => return permissions(&config.nats.prefix),
    };
    let bus = Bus::connect("operator", &config.nats).await?;
    let topology = Topology::new(&config.nats, &[chosen.group()?.declaration()]);
    if apply {
        topology.apply(&bus).await?;
    }
    let differences = topology.check(&bus).await?;
    print(&json!({ "declared": topology, "differences": differences }))?;
    Ok(if differences.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn permissions(prefix: &str) -> Result<ExitCode> {
    let of_service = |service: &Service| {
        let Permissions { publish, subscribe } = service.permissions(prefix);
        (service.name().to_owned(), json!({ "publish": publish, "subscribe": subscribe }))
    };
    let all: serde_json::Map<String, serde_json::Value> = Service::ALL.iter().map(of_service).collect();
    print(&all)?;
    Ok(ExitCode::SUCCESS)
}

/// Lists, prints, replays or drops dead letters.
pub(crate) async fn dead(config: Config, command: DeadCommand) -> Result<ExitCode> {
    let bus = Bus::connect("operator", &config.nats).await?;
    match command {
        DeadCommand::List { stage } => {
            let mut filter = dead::Filter { stage, ..dead::Filter::default() };
            loop {
                let letters = dead::list(&bus, &filter).await?;
                for letter in &letters {
                    line(&letter::summary(letter))?;
                }
                let Some(last) = letters.last() else { break };
                filter.from = last.sequence + 1;
            }
        }
        DeadCommand::Show { sequence, raw } => print(&letter::shown(&dead::get(&bus, sequence).await?, raw))?,
        DeadCommand::Replay { sequence } => dead::replay(&bus, sequence).await.map(drop)?,
        DeadCommand::Drop { sequence } => dead::drop(&bus, sequence).await?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Recomputes receipts from the findings in Postgres. Exits with 1 if one differs or cannot be verified.
pub(crate) async fn verify(config: Config, incidents: Vec<Uuid>) -> Result<ExitCode> {
    let store = database(&config, "orgwatch-verify").await?;
    let ids = (!incidents.is_empty()).then_some(incidents);
    let stored = store.incidents(&IncidentFilter { ids: ids.clone(), ..IncidentFilter::default() }).await?;
    let is_known = |id: &&Uuid| stored.iter().any(|known| known.incident.incident_id == **id);
    if let Some(missing) = ids.iter().flatten().find(|id| !is_known(id)) {
        bail!("incident {missing}: does not exist");
    }
    let hashes: BTreeSet<Text> = stored.iter().map(|stored| stored.incident.receipt.config_hash.clone()).collect();
    let known = rules::stored(&store, &Vec::from_iter(hashes)).await?;
    let decisions = store.decisions(&DecisionFilter::default()).await?;
    let (mut broken, mut unverifiable) = (0_usize, 0_usize);
    for stored in &stored {
        let (count, holds, problem) = match verdict(stored, &known, &config.risk, &decisions) {
            Verdict::Holds => continue,
            Verdict::Broken(problem) => (&mut broken, Some(false), problem),
            Verdict::Unverifiable(problem) => (&mut unverifiable, None, problem),
        };
        *count += 1;
        line(&json!({ "incident_id": stored.incident.incident_id, "holds": holds, "problem": problem }))?;
    }
    let hold = stored.len() - broken - unverifiable;
    print(&json!({
        "incidents": stored.len(),
        "hold": hold,
        "do_not_hold": broken,
        "not_verifiable": unverifiable,
    }))?;
    Ok(if hold == stored.len() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

enum Verdict {
    Holds,
    Broken(String),
    Unverifiable(String),
}

/// Recomputes the receipt of an incident.
///
/// Receipts of settings that are not stored, as those of earlier versions, are computed with the settings of `config`.
fn verdict(
    stored: &StoredIncident,
    known: &BTreeMap<Text, Result<Settings, SettingsError>>,
    config: &risk::Settings,
    decisions: &[Decision],
) -> Verdict {
    let incident = &stored.incident;
    let Receipt { config_hash, risk_score, terms, .. } = &incident.receipt;
    let sum: i32 = terms.iter().map(|term| term.points.0).sum();
    if sum != risk_score.0 || *risk_score != incident.risk_score {
        let (sum, shown) = (f64::from(sum) / 100.0, incident.risk_score);
        return Verdict::Broken(format!("the terms add up to {sum}, the incident has {shown}"));
    }
    let (settings, by) = match known.get(config_hash) {
        Some(Ok(settings)) => (&settings.risk, "its settings"),
        Some(Err(error)) => return Verdict::Unverifiable(format!("its settings cannot be read: {error}")),
        None => (config, "today's settings (its own are not stored)"),
    };
    let on_account = decisions.iter().filter(|decision| decision.concerns(&incident.org_id, &incident.user_id));
    let on_account = risk::Decisions::new(on_account.cloned());
    let again = risk::receipt(&incident.findings, settings, config_hash, &on_account);
    if risk::is_same_arithmetic(&again, &incident.receipt) {
        return Verdict::Holds;
    }
    Verdict::Broken(format!("the findings and {by} give {}, the receipt {risk_score}", again.risk_score))
}

/// Writes findings and incidents to files or standard output.
pub(crate) async fn export(config: Config, output: &OutputArguments) -> Result<ExitCode> {
    let store = database(&config, "orgwatch-export").await?;
    match dump::write(&store, output).await {
        // As `export - | head`.
        Err(error) if is_broken_pipe(&error) => Ok(ExitCode::SUCCESS),
        outcome => outcome.map(|()| ExitCode::SUCCESS),
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let io = error.chain().find_map(|cause| cause.downcast_ref::<std::io::Error>());
    io.is_some_and(|io| io.kind() == std::io::ErrorKind::BrokenPipe)
}

/// Migrates the schema.
pub(crate) async fn migrate(config: Config) -> Result<ExitCode> {
    config.check_postgres()?;
    Store::connect(&config.postgres, "orgwatch-migrate").await?.migrate().await?;
    Ok(ExitCode::SUCCESS)
}

/// Prints JSON over several lines.
pub(crate) fn print(value: &impl Serialize) -> Result<()> {
    let mut out = std::io::stdout();
    serde_json::to_writer_pretty(&mut out, value)?;
    Ok(out.write_all(b"\n")?)
}

/// Prints JSON in one line.
pub(crate) fn line(value: &impl Serialize) -> Result<()> {
    Ok(writeln!(std::io::stdout(), "{}", serde_json::to_string(value)?)?)
}
