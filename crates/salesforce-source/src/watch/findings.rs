//! Publishes findings about blind kinds.

use bus::{PublishError, Publisher, subject};
use futures::future::BoxFuture;
use ingest::Ticket;
use model::partition::Partitions;
use model::{Finding, Item};

/// Where findings about blind kinds go.
pub(crate) trait Findings: Send + Sync {
    /// Sends a finding; waits while too much is under way.
    fn send(&self, finding: Item<Finding>) -> BoxFuture<'_, Result<Ticket, PublishError>>;
}

/// The finding stream on JetStream.
pub(crate) struct FindingStream {
    pub(crate) publisher: Publisher<Finding>,
    pub(crate) prefix: String,
    pub(crate) partitions: Partitions,
}

impl Findings for FindingStream {
    fn send(&self, finding: Item<Finding>) -> BoxFuture<'_, Result<Ticket, PublishError>> {
        Box::pin(async move {
            let partition = self.partitions.of_finding(&finding.value.org_id, &finding.value.user_id);
            let ticket = self.publisher.send(subject::finding(&self.prefix, partition), vec![finding]).await?;
            Ok(Box::pin(ticket) as Ticket)
        })
    }
}
