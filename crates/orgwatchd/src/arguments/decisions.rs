//! The command line of decisions. Comments of arguments are the help text.

mod allow;
mod parse;
mod scope;
mod shared;

pub(crate) use allow::{AllowArguments, ProposeArguments};
pub(crate) use scope::ScopeArguments;
pub(crate) use shared::{Account, Because, EndArguments, Expiring, Format, Holding, ListArguments, Remark, Who};

use self::parse::{
    parse_cause, parse_class, parse_disposition, parse_kind, parse_reason, parse_sensitivity, parse_status,
    parse_watch_factor,
};
use super::{parse_org, parse_time, parse_user};
use clap::{ArgGroup, Args, Subcommand};
use model::decision::{Scope, WatchCause};
use model::{Disposition, OrgId, Status, Text, Timestamp, UserClass, UserId, Uuid};

#[derive(Debug, Subcommand)]
pub(crate) enum IncidentCommand {
    /// Print one line for each incident, the highest risk first
    List {
        /// Only those of this org
        #[arg(long, value_name = "ID", value_parser = parse_org)]
        org: Option<OrgId>,
        /// Only those of this account
        #[arg(long, value_name = "ID", value_parser = parse_user)]
        user: Option<UserId>,
        /// Only those with these statuses, separated by commas; open and acknowledged where absent
        #[arg(long, value_delimiter = ',', value_parser = parse_status)]
        status: Vec<Status>,
        /// At most this many
        #[arg(long, value_name = "N", default_value_t = 50)]
        limit: usize,
        #[command(flatten)]
        format: Format,
    },
    /// Print an incident with its findings, the arithmetic of its risk, and what was decided about it
    Show {
        incident: Uuid,
        #[command(flatten)]
        format: Format,
    },
    /// Say that you work on incidents
    Acknowledge {
        #[arg(required = true)]
        incidents: Vec<Uuid>,
        #[command(flatten)]
        remark: Remark,
    },
    /// Say what incidents were, as `decide` does, which resolves them
    Resolve(ResolveArguments),
    /// Take back what was said of incidents, and the suppressions that were made with it: they are open once more
    Reopen {
        #[arg(required = true)]
        incidents: Vec<Uuid>,
        #[command(flatten)]
        because: Because,
    },
    /// Add a remark to an incident
    Comment {
        incident: Uuid,
        #[arg(value_parser = parse_reason)]
        text: String,
        #[command(flatten)]
        who: Who,
    },
    /// Hear nothing of incidents until a time
    Snooze {
        #[arg(required = true)]
        incidents: Vec<Uuid>,
        /// The end, by the wall clock
        #[arg(long, value_name = "TIME", value_parser = parse_time)]
        until: Timestamp,
        #[command(flatten)]
        remark: Remark,
    },
    /// Make one incident of two of the same account, however far apart they are
    Join {
        one: Uuid,
        other: Uuid,
        #[command(flatten)]
        because: Because,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ResolveArguments {
    #[arg(required = true)]
    pub(crate) incidents: Vec<Uuid>,
    /// What they were: malicious, suspicious, benign (unusual, but legitimate) or false-positive (not unusual at all)
    #[arg(long, value_name = "DISPOSITION", value_parser = parse_disposition)]
    pub(crate) as_what: Disposition,
    #[command(flatten)]
    pub(crate) effects: EffectArguments,
}

#[derive(Debug, Args)]
pub(crate) struct DecideArguments {
    #[arg(required = true, value_name = "INCIDENT")]
    pub(crate) incidents: Vec<Uuid>,
    /// What they were: malicious, suspicious, benign (unusual, but legitimate) or false-positive (not unusual at all)
    #[arg(value_parser = parse_disposition)]
    pub(crate) disposition: Disposition,
    #[command(flatten)]
    pub(crate) effects: EffectArguments,
}

/// What follows from a disposition.
#[derive(Debug, Args)]
pub(crate) struct EffectArguments {
    /// Leave what is learned of the incidents' days alone
    #[arg(long)]
    pub(crate) no_teach: bool,
    /// Leave the weight of the detectors alone
    #[arg(long)]
    pub(crate) no_precision: bool,
    /// Also let findings of the same detectors on the same accounts count for nothing, for 30 days of event time
    #[arg(long)]
    pub(crate) suppress: bool,
    /// Print what would happen, and decide nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) because: Because,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SuppressCommand {
    /// Print one line for each suppression: what it hides, how much it has hidden, and when it last did
    List(ListArguments),
    /// Let findings count for nothing; they stay stored
    Add {
        #[command(flatten)]
        scope: ScopeArguments,
        #[command(flatten)]
        holds: Expiring,
        /// Print what would happen, and decide nothing
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        because: Because,
    },
    /// Print what a suppression would have hidden in the last 30 days
    Preview {
        #[command(flatten)]
        scope: ScopeArguments,
        #[command(flatten)]
        format: Format,
    },
    /// End a suppression
    End(EndArguments),
}

impl SuppressCommand {
    /// Returns the scope of the arguments; an empty one if they have none.
    ///
    /// # Errors
    /// If it would hide everything of an org.
    pub(crate) fn scope(&self) -> Result<Scope, String> {
        match self {
            Self::Add { scope, .. } | Self::Preview { scope, .. } => scope.scope(),
            Self::List(_) | Self::End(_) => Ok(Scope::default()),
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum WatchCommand {
    /// Watch an account: the odds of its incidents are multiplied until the watch expires
    Add {
        #[command(flatten)]
        account: Account,
        /// Why: departing, investigation, privileged or other
        #[arg(long, value_parser = parse_cause)]
        cause: WatchCause,
        /// The factor on the odds, above 1 and up to 20
        #[arg(long, default_value_t = WATCH_FACTOR, value_parser = parse_watch_factor)]
        factor: f64,
        #[command(flatten)]
        holds: Expiring,
        #[command(flatten)]
        because: Because,
    },
    /// Print one line for each account under watch
    List(ListArguments),
    /// End a watch
    End(EndArguments),
}

/// The factor of a watch where none is given. A choice: odds of 1 to 3 become even.
const WATCH_FACTOR: f64 = 3.0;

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").required(true).args(["class", "end"]))]
pub(crate) struct ClassifyArguments {
    #[command(flatten)]
    pub(crate) account: Account,
    /// Its class, in place of what is learned: normal, power, admin, integration or guest
    #[arg(value_parser = parse_class)]
    pub(crate) class: Option<UserClass>,
    /// Return to what is learned
    #[arg(long)]
    pub(crate) end: bool,
    #[command(flatten)]
    pub(crate) holds: Holding,
    #[command(flatten)]
    pub(crate) because: Because,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SensitivityCommand {
    /// Say how much access to an object weighs in an org
    Set {
        /// The org
        #[arg(long, value_name = "ID", value_parser = parse_org)]
        org: OrgId,
        /// API name of the object
        object: Text,
        /// The factor on the odds, 0.05 to 20: below 1 for what is of little value
        #[arg(value_parser = parse_sensitivity)]
        factor: f64,
        #[command(flatten)]
        holds: Holding,
        #[command(flatten)]
        because: Because,
    },
    /// Print one line for each object that was given a weight
    List(ListArguments),
    /// Return an object to its weight of the settings
    End(EndArguments),
}

#[derive(Debug, Subcommand)]
pub(crate) enum DecisionsCommand {
    /// Print one line for each decision, the latest last
    List {
        #[command(flatten)]
        list: ListArguments,
        /// Only those on this account
        #[arg(long, value_name = "ID", value_parser = parse_user)]
        user: Option<UserId>,
        /// Only those of this kind, such as disposition, suppression or class
        #[arg(long, value_parser = parse_kind)]
        kind: Option<&'static str>,
    },
    /// Take a decision back: it counts as never made
    Undo {
        decision: Uuid,
        #[command(flatten)]
        because: Because,
    },
}

#[cfg(test)]
mod tests;
