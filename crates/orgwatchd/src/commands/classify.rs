//! Says which class an account has.

use super::decisions::{Desk, Life};
use crate::arguments::ClassifyArguments;
use crate::config::Config;
use anyhow::Result;
use model::Ruling;
use std::process::ExitCode;

/// Records the class of an account, or returns to what is learned.
///
/// # Errors
/// If no hour of the org is closed yet and no time is given, or there is nothing to end.
pub(crate) async fn classify(config: Config, arguments: ClassifyArguments) -> Result<ExitCode> {
    let ClassifyArguments { account, class, end: _, holds, because } = arguments;
    let desk = Desk::open(&config, because.who).await?;
    let decisions = match class {
        Some(class) => {
            let life = Life::holding(&holds, desk.start(&account.org, holds.from).await?)?;
            vec![desk.decision(&account.org, Some(&account.user), Ruling::Class { class }, life, &because.reason)]
        }
        None => desk.end_all(&account, "class", holds.from, &because.reason).await?,
    };
    desk.record(decisions, &[]).await
}
