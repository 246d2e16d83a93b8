//! Says how much access to objects weighs.

use super::decisions::{Desk, Life, listed, show};
use crate::arguments::SensitivityCommand;
use crate::config::Config;
use anyhow::Result;
use model::Ruling;
use std::process::ExitCode;

/// Lists, sets or ends the weights of objects.
///
/// # Errors
/// If no hour of the org is closed yet and no time is given, or a weight to end does not exist.
pub(crate) async fn sensitivity(config: Config, command: SensitivityCommand) -> Result<ExitCode> {
    match command {
        SensitivityCommand::Set { org, object, factor, holds, because } => {
            let desk = Desk::open(&config, because.who).await?;
            let life = Life::holding(&holds, desk.start(&org, holds.from).await?)?;
            let set = desk.decision(&org, None, Ruling::Sensitivity { object, factor }, life, &because.reason);
            desk.record(vec![set], &[]).await
        }
        SensitivityCommand::List(arguments) => {
            let store = super::database(&config, "orgwatch-operator").await?;
            show(&listed(&store, &arguments, None, Some("sensitivity")).await?, arguments.format.json)
        }
        SensitivityCommand::End(arguments) => super::end(&config, arguments, "sensitivity").await,
    }
}
