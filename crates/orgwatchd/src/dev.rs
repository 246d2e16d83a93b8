//! All services in one process, with a real nats-server and a real Postgres of their own.

mod salesforce;
mod watch;

use crate::arguments::DevArguments;
use crate::config::Config;
use crate::node::Node;
use crate::{dump, idle};
use anyhow::{Context, Result};
use detector::Group;
use model::{OrgId, Timestamp};
use notifier::{ChannelKind, ChannelSettings};
use runtime::shutdown::{Stages, on_signals};
use runtime::telemetry::{LogFormat, Telemetry, TelemetrySettings};
use salesforce::Salesforce;
use servers::{Nats, Postgres};
use simulator::{Plan, Simulation};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::sync::Arc;
use tempfile::TempDir;

/// Of the simulated org: the same one as `orgwatch demo` plays.
const SEED: u64 = 1;
const EVENTS: &str = "events.ndjson";

/// Logs for somebody who watches, unless they are set otherwise.
pub(crate) fn speak_to_people(config: &mut Config) {
    if config.telemetry == TelemetrySettings::default() {
        config.telemetry.logs = LogFormat::Text;
        // Servers that come and go with this process are nothing to tell of.
        config.telemetry.level = "warn,async_nats=off,bus::connect=error".to_owned();
    }
}

/// What lives as long as the run: dropping it stops the servers and removes their files.
struct Grounds {
    _nats: Option<Nats>,
    _postgres: Option<Postgres>,
    simulated: Option<TempDir>,
    salesforce: Option<Arc<Salesforce>>,
}

pub(crate) async fn run(mut config: Config, telemetry: &Telemetry, arguments: DevArguments) -> Result<()> {
    let until_idle = arguments.until_idle || arguments.output.is_wanted();
    let grounds = prepare(&mut config, &arguments).await?;
    let group = Group::all();
    let node = Node::connect(config, "dev", &[group.declaration()]).await?;
    let shutdown = on_signals()?;
    let ended = node
        .run(telemetry.registry(), shutdown.clone(), async |node, stages| {
            start(node, stages, &arguments, &group, &shutdown).await?;
            let store = node.store.clone();
            stages.spawn("watch", |token| watch::run(store, token));
            let (node, arguments, group) = (node.clone(), arguments, group.clone());
            let salesforce = grounds.salesforce.clone();
            stages.spawn("dev", async move |token| {
                if until_idle {
                    if let Some(salesforce) = salesforce {
                        tokio::select! {
                            () = token.cancelled() => return Ok(()),
                            read = salesforce.read(&node) => read?,
                        }
                    }
                    idle::wait(&node, &group, &token).await?;
                    dump::write(&node.store, &arguments.output).await?;
                    shutdown.cancel();
                }
                Ok(())
            });
            Ok(())
        })
        .await;
    drop(grounds);
    ended
}

async fn start(
    node: &Node,
    stages: &mut Stages,
    arguments: &DevArguments,
    group: &Group,
    shutdown: &tokio_util::sync::CancellationToken,
) -> Result<()> {
    for replica in 0..arguments.baselines.max(1) {
        let service = node.baseline(i32::from(replica) + 1);
        stages.spawn(format!("baseline {replica}"), async |token| Ok(service.run(token).await?));
    }
    for replica in 0..arguments.detectors.max(1) {
        let service = node.detector(group.clone(), shutdown.clone()).await?;
        stages.spawn(format!("detector {replica}"), async |token| Ok(service.run(token).await?));
    }
    let (correlator, notifier, ingest) = (node.correlator(), node.clone(), node.clone());
    stages.spawn("correlator", async |token| Ok(correlator.run(token).await?));
    stages.spawn("notifier", |token| notifier.notifier(token));
    stages.spawn("ingest", |token| ingest.ingest(1, token));
    Ok(())
}

/// Starts what is not given, and makes the settings fit.
async fn prepare(config: &mut Config, arguments: &DevArguments) -> Result<Grounds> {
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
    let mut grounds = Grounds { _nats: nats, _postgres: postgres, simulated: None, salesforce: None };
    let files = &mut config.ingest.files;
    files.end = true;
    files.org.clone_from(&arguments.org);
    config.detector.learn_until = arguments.learn_until;
    if arguments.input.is_empty() {
        let (folder, org, learn_until) = simulate()?;
        files.paths = vec![folder.path().join(EVENTS)];
        files.org = Some(org);
        config.detector.learn_until = arguments.learn_until.or(Some(learn_until));
        grounds.simulated = Some(folder);
    } else {
        files.paths.clone_from(&arguments.input);
    }
    files.speed = arguments.speed;
    files.paced_from = config.detector.learn_until;
    if let Some(channels) = arguments.salesforce {
        let paths = std::mem::take(&mut files.paths);
        let org = files.org.clone().context("--salesforce wants --org: the fake org must be some org")?;
        let salesforce = Salesforce::start(config, &paths, org, channels, arguments.speed).await?;
        grounds.salesforce = Some(Arc::new(salesforce));
    }
    if let Some(url) = &arguments.webhook {
        let webhook = ChannelSettings { url: Some(url.as_str().into()), ..ChannelSettings::new(ChannelKind::Webhook) };
        config.notifier.channels.insert("webhook".to_owned(), webhook);
    }
    Ok(grounds)
}

/// The org that Emma Martin leaves, in a folder of its own; the time until which it only teaches.
fn simulate() -> Result<(TempDir, OrgId, Timestamp)> {
    const LEARNING: i64 = 30 * model::time::DAY;
    let plan = Plan::leaver(SEED);
    let start = Timestamp(plan.start.and_time(chrono::NaiveTime::MIN).and_utc().timestamp_millis());
    let org = OrgId::new(&plan.org_id);
    let folder = tempfile::tempdir()?;
    let mut file = BufWriter::new(File::create(folder.path().join(EVENTS))?);
    let mut buffer = Vec::new();
    for event in Simulation::new(plan)?.flat_map(|day| day.events) {
        buffer.clear();
        event.write_json(&mut buffer);
        file.write_all(&buffer)?;
    }
    file.flush()?;
    Ok((folder, org, start.plus(LEARNING)))
}
