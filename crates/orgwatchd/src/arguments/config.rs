//! The command line of the configuration. Comments of arguments are the help text.

use super::{Because, Format, Remark, parse_org, parse_time};
use clap::{Args, Subcommand};
use model::{OrgId, Timestamp, Uuid};
use std::path::PathBuf;

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print all problems; nothing if there are none
    Check,
    /// Print the effective configuration, with secrets masked
    Show,
    /// Put the keys of a file over the configuration of each running service, for all orgs at once; with --org, over the
    /// settings of single orgs, as a decision on each. Print what changes
    Push(PushArguments),
    /// Print what is pushed over the configuration of this machine, with the hash, and who pushed it and when
    Live {
        /// Print the settings in force for this org in place of those of the services
        #[arg(long, value_name = "ID", value_parser = parse_org)]
        org: Option<OrgId>,
    },
    /// Print one line for each push: those to all orgs, and those to single ones with whether they are in force
    History {
        /// Of the pushes to single orgs, only those to this one
        #[arg(long, value_name = "ID", value_parser = parse_org)]
        org: Option<OrgId>,
        #[command(flatten)]
        format: Format,
    },
    /// Take back a push to a single org: it counts as never made
    Revert {
        decision: Uuid,
        #[command(flatten)]
        because: Because,
    },
}

#[derive(Debug, Args)]
pub(crate) struct PushArguments {
    /// Keys that it lacks are as each service is configured; with --org, as they are for the org now
    #[arg(required_unless_present = "reset")]
    pub(crate) file: Option<PathBuf>,
    /// Return all services to their own configuration, if no file is given or it is empty; with --org, the org to that of
    /// the services
    #[arg(long)]
    pub(crate) reset: bool,
    /// Push to this org alone; may be given several times, and needs --reason. From then on, pushes to all orgs do not
    /// reach it
    #[arg(long = "org", value_name = "ID", value_parser = parse_org, requires = "reason")]
    pub(crate) orgs: Vec<OrgId>,
    /// Event time from which the keys hold for the orgs; the event time that each has reached where absent
    #[arg(long, value_name = "TIME", value_parser = parse_time, requires = "orgs")]
    pub(crate) from: Option<Timestamp>,
    /// Print what would change, and push nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) remark: Remark,
}

impl ConfigCommand {
    /// Returns it with each org once.
    ///
    /// # Errors
    /// If they are to be reset and get keys as well.
    pub(crate) fn checked(self) -> Result<Self, String> {
        let Self::Push(mut push) = self else { return Ok(self) };
        if push.reset && push.file.is_some() && !push.orgs.is_empty() {
            return Err("--reset of an org takes no file: reset it, and then push the file".to_owned());
        }
        push.orgs.sort();
        push.orgs.dedup();
        Ok(Self::Push(push))
    }
}
