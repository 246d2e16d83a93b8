//! What ingest reads, and from whom it takes events.

use crate::orgs::SalesforceSettings;
use model::{OrgId, Timestamp};
use secrecy::SecretString;
use serde::{Deserialize, Serialize, Serializer};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Where `POST /v1/events` is served.
    pub listen: SocketAddr,
    /// Bytes of a request's body, as it is sent.
    pub max_body_bytes: u64,
    /// Bytes of a request's body, unpacked.
    pub max_unpacked_bytes: u64,
    /// Requests that are worked on at a time; one more is told to come again.
    pub max_requests: u32,
    /// How long a client may take to send a body.
    pub body_seconds: u32,
    /// How long JetStream may take to acknowledge, until the client is told to send again.
    pub acknowledge_seconds: u32,
    /// After how long without a push an org's hours are closed: what comes later than this is late. 0 is never.
    pub idle_watermark_seconds: u32,
    /// Who may push.
    pub orgs: BTreeMap<OrgId, OrgSettings>,
    pub files: FileSettings,
    /// Orgs that are read at Salesforce.
    pub salesforce: SalesforceSettings,
}

/// The tokens of one org; several, so that they can be changed one by one. At least one must be given.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OrgSettings {
    /// SHA-256 of each token, as 64 hexadecimal digits.
    pub token_sha256: Vec<String>,
    /// Files that hold one token each. They are read again every 10 seconds.
    pub token_files: Vec<PathBuf>,
    /// The tokens themselves, for development.
    #[serde(serialize_with = "mask")]
    pub tokens: Vec<SecretString>,
    /// Instead of the setting for all; 6 hours and more where log files are pushed.
    pub idle_watermark_seconds: Option<u32>,
}

/// Files that are read once.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FileSettings {
    /// Files and folders; none is read if empty.
    pub paths: Vec<PathBuf>,
    /// Org of records that name none.
    pub org: Option<OrgId>,
    /// Events from this time on, and before the other.
    pub from: Option<Timestamp>,
    pub to: Option<Timestamp>,
    /// Event seconds that are played in a second; as fast as it goes where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub speed: Option<f64>,
    /// What happened before this time is played as fast as it goes, also where there is a speed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paced_from: Option<Timestamp>,
    /// Whether nothing comes after the files: all hours and days are then closed.
    pub end: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::UNSPECIFIED, 8080)),
            max_body_bytes: 16 << 20,
            max_unpacked_bytes: 64 << 20,
            max_requests: 16,
            body_seconds: 60,
            acknowledge_seconds: 10,
            idle_watermark_seconds: 300,
            orgs: BTreeMap::new(),
            files: FileSettings::default(),
            salesforce: SalesforceSettings::default(),
        }
    }
}

impl Settings {
    /// All that is wrong with the values, in words that name the key; what [`crate::Tokens::load`] reads is checked there.
    pub fn check(&self) -> Vec<String> {
        let positive = [
            ("max_body_bytes", self.max_body_bytes),
            ("max_unpacked_bytes", self.max_unpacked_bytes),
            ("max_requests", self.max_requests.into()),
            ("body_seconds", self.body_seconds.into()),
            ("acknowledge_seconds", self.acknowledge_seconds.into()),
        ];
        let zeros = positive.iter().filter(|(_, value)| *value == 0);
        let mut errors: Vec<String> = zeros.map(|(key, _)| format!("ingest.{key}: must be at least 1")).collect();
        if let (Some(from), Some(to)) = (self.files.from, self.files.to)
            && from >= to
        {
            errors.push(format!("ingest.files.from: must be before ingest.files.to, {to}, is {from}"));
        }
        if let Some(speed) = self.files.speed.filter(|speed| !(1e-3..=1e9).contains(speed)) {
            errors.push(format!("ingest.files.speed: must be from 0.001 to 1e9, is {speed}"));
        }
        errors.extend(self.salesforce.check());
        errors
    }

    /// After how long a silent org's watermark moves on; `None` if it never does.
    pub(crate) fn idle_after(&self, org: &OrgSettings) -> Option<Duration> {
        let seconds = org.idle_watermark_seconds.unwrap_or(self.idle_watermark_seconds);
        (seconds > 0).then(|| Duration::from_secs(seconds.into()))
    }
}

impl OrgSettings {
    /// Whether no token is given.
    pub(crate) fn is_empty(&self) -> bool {
        self.token_sha256.is_empty() && self.token_files.is_empty() && self.tokens.is_empty()
    }
}

impl FileSettings {
    pub(crate) fn asks_for(&self, time: Timestamp) -> bool {
        self.from.is_none_or(|from| time >= from) && self.to.is_none_or(|to| time < to)
    }
}

fn mask<S: Serializer>(tokens: &[SecretString], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(tokens.iter().map(|_| "***"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_right() {
        assert_eq!(Settings::default().check(), [""; 0]);
    }

    #[test]
    fn all_that_is_wrong_is_told() {
        let files = FileSettings { from: Some(Timestamp(2)), to: Some(Timestamp(1)), ..FileSettings::default() };
        let settings = Settings { max_body_bytes: 0, max_requests: 0, files, ..Settings::default() };
        insta::assert_snapshot!(settings.check().join("\n"), @r"
        ingest.max_body_bytes: must be at least 1
        ingest.max_requests: must be at least 1
        ingest.files.from: must be before ingest.files.to, 1970-01-01T00:00:00.001Z, is 1970-01-01T00:00:00.002Z
        ");
    }

    #[test]
    fn tokens_are_not_shown() {
        let org = OrgSettings { tokens: vec![SecretString::from("hidden")], ..OrgSettings::default() };
        let shown = serde_json::to_string(&org).unwrap() + &format!("{org:?}");
        assert!(shown.contains("***") && !shown.contains("hidden"), "{shown}");
    }

    #[test]
    fn an_unknown_key_is_refused() {
        let error = serde_json::from_str::<Settings>(r#"{"orgs": {"00D": {"token": "x"}}}"#).unwrap_err();
        assert!(error.to_string().contains("unknown field `token`"), "{error}");
    }
}
