//! Features of first times and returns: a connected app that is new to an account, an account that was silent for long, and
//! what a new network is listed as.

use crate::Text;
use crate::words::words;
use serde::Serialize;
use uuid::Uuid;

/// A connected app that the account uses for the first time.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NewApp {
    /// Its name, or its id where events have no name.
    pub app: Text,
    /// Its Salesforce id, where events have one.
    pub app_id: Option<Text>,
    /// Other accounts of the org that have used it.
    pub users: u32,
    /// Accounts of the org.
    pub accounts: u32,
    /// Whether many accounts have begun to use it lately.
    pub rolled_out: bool,
    /// Whether the org knows an app of the same name with another id.
    pub imitates: bool,
    /// Probability that a day of the account has a new app.
    pub chance: f64,
    /// Share of the org's new apps that at most as many accounts used at the time, 0 to 1.
    pub peer_tail: f64,
    /// Active days that the chance was learned from.
    pub days: f64,
    /// Rows that the app has read in the day so far.
    pub rows: f64,
    /// Requests of the app in the day so far.
    pub requests: u32,
    /// First activities of the app.
    pub evidence: Vec<Uuid>,
}

words! {
    /// A kind of network that hides where somebody is.
    Anonymizer {
        /// The exit of a VPN provider.
        Vpn = "vpn",
        /// An exit of Tor.
        Tor = "tor",
        /// A network in which servers are rented.
        Hosting = "hosting",
    }
}

/// That a network is one of an operator's list of anonymizers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Anonymized {
    /// The kind of anonymizer.
    pub kind: Anonymizer,
    /// Days on which the account used one of this kind; they decay.
    pub seen: f64,
    /// Share of the org's other accounts that use one of this kind, 0 to 1.
    pub peer_share: f64,
}

/// An account that is active again after a long silence.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Wake {
    /// Days without activity.
    pub silent_days: u32,
    /// Most days without activity before.
    pub longest_days: u32,
    /// Probability that an active day of the account follows a silence of so many days.
    pub chance: f64,
    /// A network that it never used before.
    pub new_network: Option<Text>,
    /// A client that it never used before.
    pub new_client: Option<Text>,
    /// Share of the org's returns after long that bring as much that is new.
    pub novelty: f64,
    /// Whether many accounts have returned lately, as after a season.
    pub many: bool,
    /// Active days of the account.
    pub days: f64,
}
