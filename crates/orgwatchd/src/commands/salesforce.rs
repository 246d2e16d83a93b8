//! Commands for orgs at Salesforce.

use super::operate::print;
use crate::config::Config;
use crate::node::Node;
use crate::placement;
use anyhow::{Result, bail};
use bus::{Bus, Publisher, PublisherSettings, Topology};
use ingest::Sink;
use model::Timestamp;
use model::time::DAY;
use runtime::clock::now;
use runtime::shutdown::on_signals;
use salesforce_source::doctor::{Check, Health, examine};
use salesforce_source::{Backfill, Backfilled, Purpose};
use serde_json::json;
use std::io::Write;
use std::process::ExitCode;
use store::{Schema, Store};
use tokio_util::sync::CancellationToken;

/// Reads an org's stored events of a period, as backfill or to raise findings.
///
/// # Errors
/// If the period is not valid, the org cannot be read, or the command is interrupted.
pub(crate) async fn backfill(
    config: Config,
    name: &str,
    from: Timestamp,
    to: Option<Timestamp>,
    purpose: Purpose,
) -> Result<ExitCode> {
    /// A little less than the six months that Salesforce keeps stored events.
    const MOST_DAYS: i64 = 180;
    let now = now();
    let to = to.unwrap_or(now);
    if from >= to {
        bail!("--from must be before --to, {to}, is {from}");
    }
    if now.since(from) > MOST_DAYS * DAY {
        bail!("--from must be at most {MOST_DAYS} days ago: Salesforce keeps no older events");
    }
    let node = Node::connect(config, "ingest", &[]).await?;
    let publisher = Publisher::start(&node.bus, PublisherSettings::default(), CancellationToken::new());
    let sink = Sink::to_stream(publisher, &node.bus.settings().prefix, node.config.partitions.partitions());
    let backfill = Backfill { name, from, to, purpose };
    let shutdown = on_signals()?;
    let (org, filled) = tokio::select! {
        () = shutdown.cancelled() => bail!("interrupted; run the same command again to continue"),
        filled = backfill.run(&node.config.ingest.salesforce, &node.store, &sink) => filled?,
    };
    let Backfilled { activities, windows, truncations, unread } = filled;
    // If the org is being read, its clock has advanced, and events far behind it are not learned.
    let is_read = node.store.source_states(Some(&org)).await?.iter().any(|noted| noted.state.last_heard_at.is_some());
    let hours = node.config.profile.identity_hours;
    let note = is_read.then(|| format!("the org is already being read: events older than {hours} hours are set aside"));
    print(&json!({
        "note": note,
        "org": org, "from": from, "to": to, "activities": activities, "windows": windows, "truncations": truncations,
        "unread": unread,
    }))?;
    Ok(ExitCode::SUCCESS)
}

/// Checks NATS, Postgres and each org, and prints what to do. Exits with 1 if a check is bad.
pub(crate) async fn doctor(config: Config, as_json: bool) -> Result<ExitCode> {
    let (nats, postgres) = tokio::join!(nats(&config), postgres(&config));
    let mut checks = vec![nats];
    checks.extend(postgres);
    for (name, org) in &config.ingest.salesforce.orgs {
        checks.extend(examine(name, org, now).await);
    }
    if config.ingest.salesforce.orgs.is_empty() {
        let advice = "see docs/salesforce-setup.md to read an org, or push events to ingest";
        checks.push(Check::poor("salesforce", "no org is configured", advice));
    }
    if as_json {
        print(&checks)?;
    } else {
        let mut out = std::io::stdout().lock();
        for check in &checks {
            let mark = match check.health {
                Health::Good => "good",
                Health::Poor => "poor",
                Health::Bad => "BAD ",
            };
            writeln!(out, "{mark}  {}: {}", check.what, check.found)?;
            if let Some(advice) = &check.advice {
                writeln!(out, "      → {advice}")?;
            }
        }
    }
    let worst = checks.iter().map(|check| check.health).max();
    Ok(if worst == Some(Health::Bad) { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

async fn nats(config: &Config) -> Check {
    let wrong = "check nats.servers and its credentials, and that the server is 2.14 or later with JetStream";
    let bus = match Bus::connect("operator", &config.nats).await {
        Ok(bus) => bus,
        Err(error) => return Check::bad("nats", format!("{:#}", anyhow::Error::from(error)), wrong),
    };
    match Topology::new(&config.nats, &[detector::Group::all().declaration()]).check(&bus).await {
        Ok(differences) if differences.is_empty() => {
            Check::good("nats", "streams and consumers match their declaration")
        }
        Ok(differences) => {
            let found = format!("{} fields of streams or consumers differ from their declaration", differences.len());
            Check::poor(
                "nats",
                found,
                "run orgwatchd topology show, then topology apply, with the flags of each detector group",
            )
        }
        Err(error) => Check::bad("nats", format!("{:#}", anyhow::Error::from(error)), wrong),
    }
}

async fn postgres(config: &Config) -> Vec<Check> {
    let wrong = "check postgres.url, and that its role may connect";
    let looked = async {
        let store = Store::connect(&config.postgres, "orgwatch-operator").await?;
        let schema = store.compare_schema().await?;
        let clock = store.clock().await?;
        let slices = match schema {
            Schema::Current | Schema::Newer { .. } => placement::check_slices(&store, &config.partitions).await?,
            Schema::Empty | Schema::Older { .. } => Vec::new(),
        };
        store.close().await;
        Ok::<_, store::StoreError>((schema, clock, slices))
    };
    match looked.await {
        Ok((schema, clock, slices)) => {
            let migrate = "run orgwatchd migrate";
            let schema = match schema {
                Schema::Current => Check::good("postgres", "the schema is up to date"),
                Schema::Empty => Check::bad("postgres", "there is no schema of orgwatch", migrate),
                Schema::Older { found, expected } => {
                    let found = format!("the schema is at migration {found}, and {expected} is needed");
                    Check::bad("postgres", found, migrate)
                }
                Schema::Newer { found, expected } => {
                    let found = format!("the schema is at migration {found}, newer than this executable's {expected}");
                    Check::poor("postgres", found, "run the executable of the newer release")
                }
            };
            let mut checks = vec![schema, Check::clock("postgres clock", clock, now())];
            checks.extend(slices);
            checks
        }
        Err(error) => vec![Check::bad("postgres", format!("{:#}", anyhow::Error::from(error)), wrong)],
    }
}
