//! The settings of the database connection.

use crate::error::{Result, StoreError};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sqlx::postgres::PgConnectOptions;
use std::path::PathBuf;
use std::str::FromStr;

/// How to reach the database, and how long to wait for it: the section `postgres` of the configuration.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// `postgres://user:password@host:port/database`, masked when shown. There is no default.
    ///
    /// It must lead to Postgres itself or to a pooler in session mode, since session locks are used.
    #[serde(serialize_with = "runtime::secret::mask")]
    pub url: SecretString,
    /// A file with the password, which then need not be in the URL. [`crate::Store::reread_password`] and each session
    /// of an [`crate::Owner`] read it again, so that the password can be changed without a restart.
    pub password_file: Option<PathBuf>,
    /// The most connections in the pool of one replica.
    pub max_connections: u32,
    /// How long to wait for a connection of the pool, in milliseconds.
    pub acquire_timeout_ms: u64,
    /// How long one statement may run, in milliseconds.
    pub statement_timeout_ms: u64,
    /// How long a transaction may be idle between two statements, in milliseconds. Publishing from the outbox happens
    /// in such a pause.
    pub idle_in_transaction_timeout_ms: u64,
    /// Whether services run missing migrations when they start; otherwise `orgwatchd migrate` must run before.
    pub migrate: bool,
}

impl Default for Settings {
    fn default() -> Self {
        // Choices: a replica runs few queries at the same time, and each is short.
        Self {
            url: SecretString::from(""),
            password_file: None,
            max_connections: 8,
            acquire_timeout_ms: 3_000,
            statement_timeout_ms: 10_000,
            idle_in_transaction_timeout_ms: 30_000,
            migrate: true,
        }
    }
}

impl Settings {
    /// Returns everything that is wrong with the values, each text with its key in front.
    pub fn check(&self) -> Vec<String> {
        let mut errors = Vec::new();
        match self.options() {
            Ok(_) => {}
            Err(error @ StoreError::Password { .. }) => errors.push(format!("postgres.password_file: {error}")),
            Err(error) => errors.push(format!("postgres.url: {error}")),
        }
        let mut range = |name: &str, value: u64, least: u64, most: u64| {
            if !(least..=most).contains(&value) {
                errors.push(format!("postgres.{name}: must be from {least} to {most}, is {value}"));
            }
        };
        range("max_connections", self.max_connections.into(), 1, 1_000);
        range("acquire_timeout_ms", self.acquire_timeout_ms, 1, 600_000);
        // Zero would mean no limit to Postgres.
        range("statement_timeout_ms", self.statement_timeout_ms, 1, 600_000);
        range("idle_in_transaction_timeout_ms", self.idle_in_transaction_timeout_ms, 1, 600_000);
        errors
    }

    /// Returns connect options with the configured time limits.
    pub(crate) fn session(&self, application: &str) -> Result<PgConnectOptions> {
        Ok(self.unlimited_session(application)?.options([
            ("statement_timeout", self.statement_timeout_ms),
            ("idle_in_transaction_session_timeout", self.idle_in_transaction_timeout_ms),
        ]))
    }

    /// Returns connect options without time limits on statements. The server ends the session soon after the client's
    /// machine is gone.
    pub(crate) fn unlimited_session(&self, application: &str) -> Result<PgConnectOptions> {
        // TCP keepalive probes of the server. A replica that vanishes without closing its connection loses its locks
        // within ten seconds: 4 s idle, then 2 probes every 2 s, or 8 s (in ms) without an acknowledgment of sent data.
        let probes = [
            ("tcp_keepalives_idle", 4),
            ("tcp_keepalives_interval", 2),
            ("tcp_keepalives_count", 2),
            ("tcp_user_timeout", 8_000),
        ];
        Ok(self.options()?.application_name(application).options(probes))
    }

    fn options(&self) -> Result<PgConnectOptions> {
        let url = self.url.expose_secret();
        if url.is_empty() {
            return Err(StoreError::NoUrl);
        }
        let options = PgConnectOptions::from_str(url).map_err(StoreError::Url)?;
        let Some(path) = &self.password_file else { return Ok(options) };
        let password = std::fs::read_to_string(path);
        let password = password.map_err(|source| StoreError::Password { path: path.clone(), source })?;
        // Editors and `echo` end the file with a newline, which is not part of the password.
        Ok(options.password(password.trim_end_matches(['\r', '\n'])))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_is_never_shown() {
        let settings: Settings = serde_json::from_str(r#"{"url": "postgres://me:hidden@host/orgwatch"}"#).unwrap();
        assert_eq!(settings.max_connections, 8);
        let shown = format!("{settings:?}");
        assert!(!shown.contains("hidden") && !shown.contains("host"), "{shown}");
    }

    #[test]
    fn an_unknown_key_is_refused() {
        let error = serde_json::from_str::<Settings>(r#"{"max_conections": 3}"#).unwrap_err();
        assert!(error.to_string().contains("max_conections"), "{error}");
    }

    #[test]
    fn every_value_that_is_out_of_range_is_named() {
        let url = SecretString::from("postgres://me@host/orgwatch");
        assert_eq!(Settings { url: url.clone(), ..Settings::default() }.check(), [""; 0]);
        let settings = Settings { max_connections: 0, statement_timeout_ms: 0, ..Settings::default() };
        let expect = [
            "postgres.url: no database url is set; set postgres.url, ORGWATCH_POSTGRES__URL or ORGWATCH_POSTGRES__URL_FILE",
            "postgres.max_connections: must be from 1 to 1000, is 0",
            "postgres.statement_timeout_ms: must be from 1 to 600000, is 0",
        ];
        assert_eq!(settings.check(), expect);
    }

    #[test]
    fn a_missing_password_file_is_reported() {
        let url = SecretString::from("postgres://me@host/orgwatch");
        let settings = Settings { url, password_file: Some("/nowhere/password".into()), ..Settings::default() };
        assert_eq!(settings.check(), ["postgres.password_file: cannot read /nowhere/password"]);
    }

    #[test]
    fn a_missing_or_malformed_url_is_refused() {
        assert!(matches!(Settings::default().session("test"), Err(StoreError::NoUrl)));
        let settings = Settings { url: SecretString::from("no url: hidden"), ..Settings::default() };
        let error = settings.session("test").unwrap_err();
        assert!(matches!(error, StoreError::Url(_)));
        assert!(!format!("{error} {error:?}").contains("hidden"));
    }
}
