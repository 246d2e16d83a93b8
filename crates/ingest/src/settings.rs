//! The settings of ingest.

use model::{OrgId, Timestamp, id};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

/// The section `ingest` of the configuration. `S` is its section `salesforce`, which the crate `salesforce-source`
/// defines; without it the section is empty.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings<S = ()> {
    /// Address of `POST /v1/events`.
    pub listen: SocketAddr,
    /// The most bytes of a request body as sent.
    pub max_body_bytes: u64,
    /// The most bytes of a request body after decompression.
    pub max_unpacked_bytes: u64,
    /// The most requests at a time; further ones are answered with 429.
    pub max_requests: u32,
    /// The most requests of one org at a time; further ones are answered with 429.
    pub max_requests_per_org: u32,
    /// The most bytes that the bodies of all requests have at a time. One org may have half of them.
    pub max_held_bytes: u64,
    /// The most connections at a time; further ones are answered with 503.
    pub max_connections: u32,
    /// The most connections from one address at a time; further ones are answered with 429.
    pub max_connections_per_address: u32,
    /// The most connections from one address on which no valid token has arrived yet; further ones are answered with
    /// 429.
    pub max_unauthenticated_per_address: u32,
    /// How long a client may take to send the head of a request, and how long a connection may be idle.
    pub header_seconds: u32,
    /// How long a client may take to send a body.
    pub body_seconds: u32,
    /// The fewest bytes a second at which a body must arrive, after its first 5 seconds; 0 is any.
    pub min_body_bytes_per_second: u32,
    /// How long JetStream may take to acknowledge before the client is answered with 503.
    pub acknowledge_seconds: u32,
    /// How long an org may push nothing before what is open is judged once more; 0 is forever.
    pub idle_watermark_seconds: u32,
    /// Age in hours from which on events are backfill when they are received: they teach and raise nothing, unless the
    /// sender asks to watch them. With 0 none is.
    pub backfill_hours: u32,
    /// The orgs that may push.
    pub orgs: BTreeMap<OrgId, OrgSettings>,
    /// Files that are read once.
    pub files: FileSettings,
    /// Orgs that are read at Salesforce.
    pub salesforce: S,
}

/// The tokens of one org: several, so that they can be rotated one by one. At least one must be given.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OrgSettings {
    /// SHA-256 of each token as 64 hexadecimal digits.
    pub token_sha256: Vec<String>,
    /// Files with one token each. They are read again every 10 seconds, each by itself; a token ends with the second
    /// failed reading in a row.
    pub token_files: Vec<PathBuf>,
    /// The tokens themselves, for development.
    #[serde(serialize_with = "runtime::secret::mask_list")]
    pub tokens: Vec<SecretString>,
    /// Replaces the setting of all orgs.
    pub idle_watermark_seconds: Option<u32>,
}

/// Files that are read once.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FileSettings {
    /// Files and folders; empty if none is read.
    pub paths: Vec<PathBuf>,
    /// The org of records that name none.
    pub org: Option<OrgId>,
    /// Only events from this time on are published.
    pub from: Option<Timestamp>,
    /// Only events before this time are published.
    pub to: Option<Timestamp>,
    /// How many seconds of event time are played per second; as many as possible where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub speed: Option<f64>,
    /// Events before this time are played as fast as possible, even with a speed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paced_from: Option<Timestamp>,
    /// Whether events of any age are watched. Otherwise those older than `ingest.backfill_hours` are backfill.
    pub watch: bool,
    /// Whether no events follow the files: all hours and days are then closed at their end.
    pub end: bool,
}

impl<S: Default> Default for Settings<S> {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::UNSPECIFIED, 8080)),
            max_body_bytes: 16 << 20,
            max_unpacked_bytes: 64 << 20,
            max_requests: 16,
            max_requests_per_org: 8,
            max_held_bytes: 64 << 20,
            max_connections: 512,
            max_connections_per_address: 256,
            max_unauthenticated_per_address: 32,
            header_seconds: 10,
            body_seconds: 60,
            min_body_bytes_per_second: 16 << 10,
            acknowledge_seconds: 10,
            idle_watermark_seconds: 300,
            backfill_hours: 72,
            orgs: BTreeMap::new(),
            files: FileSettings::default(),
            salesforce: S::default(),
        }
    }
}

impl<S> Settings<S> {
    /// Separates the section `salesforce`.
    pub fn split(self) -> (Settings, S) {
        let Self {
            listen,
            max_body_bytes,
            max_unpacked_bytes,
            max_requests,
            max_requests_per_org,
            max_held_bytes,
            max_connections,
            max_connections_per_address,
            max_unauthenticated_per_address,
            header_seconds,
            body_seconds,
            min_body_bytes_per_second,
            acknowledge_seconds,
            idle_watermark_seconds,
            backfill_hours,
            orgs,
            files,
            salesforce,
        } = self;
        let settings = Settings {
            listen,
            max_body_bytes,
            max_unpacked_bytes,
            max_requests,
            max_requests_per_org,
            max_held_bytes,
            max_connections,
            max_connections_per_address,
            max_unauthenticated_per_address,
            header_seconds,
            body_seconds,
            min_body_bytes_per_second,
            acknowledge_seconds,
            idle_watermark_seconds,
            backfill_hours,
            orgs,
            files,
            salesforce: (),
        };
        (settings, salesforce)
    }

