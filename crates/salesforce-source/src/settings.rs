//! The section `ingest.salesforce` of the configuration.

use model::{Kind, OrgId, id};
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The orgs that are read at Salesforce.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SalesforceSettings {
    /// The orgs, by any name. One replica reads an org at a time.
    pub orgs: BTreeMap<String, ConnectedOrg>,
    /// Milliseconds between two checks of the other replicas and of the orgs that no replica reads.
    pub balance_ms: u32,
    /// A database of countries in MaxMind's format. Without it only countries that Salesforce reports are known.
    pub country_database: Option<PathBuf>,
    /// A database of network owners in MaxMind's format. Without it networks are told apart by prefix.
    pub asn_database: Option<PathBuf>,
}

/// One org that is read at Salesforce.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ConnectedOrg {
    /// How to log in.
    pub connection: salesforce_client::Settings,
    /// The org's id, of 15 or 18 characters. Nothing is read if the user belongs to another org.
    #[serde(deserialize_with = "org_id")]
    pub org_id: OrgId,
    /// The kinds of events that are read; all known kinds where absent.
    pub kinds: Option<Vec<Kind>>,
    /// Whether real-time events are streamed.
    pub streams: bool,
    /// Custom channels such as `Orgwatch__chn`, with their member kinds: one subscription delivers these kinds in the
    /// order in which Salesforce publishes them. Kinds in no custom channel have topics of their own.
    pub channels: BTreeMap<String, Vec<Kind>>,
    /// Where to begin in a stream that was never read.
    pub start: Start,
    /// How long an event waits for earlier events of other streams.
    pub reorder_ms: u32,
    /// What stored events are read for.
    pub stored: Stored,
    /// Seconds between two readings of stored events.
    pub stored_seconds: u32,
    /// How far back each reading of stored events begins, because rows become visible late.
    pub overlap_seconds: u32,
    /// Which event log files are read.
    pub log_files: Files,
    /// Seconds between two lists of log files.
    pub log_file_seconds: u32,
    /// How long after its creation an hourly log file is not read, because it may still grow.
    pub settle_seconds: u32,
    /// Whether event log objects are read.
    pub log_objects: bool,
    /// Seconds between two readings of the users, their profiles, roles and permission sets; 0 is never.
    pub context_seconds: u32,
    /// The fraction of the org's API calls of a day that orgwatch never uses, 0 to 1.
    pub calls_floor: f64,
    /// How long a leading channel may be silent before its kinds count as blind.
    pub blind_seconds: u32,
    /// Days of stored events that are backfilled when an org is read for the first time.
    pub backfill_days: u32,
}

/// Where to begin in a stream that was never read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Start {
    /// With the earliest event that Salesforce still has, of three days ago.
    Earliest,
    /// With the next event.
    Latest,
}

/// What stored events are read for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stored {
    /// Nothing.
    Off,
    /// Kinds without a stream, and gaps of streams.
    Gaps,
    /// Every kind, beside its stream too.
    Follow,
}

/// Which event log files are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Files {
    /// None.
    Off,
    /// Hourly ones; daily ones if the org has no hourly ones.
    Hourly,
    /// Daily ones.
    Daily,
}

impl Default for SalesforceSettings {
    fn default() -> Self {
        Self { orgs: BTreeMap::new(), balance_ms: 1_000, country_database: None, asn_database: None }
    }
}

impl SalesforceSettings {
    /// Returns all problems with the values, each with its key.
    pub fn check(&self) -> Vec<String> {
        let mut errors = Vec::new();
        if self.balance_ms == 0 {
            errors.push("ingest.salesforce.balance_ms: must be at least 1".to_owned());
        }
        let mut owners: BTreeMap<&OrgId, &str> = BTreeMap::new();
        for (name, org) in &self.orgs {
            errors.extend(org.check().into_iter().map(|error| format!("ingest.salesforce.orgs.{name}.{error}")));
            if let Some(other) = owners.insert(&org.org_id, name).filter(|_| !org.org_id.as_str().is_empty()) {
                let org_id = &org.org_id;
                errors.push(format!("ingest.salesforce.orgs.{name}.org_id: {org_id} is also the org of {other}"));
            }
        }
        errors
    }
}

