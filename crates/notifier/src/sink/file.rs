//! CloudEvents appended to a file, one per line.

use crate::cloudevent;
use crate::message::Message;
use crate::sink::{SendError, Sink};
use std::io;
use std::path::{Path, PathBuf};
use tokio::fs::OpenOptions;
use tokio::io::AsyncWriteExt;
use tokio::sync::Mutex;

/// A file that is opened for each line, so that it may be rotated at any time.
#[derive(Debug)]
pub(crate) struct File {
    /// Held while a line is written.
    path: Mutex<PathBuf>,
}

impl File {
    /// Creates the file if it does not exist.
    ///
    /// # Errors
    /// If the file cannot be appended to.
    pub(crate) async fn open(path: &Path) -> io::Result<Self> {
        options().open(path).await?;
        Ok(Self { path: Mutex::new(path.to_owned()) })
    }
}

impl Sink for File {
    async fn send(&self, message: &Message) -> Result<(), SendError> {
        let mut line = cloudevent::encode(message)?;
        line.push(b'\n');
        let path = self.path.lock().await;
        append(&path, &line).await.map_err(|error| SendError::retry(format!("cannot append a line: {error}")))
    }
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    options
}

/// Appends the whole line durably, or nothing.
async fn append(path: &Path, line: &[u8]) -> io::Result<()> {
    let mut file = options().open(path).await?;
    let before = file.metadata().await?.len();
    let written = async {
        file.write_all(line).await?;
        file.flush().await?;
        file.sync_data().await
    };
    if let Err(error) = written.await {
        // A part of a line would make the next one unreadable.
        file.set_len(before).await?;
        return Err(error);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{change, message};
    use model::ChangeKind;

    #[tokio::test]
    async fn lines_are_appended_also_after_a_rotation() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("incidents.ndjson");
        std::fs::write(&path, "{}\n").unwrap();
        let file = File::open(&path).await.unwrap();
        let of_revision = |revision| message(change(revision, ChangeKind::Opened, 90.0));
        let (one, two) = (of_revision(1), of_revision(2));
        let (first, second) = tokio::join!(file.send(&one), file.send(&two));
        assert_eq!((first, second), (Ok(()), Ok(())));
        let text = std::fs::read_to_string(&path).unwrap();
        let ids: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["id"].clone()).collect();
        assert_eq!(ids.len(), 3);
        assert!(text.ends_with('\n'));

        std::fs::rename(&path, folder.path().join("old")).unwrap();
        assert_eq!(file.send(&of_revision(3)).await, Ok(()));
        assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 1);
    }

    #[tokio::test]
    async fn a_missing_folder_is_an_error_at_the_start_and_later() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("inner");
        assert!(File::open(&inner.join("a")).await.is_err());
        std::fs::create_dir(&inner).unwrap();
        let file = File::open(&inner.join("a")).await.unwrap();
        std::fs::remove_dir_all(&inner).unwrap();
        let message = message(change(1, ChangeKind::Opened, 90.0));
        assert!(matches!(file.send(&message).await, Err(SendError::Retry { after: None, .. })));
    }
}
