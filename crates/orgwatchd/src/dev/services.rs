//! All services in one process, with a nats-server and a Postgres started for the run.

use super::arguments::DevArguments;
use super::salesforce::Salesforce;
use super::{notes, watch};
use crate::config::Config;
use crate::node::Node;
use crate::{commands, dump, idle};
use anyhow::{Context, Result};
use detector::Group;
use files::NamedOrgs;
use futures::FutureExt;
use model::{OrgId, Timestamp};
use notifier::{DestinationKind, DestinationSettings};
use runtime::shutdown::{Signals, Stages};
use runtime::telemetry::{LogFormat, Telemetry, TelemetrySettings};
use servers::{Nats, Postgres};
use simulator::{Plan, Simulation};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::sync::Arc;
use store::Role;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// Of the simulated org: the same as of `orgwatch demo`.
const SEED: u64 = 1;
/// File of the simulated events.
const EVENTS: &str = "events.ndjson";

/// Logs text for people, unless the configuration sets telemetry.
pub(super) fn log_for_people(config: &mut Config) {
    if config.telemetry == TelemetrySettings::default() {
        config.telemetry.logs = LogFormat::Text;
        // The servers start and stop with this process, so losing them is no news.
        config.telemetry.level = "warn,async_nats=off,bus::connect=error".to_owned();
    }
}

/// What the run needs around the services. Dropping it stops the servers and removes their files.
struct Environment {
    _nats: Option<Nats>,
    postgres: Option<Postgres>,
    simulated: Option<TempDir>,
    salesforce: Option<Arc<Salesforce>>,
}

/// Runs all services until the process is interrupted, or until they are idle where the arguments say so.
///
/// # Errors
/// If a server cannot be started, or a service fails.
pub(super) async fn run(
    mut config: Config,
    telemetry: &Telemetry,
    arguments: DevArguments,
    signals: &Signals,
) -> Result<()> {
    let environment = prepare(&mut config, &arguments, &signals.shutdown).await?;
    let Signals { shutdown, at_once } = signals;
    tokio::spawn(shutdown.clone().cancelled_owned().map(|()| notes::print("Stopping; Ctrl-C again stops at once.")));
    // Cancelled also when everything is played, unlike its parent.
    let end = shutdown.child_token();
    let outcome = tokio::select! {
        biased;
        () = at_once.cancelled() => Ok(()),
        outcome = play(config, telemetry, arguments, &environment, &end) => outcome,
    };
    // Whatever still runs loses its servers now, and nothing is left behind.
    drop(environment);
    outcome
}

async fn play(
    config: Config,
    telemetry: &Telemetry,
    arguments: DevArguments,
    environment: &Environment,
    shutdown: &CancellationToken,
) -> Result<()> {
    let group = Group::all();
    let groups = [group.declaration()];
    let node = tokio::select! {
        biased;
        () = shutdown.cancelled() => return Ok(()),
        node = Node::connect(config, "dev", &groups) => node?,
    };
    let postgres = environment.postgres.as_ref().map(Postgres::url);
    let token = commands::make(&node.store, "dev", BTreeMap::from([("*".to_owned(), Role::Administrator)]), 1).await?;
    notes::print(&notes::header(&node.config, &arguments, postgres.as_deref(), &token));
    node.run(telemetry.registry(), shutdown.clone(), async |node, stages| {
        start(node, stages, &arguments, &group, shutdown).await?;
        let store = node.store.clone();
        stages.spawn("watch", |token| watch::run(store, token));
        let (node, group, shutdown) = (node.clone(), group.clone(), shutdown.clone());
        let salesforce = environment.salesforce.clone();
        stages.spawn("dev", async move |token| {
            let played = token.child_token();
            let progress = notes::progress(node.store.clone(), node.config.ingest.files.org.clone(), played.clone());
            tokio::spawn(progress);
            if let Some(salesforce) = salesforce {
                tokio::select! {
                    () = token.cancelled() => return Ok(()),
                    read = salesforce.read(&node) => read?,
                }
            }
            idle::wait(&node, &group, &token).await?;
            if token.is_cancelled() {
                return Ok(());
            }
            played.cancel();
            notes::print(&notes::end(&node.store, &node.config, &arguments, postgres.as_deref()).await?);
            if arguments.is_finite() {
                dump::write(&node.store, &arguments.output).await?;
                shutdown.cancel();
            }
            Ok(())
        });
        Ok(())
    })
    .await
}

