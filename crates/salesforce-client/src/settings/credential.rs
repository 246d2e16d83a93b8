//! The secret that tokens are asked for with.

use super::{Settings, SettingsError};
use crate::auth::jwt;
use ring::rsa::KeyPair;
use secrecy::{ExposeSecret, SecretString};
use std::path::Path;

pub(crate) enum Credential {
    /// For JWT bearer.
    Key(KeyPair),
    /// For client credentials.
    Secret(SecretString),
}

impl Settings {
    /// Reads the secret, from its file if it is in one.
    ///
    /// # Errors
    /// If there is none, its file cannot be read, or a key is no RSA key.
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
            None => Err(SettingsError::Value { key: "private_key_file", problem: "there is no secret".to_owned() }),
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
        // Files end with a line end.
        trimmed => Ok(Credential::Secret(SecretString::from(trimmed))),
    }
}