    /// Returns all problems with the values, each with its key. [`crate::Tokens::load`] checks the tokens, and the
    /// section `salesforce` has a check of its own.
    pub fn check(&self) -> Vec<String> {
        let positive = [
            ("max_body_bytes", self.max_body_bytes),
            ("max_unpacked_bytes", self.max_unpacked_bytes),
            ("max_requests", self.max_requests.into()),
            ("max_requests_per_org", self.max_requests_per_org.into()),
            ("max_connections", self.max_connections.into()),
            ("max_connections_per_address", self.max_connections_per_address.into()),
            ("max_unauthenticated_per_address", self.max_unauthenticated_per_address.into()),
            ("header_seconds", self.header_seconds.into()),
            ("body_seconds", self.body_seconds.into()),
            ("acknowledge_seconds", self.acknowledge_seconds.into()),
        ];
        let zeros = positive.iter().filter(|(_, value)| *value == 0);
        let mut errors: Vec<String> = zeros.map(|(key, _)| format!("ingest.{key}: must be at least 1")).collect();
        if self.max_held_bytes < self.max_body_bytes {
            let (held, body) = (self.max_held_bytes, self.max_body_bytes);
            errors.push(format!("ingest.max_held_bytes: must be at least ingest.max_body_bytes, {body}, is {held}"));
        }
        errors.extend(id::check_orgs("ingest.orgs", self.orgs.keys()));
        if let (Some(from), Some(to)) = (self.files.from, self.files.to)
            && from >= to
        {
            errors.push(format!("ingest.files.from: must be before ingest.files.to, {to}, is {from}"));
        }
        if let Some(speed) = self.files.speed.filter(|speed| !(1e-3..=1e9).contains(speed)) {
            errors.push(format!("ingest.files.speed: must be from 0.001 to 1e9, is {speed}"));
        }
        errors
    }

    /// Returns after how long a silent org is judged once more; `None` if never.
    pub(crate) fn idle_after(&self, org: &OrgSettings) -> Option<Duration> {
        let seconds = org.idle_watermark_seconds.unwrap_or(self.idle_watermark_seconds);
        (seconds > 0).then(|| Duration::from_secs(seconds.into()))
    }
}

impl OrgSettings {
    /// Returns whether no token is given.
    pub(crate) fn is_empty(&self) -> bool {
        self.token_sha256.is_empty() && self.token_files.is_empty() && self.tokens.is_empty()
    }
}

impl FileSettings {
    /// Returns a text for each file or folder that is not there.
    pub(crate) fn check(&self) -> Vec<String> {
        let problem = |path: &PathBuf| {
            let error = std::fs::metadata(path).err().filter(|_| path.as_os_str() != "-")?;
            Some(format!("ingest.files.paths: {}: {error}", path.display()))
        };
        self.paths.iter().filter_map(problem).collect()
    }

    /// Returns whether events of a time are published.
    pub(crate) fn asks_for(&self, time: Timestamp) -> bool {
        self.from.is_none_or(|from| time >= from) && self.to.is_none_or(|to| time < to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid() {
        assert_eq!(Settings::<()>::default().check(), [""; 0]);
    }

    #[test]
    fn every_problem_is_reported() {
        let files = FileSettings { from: Some(Timestamp(2)), to: Some(Timestamp(1)), ..FileSettings::default() };
        let settings: Settings = Settings { max_body_bytes: 0, max_requests: 0, files, ..Settings::default() };
        insta::assert_snapshot!(settings.check().join("\n"), @r"
        ingest.max_body_bytes: must be at least 1
        ingest.max_requests: must be at least 1
        ingest.files.from: must be before ingest.files.to, 1970-01-01T00:00:00.001Z, is 1970-01-01T00:00:00.002Z
        ");
    }

    #[test]
    fn ids_of_orgs_are_checked() {
        let orgs =
            r#"{"00Dhn0000018hrc": {}, "00Dhn0000018hrcEAA": {}, "00D1": {}, "acme": {}, "00Dhn0000018hr-": {}}"#;
        let settings: Settings = serde_json::from_str(&format!(r#"{{"orgs": {orgs}}}"#)).unwrap();
        let errors = settings.check();
        assert_eq!(errors.len(), 4, "{errors:?}");
        assert!(
            errors.contains(
                &"ingest.orgs.00Dhn0000018hrcEAA: is the same org as 00Dhn0000018hrc, give it once".to_owned()
            )
        );
    }

    #[test]
    fn tokens_are_masked() {
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
