//! Every service and operation of orgwatch, behind one command line.
//!
//! [`Node`] is what a process has: connections, and the services made of them. The end-to-end tests start services
//! through it, too.

mod arguments;
mod commands;
pub mod config;
mod dev;
pub mod dump;
pub mod idle;
mod node;
mod placement;
mod rules;

pub use config::Config;
pub use node::Node;

use anyhow::Result;
use arguments::{Arguments, Command};
use clap::Parser;
use ingest::Purpose;
use runtime::telemetry::Telemetry;
use std::io::Write;
use std::process::ExitCode;

/// Does what the command line asks for.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let ended = runtime::run::block_on(run(arguments)).map_err(anyhow::Error::from).flatten();
    match ended {
        Ok(code) => code,
        Err(error) => {
            // The reason is for whoever started the process, whether or not telemetry has.
            // Where standard error is closed, the exit code has to do.
            writeln!(std::io::stderr(), "orgwatchd: {error:#}").ok();
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<ExitCode> {
    let mut config = Config::load(arguments.config.as_deref())?;
    if matches!(arguments.command, Command::Dev(_)) {
        dev::speak_to_people(&mut config);
    }
    match arguments.command {
        Command::Ingest => serve("ingest", config, commands::ingest).await,
        Command::Baseline => serve("baseline", config, commands::baseline).await,
        Command::Detector(chosen) => {
            let group = chosen.group()?;
            serve("detector", config, async |config, telemetry| commands::detector(config, telemetry, group).await)
                .await
        }
        Command::Correlator => serve("correlator", config, commands::correlator).await,
        Command::Notifier => serve("notifier", config, commands::notifier).await,
        Command::Dev(arguments) => {
            serve("dev", config, async |config, telemetry| dev::run(config, telemetry, arguments).await).await
        }
        Command::Topology(command) => commands::topology(config, command).await,
        Command::Dead(command) => commands::dead(config, command).await,
        Command::Verify { incidents } => commands::verify(config, incidents).await,
        Command::Export(output) => commands::export(config, &output).await,
        Command::Config(command) => commands::config(config, command).await,
        Command::Migrate => commands::migrate(config).await,
        Command::Backfill { raise, org, from, to } => {
            let purpose = if raise { Purpose::Watch } else { Purpose::Teach };
            commands::backfill(config, &org, from, to, purpose).await
        }
        Command::Sources(command) => commands::sources(config, command).await,
        Command::Org(command) => commands::org(config, command).await,
        Command::User(command) => commands::user(config, command).await,
        Command::Partition(command) => commands::partition(config, command).await,
        Command::Doctor { json } => commands::doctor(config, json).await,
        Command::FakeOrg { input, org, speed } => commands::fake_org(&input, org, speed).await,
    }
}

/// Runs a service with telemetry around it.
async fn serve(
    service: &str,
    config: Config,
    run: impl AsyncFnOnce(Config, &Telemetry) -> Result<()>,
) -> Result<ExitCode> {
    let telemetry = Telemetry::start(&format!("orgwatch-{service}"), &instance(), &config.telemetry)?;
    let ended = run(config, &telemetry).await;
    if let Err(error) = &ended {
        tracing::error!(error = format!("{error:#}"), "{service} has failed");
    }
    telemetry.shutdown().await;
    ended.map(|()| ExitCode::SUCCESS)
}

/// Tells replicas apart: the pod's name where there is one.
fn instance() -> String {
    std::env::var("HOSTNAME").unwrap_or_else(|_| std::process::id().to_string())
}
