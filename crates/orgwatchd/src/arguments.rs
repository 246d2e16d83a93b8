//! The command line. Comments of arguments are the help text.

mod calendar;
mod config;
mod decisions;

pub(crate) use calendar::{CalendarArguments, CalendarCommand, CalendarDecision};
pub(crate) use config::{ConfigCommand, PushArguments};
pub(crate) use decisions::*;

use clap::{Args, Parser, Subcommand};
use detector::Group;
use model::{OrgId, Timestamp, UserId};
use std::path::{Path, PathBuf};
use store::Role;

/// Runs and operates the services of orgwatch
#[derive(Debug, Parser)]
#[command(version, about)]
#[command(
    after_help = "Exit codes: 0 done, 1 failed or what was checked is not in order, 2 wrong usage, 130 stopped at once by a second signal."
)]
pub(crate) struct Arguments {
    /// TOML file of all services; `ORGWATCH_<SECTION>__<KEY>` overrides a key
    #[arg(long, global = true, env = "ORGWATCH_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Read every source and publish activities
    Ingest,
    /// Own partitions: read the features of each activity, then learn it
    Baseline,
    /// Judge observations, with all detectors unless some are chosen
    Detector(DetectorArguments),
    /// Merge findings into incidents
    Correlator,
    /// Deliver changes of incidents to destinations
    Notifier,
    /// Serve the API
    Console,
    /// Ask the service on this machine whether it is ready, and print its answer; exits with 1 if it is not
    Health,
    /// Set up and check streams and consumers
    #[command(subcommand)]
    Topology(TopologyCommand),
    /// Read, replay and drop dead letters
    #[command(subcommand)]
    Dead(DeadCommand),
    /// Recompute receipts from the findings in Postgres, and report those that differ
    Verify {
        /// Ids of incidents; all where absent
        incidents: Vec<model::Uuid>,
    },
    /// List incidents, and say how far they are dealt with
    #[command(subcommand)]
    Incident(IncidentCommand),
    /// Say what incidents were, and so teach what is usual and which detectors are right
    Decide(DecideArguments),
    /// Let findings count for nothing, for a while
    #[command(subcommand)]
    Suppress(SuppressCommand),
    /// Judge an account harder, for a while
    #[command(subcommand)]
    Watch(WatchCommand),
    /// Say which class an account has
    Classify(ClassifyArguments),
    /// Say how much access to objects weighs
    #[command(subcommand)]
    Sensitivity(SensitivityCommand),
    /// Say in which time zone an org works, when its fiscal year begins, and on which days it rests
    #[command(subcommand)]
    Calendar(CalendarCommand),
    /// Say what an integration is there for: what fits counts for nothing, what does not counts for more
    Allow(AllowArguments),
    /// Print, as a file for `allow --file`, what an account was found to do
    ProposeAllowlist(ProposeArguments),
    /// List all decisions, and take one back
    #[command(subcommand)]
    Decisions(DecisionsCommand),
    /// Write the findings, incidents and decisions of Postgres as `orgwatch backtest` writes and reads them
    Export(ExportArguments),
    /// Check, print and distribute the configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Migrate the schema of the database
    Migrate,
    /// Learn from an org's stored events of the past
    Backfill {
        /// Also raise findings from them
        #[arg(long)]
        raise: bool,
        /// Name of the org in the configuration
        org: String,
        /// Time of the first event, at most 180 days ago
        #[arg(long, value_name = "TIME", value_parser = parse_time)]
        from: Timestamp,
        /// Time before which the last event lies; now where absent
        #[arg(long, value_name = "TIME", value_parser = parse_time)]
        to: Option<Timestamp>,
    },
    /// Print the state of sources
    #[command(subcommand)]
    Sources(SourcesCommand),
    /// Remove an org
    #[command(subcommand)]
    Org(OrgCommand),
    /// Erase an account
    #[command(subcommand)]
    User(UserCommand),
    /// Say which database logins may read which orgs in SQL
    #[command(subcommand)]
    Readers(ReadersCommand),
    /// Make a token for the API, and print it: it is shown once, and only its hash is stored
    Token(TokenArguments),
    /// Forget the state of a partition
    #[command(subcommand)]
    Partition(PartitionCommand),
    /// Check NATS, Postgres and the access to each org at Salesforce, and print what to do
    Doctor {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    #[cfg(feature = "dev")]
    #[command(flatten)]
    Dev(crate::dev::Command),
}

#[derive(Debug, Args)]
pub(crate) struct TokenArguments {
    /// What it is for
    pub(crate) name: String,
    /// What it may do: viewer, analyst, responder or administrator
    #[arg(long, value_parser = parse_role)]
    pub(crate) role: Role,
    /// In which orgs, by id; in all without it
    #[arg(long = "org", value_parser = parse_org, value_name = "ORG")]
    pub(crate) orgs: Vec<OrgId>,
    /// In how many days it ends, 1 to 366
    #[arg(long, default_value_t = 90, value_parser = clap::value_parser!(u32).range(1..=366))]
    pub(crate) days: u32,
}

fn parse_role(text: &str) -> Result<Role, String> {
    let known = || Role::ALL.map(Role::as_str).join(", ");
    Role::ALL.into_iter().find(|role| role.as_str() == text).ok_or_else(|| format!("one of {}", known()))
}

#[derive(Debug, Args)]
#[group(multiple = false)]
pub(crate) struct DetectorArguments {
    /// Only these detectors, separated by commas, through a separate consumer
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    detectors: Vec<String>,
    /// Only the detectors of one family, through a separate consumer
    #[arg(long)]
    family: Option<String>,
}

impl DetectorArguments {
    /// Returns the chosen detectors.
    ///
    /// # Errors
    /// If a name is unknown.
    pub(crate) fn group(&self) -> anyhow::Result<Group> {
        if let Some(family) = &self.family {
            let known = model::Family::ALL.iter().find(|known| known.as_str() == family);
            let known = known.ok_or_else(|| {
                let names: Vec<&str> = model::Family::ALL.iter().map(|family| family.as_str()).collect();
                anyhow::anyhow!("unknown family {family:?}; use one of {}", names.join(", "))
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
pub(crate) struct ExportArguments {
    /// Write every incident to this file; the same as --incidents
    #[arg(value_name = "FILE", conflicts_with = "incidents")]
    pub(crate) file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) output: OutputArguments,
}

impl ExportArguments {
    /// Returns what to write where.
    ///
    /// # Errors
    /// If that is nothing, or standard output would be written twice.
    pub(crate) fn output(self) -> Result<OutputArguments, String> {
        let Self { file, output: OutputArguments { findings, incidents, decisions } } = self;
        let output = OutputArguments { findings, incidents: incidents.or(file), decisions };
        let files = output.files();
        if files.is_empty() {
            return Err(
                "name what to write: --incidents FILE, --findings FILE or --decisions FILE; `export -` writes \
                        incidents to standard output"
                    .to_owned(),
            );
        }
        for (index, (what, path)) in files.iter().enumerate() {
            if let Some((other, _)) = files.iter().take(index).find(|(_, other)| other == path) {
                return Err(format!("{other} and {what} cannot both be written to {}", path.display()));
            }
        }
        Ok(output)
    }
}

/// Who asks for a change.
#[derive(Debug, Args)]
pub(crate) struct Claim {
    /// Who asks for it: the audit trail has the database login as its actor, and this name as claimed
    #[arg(long = "as", value_name = "NAME", value_parser = parse_name)]
    pub(crate) claimed_by: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct OutputArguments {
    /// Write every finding at its latest revision, one JSON object per line; - is standard output
    #[arg(long, value_name = "FILE")]
    pub(crate) findings: Option<PathBuf>,
    /// Write every incident with its receipt, one JSON object per line; - is standard output
    #[arg(long, value_name = "FILE")]
    pub(crate) incidents: Option<PathBuf>,
    /// Write every decision of people, one JSON object per line; - is standard output
    #[arg(long, value_name = "FILE")]
    pub(crate) decisions: Option<PathBuf>,
}

impl OutputArguments {
    /// Returns what is written, with its file.
    pub(crate) fn files(&self) -> Vec<(&'static str, &Path)> {
        let files = [("findings", &self.findings), ("incidents", &self.incidents), ("decisions", &self.decisions)];
        files.into_iter().filter_map(|(what, path)| Some((what, path.as_deref()?))).collect()
    }
}

pub(crate) fn parse_org(text: &str) -> Result<OrgId, String> {
    let org = OrgId::new(text);
    if org.as_str().is_empty() { Err("must not be empty".to_owned()) } else { Ok(org) }
}

fn parse_name(text: &str) -> Result<String, String> {
    let is_name = (1..=100).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    if is_name {
        Ok(text.to_owned())
    } else {
        Err("must have 1 to 100 characters, and no control characters".to_owned())
    }
}

fn parse_user(text: &str) -> Result<UserId, String> {
    let user = UserId::new(text);
    if user.as_str().is_empty() { Err("must not be empty".to_owned()) } else { Ok(user) }
}

pub(crate) fn parse_time(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse(text).ok_or_else(|| "must be RFC 3339 or a date, such as 2026-03-01".to_owned())
}

#[derive(Debug, Subcommand)]
pub(crate) enum TopologyCommand {
    /// Create missing streams and consumers, and update those that differ
    Apply(DetectorArguments),
    /// Print the declared streams and consumers, and how the server differs
    Show(DetectorArguments),
    /// Print the subjects that each service must be allowed to publish and to subscribe to
    Permissions,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DeadCommand {
    /// Print one line per letter, oldest first
    List {
        /// Only letters of this stage: ingest, baseline, `detector-GROUP`, correlator, notifier
        #[arg(long)]
        stage: Option<String>,
    },
    /// Print one letter with its decoded items
    Show {
        sequence: u64,
        /// Print its bytes, too, in hexadecimal digits
        #[arg(long)]
        raw: bool,
    },
    /// Publish a letter to its subject again; not possible for a record of a source
    Replay { sequence: u64 },
    /// Delete a letter
    Drop { sequence: u64 },
}

#[derive(Debug, Subcommand)]
pub(crate) enum SourcesCommand {
    /// Print one line per source and kind of events; exits with 1 if one is blind
    Status {
        /// Only this org
        #[arg(long, value_name = "ID", value_parser = parse_org)]
        org: Option<OrgId>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum OrgCommand {
    /// Delete everything that Postgres holds of an org
    Remove {
        #[arg(value_parser = parse_org)]
        org: OrgId,
        /// Also if the org is still configured, and would be learned again
        #[arg(long)]
        force: bool,
        #[command(flatten)]
        claim: Claim,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Delete everything that Postgres holds of an account
    Erase {
        #[arg(long, value_name = "ID", value_parser = parse_org)]
        org: OrgId,
        /// Id of the account; its username in lower case if its events name no id
        #[arg(value_parser = parse_user)]
        user: UserId,
        #[command(flatten)]
        claim: Claim,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum ReadersCommand {
    /// Let a login, a member of `orgwatch_reader`, read an org
    Grant {
        /// Name of the login
        login: String,
        /// Id of the org
        #[arg(value_parser = parse_org)]
        org: OrgId,
    },
    /// Take an org from a login
    Revoke {
        /// Name of the login
        login: String,
        /// Id of the org
        #[arg(value_parser = parse_org)]
        org: OrgId,
    },
    /// Print one line for each login and org; exits with 1 if a login reads more than its orgs, or nothing
    List,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PartitionCommand {
    /// Delete its state and checkpoint; the partition learns again from the messages that its stream holds
    Forget {
        partition: u16,
        #[command(flatten)]
        claim: Claim,
    },
}
