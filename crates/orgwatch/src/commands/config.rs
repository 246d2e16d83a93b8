//! `orgwatch config`

use crate::Done;
use crate::arguments::{ConfigArguments, ConfigCommand};
use crate::output;
use anyhow::Result;
use pipeline::Config;

pub(crate) fn run(arguments: &ConfigArguments) -> Result<Done> {
    match &arguments.command {
        ConfigCommand::Check { file } => {
            let config = Config::load(Some(file))?;
            output::print(&format!("{}: right, hash {}", file.display(), config.hash()))?;
        }
        ConfigCommand::Show { file } => {
            let config = Config::load(file.as_deref())?;
            output::print(&format!("# hash {}\n{}", config.hash(), toml::to_string(&config)?))?;
        }
        ConfigCommand::Default => output::print(pipeline::config::DEFAULT)?,
    }
    Ok(Done::Quietly)
}
