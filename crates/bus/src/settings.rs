//! The section `nats` of the configuration.

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// How to reach the servers, and how much they keep.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// `nats://host:port` or `tls://host:port`; any servers of one cluster.
    pub servers: Vec<String>,
    /// Seconds for which the first connection is retried.
    pub connect_seconds: u32,
    /// First token of every subject and, in upper case, of every stream's name. Deployments with different prefixes can
    /// share a server. Letters, digits, `-` and `_`.
    pub prefix: String,
    /// Authentication.
    pub auth: Auth,
    /// Certificates.
    pub tls: Tls,
    /// Copies of each stream: 1, 3 or 5.
    pub replicas: u8,
    /// The number of partitions, fixed at installation. Set from `partitions.count`, which all stages share.
    #[serde(skip, default = "partitions")]
    pub partitions: u16,
    /// How long streams keep messages.
    pub retention: Retention,
    /// How large streams may grow.
    pub max_bytes: MaxBytes,
    /// Whether services create and update streams and consumers when they start. Where permissions deny it, run
    /// `orgwatchd topology apply` before.
    pub manage_topology: bool,
}

/// How to authenticate. At most one may be set; with none, the connection is not authenticated.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Auth {
    /// File with the seed of an nkey.
    pub nkey_seed_file: Option<PathBuf>,
    /// Credentials file of `nsc`, with a user JWT and a seed.
    pub creds_file: Option<PathBuf>,
    /// Token of the server's configuration.
    #[serde(serialize_with = "runtime::secret::mask_option", skip_serializing_if = "Option::is_none")]
    pub token: Option<SecretString>,
}

/// TLS, which any of these fields makes required.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tls {
    /// Certificates to trust, PEM; those of the platform where absent.
    pub ca_file: Option<PathBuf>,
    /// Client certificate, PEM; with `key_file`.
    pub cert_file: Option<PathBuf>,
    /// Key of the client certificate, PEM; with `cert_file`.
    pub key_file: Option<PathBuf>,
}

/// Hours for which each stream keeps messages. A consumer loses messages that it has not read by then.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Retention {
    /// Of activities; 168 by default.
    pub activity: u32,
    /// Of observations; 72 by default.
    pub observation: u32,
    /// Of findings; 168 by default.
    pub finding: u32,
    /// Of incident changes; 168 by default.
    pub incident: u32,
    /// Of dead letters; 720 by default.
    pub dead: u32,
}

/// The largest size of each stream in bytes, above which its oldest messages are dropped; unlimited where absent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MaxBytes {
    /// Of activities.
    pub activity: Option<u64>,
    /// Of observations.
    pub observation: Option<u64>,
    /// Of findings.
    pub finding: Option<u64>,
    /// Of incident changes.
    pub incident: Option<u64>,
    /// Of dead letters.
    pub dead: Option<u64>,
}

/// A problem of the settings.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// `nats.servers` is empty.
    #[error("nats.servers: name at least one server")]
    NoServers,
    /// `nats.prefix` cannot be part of a stream's name.
    #[error("nats.prefix: must consist of letters, digits, - and _, is {0:?}")]
    Prefix(String),
    /// More than one way to authenticate.
    #[error("nats.auth: set only one of nkey_seed_file, creds_file and token")]
    Auth,
    /// A client certificate without its key, or a key without a certificate.
    #[error("nats.tls: set both of cert_file and key_file, or neither")]
    Tls,
    /// A number of copies that JetStream does not support.
    #[error("nats.replicas: must be 1, 3 or 5, is {0}")]
    Replicas(u8),
    /// No partitions.
    #[error("nats.partitions: must be at least 1")]
    Partitions,
    /// A stream that keeps nothing.
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
    /// Returns all problems.
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
    fn the_defaults_are_valid() {
        assert_eq!(Settings::default().check(), []);
    }

    #[test]
    fn all_problems_are_returned() {
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
        nats.servers: name at least one server
        nats.prefix: must consist of letters, digits, - and _, is "a.b"
        nats.auth: set only one of nkey_seed_file, creds_file and token
        nats.tls: set both of cert_file and key_file, or neither
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
