//! What an integration is there for.

use super::parse::{parse_hours, parse_network, set};
use super::{Account, Because, Holding};
use clap::{ArgGroup, Args};
use model::Text;
use model::decision::{Allowlist, Hours, Network};
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("expected").required(true).multiple(true)
    .args(["hours", "networks", "clients", "objects", "most_rows", "file", "end"]))]
pub(crate) struct AllowArguments {
    #[command(flatten)]
    pub(crate) account: Account,
    /// It works in these hours of the day in UTC, such as 22-5
    #[arg(long, value_name = "FIRST-LAST", value_parser = parse_hours)]
    hours: Option<Hours>,
    /// It works from this network, such as 203.0.113.0/24
    #[arg(long = "network", value_name = "CIDR", value_parser = parse_network)]
    networks: Vec<Network>,
    /// It is this type of client
    #[arg(long = "client", value_name = "NAME")]
    clients: Vec<Text>,
    /// It reads this object, by API name
    #[arg(long = "object", value_name = "NAME")]
    objects: Vec<Text>,
    /// It reads at most this many rows in a day
    #[arg(long, value_name = "N")]
    most_rows: Option<u64>,
    /// What `propose-allowlist` has printed
    #[arg(long, value_name = "FILE", conflicts_with_all = ["hours", "networks", "clients", "objects", "most_rows"])]
    pub(crate) file: Option<PathBuf>,
    /// End the account's allowlists
    #[arg(long, conflicts_with_all = ["hours", "networks", "clients", "objects", "most_rows", "file"])]
    pub(crate) end: bool,
    #[command(flatten)]
    pub(crate) holds: Holding,
    #[command(flatten)]
    pub(crate) because: Because,
}

impl AllowArguments {
    /// Returns the allowlist of the flags.
    pub(crate) fn allowlist(&self) -> Allowlist {
        Allowlist {
            hours: self.hours,
            networks: set(&self.networks),
            clients: set(&self.clients),
            objects: set(&self.objects),
            most_rows: self.most_rows,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct ProposeArguments {
    #[command(flatten)]
    pub(crate) account: Account,
    /// By the findings of this many days
    #[arg(long, value_name = "N", default_value_t = 90, value_parser = clap::value_parser!(u16).range(1..=400))]
    pub(crate) days: u16,
}