async fn start(
    node: &Node,
    stages: &mut Stages,
    arguments: &DevArguments,
    group: &Group,
    shutdown: &CancellationToken,
) -> Result<()> {
    for replica in 0..arguments.baselines.max(1) {
        let service = node.baseline(i32::from(replica) + 1, shutdown.clone()).await?;
        let rules = service.rules.clone();
        let presence = node.presence("baseline", Some(replica), move || Some(rules.borrow().hash.to_string()));
        stages.spawn(format!("baseline {replica}"), |token| presence.during(service.run(token)));
    }
    for replica in 0..arguments.detectors.max(1) {
        let service = node.detector(group.clone(), shutdown.clone()).await?;
        let rules = service.rules.clone();
        let presence = node.presence("detector", Some(replica), move || Some(rules.borrow().config_hash().to_string()));
        stages.spawn(format!("detector {replica}"), |token| presence.during(service.run(token)));
    }
    let (correlator, notifier, ingest) = (node.correlator(shutdown.clone()).await?, node.clone(), node.clone());
    let rules = correlator.rules.clone();
    let presence = node.presence("correlator", None, move || Some(rules.borrow().hash.to_string()));
    stages.spawn("correlator", |token| presence.during(correlator.run(token)));
    let presence = node.presence("notifier", None, || None);
    stages.spawn("notifier", |token| presence.during(notifier.notifier(token)));
    let console = node.console(shutdown.clone()).await?;
    let rules = console.rules.clone();
    let presence = node.presence("console", None, move || Some(rules.borrow().hash.to_string()));
    stages.spawn("console", |token| presence.during(console.run(token)));
    let presence = node.presence("ingest", None, || None);
    stages.spawn("ingest", |token| presence.during(ingest.ingest(1, token)));
    Ok(())
}

/// Starts the servers that are not given, and sets the configuration to use them and to read the input.
///
/// It is never dropped half-way, so that a server that is just starting is removed, too.
async fn prepare(config: &mut Config, arguments: &DevArguments, shutdown: &CancellationToken) -> Result<Environment> {
    let org = match &arguments.org {
        Some(org) => Some(org.clone()),
        None => org_of(&arguments.input)?,
    };
    let nats = match &arguments.nats {
        Some(url) => {
            config.nats.servers = vec![url.clone()];
            None
        }
        None => {
            let nats = Nats::start().await?;
            config.nats.servers = vec![nats.url()];
            Some(nats)
        }
    };
    let postgres = match &arguments.postgres {
        Some(url) => {
            config.postgres.url = url.as_str().into();
            None
        }
        None => {
            let postgres = Postgres::start().await?;
            config.postgres.url = postgres.url().into();
            Some(postgres)
        }
    };
    config.admin.listen.set_ip([127, 0, 0, 1].into());
    config.ingest.listen.set_ip([127, 0, 0, 1].into());
    config.console.listen.set_ip([127, 0, 0, 1].into());
    let mut environment = Environment { _nats: nats, postgres, simulated: None, salesforce: None };
    // What is played is of any age, and watched.
    config.ingest.backfill_hours = 0;
    let files = &mut config.ingest.files;
    files.end = true;
    files.org = org;
    config.detector.learn_until = arguments.learn_until;
    if arguments.input.is_empty() {
        let (folder, org, learn_until) = simulate(shutdown)?;
        files.paths = vec![folder.path().join(EVENTS)];
        files.org = Some(org);
        config.detector.learn_until = arguments.learn_until.or(Some(learn_until));
        environment.simulated = Some(folder);
    } else {
        files.paths.clone_from(&arguments.input);
    }
    files.speed = arguments.speed;
    files.paced_from = config.detector.learn_until;
    if let Some(channels) = arguments.salesforce {
        let paths = std::mem::take(&mut files.paths);
        let org = files.org.clone().context("--salesforce needs --org, the id of the fake org")?;
        let salesforce = Salesforce::start(config, &paths, org, channels, arguments.speed).await?;
        environment.salesforce = Some(Arc::new(salesforce));
    }
    if let Some(url) = &arguments.webhook {
        let webhook = DestinationSettings {
            url: Some(url.as_str().into()),
            ..DestinationSettings::new(DestinationKind::Webhook)
        };
        config.notifier.destinations.insert("webhook".to_owned(), webhook);
    }
    Ok(environment)
}

/// Returns the org of records that name none, as a backtest of these files would take it if the beginnings of the files
/// name what their rest names.
fn org_of(paths: &[PathBuf]) -> Result<Option<OrgId>> {
    // Standard input can be read only once.
    if paths.is_empty() || paths.iter().any(|path| path.as_os_str() == "-") {
        return Ok(None);
    }
    let (inputs, _) = files::expand(paths, &files::Context::default())?;
    Ok(NamedOrgs::at_the_beginning(&inputs).joined())
}

/// Writes the events of the org that Emma Martin leaves into a temporary folder. Returns the folder, the org, and the
/// time until which the org is only learned.
fn simulate(shutdown: &CancellationToken) -> Result<(TempDir, OrgId, Timestamp)> {
    const LEARNING: i64 = 30 * model::time::DAY;
    let plan = Plan::leaver(SEED);
    let start = Timestamp(plan.start.and_time(chrono::NaiveTime::MIN).and_utc().timestamp_millis());
    let org = OrgId::new(&plan.org_id);
    let folder = tempfile::tempdir()?;
    let mut file = BufWriter::new(File::create(folder.path().join(EVENTS))?);
    let mut buffer = Vec::new();
    let days = Simulation::new(plan)?.take_while(|_| !shutdown.is_cancelled());
    for event in days.flat_map(|day| day.events) {
        buffer.clear();
        event.write_json(&mut buffer);
        file.write_all(&buffer)?;
    }
    file.flush()?;
    Ok((folder, org, start.plus(LEARNING)))
}
