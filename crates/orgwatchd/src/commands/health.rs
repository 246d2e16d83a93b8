//! The check of a container's health.

use crate::config::Config;
use anyhow::{Context, Result};
use std::io::Write;
use std::process::ExitCode;

/// Asks the service of this machine at `admin.listen` whether it is ready. Exits with 1 if it is not.
pub(crate) async fn health(config: Config) -> Result<ExitCode> {
    let listen = config.admin.listen;
    let (status, body) =
        runtime::admin::ask(listen, "/readyz").await.with_context(|| format!("no service answers at {listen}"))?;
    writeln!(std::io::stdout(), "{}", body.trim_end())?;
    Ok(if status == 200 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
