//! The settings of the connection to one org.

mod credential;

pub(crate) use credential::Credential;

use reqwest::Url;
use runtime::secret::stays_private;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The connection to one org: where it is, and as which app and user to log in.
///
/// With `private_key` or `private_key_file` the client logs in by the JWT bearer flow, with `client_secret` or
/// `client_secret_file` by the client credentials flow; exactly one of the four must be set. Files are read again for
/// each token, so that a secret can be replaced without a restart.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The URL of the org's My Domain, such as `https://acme.my.salesforce.com`, where tokens are requested.
    pub login_url: String,
    /// Consumer key of the External Client App.
    pub client_id: String,
    /// The user to log in as; for JWT bearer only.
    pub username: Option<String>,
    /// Audience of the JWT: `https://login.salesforce.com`, or `https://test.salesforce.com` for sandboxes. By default
    /// derived from `login_url`.
    pub audience: Option<String>,
    /// File with the RSA key in PEM.
    pub private_key_file: Option<PathBuf>,
    /// The RSA key in PEM.
    #[serde(serialize_with = "runtime::secret::mask_option")]
    pub private_key: Option<SecretString>,
    /// File with the consumer secret.
    pub client_secret_file: Option<PathBuf>,
    /// The consumer secret.
    #[serde(serialize_with = "runtime::secret::mask_option")]
    pub client_secret: Option<SecretString>,
    /// The URL of the Pub/Sub API; the default is Salesforce's global endpoint.
    pub pubsub_url: String,
    /// Version of the REST API, such as `64.0`.
    pub api_version: String,
    /// How long a call may take until its answer starts, and until each further part of the answer. The default is a
    /// choice: Salesforce ends a query after 120 s.
    pub timeout_seconds: u32,
    /// After how long without an answer a subscription counts as dead. Salesforce sends a keepalive at least every 270 s
    /// (comment in `pubsub_api.proto`).
    pub silence_seconds: u32,
}

/// An invalid setting.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The value is missing or invalid.
    #[error("{key}: {problem}")]
    Value {
        /// The key within the section.
        key: &'static str,
        /// What is wrong, for an operator.
        problem: String,
    },
    /// The file cannot be read.
    #[error("{key}: {path}: cannot be read", path = .path.display())]
    File {
        /// The key within the section.
        key: &'static str,
        /// The file, as configured.
        path: PathBuf,
        /// Why it cannot be read.
        source: std::io::Error,
    },
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            login_url: String::new(),
            client_id: String::new(),
            username: None,
            audience: None,
            private_key_file: None,
            private_key: None,
            client_secret_file: None,
            client_secret: None,
            pubsub_url: "https://api.pubsub.salesforce.com:7443".to_owned(),
            api_version: "64.0".to_owned(),
            timeout_seconds: 120,
            silence_seconds: 300,
        }
    }
}

impl Settings {
    /// Returns everything that is wrong with the settings, without opening files.
    pub fn check(&self) -> Vec<SettingsError> {
        let checks = [
            ("login_url", url_problem(&self.login_url)),
            ("pubsub_url", url_problem(&self.pubsub_url)),
            ("client_id", self.client_id.trim().is_empty().then(|| "is missing".to_owned())),
            ("private_key_file", self.secrets_problem()),
            ("username", self.username_problem()),
            ("api_version", api_version_problem(&self.api_version)),
            ("timeout_seconds", zero_problem(self.timeout_seconds)),
            ("silence_seconds", zero_problem(self.silence_seconds)),
        ];
        let error =
            |(key, problem): (&'static str, Option<String>)| Some(SettingsError::Value { key, problem: problem? });
        checks.into_iter().filter_map(error).collect()
    }

    /// Reads the file with the secret, if one is configured.
    ///
    /// # Errors
    /// If it cannot be read, or holds no usable secret: no token can be requested until it does.
    pub fn check_secret_file(&self) -> Result<(), SettingsError> {
        if self.has_secret_file() { self.credential().map(drop) } else { Ok(()) }
    }

    pub(crate) fn has_secret_file(&self) -> bool {
        self.private_key_file.is_some() || self.client_secret_file.is_some()
    }

    /// Returns `audience`, or derives it from `login_url`: the My Domain of a sandbox contains `--`.
    pub(crate) fn jwt_audience(&self) -> &str {
        if let Some(audience) = &self.audience {
            return audience;
        }
        let login = Url::parse(&self.login_url).ok();
        let host = login.as_ref().and_then(Url::host_str).unwrap_or_default();
        if host == "test.salesforce.com" || host.contains("--") || host.contains(".sandbox.") {
            "https://test.salesforce.com"
        } else {
            "https://login.salesforce.com"
        }
    }

    fn secrets_problem(&self) -> Option<String> {
        let given = [
            self.private_key_file.is_some(),
            self.private_key.is_some(),
            self.client_secret_file.is_some(),
            self.client_secret.is_some(),
        ];
        let count = given.into_iter().filter(|is_given| *is_given).count();
        let four = "private_key_file, private_key, client_secret_file, client_secret";
        (count != 1).then(|| format!("set exactly one of {four}; {count} are set"))
    }

    fn username_problem(&self) -> Option<String> {
        let is_jwt = self.private_key_file.is_some() || self.private_key.is_some();
        let is_named = self.username.as_deref().is_some_and(|name| !name.trim().is_empty());
        match (is_jwt, is_named) {
            (true, false) => Some("is required with a private key".to_owned()),
            (false, true) => {
                Some("must not be set with a client secret: the app itself names the user to run as".to_owned())
            }
            (true, true) | (false, false) => None,
        }
    }
}

/// Whether a connection there cannot be overheard: it uses TLS, or does not leave the machine.
pub(crate) fn is_private(url: &Url) -> bool {
    stays_private(url.scheme(), url.host_str())
}

fn url_problem(text: &str) -> Option<String> {
    if text.is_empty() {
        return Some("is missing".to_owned());
    }
    let Ok(url) = Url::parse(text) else {
        return Some("is not a URL".to_owned());
    };
    let is_bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    if !is_private(&url) {
        Some("must begin with https://".to_owned())
    } else if !is_bare || !url.username().is_empty() || url.password().is_some() {
        Some("must be a host alone, such as https://acme.my.salesforce.com".to_owned())
    } else {
        None
    }
}

fn api_version_problem(text: &str) -> Option<String> {
    let major = text.strip_suffix(".0").unwrap_or_default();
    let is_version = !major.is_empty() && major.bytes().all(|byte| byte.is_ascii_digit());
    (!is_version).then(|| "must be a version such as 64.0".to_owned())
}

fn zero_problem(seconds: u32) -> Option<String> {
    (seconds == 0).then(|| "must be at least 1".to_owned())
}

#[cfg(test)]
mod tests;
