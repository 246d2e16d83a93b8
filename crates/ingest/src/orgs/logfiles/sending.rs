//! Batches on their way to JetStream, few at a time.

use super::super::common::{Common, Purpose};
use super::rows::Batch;
use crate::Ticket;
use crate::aside::Unread;
use crate::meter::{Counts, Origin};
use crate::source::SourceError;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use salesforce::Reject;

/// Publishes the rows of one file or window, and sets aside what cannot be read.
pub(super) struct Sending<'a> {
    common: &'a Common,
    origin: Origin,
    /// The id of the file, or the name of the object.
    source: &'a str,
    event_type: &'a str,
    under_way: FuturesUnordered<Ticket>,
    sent: Sent,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sent {
    pub(super) rows: usize,
    pub(super) rejected: usize,
}

/// Batches that are not acknowledged yet. A batch is the rows of 512 KiB.
pub(super) const UNDER_WAY: usize = 8;

impl<'a> Sending<'a> {
    pub(super) fn new(common: &'a Common, origin: Origin, source: &'a str, event_type: &'a str) -> Self {
        Self { common, origin, source, event_type, under_way: FuturesUnordered::new(), sent: Sent::default() }
    }

    /// Waits while too much is under way.
    ///
    /// # Errors
    /// If it cannot be published, or an earlier batch was not acknowledged.
    pub(super) async fn send(&mut self, batch: Batch) -> Result<(), SourceError> {
        self.note(&batch);
        for reject in &batch.rejects {
            self.common.sink.set_aside(self.unread(reject)).await;
        }
        self.sent.rows += batch.activities.len();
        self.sent.rejected += batch.rejected();
        if self.under_way.len() >= UNDER_WAY {
            self.under_way.next().await.transpose()?;
        }
        let ticket = self.common.publish(self.origin, batch.activities, Purpose::Watch).await?;
        self.under_way.push(ticket);
        Ok(())
    }

    /// Waits until all is acknowledged.
    ///
    /// # Errors
    /// If something was not: all of it is to be sent again.
    pub(super) async fn finish(mut self) -> Result<Sent, SourceError> {
        while let Some(acknowledged) = self.under_way.next().await {
            acknowledged?;
        }
        Ok(self.sent)
    }

    fn note(&self, batch: &Batch) {
        let (rejected, ignored) = (batch.rejected(), batch.ignored);
        self.common.meter.records(self.origin, Counts { rejected, ignored, ..Counts::default() });
        if batch.foreign > 0 {
            let (org, source, event_type) = (&self.common.org, self.source, self.event_type);
            tracing::warn!(%org, source, event_type, rows = batch.foreign, "rows of another org set aside");
        }
    }

    fn unread(&self, reject: &Reject) -> Unread {
        // Rows of objects are in no order that stays.
        let is_file = self.origin == Origin::LogFiles;
        Unread {
            org: self.common.org.clone(),
            source: format!("{}/{}", self.origin.as_str(), self.event_type),
            place: if is_file { format!("{} line {}", self.source, reject.line) } else { String::new() },
            reason: reject.reason.to_string(),
            record: reject.excerpt.clone().into(),
        }
    }
}
