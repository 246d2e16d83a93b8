//! Which orgs are read, and how.

use model::{Kind, OrgId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SalesforceSettings {
    /// The orgs, by names of our own. Each is read by one replica at a time.
    pub orgs: BTreeMap<String, ConnectedOrg>,
    /// Milliseconds between two looks at who else is there and which orgs are free.
    pub balance_ms: u32,
    /// Databases in MaxMind's format, for what Salesforce leaves out; networks are told by prefix where there is none.
    pub country_database: Option<PathBuf>,
    pub asn_database: Option<PathBuf>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ConnectedOrg {
    pub connection: salesforce_client::Settings,
    /// Which org it must be: nothing is read where the user's is another.
    pub org_id: OrgId,
    /// The kinds of events that are read; all that are known where absent.
    pub kinds: Option<Vec<Kind>>,
    /// Whether real-time events are streamed.
    pub streams: bool,
    /// Custom channels such as `Orgwatch__chn`, with the kinds that are their members: one subscription brings these
    /// in the order in which Salesforce publishes them. Kinds of no channel have topics of their own.
    pub channels: BTreeMap<String, Vec<Kind>>,
    /// Where a stream begins that was never read.
    pub start: Start,
    /// How long an event waits for earlier ones of other streams.
    pub reorder_ms: u32,
    pub stored: Stored,
    /// Seconds between two readings of stored events.
    pub stored_seconds: u32,
    /// How far each reading of stored events reaches back: rows become visible late.
    pub overlap_seconds: u32,
    pub log_files: Files,
    /// Seconds between two looks for log files.
    pub log_file_seconds: u32,
    /// How long after its creation an hourly log file is left alone.
    pub settle_seconds: u32,
    /// Whether event log objects are read.
    pub log_objects: bool,
    /// Seconds between two readings of users, profiles and roles. 0 is never.
    pub context_seconds: u32,
    /// The part of the org's calls of a day that is left to others, 0 to 1.
    pub calls_floor: f64,
    /// After how long without a word a source is called blind.
    pub blind_seconds: u32,
    /// Days of stored events that an org that was never read begins with: they teach, and raise nothing.
    pub backfill_days: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Start {
    /// With all that Salesforce still has: three days.
    Earliest,
    Latest,
}

/// What stored events are read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stored {
    Off,
    /// Where streams are missing, and what they have missed.
    Gaps,
    /// Everything, also beside streams.
    Follow,
}

/// Which event log files are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Files {
    Off,
    /// Hourly ones; daily ones where the org has no others.
    Hourly,
    Daily,
}

impl Default for SalesforceSettings {
    fn default() -> Self {
        Self { orgs: BTreeMap::new(), balance_ms: 1_000, country_database: None, asn_database: None }
    }
}

impl Default for ConnectedOrg {
    fn default() -> Self {
        Self {
            connection: salesforce_client::Settings::default(),
            org_id: OrgId::new(""),
            kinds: None,
            streams: true,
            channels: BTreeMap::new(),
            start: Start::Earliest,
            reorder_ms: 1_000,
            stored: Stored::Gaps,
            stored_seconds: 300,
            overlap_seconds: 600,
            log_files: Files::Hourly,
            log_file_seconds: 900,
            settle_seconds: 600,
            log_objects: false,
            context_seconds: 21_600,
            calls_floor: 0.2,
            blind_seconds: 900,
            backfill_days: 0,
        }
    }
}
