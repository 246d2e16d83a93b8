//! Batches on their way to JetStream, few at a time.

use super::super::common::{Common, Purpose};
use super::rows::Batch;
use crate::Ticket;
use crate::meter::{Counts, Origin};
use crate::source::SourceError;
use futures::StreamExt;
use futures::stream::FuturesUnordered;

/// Publishes the rows of one file or window, and counts what is set aside.
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
/// Rejects that are logged one by one.
const MOST_LOGGED: usize = 10;

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
        let (org, source, event_type) = (&self.common.org, self.source, self.event_type);
        for reject in batch.rejects.iter().take(MOST_LOGGED.saturating_sub(self.sent.rejected)) {
            let (line, reason) = (reject.line, &reject.reason);
            tracing::warn!(%org, source, event_type, line, %reason, "row set aside");
        }
        if batch.foreign > 0 {
            tracing::warn!(%org, source, event_type, rows = batch.foreign, "rows of another org set aside");
        }
    }
}
