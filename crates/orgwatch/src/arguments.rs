//! The command line.

use chrono::NaiveDate;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use model::{OrgId, Severity, Timestamp};
use salesforce::TypeNames;
use std::path::PathBuf;

#[derive(Parser)]
#[command(
    name = "orgwatch",
    version,
    about = "Reports which Salesforce accounts have started to behave differently, and why"
)]
#[command(after_help = "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 an incident at or above --fail-at.")]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Show what is read of files: their types, columns, times and users, and what to do where something is missing
    Inspect(InspectArguments),
    /// Read exported events and report which accounts behave differently
    Backtest(BacktestArguments),
    /// Measure incidents against labeled attacks
    Evaluate(EvaluateArguments),
    /// Generate a realistic org with labeled attacks
    Simulate(SimulateArguments),
    /// Simulate an org in which Emma Martin leaves for a competitor, and report on it
    Demo(DemoArguments),
    /// Print how the scores of incidents written by backtest --incidents add up
    Explain(ExplainArguments),
    /// Check, show or print the settings
    Config(ConfigArguments),
    /// Print completions for a shell
    Completions { shell: clap_complete::Shell },
}

/// Which files to read, and how.
#[derive(Args)]
pub(crate) struct ReadArguments {
    /// Files or folders of events (NDJSON, JSON, log file CSV; plain, gzip or zstd), or - for standard input
    #[arg(required = true, value_name = "INPUT")]
    pub(crate) inputs: Vec<PathBuf>,
    /// File of settings; without it, the defaults
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Org of records that name none; by default the only org that others name, or unnamed-org if none does
    #[arg(long, value_name = "ID", value_parser = org_id)]
    pub(crate) org: Option<OrgId>,
    /// Type of records that do not say theirs, such as ListViewEvent; what files, envelopes and columns say comes first
    #[arg(long = "type", value_name = "TYPE", value_parser = event_type)]
    pub(crate) types: Option<TypeNames>,
    /// Raise nothing before this time, only learn (RFC 3339 or a date)
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) learn_until: Option<Timestamp>,
    /// Leave out events before this time
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) from: Option<Timestamp>,
    /// Leave out events from this time on
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) to: Option<Timestamp>,
    /// Threads; by default, all cores. The results are the same for any number
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) threads: Option<u16>,
    /// Decisions of people, as `orgwatchd export --decisions` writes them
    #[arg(long, value_name = "FILE")]
    pub(crate) decisions: Option<PathBuf>,
    /// Write the records that were set aside, one JSON object a line
    #[arg(long, value_name = "FILE")]
    pub(crate) rejects: Option<PathBuf>,
}

