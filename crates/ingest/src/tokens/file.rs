//! A file with one token, which may change, disappear and come back while ingest runs.

use super::{Hash, hash};
use model::OrgId;
use secrecy::SecretString;
use std::path::{Path, PathBuf};

/// A token file, and the token that is valid by it. Its problems concern no other file.
#[derive(Clone, Debug)]
pub(super) struct TokenFile {
    pub(super) org: OrgId,
    path: PathBuf,
    hash: Option<Hash>,
    /// How many readings in a row have failed.
    failures: u32,
    /// Why the last reading failed.
    error: Option<String>,
}

/// After how many failed readings in a row the token of a file ends. One may fail while the file is being written.
const ENDS_AFTER: u32 = 2;

impl TokenFile {
    /// Takes the outcome of the first reading of a file. If that failed it has no token, since there is no earlier one.
    pub(super) fn new(org: OrgId, path: PathBuf, reading: Result<Hash, String>) -> Self {
        let (hash, error) = match reading {
            Ok(hash) => (Some(hash), None),
            Err(error) => (None, Some(error)),
        };
        let failures = if error.is_some() { ENDS_AFTER } else { 0 };
        Self { org, path, hash, failures, error }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the hash of the valid token.
    pub(super) fn hash(&self) -> Option<&Hash> {
        self.hash.as_ref()
    }

    /// Returns whether no token is valid by this file, because it could not be read.
    pub(super) fn has_ended(&self) -> bool {
        self.failures >= ENDS_AFTER
    }

    /// Returns the path, and why the last reading failed; `None` if it did not.
    pub(super) fn problem(&self) -> Option<String> {
        self.error.as_ref().map(|error| format!("{}: {error}", self.path.display()))
    }

    /// Takes the outcome of a further reading.
    pub(super) fn settle(&mut self, reading: Result<Hash, String>) {
        let (org, file) = (&self.org, self.path.display());
        match reading {
            Ok(hash) => {
                if self.hash != Some(hash) {
                    tracing::info!(org.id = %org, %file, "the token of a file has changed");
                }
                (self.hash, self.failures, self.error) = (Some(hash), 0, None);
            }
            Err(error) => {
                self.failures = self.failures.saturating_add(1);
                if self.failures < ENDS_AFTER {
                    tracing::warn!(org.id = %org, %file, error, "a token file cannot be read, its token is valid until the next reading");
                } else {
                    if self.failures == ENDS_AFTER {
                        tracing::error!(org.id = %org, %file, error, "a token file cannot be read, its token is no longer valid");
                    }
                    self.hash = None;
                }
                self.error = Some(error);
            }
        }
    }
}

/// Reads the token of a file, and returns its hash.
pub(super) fn read(path: &Path) -> Result<Hash, String> {
    let text = std::fs::read_to_string(path).map(SecretString::from);
    text.map_err(|error| error.to_string()).and_then(|token| hash(&token))
}
