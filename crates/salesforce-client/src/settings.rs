//! How an org is reached, and by which app and user.

mod credential;

pub(crate) use credential::Credential;

use reqwest::Url;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use std::path::PathBuf;

/// The connection to one org. With `private_key` or `private_key_file` it logs in by JWT bearer, with `client_secret`
/// or `client_secret_file` by client credentials; exactly one of the four must be given. Files are read again for each
/// token, so that a secret can be replaced without a restart.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Where tokens are minted: the org's My Domain, such as `https://acme.my.salesforce.com`.
    pub login_url: String,
    /// Consumer key of the External Client App.
    pub client_id: String,
    /// Who it logs in as; for JWT bearer alone.
    pub username: Option<String>,
    /// Audience of the JWT: `https://login.salesforce.com`, or `https://test.salesforce.com` for sandboxes. By default
    /// told by `login_url`.
    pub audience: Option<String>,
    /// RSA key in PEM.
    pub private_key_file: Option<PathBuf>,
    #[serde(serialize_with = "runtime::secret::mask_option")]
    pub private_key: Option<SecretString>,
    pub client_secret_file: Option<PathBuf>,
    #[serde(serialize_with = "runtime::secret::mask_option")]
    pub client_secret: Option<SecretString>,
    pub pubsub_url: String,
    /// Such as `64.0`.
    pub api_version: String,
    /// The longest that one call may take until its answer begins, and until each further part of it.
    pub timeout_seconds: u32,
    /// After how long without any answer a subscription is taken for dead. Salesforce says something every 270 s.
    pub silence_seconds: u32,
}

/// What is wrong with [`Settings`].
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    #[error("{key}: {problem}")]
    Value { key: &'static str, problem: String },
    #[error("{key}: {path}: cannot be read", path = .path.display())]
    File { key: &'static str, path: PathBuf, source: std::io::Error },
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
    /// All that is wrong with them. Opens no files.
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

    /// `audience`, or what `login_url` tells: sandboxes have a My Domain with `--` in it.
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
        (count != 1).then(|| format!("give exactly one of {four}; there are {count}"))
    }

    fn username_problem(&self) -> Option<String> {
        let is_jwt = self.private_key_file.is_some() || self.private_key.is_some();
        let is_named = self.username.as_deref().is_some_and(|name| !name.trim().is_empty());
        match (is_jwt, is_named) {
            (true, false) => Some("is needed with a private key".to_owned()),
            (false, true) => Some("is of no use with a client secret: the app says which user it runs as".to_owned()),
            (true, true) | (false, false) => None,
        }
    }
}

/// Whether what goes there is safe from other eyes: by TLS, or because it does not leave the machine.
pub(crate) fn is_private(url: &Url) -> bool {
    let is_loopback = |host: &str| {
        let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        host == "localhost" || address.is_ok_and(|address| address.is_loopback())
    };
    match url.scheme() {
        "https" => url.has_host(),
        "http" => url.host_str().is_some_and(is_loopback),
        _ => false,
    }
}

fn url_problem(text: &str) -> Option<String> {
    if text.is_empty() {
        return Some("is missing".to_owned());
    }
    let Ok(url) = Url::parse(text) else {
        return Some("is no URL".to_owned());
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
