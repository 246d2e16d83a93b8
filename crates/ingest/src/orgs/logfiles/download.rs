//! One log file, from its bytes to the activity stream.

use super::super::common::Common;
use super::file::LogFile;
use super::rows::{Body, cut};
use super::sending::{Sending, Sent};
use super::stop::Stop;
use crate::meter::Origin;
use crate::source::SourceError;
use bytes::Bytes;
use futures::TryStreamExt;
use futures::stream::BoxStream;
use salesforce::{Format, Occurrences, ReadError};
use salesforce_client::Error;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;
use tracing::Instrument;

/// What a file had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Summary {
    pub(super) bytes: u64,
    pub(super) sent: Sent,
}

/// Parts of a body that wait to be cut; each is what came from the network at once.
pub(super) const PARTS: usize = 16;
/// Batches that wait to be sent.
const BATCHES: usize = 1;

/// Publishes the rows of a file, and waits until all are acknowledged.
///
/// # Errors
/// Part may have been published already: the file is to be read again from its start. Its rows have the same ids then.
pub(super) async fn read(common: &Common, file: &LogFile) -> Result<Summary, Stop> {
    let body = common.client.download(&file.path(&common.settings.connection.api_version)).await?;
    let span = tracing::info_span!("read log file", orgwatch.service = "ingest");
    publish(common, file, body).instrument(span).await
}

/// As [`read`], of what is downloaded.
pub(super) async fn publish(
    common: &Common,
    file: &LogFile,
    mut body: BoxStream<'static, salesforce_client::Result<Bytes>>,
) -> Result<Summary, Stop> {
    let (parts, received) = mpsc::channel(PARTS);
    let (sender, mut batches) = mpsc::channel(BATCHES);
    let org = common.org.clone();
    let cutting = spawn_blocking(move || {
        let take = |batch| sender.blocking_send(batch).is_ok();
        cut(Body::new(received), Format::Csv, &org, &mut Occurrences::new(), take)
    });
    let download = async {
        // Dropped at the end of the download: the end of the body.
        let parts = parts;
        let mut bytes = 0;
        while let Some(part) = body.try_next().await? {
            bytes += part.len() as u64;
            common.meter.bytes(Origin::LogFiles, part.len() as u64);
            if parts.send(part).await.is_err() {
                break;
            }
        }
        Ok(bytes)
    };
    let send = async {
        let mut sending = Sending::new(common, Origin::LogFiles, &file.id, &file.event_type);
        while let Some(batch) = batches.recv().await {
            sending.send(batch).await?;
        }
        Ok::<_, Stop>(sending.finish().await?)
    };
    // A download that breaks off ends both at once, so that nothing is published of the row in which it did so.
    let (bytes, sent) = tokio::try_join!(download, send)?;
    let unexpected = |error: ReadError| Error::Unexpected { call: "download", problem: error.to_string() };
    cutting.await.map_err(SourceError::Reader)?.map_err(unexpected)?;
    Ok(Summary { bytes, sent })
}
