//! Publishes batches, a few at a time.

use super::rows::Batch;
use crate::common::{Common, Purpose};
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use ingest::meter::{Counts, SourceKind};
use ingest::{SourceError, Ticket, Unread};
use model::Channel;
use salesforce::Reject;
use salesforce::reading::source_name;

/// Publishes the rows of one file or window, and stores unreadable ones as dead letters.
pub(super) struct Sending<'a> {
    common: &'a Common,
    channel: Channel,
    /// The id of the file, or the name of the object.
    source: &'a str,
    event_type: &'a str,
    under_way: FuturesUnordered<Ticket>,
    sent: Sent,
    /// What else the rows held, in numbers.
    counts: salesforce::Counts,
}

/// How many rows were sent and rejected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sent {
    pub(super) rows: usize,
    pub(super) rejected: usize,
}

/// The most batches that are not acknowledged yet; a batch has the rows of 512 KiB. A choice.
pub(super) const UNDER_WAY: usize = 8;

impl<'a> Sending<'a> {
    pub(super) fn new(common: &'a Common, channel: Channel, source: &'a str, event_type: &'a str) -> Self {
        let (under_way, sent, counts) = (FuturesUnordered::new(), Sent::default(), salesforce::Counts::default());
        Self { common, channel, source, event_type, under_way, sent, counts }
    }

    /// Sends a batch; waits while too much is under way.
    ///
    /// # Errors
    /// If the batch cannot be published, or an earlier one was not acknowledged.
    pub(super) async fn send(&mut self, batch: Batch) -> Result<(), SourceError> {
        self.count(&batch);
        for reject in &batch.rejects {
            self.common.sink.set_aside(self.unread(reject)).await;
        }
        self.sent.rows += batch.activities.len();
        self.sent.rejected += batch.rejected();
        self.counts.append(batch.counts);
        if self.under_way.len() >= UNDER_WAY {
            self.under_way.next().await.transpose()?;
        }
        let ticket = self.common.publish(self.channel, batch.activities, Purpose::Watch).await?;
        self.under_way.push(ticket);
        Ok(())
    }

    /// Waits until all batches are acknowledged, and counts the values that could not be read.
    ///
    /// # Errors
    /// If one was not acknowledged: send all of them again.
    pub(super) async fn finish(mut self) -> Result<Sent, SourceError> {
        while let Some(acknowledged) = self.under_way.next().await {
            acknowledged?;
        }
        self.common.meter.unread(SourceKind::Salesforce(self.channel), &self.counts);
        Ok(self.sent)
    }

    fn count(&self, batch: &Batch) {
        let (rejected, ignored) = (batch.rejected(), batch.counts.ignored());
        self.common
            .meter
            .records(SourceKind::Salesforce(self.channel), Counts { rejected, ignored, ..Counts::default() });
        if batch.foreign > 0 {
            let (org, source, event_type) = (&self.common.org, self.source, self.event_type);
            tracing::warn!(%org, source, event_type, rows = batch.foreign, "rows of another org are left out");
        }
    }

    fn unread(&self, reject: &Reject) -> Unread {
        // Rows of log objects have no stable order, so no position.
        let is_file = self.channel == Channel::LogFile;
        Unread {
            org: self.common.org.clone(),
            source: format!("{}/{}", source_name(self.channel), self.event_type),
            position: if is_file { format!("{} line {}", self.source, reject.line) } else { String::new() },
            reason: reject.reason.to_string(),
            record: reject.excerpt.clone().into(),
        }
    }
}
