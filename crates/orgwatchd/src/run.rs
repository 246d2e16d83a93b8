//! Runs the command that the command line names.

use crate::arguments::{Arguments, Command};
use crate::commands;
use crate::config::Config;
use anyhow::Result;
use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use runtime::telemetry::Telemetry;
use salesforce_source::Purpose;
use std::io::Write;
use std::process::ExitCode;

/// Runs the command of the command line. Returns the exit code of the process.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = runtime::run::block_on(run(arguments)).map_err(anyhow::Error::from).flatten();
    match outcome {
        Ok(code) => code,
        Err(error) => {
            // Telemetry may not have started. Where standard error is closed, the exit code is all that is left.
            writeln!(std::io::stderr(), "orgwatchd: {error:#}").ok();
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<ExitCode> {
    let config = Config::load(arguments.config.as_deref())?;
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
        Command::Console => serve("console", config, commands::console).await,
        Command::Token(arguments) => commands::token(config, arguments).await,
        Command::Health => commands::health(config).await,
        Command::Topology(command) => commands::topology(config, command).await,
        Command::Dead(command) => commands::dead(config, command).await,
        Command::Verify { incidents } => commands::verify(config, incidents).await,
        Command::Incident(command) => commands::incident(config, command).await,
        Command::Decide(arguments) => commands::decide(config, arguments).await,
        Command::Suppress(command) => {
            let scope = usage(command.scope());
            commands::suppress(config, command, scope).await
        }
        Command::Watch(command) => commands::watch(config, command).await,
        Command::Classify(arguments) => commands::classify(config, arguments).await,
        Command::Sensitivity(command) => commands::sensitivity(config, command).await,
        Command::Allow(arguments) => commands::allow(config, arguments).await,
        Command::ProposeAllowlist(arguments) => commands::propose(config, arguments).await,
        Command::Decisions(command) => commands::decisions(config, command).await,
        Command::Export(arguments) => commands::export(config, &usage(arguments.output())).await,
        Command::Calendar(command) => commands::calendar(config, command).await,
        Command::Config(command) => commands::config(config, usage(command.checked())).await,
        Command::Migrate => commands::migrate(config).await,
        Command::Backfill { raise, org, from, to } => {
            let purpose = if raise { Purpose::Watch } else { Purpose::Backfill };
            commands::backfill(config, &org, from, to, purpose).await
        }
        Command::Sources(command) => commands::sources(config, command).await,
        Command::Org(command) => commands::org(config, command).await,
        Command::User(command) => commands::user(config, command).await,
        Command::Readers(command) => commands::readers(config, command).await,
        Command::Partition(command) => commands::partition(config, command).await,
        Command::Doctor { json } => commands::doctor(config, json).await,
        #[cfg(feature = "dev")]
        Command::Dev(command) => crate::dev::run(config, usage(command.checked())).await,
    }
}

/// Returns the arguments, or ends the process as for other wrong usage: with 2.
fn usage<T>(checked: Result<T, String>) -> T {
    checked.unwrap_or_else(|problem| Arguments::command().error(ErrorKind::ValueValidation, problem).exit())
}

/// Runs a service with telemetry. A failure is logged before telemetry ends.
///
/// # Errors
/// If telemetry cannot start, or that of the service.
pub(crate) async fn serve(
    service: &str,
    config: Config,
    run: impl AsyncFnOnce(Config, &Telemetry) -> Result<()>,
) -> Result<ExitCode> {
    let telemetry = Telemetry::start(&format!("orgwatch-{service}"), &instance(), &config.telemetry)?;
    let outcome = run(config, &telemetry).await;
    if let Err(error) = &outcome {
        tracing::error!(error = format!("{error:#}"), "{service} failed");
    }
    telemetry.shutdown().await;
    outcome.map(|()| ExitCode::SUCCESS)
}

/// Returns the name that tells replicas apart: that of the pod, or the process id.
fn instance() -> String {
    std::env::var("HOSTNAME").unwrap_or_else(|_| std::process::id().to_string())
}
