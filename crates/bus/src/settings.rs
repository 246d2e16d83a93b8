//! How to reach the server, and how much it keeps.

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// `nats://host:port` or `tls://host:port`; any of one cluster.
    pub servers: Vec<String>,
    /// Seconds for which the first connection is tried before giving up.
    pub connect_seconds: u32,
    /// First token of every subject and, in upper case, of every stream's name: deployments with different prefixes
    /// share a server. Letters, digits, `-` and `_`.
    pub prefix: String,
    pub auth: Auth,
    pub tls: Tls,
    /// Copies of each stream, 1, 3 or 5.
    pub replicas: u8,
    /// Fixed at installation; the one of all stages, so it is not set here.
    #[serde(skip, default = "partitions")]
    pub partitions: u16,
    pub retention: Retention,
    pub max_bytes: MaxBytes,
    /// Whether services make streams and consumers themselves when they start. Where their permissions do not let them,
    /// `orgwatchd topology apply` does it beforehand.
    pub manage_topology: bool,
}

/// At most one may be given; none connects without authentication.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Auth {
    pub nkey_seed_file: Option<PathBuf>,
    /// User JWT and seed, as `nsc` writes them.
    pub creds_file: Option<PathBuf>,
    #[serde(serialize_with = "runtime::secret::mask_option", skip_serializing_if = "Option::is_none")]
    pub token: Option<SecretString>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tls {
    /// PEM; without it the platform's certificates are trusted. Any of these fields makes TLS required.
    pub ca_file: Option<PathBuf>,
    /// Client certificate, PEM; with `key_file`.
    pub cert_file: Option<PathBuf>,
    pub key_file: Option<PathBuf>,
}

/// Hours for which each stream keeps its messages. What a consumer has not read by then is lost to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Retention {
    pub activity: u32,
    pub observation: u32,
    pub finding: u32,
    pub incident: u32,
    pub dead: u32,
}

/// Bytes that each stream may take; beyond them its oldest messages are dropped. Unlimited where absent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MaxBytes {
    pub activity: Option<u64>,
    pub observation: Option<u64>,
    pub finding: Option<u64>,
    pub incident: Option<u64>,
    pub dead: Option<u64>,
}

/// What is wrong with the settings.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    #[error("nats.servers: none given")]
    NoServers,
    #[error("nats.prefix: only letters, digits, - and _ can be part of a stream's name, is {0:?}")]
    Prefix(String),
    #[error("nats.auth: only one of nkey_seed_file, creds_file and token can be given")]
    Auth,
    #[error("nats.tls: cert_file and key_file must be given together")]
    Tls,
    #[error("nats.replicas: must be 1, 3 or 5, is {0}")]
    Replicas(u8),
    #[error("nats.partitions: must be at least 1")]
    Partitions,
    #[error("nats.retention.{0}: must be at least 1 hour")]
    Retention(&'static str),
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            servers: vec!["nats://127.0.0.1:4222".to_owned()],
            connect_seconds: 60,
            prefix: "orgwatch".to_owned(),
            auth: Auth::default(),
            tls: Tls::default(),
            replicas: 1,
            partitions: 32,
            retention: Retention::default(),
            max_bytes: MaxBytes::default(),
            manage_topology: true,
        }
    }
}

fn partitions() -> u16 {
    Settings::default().partitions
}

impl Default for Retention {
    fn default() -> Self {
        Self { activity: 7 * 24, observation: 3 * 24, finding: 7 * 24, incident: 7 * 24, dead: 30 * 24 }
    }
}

impl Settings {
    /// All that is wrong, not only the first.
    pub fn check(&self) -> Vec<SettingsError> {
        let mut errors = Vec::new();
        if self.servers.is_empty() {
            errors.push(SettingsError::NoServers);
        }
        if self.prefix.is_empty() || !self.prefix.bytes().all(crate::subject::is_plain) {
            errors.push(SettingsError::Prefix(self.prefix.clone()));
        }
        let Auth { nkey_seed_file, creds_file, token } = &self.auth;
        if [nkey_seed_file.is_some(), creds_file.is_some(), token.is_some()].iter().filter(|given| **given).count() > 1
        {
            errors.push(SettingsError::Auth);
        }
        if self.tls.cert_file.is_some() != self.tls.key_file.is_some() {
            errors.push(SettingsError::Tls);
        }
        if ![1, 3, 5].contains(&self.replicas) {
            errors.push(SettingsError::Replicas(self.replicas));
        }
        if self.partitions == 0 {
            errors.push(SettingsError::Partitions);
        }
        let Retention { activity, observation, finding, incident, dead } = self.retention;
        let hours = [
            ("activity", activity),
            ("observation", observation),
            ("finding", finding),
            ("incident", incident),
            ("dead", dead),
        ];
        errors.extend(hours.iter().filter(|(_, hours)| *hours == 0).map(|(name, _)| SettingsError::Retention(name)));
        errors
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_right() {
        assert_eq!(Settings::default().check(), []);
    }

    #[test]
    fn all_that_is_wrong_is_told() {
        let settings = Settings {
            servers: Vec::new(),
            connect_seconds: 1,
            prefix: "a.b".to_owned(),
            auth: Auth { creds_file: Some("a".into()), token: Some("b".to_owned().into()), nkey_seed_file: None },
            tls: Tls { cert_file: Some("c".into()), ..Tls::default() },
            replicas: 2,
            partitions: 0,
            retention: Retention { finding: 0, ..Retention::default() },
            max_bytes: MaxBytes::default(),
            manage_topology: true,
        };
        let texts: Vec<String> = settings.check().iter().map(ToString::to_string).collect();
        insta::assert_snapshot!(texts.join("\n"), @r#"
        nats.servers: none given
        nats.prefix: only letters, digits, - and _ can be part of a stream's name, is "a.b"
        nats.auth: only one of nkey_seed_file, creds_file and token can be given
        nats.tls: cert_file and key_file must be given together
        nats.replicas: must be 1, 3 or 5, is 2
        nats.partitions: must be at least 1
        nats.retention.finding: must be at least 1 hour
        "#);
    }

    #[test]
    fn an_unknown_key_is_refused() {
        let read: Result<Settings, _> = serde_json::from_str(r#"{"server": "nats://a"}"#);
        assert!(read.is_err_and(|error| error.to_string().contains("unknown field `server`")));
    }
}
