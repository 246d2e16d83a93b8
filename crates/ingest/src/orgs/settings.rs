//! Which orgs are read, and how.

use model::{Kind, OrgId};
use serde::{Deserialize, Deserializer, Serialize};
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
    /// Which org it must be, by its id of 15 or 18 characters: nothing is read where the user's is another.
    #[serde(deserialize_with = "org_id")]
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
    /// Seconds between two readings of users, their profiles and roles, and who of them may administer. 0 is never.
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

impl SalesforceSettings {
    /// All that is wrong with the values, in words that name the key.
    pub(crate) fn check(&self) -> Vec<String> {
        let mut errors = Vec::new();
        if self.balance_ms == 0 {
            errors.push("ingest.salesforce.balance_ms: must be at least 1".to_owned());
        }
        let mut owners: BTreeMap<&OrgId, &str> = BTreeMap::new();
        for (name, org) in &self.orgs {
            errors.extend(org.check().into_iter().map(|error| format!("ingest.salesforce.orgs.{name}.{error}")));
            if let Some(other) = owners.insert(&org.org_id, name).filter(|_| !org.org_id.as_str().is_empty()) {
                let org_id = &org.org_id;
                errors.push(format!("ingest.salesforce.orgs.{name}.org_id: {org_id} is the one of {other}, too"));
            }
        }
        errors
    }
}

impl ConnectedOrg {
    fn check(&self) -> Vec<String> {
        const MOST_BACKFILL: u32 = 180;
        let mut errors: Vec<String> =
            self.connection.check().into_iter().map(|error| format!("connection.{error}")).collect();
        if self.org_id.as_str().is_empty() {
            errors.push("org_id: must be given: what is read is to be of the org that is meant".to_owned());
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
        if self.backfill_days > MOST_BACKFILL {
            errors.push(format!("backfill_days: must be at most {MOST_BACKFILL}, is {}", self.backfill_days));
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
    fn an_org_is_meant_by_either_of_its_ids() {
        for id in ["00D000000000002", "00D000000000002EAA"] {
            let settings: ConnectedOrg = serde_json::from_value(serde_json::json!({ "org_id": id })).unwrap();
            assert_eq!(settings.org_id.as_str(), "00D000000000002EAA");
        }
    }

    #[test]
    fn all_that_is_wrong_is_said() {
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
            ["ingest.salesforce.orgs.b.org_id: 00D000000000001EAA is the one of a, too"]
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
