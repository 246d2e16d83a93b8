//! The command line of calendars. Comments of arguments are the help text.

use super::{Because, Format, parse_org, parse_time};
use clap::{ArgGroup, Args, Subcommand};
use model::{OrgId, Timestamp};
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum CalendarCommand {
    /// Print the calendar that an org follows
    Show {
        /// The org
        #[arg(long, value_name = "ID", value_parser = parse_org)]
        org: OrgId,
        #[command(flatten)]
        format: Format,
    },
    /// Say what the calendar of an org is; what is not given stays as it is
    Set(CalendarArguments),
    /// Return an org to the calendar of `[profile]`
    End {
        #[command(flatten)]
        of: CalendarDecision,
    },
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").required(true).multiple(true).args(
    ["time_zone", "fiscal_year_start", "icalendar", "holidays"]
))]
pub(crate) struct CalendarArguments {
    /// IANA name of the time zone in which its days begin, such as Europe/Berlin
    #[arg(long, value_name = "ZONE")]
    pub(crate) time_zone: Option<String>,
    /// First month of its fiscal year, 1 to 12; it is only shown
    #[arg(long, value_name = "MONTH")]
    pub(crate) fiscal_year_start: Option<u8>,
    /// iCalendar file with its holidays, in place of those that it has: events of whole days, those of every year for last
    /// year to five years from now; may be given several times
    #[arg(long, value_name = "FILE")]
    pub(crate) icalendar: Vec<PathBuf>,
    /// A holiday, such as 2026-12-25, in place of those that it has; may be given several times
    #[arg(long = "holiday", value_name = "DATE")]
    pub(crate) holidays: Vec<String>,
    #[command(flatten)]
    pub(crate) of: CalendarDecision,
}

/// A decision on the calendar of an org.
#[derive(Debug, Args)]
pub(crate) struct CalendarDecision {
    /// The org
    #[arg(long, value_name = "ID", value_parser = parse_org)]
    pub(crate) org: OrgId,
    /// Event time from which it holds; the event time that the org has reached where absent
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub(crate) from: Option<Timestamp>,
    /// Print what would change, and decide nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) because: Because,
}
