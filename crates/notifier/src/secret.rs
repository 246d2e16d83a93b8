//! What must not be shown.

use secrecy::SecretString;
use std::io;
use std::path::PathBuf;

/// A text that is given, or the file that holds it: read for each use, so that it can be changed without a restart.
#[derive(Clone, Debug)]
pub(crate) enum Secret {
    Given(SecretString),
    File(PathBuf),
}

impl Secret {
    /// # Errors
    /// If the file cannot be read.
    pub(crate) async fn read(&self) -> io::Result<SecretString> {
        match self {
            Self::Given(secret) => Ok(secret.clone()),
            Self::File(path) => tokio::fs::read_to_string(path).await.map(trimmed),
        }
    }

    /// As [`Secret::read`], where a thread may be held up.
    pub(crate) fn read_now(&self) -> io::Result<SecretString> {
        match self {
            Self::Given(secret) => Ok(secret.clone()),
            Self::File(path) => std::fs::read_to_string(path).map(trimmed),
        }
    }
}

/// The newline that editors and `echo` put at the end is not part of a secret.
fn trimmed(text: String) -> SecretString {
    text.trim().into()
}
