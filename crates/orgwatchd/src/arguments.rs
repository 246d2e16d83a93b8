//! The command line.

use clap::{Args, Parser, Subcommand};
use detector::Group;
use model::{OrgId, Timestamp, UserId};
use std::path::PathBuf;

/// Runs and operates orgwatch's services
#[derive(Debug, Parser)]
#[command(version, about)]
pub(crate) struct Arguments {
    /// One TOML file for all services; `ORGWATCH_SECTION__KEY` overrides it
    #[arg(long, global = true, env = "ORGWATCH_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Read every source and publish activities
    Ingest,
    /// Own partitions: read the features of activities, then learn them
    Baseline,
    /// Judge observations; all detectors unless some are chosen
    Detector(DetectorArguments),
    /// Merge findings into incidents
    Correlator,
    /// Tell people and systems of incidents
    Notifier,
    /// Streams and consumers
    #[command(subcommand)]
    Topology(TopologyCommand),
    /// Messages that no service could use
    #[command(subcommand)]
    Dead(DeadCommand),
    /// Recompute receipts from Postgres, and say whether they hold
    Verify {
        /// All incidents where none is named
        incidents: Vec<model::Uuid>,
    },
    /// Write what Postgres holds, in the shape and order of backtest
    Export(OutputArguments),
    /// The configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Bring the database's schema up to date
    Migrate,
    /// Learn from an org's stored events
    Backfill {
        /// Raise what they show, too
        #[arg(long)]
        raise: bool,
        /// As the configuration names it
        org: String,
        /// At most 180 days ago
        #[arg(long, value_name = "TIME", value_parser = parse_time)]
        from: Timestamp,
        /// Until now where absent
        #[arg(long, value_name = "TIME", value_parser = parse_time)]
        to: Option<Timestamp>,
    },
    /// What each source has seen, and what it has missed
    #[command(subcommand)]
    Sources(SourcesCommand),
    /// Orgs
    #[command(subcommand)]
    Org(OrgCommand),
    /// Accounts of orgs
    #[command(subcommand)]
    User(UserCommand),
    /// Partitions
    #[command(subcommand)]
    Partition(PartitionCommand),
    /// Look at everything that reading, NATS and Postgres need, and say what to do
    Doctor {
        /// For machines
        #[arg(long)]
        json: bool,
    },
    #[cfg(feature = "dev")]
    #[command(flatten)]
    Dev(crate::dev::Command),
}

#[derive(Debug, Args)]
#[group(multiple = false)]
pub(crate) struct DetectorArguments {
    /// Only these detectors, under a consumer of their own
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    detectors: Vec<String>,
    /// Only the detectors of one family
    #[arg(long)]
    family: Option<String>,
}

impl DetectorArguments {
    /// # Errors
    /// If a name is unknown.
    pub(crate) fn group(&self) -> anyhow::Result<Group> {
        if let Some(family) = &self.family {
            let known = model::Family::ALL.iter().find(|known| known.as_str() == family);
            let known = known.ok_or_else(|| {
                let names: Vec<&str> = model::Family::ALL.iter().map(|family| family.as_str()).collect();
                anyhow::anyhow!("no such family: {family:?}; there are {}", names.join(", "))
            })?;
            return Ok(Group::of_family(*known));
        }
        if self.detectors.is_empty() {
            return Ok(Group::all());
        }
        Ok(Group::of_detectors(self.detectors.iter().map(String::as_str))?)
    }
}

#[derive(Debug, Args)]
pub(crate) struct OutputArguments {
    /// The findings that count, a JSON object a line
    #[arg(long, value_name = "FILE")]
    pub(crate) findings: Option<PathBuf>,
    /// The incidents, a JSON object a line
    #[arg(long, value_name = "FILE")]
    pub(crate) incidents: Option<PathBuf>,
}

pub(crate) fn parse_org(text: &str) -> Result<OrgId, String> {
    let org = OrgId::new(text);
    if org.as_str().is_empty() { Err("empty".to_owned()) } else { Ok(org) }
}

fn parse_user(text: &str) -> Result<UserId, String> {
    let user = UserId::new(text);
    if user.as_str().is_empty() { Err("empty".to_owned()) } else { Ok(user) }
}

pub(crate) fn parse_time(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse(text).ok_or_else(|| "neither RFC 3339 nor a date".to_owned())
}

#[derive(Debug, Subcommand)]
pub(crate) enum TopologyCommand {
    /// Create or update what is declared
    Apply(DetectorArguments),
    /// Print what is declared, and where the server differs
    Show(DetectorArguments),
    /// Print what each service must be allowed to publish and to subscribe to
    Permissions,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DeadCommand {
    /// One line each, oldest first
    List {
        /// Only of this stage: ingest, baseline, `detector-GROUP`, correlator, notifier
        #[arg(long)]
        stage: Option<String>,
    },
    /// All of one, with its payload
    Show { sequence: u64 },
    /// Send it again to where it came from; not a record of a source
    Replay { sequence: u64 },
    /// Forget it
    Drop { sequence: u64 },
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Say what is wrong, or nothing
    Check,
    /// Print what the file and the environment amount to; secrets are masked
    Show,
    /// Have running detectors judge by this file from now on
    Push { file: PathBuf },
}

#[derive(Debug, Subcommand)]
pub(crate) enum SourcesCommand {
    /// One line for each source and kind of events; ends with 1 if one is blind
    Status {
        /// Only this org
        #[arg(long, value_name = "ID", value_parser = parse_org)]
        org: Option<OrgId>,
        /// For machines
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum OrgCommand {
    /// Delete all that Postgres holds of an org
    Remove {
        #[arg(value_parser = parse_org)]
        org: OrgId,
        /// Also if it is configured, and so would begin anew
        #[arg(long)]
        force: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Delete all that Postgres holds of an account
    Erase {
        #[arg(long, value_name = "ID", value_parser = parse_org)]
        org: OrgId,
        /// By its id; by its username in lower case where its events name no id
        #[arg(value_parser = parse_user)]
        user: UserId,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum PartitionCommand {
    /// Delete its state and its checkpoint: it learns again from all that its stream still has
    Forget { partition: u16 },
}
