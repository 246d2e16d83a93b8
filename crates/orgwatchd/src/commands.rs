//! The commands: one function for each service, and the commands of operators in modules.

mod allow;
mod calendar;
mod classify;
mod config;
mod console;
mod decide;
mod decisions;
mod health;
mod incident;
mod lifecycle;
pub(crate) mod operate;
mod readers;
mod salesforce;
mod sensitivity;
mod sources;
mod suppress;
mod watch;

pub(crate) use allow::{allow, propose};
pub(crate) use calendar::calendar;
pub(crate) use classify::classify;
pub(crate) use config::config;
pub(crate) use console::{console, make, token};
pub(crate) use decide::decide;
pub(crate) use decisions::decisions;
pub(crate) use health::health;
pub(crate) use incident::incident;
pub(crate) use lifecycle::{org, partition, user};
pub(crate) use operate::{dead, export, migrate, topology, verify};
pub(crate) use readers::readers;
pub(crate) use salesforce::{backfill, doctor};
pub(crate) use sensitivity::sensitivity;
pub(crate) use sources::sources;
pub(crate) use suppress::suppress;
pub(crate) use watch::watch;

use self::decisions::Desk;
use crate::arguments::EndArguments;
use crate::config::Config;
use crate::node::Node;
use crate::started;
use ::console::decide::Standing;
use anyhow::Result;
use detector::Group;
use runtime::shutdown::on_signals;
use runtime::telemetry::Telemetry;
use std::process::ExitCode;
use store::Store;

/// Runs ingest until a signal.
pub(crate) async fn ingest(config: Config, telemetry: &Telemetry) -> Result<()> {
    started::warn_without_sources(&config);
    let node = Node::connect(config, "ingest", &[]).await?;
    node.run(telemetry.registry(), on_signals()?, async |node, stages| {
        let node = node.clone();
        let presence = node.presence("ingest", None, || None);
        stages.spawn("ingest", |shutdown| presence.during(node.ingest(member(), shutdown)));
        Ok(())
    })
    .await
}

/// Runs baseline until a signal.
pub(crate) async fn baseline(config: Config, telemetry: &Telemetry) -> Result<()> {
    let node = Node::connect(config, "baseline", &[]).await?;
    let shutdown = on_signals()?;
    node.run(telemetry.registry(), shutdown.clone(), async |node, stages| {
        let service = node.baseline(member(), shutdown).await?;
        let rules = service.rules.clone();
        let presence = node.presence("baseline", None, move || Some(rules.borrow().hash.to_string()));
        stages.spawn("baseline", |shutdown| presence.during(service.run(shutdown)));
        Ok(())
    })
    .await
}

/// Runs the detectors of a group until a signal.
pub(crate) async fn detector(config: Config, telemetry: &Telemetry, group: Group) -> Result<()> {
    let node = Node::connect(config, "detector", &[group.declaration()]).await?;
    let shutdown = on_signals()?;
    node.run(telemetry.registry(), shutdown.clone(), async |node, stages| {
        let service = node.detector(group, shutdown).await?;
        let rules = service.rules.clone();
        let presence = node.presence("detector", None, move || Some(rules.borrow().config_hash().to_string()));
        stages.spawn("detector", |shutdown| presence.during(service.run(shutdown)));
        Ok(())
    })
    .await
}

/// Runs the correlator until a signal.
pub(crate) async fn correlator(config: Config, telemetry: &Telemetry) -> Result<()> {
    let node = Node::connect(config, "correlator", &[]).await?;
    let shutdown = on_signals()?;
    node.run(telemetry.registry(), shutdown.clone(), async |node, stages| {
        let service = node.correlator(shutdown).await?;
        let rules = service.rules.clone();
        let presence = node.presence("correlator", None, move || Some(rules.borrow().hash.to_string()));
        stages.spawn("correlator", |shutdown| presence.during(service.run(shutdown)));
        Ok(())
    })
    .await
}

/// Runs the notifier until a signal.
pub(crate) async fn notifier(config: Config, telemetry: &Telemetry) -> Result<()> {
    started::warn_without_destinations(&config);
    let node = Node::connect(config, "notifier", &[]).await?;
    node.run(telemetry.registry(), on_signals()?, async |node, stages| {
        let node = node.clone();
        let presence = node.presence("notifier", None, || None);
        stages.spawn("notifier", |shutdown| presence.during(node.notifier(shutdown)));
        Ok(())
    })
    .await
}

/// Ends a decision of a kind.
///
/// # Errors
/// If there is no such decision, or no hour of its org is closed yet and no time is given.
async fn end(config: &Config, arguments: EndArguments, kind: &'static str) -> Result<ExitCode> {
    let EndArguments { decision, from, because } = arguments;
    let desk = Desk::open(config, because.who).await?;
    let target = desk.target(decision, Some(kind)).await?;
    desk.refuse(&target, &[Standing::Ended, Standing::Undone]).await?;
    let ended = desk.end(&target, from, &because.reason).await?;
    desk.record(vec![ended], &[]).await
}

/// Connects an operator's command to the database, and checks its schema.
///
/// # Errors
/// If the database cannot be reached, or migrations are missing.
pub(crate) async fn database(config: &Config, application: &str) -> Result<Store> {
    config.check_postgres()?;
    let store = Store::connect(&config.postgres, application).await?;
    store.check_schema().await?;
    Ok(store)
}

/// Returns a random number that tells replicas apart. A replica whose number is taken draws another.
pub(crate) fn member() -> i32 {
    // Any 31 bits of a random fraction.
    (runtime::retry::random() * f64::from(i32::MAX)) as i32
}
