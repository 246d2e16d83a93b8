//! Reads one log file, from its download to the activity stream.

use super::rows::{Body, read_batches};
use super::sending::{Sending, Sent};
use super::stop::Stop;
use crate::common::Common;
use bytes::Bytes;
use futures::TryStreamExt;
use futures::stream::BoxStream;
use ingest::SourceError;
use ingest::meter::SourceKind;
use model::Channel;
use salesforce::reading::log_file::LogFile;
use salesforce::{Format, Occurrences, ReadError};
use salesforce_client::Error;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;
use tracing::Instrument;

/// The size of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Summary {
    pub(super) bytes: u64,
    pub(super) sent: Sent,
}

/// The most parts of a body that wait to be parsed; a part is what one network read returns. A choice.
pub(super) const PARTS: usize = 16;
/// The most batches that wait to be sent. A choice.
const BATCHES: usize = 1;

/// Publishes the rows of a file, and waits until all are acknowledged.
///
/// # Errors
/// If the download or the publishing fails. Part of the rows may be published already, so read the file again from its
/// start: its rows have the same ids then.
pub(super) async fn read(common: &Common, file: &LogFile) -> Result<Summary, Stop> {
    let body = common.client.download(&file.path(&common.settings.connection.api_version)).await?;
    let span = tracing::info_span!("read log file", orgwatch.service = "ingest");
    publish(common, file, body).instrument(span).await
}

/// Publishes the rows of a downloaded body, as [`read`] does.
pub(super) async fn publish(
    common: &Common,
    file: &LogFile,
    mut body: BoxStream<'static, salesforce_client::Result<Bytes>>,
) -> Result<Summary, Stop> {
    let (parts, received) = mpsc::channel(PARTS);
    let (sender, mut batches) = mpsc::channel(BATCHES);
    let org = common.org.clone();
    let parsing = spawn_blocking(move || {
        let take = |batch| sender.blocking_send(batch).is_ok();
        read_batches(Body::new(received), Format::Csv, &org, &mut Occurrences::new(), take)
    });
    let download = async {
        // Dropping the sender at the end of the download ends the body.
        let parts = parts;
        let mut bytes = 0;
        while let Some(part) = body.try_next().await? {
            bytes += part.len() as u64;
            common.meter.bytes(SourceKind::Salesforce(Channel::LogFile), part.len() as u64);
            if parts.send(part).await.is_err() {
                break;
            }
        }
        Ok(bytes)
    };
    let send = async {
        let mut sending = Sending::new(common, Channel::LogFile, &file.id, &file.event_type);
        while let Some(batch) = batches.recv().await {
            sending.send(batch).await?;
        }
        Ok::<_, Stop>(sending.finish().await?)
    };
    // A broken download stops both at once, so that no part of the row in which it broke is published.
    let (bytes, sent) = tokio::try_join!(download, send)?;
    let unexpected = |error: ReadError| Error::Unexpected { call: "download", problem: error.to_string() };
    parsing.await.map_err(SourceError::Reader)?.map_err(unexpected)?;
    Ok(Summary { bytes, sent })
}
