//! What the commands share: whom a decision concerns, when it holds, why and by whom.

use super::parse::parse_reason;
use crate::arguments::{parse_name, parse_org, parse_time, parse_user};
use clap::Args;
use model::{OrgId, Timestamp, UserId, Uuid};

#[derive(Debug, Args)]
pub(crate) struct ListArguments {
    /// Only those of this org
    #[arg(long, value_name = "ID", value_parser = parse_org)]
    pub(crate) org: Option<OrgId>,
    /// Also those that hold no more
    #[arg(long)]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct EndArguments {
    pub(crate) decision: Uuid,
    /// Event time from which it holds no more; the event time that the org has reached where absent
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub(crate) from: Option<Timestamp>,
    #[command(flatten)]
    pub(crate) because: Because,
}

/// An account.
#[derive(Debug, Args)]
pub(crate) struct Account {
    /// The org
    #[arg(long, value_name = "ID", value_parser = parse_org)]
    pub(crate) org: OrgId,
    /// Id of the account; its username in lower case if its events name no id
    #[arg(value_parser = parse_user)]
    pub(crate) user: UserId,
}

/// When a decision holds that expires unless somebody says otherwise.
#[derive(Debug, Args)]
pub(crate) struct Expiring {
    /// Event time from which it holds; the event time that the org has reached where absent
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub(crate) from: Option<Timestamp>,
    /// Event time until which it holds; 30 days after its start where absent
    #[arg(long, value_name = "TIME", value_parser = parse_time, conflicts_with = "for_good")]
    pub(crate) until: Option<Timestamp>,
    /// It never expires
    #[arg(long)]
    pub(crate) for_good: bool,
}

/// When a decision holds that does not expire unless somebody says so.
#[derive(Debug, Args)]
pub(crate) struct Holding {
    /// Event time from which it holds; the event time that the org has reached where absent
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub(crate) from: Option<Timestamp>,
    /// Event time until which it holds; for good where absent
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub(crate) until: Option<Timestamp>,
}

/// Why, and who.
#[derive(Debug, Args)]
pub(crate) struct Because {
    /// Why: it is stored with the decision
    #[arg(long, value_name = "TEXT", value_parser = parse_reason)]
    pub(crate) reason: String,
    #[command(flatten)]
    pub(crate) who: Who,
}

/// Why, if there is anything to say, and who.
#[derive(Debug, Args)]
pub(crate) struct Remark {
    /// Why, if there is anything to say
    #[arg(long, value_name = "TEXT", value_parser = parse_reason)]
    pub(crate) reason: Option<String>,
    #[command(flatten)]
    pub(crate) who: Who,
}

/// Who decides, and how it is printed.
#[derive(Clone, Debug, Args)]
pub(crate) struct Who {
    /// Who decides: stored next to the database login, as claimed, since nobody checks it
    #[arg(long = "as", value_name = "NAME", value_parser = parse_name)]
    pub(crate) claimed_by: Option<String>,
    /// Do not wait until the correlator has applied it
    #[arg(long)]
    pub(crate) no_wait: bool,
    #[command(flatten)]
    pub(crate) format: Format,
}

/// How results are printed.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct Format {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}
