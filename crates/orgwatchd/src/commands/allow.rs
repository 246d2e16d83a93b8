//! Says what an integration is there for.

mod propose;

pub(crate) use propose::propose;

use super::decisions::{Desk, Life};
use crate::arguments::AllowArguments;
use crate::config::Config;
use anyhow::{Context, Result, bail};
use model::Ruling;
use model::decision::Allowlist;
use std::path::Path;
use std::process::ExitCode;

/// Records an allowlist of an account, or ends those that it has.
///
/// # Errors
/// If the file is not an allowlist, no hour of the org is closed yet and no time is given, or there is nothing to end.
pub(crate) async fn allow(config: Config, arguments: AllowArguments) -> Result<ExitCode> {
    let allowlist = match &arguments.file {
        Some(path) => read(path)?,
        None => arguments.allowlist(),
    };
    let AllowArguments { account, end, holds, because, .. } = arguments;
    let desk = Desk::open(&config, because.who).await?;
    let mut decisions = Vec::new();
    if end {
        decisions = desk.end_all(&account, "allowlist", holds.from, &because.reason).await?;
    } else {
        let life = Life::holding(&holds, desk.start(&account.org, holds.from).await?)?;
        let ruling = Ruling::Allowlist { allowlist };
        decisions.push(desk.decision(&account.org, Some(&account.user), ruling, life, &because.reason));
    }
    desk.record(decisions, &[]).await
}

/// Reads what `propose-allowlist` has printed.
fn read(path: &Path) -> Result<Allowlist> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let allowlist: Allowlist =
        serde_json::from_str(&text).with_context(|| format!("{}: not an allowlist", path.display()))?;
    if allowlist == Allowlist::default() {
        bail!("{}: the allowlist names nothing: with it, everything would be expected", path.display());
    }
    Ok(allowlist)
}