impl ConnectedOrg {
    fn check(&self) -> Vec<String> {
        // Salesforce stores events for 180 days.
        const MAX_BACKFILL: u32 = 180;
        let mut errors: Vec<String> =
            self.connection.check().into_iter().map(|error| format!("connection.{error}")).collect();
        if self.org_id.as_str().is_empty() {
            errors.push("org_id: is missing: give the id of the org that is to be read".to_owned());
        } else {
            errors.extend(id::check_orgs("org_id", [&self.org_id]));
        }
        let positive = [
            ("stored_seconds", self.stored_seconds),
            ("log_file_seconds", self.log_file_seconds),
            ("blind_seconds", self.blind_seconds),
        ];
        let zeros = positive.iter().filter(|(_, value)| *value == 0);
        errors.extend(zeros.map(|(key, _)| format!("{key}: must be at least 1")));
        if !(0.0..=1.0).contains(&self.calls_floor) {
            errors.push(format!("calls_floor: must be from 0 to 1, is {}", self.calls_floor));
        }
        if self.backfill_days > MAX_BACKFILL {
            errors.push(format!("backfill_days: must be at most {MAX_BACKFILL}, is {}", self.backfill_days));
        }
        for (kind, count) in self.channel_members() {
            if count > 1 {
                errors.push(format!("channels: {kind} is a member of {count} channels"));
            }
        }
        errors
    }

    fn channel_members(&self) -> BTreeMap<Kind, usize> {
        let mut members = BTreeMap::new();
        for kind in self.channels.values().flatten() {
            *members.entry(*kind).or_default() += 1;
        }
        members
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

fn org_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<OrgId, D::Error> {
    Ok(OrgId::new(&String::deserialize(deserializer)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_org_id_may_have_15_or_18_characters() {
        for id in ["00D000000000002", "00D000000000002EAA"] {
            let settings: ConnectedOrg = serde_json::from_value(serde_json::json!({ "org_id": id })).unwrap();
            assert_eq!(settings.org_id.as_str(), "00D000000000002EAA");
        }
    }

    #[test]
    fn every_wrong_setting_is_named() {
        let connection = salesforce_client::Settings {
            login_url: "https://acme.my.salesforce.com".to_owned(),
            client_id: "key".to_owned(),
            client_secret: Some("secret".into()),
            ..salesforce_client::Settings::default()
        };
        let good = ConnectedOrg { connection, org_id: OrgId::new("00D000000000001"), ..ConnectedOrg::default() };
        let orgs = |orgs: [(&str, ConnectedOrg); 2]| SalesforceSettings {
            orgs: orgs.into_iter().map(|(name, org)| (name.to_owned(), org)).collect(),
            ..SalesforceSettings::default()
        };
        let other = ConnectedOrg { org_id: OrgId::new("00D000000000002"), ..good.clone() };
        assert_eq!(orgs([("a", good.clone()), ("b", other)]).check(), [""; 0]);
        assert_eq!(
            orgs([("a", good.clone()), ("b", good.clone())]).check(),
            ["ingest.salesforce.orgs.b.org_id: 00D000000000001EAA is also the org of a"]
        );
        let twice = [("A__chn", vec![Kind::Api]), ("B__chn", vec![Kind::Api])];
        let bad = ConnectedOrg {
            calls_floor: 1.5,
            backfill_days: 181,
            stored_seconds: 0,
            channels: twice.into_iter().map(|(name, kinds)| (name.to_owned(), kinds)).collect(),
            ..ConnectedOrg::default()
        };
        insta::assert_snapshot!(orgs([("a", good), ("bad", bad)]).check().join("\n"));
    }
}