#[derive(Args)]
pub(crate) struct InspectArguments {
    /// Files or folders, or - for standard input
    #[arg(required = true, value_name = "INPUT")]
    pub(crate) inputs: Vec<PathBuf>,
    /// Org of records that name none
    #[arg(long, value_name = "ID", value_parser = org_id)]
    pub(crate) org: Option<OrgId>,
    /// Type of records that do not say theirs, such as ListViewEvent; what files, envelopes and columns say comes first
    #[arg(long = "type", value_name = "TYPE", value_parser = event_type)]
    pub(crate) types: Option<TypeNames>,
    /// Print JSON for machines
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct BacktestArguments {
    #[command(flatten)]
    pub(crate) read: ReadArguments,
    /// Write every finding at its latest revision, one JSON object a line
    #[arg(long, value_name = "FILE")]
    pub(crate) findings: Option<PathBuf>,
    /// Write every incident with its receipt, one JSON object a line
    #[arg(long, value_name = "FILE")]
    pub(crate) incidents: Option<PathBuf>,
    /// Write what every test found of each user-day, raised or not, one JSON object a line
    #[arg(long, value_name = "FILE")]
    pub(crate) scores: Option<PathBuf>,
    /// Write an HTML report
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
    /// Print JSON for machines
    #[arg(long)]
    pub(crate) json: bool,
    /// Number of incidents in the table; 0 prints all
    #[arg(long, value_name = "N", default_value_t = 25)]
    pub(crate) top: usize,
    /// Exit with 3 if there is an incident of this severity or above
    #[arg(long, value_name = "SEVERITY", value_parser = severity)]
    pub(crate) fail_at: Option<Severity>,
}

#[derive(Args)]
pub(crate) struct EvaluateArguments {
    #[command(flatten)]
    pub(crate) read: ReadArguments,
    /// The attacks: {"labels": [{"family", "user_id", "from", "to"}, ...]}
    #[arg(long, value_name = "FILE")]
    pub(crate) labels: PathBuf,
    /// Least risk of an incident that counts as an alert
    #[arg(long, value_name = "RISK", default_value_t = 60.0)]
    pub(crate) threshold: f64,
    /// Have a simulated analyst say every morning what each alert was, with this share of wrong answers (0 to 1), and print
    /// what that changes, week by week
    #[arg(long, value_name = "RATE", value_parser = share)]
    pub(crate) analyst: Option<f64>,
    /// Print recall and false alerts for every threshold, to choose an alert budget
    #[arg(long)]
    pub(crate) sweep: bool,
    /// List attacks that were missed and alerts that were false
    #[arg(long)]
    pub(crate) list: bool,
    /// Print JSON for machines
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct SimulateArguments {
    #[arg(long, default_value_t = 200)]
    pub(crate) users: u32,
    #[arg(long, default_value_t = 75)]
    pub(crate) days: u32,
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Folder for the events and labels.json; created if missing
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    #[arg(long, value_enum, default_value_t = Shape::Ndjson)]
    pub(crate) format: Shape,
    /// First day
    #[arg(long, value_name = "DATE")]
    pub(crate) start: Option<NaiveDate>,
    /// Number of attacks of each family; by default, some of each
    #[arg(long, value_name = "N")]
    pub(crate) attacks: Option<u32>,
    /// Stop after this many events
    #[arg(long, value_name = "N")]
    pub(crate) events: Option<u64>,
    /// Let accounts write through the APIs, too, and add attacks that write
    #[arg(long)]
    pub(crate) writes: bool,
    /// World: how the org differs from the standard one
    #[arg(long, value_name = "NAME", default_value = "standard", value_parser = world())]
    pub(crate) world: simulator::WorldKind,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shape {
    /// Stored events, one JSON object a line
    Ndjson,
    /// Event log files, one CSV for each type and day
    Csv,
}

#[derive(Args)]
pub(crate) struct DemoArguments {
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Folder for the events, the labels and the report
    #[arg(long, value_name = "DIR", default_value = "orgwatch-demo")]
    pub(crate) out: PathBuf,
}

#[derive(Args)]
pub(crate) struct ExplainArguments {
    /// File that backtest --incidents wrote, or - for standard input
    pub(crate) incidents: PathBuf,
    /// Beginning of an incident's id, or a user's id or name; without it, all incidents
    pub(crate) of: Option<String>,
}

#[derive(Args)]
pub(crate) struct ConfigArguments {
    #[command(subcommand)]
    pub(crate) command: ConfigCommand,
}

#[derive(Subcommand)]
pub(crate) enum ConfigCommand {
    /// Check a file of settings
    Check { file: PathBuf },
    /// Print all settings that a file leads to, with their hash
    Show { file: Option<PathBuf> },
    /// Print the commented defaults
    Default,
}

fn time(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse(text).ok_or_else(|| "must be RFC 3339 or a date".to_owned())
}

fn share(text: &str) -> Result<f64, String> {
    let share = text.parse().ok().filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| "must be from 0 to 1".to_owned())
}

fn org_id(text: &str) -> Result<OrgId, String> {
    let org = OrgId::new(text);
    if org.as_str().is_empty() { Err("empty".to_owned()) } else { Ok(org) }
}

fn event_type(text: &str) -> Result<TypeNames, String> {
    TypeNames::asked(text)
        .ok_or_else(|| "must be the name of an event object or log file, such as ListViewEvent".to_owned())
}

fn severity(text: &str) -> Result<Severity, String> {
    let known = Severity::ALL.iter().copied().find(|severity| severity.as_str() == text);
    known.ok_or_else(|| "must be low, medium, high or critical".to_owned())
}

/// Returns the parser of names of worlds.
fn world() -> impl TypedValueParser<Value = simulator::WorldKind> {
    PossibleValuesParser::new(simulator::WorldKind::ALL.map(simulator::WorldKind::name))
        .try_map(|name| simulator::WorldKind::of_name(&name).ok_or("no such world"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }
}
