//! How an org is reached, and by which app and user.

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The connection to one org. With `private_key` or `private_key_file` it logs in by JWT bearer, with `client_secret`
/// or `client_secret_file` by client credentials; exactly one of the four must be given.
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
    #[serde(serialize_with = "mask")]
    pub private_key: Option<SecretString>,
    pub client_secret_file: Option<PathBuf>,
    #[serde(serialize_with = "mask")]
    pub client_secret: Option<SecretString>,
    pub pubsub_url: String,
    /// Such as `64.0`.
    pub api_version: String,
    /// The longest that one call may take until its answer begins.
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

fn mask<S: serde::Serializer>(secret: &Option<SecretString>, serializer: S) -> Result<S::Ok, S::Error> {
    match secret {
        Some(_) => serializer.serialize_some("***"),
        None => serializer.serialize_none(),
    }
}
