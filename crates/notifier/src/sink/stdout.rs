//! CloudEvents on standard output, one per line.

use crate::cloudevent;
use crate::message::Message;
use crate::sink::{SendError, Sink};
use tokio::io::AsyncWriteExt;
use tokio::sync::Mutex;

/// Standard output, shared by all destinations of this kind.
#[derive(Debug, Default)]
pub(crate) struct Stdout {
    /// Held while a line is written.
    line: Mutex<()>,
}

impl Sink for Stdout {
    async fn send(&self, message: &Message) -> Result<(), SendError> {
        let mut line = cloudevent::encode(message)?;
        line.push(b'\n');
        let _held = self.line.lock().await;
        let mut output = tokio::io::stdout();
        let written = async {
            output.write_all(&line).await?;
            output.flush().await
        };
        written.await.map_err(|error| SendError::retry(format!("cannot write a line: {error}")))
    }
}
