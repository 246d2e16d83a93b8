//! Which findings a suppression is about.

use super::parse::{parse_class, parse_hours, parse_network, set};
use crate::arguments::{parse_org, parse_user};
use clap::Args;
use model::decision::{Hours, Network, Scope};
use model::{OrgId, Text, UserClass, UserId};

/// The findings of a suppression: those that agree with every flag. A flag may be given several times, and agrees with any
/// of its values.
#[derive(Debug, Args)]
pub(crate) struct ScopeArguments {
    /// The org
    #[arg(long, value_name = "ID", value_parser = parse_org)]
    pub(crate) org: OrgId,
    /// Only this account
    #[arg(long, value_name = "ID", value_parser = parse_user)]
    pub(crate) user: Option<UserId>,
    /// Only accounts of these classes: normal, power, admin, integration, guest
    #[arg(long = "class", value_parser = parse_class)]
    classes: Vec<UserClass>,
    /// Only findings of these detectors
    #[arg(long = "detector", value_name = "NAME")]
    detectors: Vec<Text>,
    /// Only findings with objects that are all among these API names
    #[arg(long = "object", value_name = "NAME")]
    objects: Vec<Text>,
    /// Only findings on these reports, list views, files or pages, by id or name
    #[arg(long = "resource", value_name = "NAME")]
    resources: Vec<Text>,
    /// Only findings with addresses that are all in these networks, such as 203.0.113.0/24
    #[arg(long = "network", value_name = "CIDR", value_parser = parse_network)]
    networks: Vec<Network>,
    /// Only findings with these types of clients, such as "Chrome on macOS"
    #[arg(long = "client", value_name = "NAME")]
    clients: Vec<Text>,
    /// Only findings through these connected apps
    #[arg(long = "app", value_name = "NAME")]
    apps: Vec<Text>,
    /// Only findings in these hours of the day in UTC, such as 22-5
    #[arg(long, value_name = "FIRST-LAST", value_parser = parse_hours)]
    hours: Option<Hours>,
}

impl ScopeArguments {
    /// Returns the scope.
    ///
    /// # Errors
    /// If it would hide everything of an org.
    pub(crate) fn scope(&self) -> Result<Scope, String> {
        let scope = Scope {
            classes: set(&self.classes),
            detectors: set(&self.detectors),
            objects: set(&self.objects),
            resources: set(&self.resources),
            networks: set(&self.networks),
            clients: set(&self.clients),
            apps: set(&self.apps),
            hours: self.hours,
        };
        if self.user.is_none() && scope.is_everything() {
            return Err(
                "this would hide every finding of the org: name an account, or what to hide, such as --detector \
                        NAME"
                    .to_owned(),
            );
        }
        Ok(scope)
    }
}
