//! `orgwatch config`

use crate::Done;
use crate::arguments::{ConfigArguments, ConfigCommand};
use crate::output;
use anyhow::{Context, Result};
use settings::Settings;
use std::path::Path;

pub(crate) fn run(arguments: &ConfigArguments) -> Result<Done> {
    match &arguments.command {
        ConfigCommand::Check { file } => {
            let settings = load(Some(file))?;
            output::print(&format!("{}: valid, hash {}", file.display(), settings.hash()))?;
        }
        ConfigCommand::Show { file } => {
            let settings = load(file.as_deref())?;
            output::print(&format!("# hash {}\n{}", settings.hash(), toml::to_string(&settings)?))?;
        }
        ConfigCommand::Default => output::print(settings::DEFAULT)?,
    }
    Ok(Done::Quietly)
}

/// Reads the settings of `path`, or the defaults without one.
///
/// # Errors
/// If the file cannot be read, or is not valid.
pub(crate) fn load(path: Option<&Path>) -> Result<Settings> {
    let Some(path) = path else { return Ok(Settings::default()) };
    let text = std::fs::read_to_string(path).with_context(|| format!("{}: cannot be read", path.display()))?;
    Ok(Settings::parse(&text, path)?)
}
