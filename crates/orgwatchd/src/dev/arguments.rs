//! The command line of development.

use crate::arguments::{OutputArguments, parse_org, parse_time};
use clap::{Args, Subcommand, ValueEnum};
use model::{OrgId, Timestamp};
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run all services in one process with their own servers, to try orgwatch and to test it
    Dev(DevArguments),
    /// Serve files of stored events as Salesforce would, until interrupted
    FakeOrg(FakeOrgArguments),
}

impl Command {
    /// Returns the command if its arguments can be followed.
    ///
    /// # Errors
    /// If standard output, to which `dev` prints incidents, is also a file to write.
    pub(crate) fn checked(self) -> Result<Self, String> {
        if let Self::Dev(DevArguments { output, .. }) = &self
            && output.files().iter().any(|(_, path)| path.as_os_str() == "-")
        {
            return Err("`dev` prints to standard output itself: write to files".to_owned());
        }
        Ok(self)
    }
}

#[derive(Debug, Args)]
pub(crate) struct DevArguments {
    /// Play these files or folders instead of a simulated org
    #[arg(long, value_name = "PATH", num_args = 1..)]
    pub(crate) input: Vec<PathBuf>,
    /// Org of records that name none
    #[arg(long, value_name = "ID", value_parser = parse_org)]
    pub(crate) org: Option<OrgId>,
    /// Only learn before this event time, and raise nothing
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub(crate) learn_until: Option<Timestamp>,
    /// Event seconds to play per second from --learn-until on; as fast as possible where absent
    #[arg(long, value_name = "FACTOR")]
    pub(crate) speed: Option<f64>,
    /// Serve the events from a fake Salesforce and read them there: by one stream in order, or by streams, stored
    /// events and log files at once
    #[arg(long, value_name = "CHANNELS", num_args = 0..=1, default_missing_value = "stream")]
    pub(crate) salesforce: Option<Channels>,
    /// Exit when every stage has processed all input
    #[arg(long)]
    pub(crate) until_idle: bool,
    /// Files to write before exit; imply --until-idle
    #[command(flatten)]
    pub(crate) output: OutputArguments,
    /// Replicas of baseline
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub(crate) baselines: u16,
    /// Replicas of the detector service
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub(crate) detectors: u16,
    /// A running nats-server to use instead of starting one
    #[arg(long, value_name = "URL")]
    pub(crate) nats: Option<String>,
    /// A running Postgres to use instead of starting one
    #[arg(long, value_name = "URL")]
    pub(crate) postgres: Option<String>,
    /// Also deliver incidents to this URL
    #[arg(long, value_name = "URL")]
    pub(crate) webhook: Option<String>,
}

impl DevArguments {
    /// Returns whether the run ends when everything is played.
    pub(super) fn is_finite(&self) -> bool {
        self.until_idle || !self.output.files().is_empty()
    }
}

/// The channels of the fake org that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Channels {
    Stream,
    All,
}

#[derive(Debug, Args)]
pub(crate) struct FakeOrgArguments {
    /// Files or folders of stored events
    #[arg(required = true)]
    pub(super) input: Vec<PathBuf>,
    /// Id of the org that the events belong to
    #[arg(long, value_name = "ID", value_parser = parse_org)]
    pub(super) org: OrgId,
    /// Event seconds to serve per second; as fast as they are read where absent
    #[arg(long, value_name = "FACTOR")]
    pub(super) speed: Option<f64>,
}
