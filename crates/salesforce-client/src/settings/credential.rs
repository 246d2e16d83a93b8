//! The secret with which tokens are requested.

use super::{Settings, SettingsError};
use crate::auth::jwt;
use ring::rsa::KeyPair;
use secrecy::{ExposeSecret, SecretString};
use std::path::Path;

/// A secret that was read.
pub(crate) enum Credential {
    /// The RSA key of the JWT bearer flow.
    Key(KeyPair),
    /// The consumer secret of the client credentials flow.
    Secret(SecretString),
}

impl Settings {
    /// Reads the configured secret, from its file if a file is configured.
    ///
    /// # Errors
    /// If none is configured, the file cannot be read, or the key is not a usable RSA key.
    pub(crate) fn credential(&self) -> Result<Credential, SettingsError> {
        if let Some(path) = &self.private_key_file {
            return key("private_key_file", &file("private_key_file", path)?);
        }
        if let Some(pem) = &self.private_key {
            return key("private_key", pem);
        }
        if let Some(path) = &self.client_secret_file {
            return secret("client_secret_file", &file("client_secret_file", path)?);
        }
        match &self.client_secret {
            Some(text) => secret("client_secret", text),
            None => Err(SettingsError::Value { key: "private_key_file", problem: "no secret is set".to_owned() }),
        }
    }
}

fn file(key: &'static str, path: &Path) -> Result<SecretString, SettingsError> {
    let read = std::fs::read_to_string(path);
    read.map(SecretString::from).map_err(|source| SettingsError::File { key, path: path.to_owned(), source })
}

fn key(key: &'static str, pem: &SecretString) -> Result<Credential, SettingsError> {
    let read = jwt::read_key(pem.expose_secret());
    read.map(Credential::Key).map_err(|problem| SettingsError::Value { key, problem })
}

fn secret(key: &'static str, text: &SecretString) -> Result<Credential, SettingsError> {
    match text.expose_secret().trim() {
        "" => Err(SettingsError::Value { key, problem: "is empty".to_owned() }),
        // Files usually end with a newline.
        trimmed => Ok(Credential::Secret(SecretString::from(trimmed))),
    }
}
