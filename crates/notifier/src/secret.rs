//! Secrets of destinations, given in the settings or held in files.

use secrecy::SecretString;
use std::io;
use std::path::PathBuf;

/// A secret, or the file that holds it. Files are read for each use, so that a secret can be changed without a restart.
#[derive(Clone, Debug)]
pub(crate) enum Secret {
    Given(SecretString),
    File(PathBuf),
}

impl Secret {
    /// Returns the present value.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub(crate) async fn read(&self) -> io::Result<SecretString> {
        match self {
            Self::Given(secret) => Ok(secret.clone()),
            Self::File(path) => tokio::fs::read_to_string(path).await.map(trimmed),
        }
    }

    /// Returns the present value, and blocks the thread meanwhile.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub(crate) fn read_now(&self) -> io::Result<SecretString> {
        match self {
            Self::Given(secret) => Ok(secret.clone()),
            Self::File(path) => std::fs::read_to_string(path).map(trimmed),
        }
    }
}

/// Editors and `echo` end files with a newline, which is not part of the secret.
fn trimmed(text: String) -> SecretString {
    text.trim().into()
}
