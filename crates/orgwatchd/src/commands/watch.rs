//! Judges an account harder, for a while.

use super::decisions::{Desk, Life, listed, show};
use crate::arguments::WatchCommand;
use crate::config::Config;
use anyhow::Result;
use model::Ruling;
use std::process::ExitCode;

/// Lists, adds or ends watches.
///
/// # Errors
/// If no hour of the org is closed yet and no time is given, or a watch to end does not exist.
pub(crate) async fn watch(config: Config, command: WatchCommand) -> Result<ExitCode> {
    match command {
        WatchCommand::Add { account, cause, factor, holds, because } => {
            let desk = Desk::open(&config, because.who).await?;
            let life = Life::expiring(&holds, desk.start(&account.org, holds.from).await?)?;
            let ruling = Ruling::Watch { cause, factor };
            let added = desk.decision(&account.org, Some(&account.user), ruling, life, &because.reason);
            desk.record(vec![added], &[]).await
        }
        WatchCommand::List(arguments) => {
            let store = super::database(&config, "orgwatch-operator").await?;
            show(&listed(&store, &arguments, None, Some("watch")).await?, arguments.format.json)
        }
        WatchCommand::End(arguments) => super::end(&config, arguments, "watch").await,
    }
}
