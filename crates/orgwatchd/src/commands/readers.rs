//! Binds database logins to the orgs that they may read.

use super::operate::{line, print};
use crate::arguments::ReadersCommand;
use crate::config::Config;
use anyhow::{Result, bail};
use serde_json::json;
use std::process::ExitCode;

/// Binds or unbinds a login, or lists the bindings.
///
/// # Errors
/// If the row policies would not hold the login to its orgs, or a login to unbind is not bound.
pub(crate) async fn readers(config: Config, command: ReadersCommand) -> Result<ExitCode> {
    let store = super::database(&config, "orgwatch-readers").await?;
    match command {
        ReadersCommand::Grant { login, org } => {
            let is_new = store.grant_reader(&login, &org).await?;
            print(&json!({ "login": login, "org": org, "reads": true, "changed": is_new }))?;
        }
        ReadersCommand::Revoke { login, org } => {
            if !store.revoke_reader(&login, &org).await? {
                bail!("login {login} is not bound to org {org}: `orgwatchd readers list` prints who is");
            }
            print(&json!({ "login": login, "org": org, "reads": false, "changed": true }))?;
        }
        ReadersCommand::List => {
            let readers = store.readers().await?;
            for reader in &readers {
                line(reader)?;
            }
            if readers.iter().any(|reader| reader.problem.is_some()) {
                return Ok(ExitCode::FAILURE);
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
