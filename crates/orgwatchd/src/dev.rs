//! Commands of development, with the fake org, the simulator and the test servers. Only the feature `dev` brings them,
//! and the image is built without it.

mod arguments;
mod fake_org;
mod notes;
mod salesforce;
mod services;
mod watch;

pub(crate) use arguments::Command;

use crate::config::Config;
use crate::run::serve;
use anyhow::Result;
use runtime::shutdown::{STATUS_INTERRUPTED, Signals};
use std::process::ExitCode;

/// Runs a command of development.
///
/// # Errors
/// Those of the command.
pub(crate) async fn run(mut config: Config, command: Command) -> Result<ExitCode> {
    match command {
        Command::Dev(arguments) => {
            services::log_for_people(&mut config);
            // Before anything is started, so that signals leave nothing behind.
            let signals = Signals::listen()?;
            let run = async |config, telemetry: &_| services::run(config, telemetry, arguments, &signals).await;
            let code = serve("dev", config, run).await;
            if signals.at_once.is_cancelled() { Ok(STATUS_INTERRUPTED.into()) } else { code }
        }
        Command::FakeOrg(arguments) => fake_org::serve(arguments).await,
    }
}
