//! Why files are left out, or cannot be read.

use crate::archive::LeftOut;
use salesforce::NotEvents;
use std::fmt;
use std::path::PathBuf;

/// A file that was left out because it holds no events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// The file.
    pub path: PathBuf,
    /// Why it was left out.
    pub reason: SkipReason,
}

/// Why a file was left out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SkipReason {
    /// It holds something else than events.
    #[error(transparent)]
    NotEvents(#[from] NotEvents),
    /// It is an archive, or in one, and is not read.
    #[error(transparent)]
    LeftOut(#[from] LeftOut),
    /// It is packed, and breaks off before its first event, or is an archive that breaks off.
    #[error("cannot be unpacked: {0}")]
    Broken(String),
}

/// Why files cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// A file or folder cannot be opened or read.
    #[error("{}: cannot be read", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// No path led to a file of events.
    #[error("no file of events in {paths}{}", Listed(.skipped))]
    NoEvents {
        /// What was searched.
        paths: String,
        /// The files that were found.
        skipped: Vec<Skipped>,
    },
    /// A named file cannot be read to its end. A packed file that is cut off or damaged is read as far as it goes.
    #[error("{}: line {line}: cannot be read", path.display())]
    Record {
        /// The file.
        path: PathBuf,
        /// Line of the unpacked file, from 1.
        line: u64,
        /// The cause.
        source: std::io::Error,
    },
    /// The temporary file for sorting by time cannot be written or read.
    #[error("cannot sort {} by time: temporary file", path.display())]
    Spill {
        /// The file to sort.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
}

/// Most files that an error lists. A choice.
pub(super) const MOST_LISTED: usize = 10;

/// A line for each of the first files.
struct Listed<'a>(&'a [Skipped]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Skipped { path, reason } in self.0.iter().take(MOST_LISTED) {
            write!(f, "\n  {}: {reason}", path.display())?;
        }
        match self.0.len().saturating_sub(MOST_LISTED) {
            0 => Ok(()),
            more => write!(f, "\n  and {more} more"),
        }
    }
}
