//! The interface of sources, and of the tables that they write.

use crate::Sink;
use ::files::InputError;
use bus::PublishError;
use futures::future::BoxFuture;
use model::OrgId;
use serde_json::Value;
use store::{Gap, NewGap, SourceState, Store, StoreError};
use tokio_util::sync::CancellationToken;

/// A connector that reads events and publishes activities: push, files, or the orgs at Salesforce.
pub trait Source: Send {
    /// Returns the name under which its position is stored and its failure is logged.
    fn name(&self) -> &'static str;

    /// Reads until `shutdown`, or to the end of input if there is one. Moves its position only past what JetStream has
    /// acknowledged.
    ///
    /// # Errors
    /// If it cannot go on. A failure of one source stops all.
    fn run<'a>(&'a mut self, sink: &'a Sink, shutdown: CancellationToken) -> BoxFuture<'a, Result<(), SourceError>>;
}

/// Stores how far each source was read, as opaque JSON by source and org.
pub trait Positions: Send + Sync {
    /// Returns the stored position; `None` if there is none.
    fn get<'a>(&'a self, source: &'a str, org: &'a OrgId) -> BoxFuture<'a, store::Result<Option<Value>>>;

    /// Replaces the stored position.
    fn put<'a>(&'a self, source: &'a str, org: &'a OrgId, position: &'a Value) -> BoxFuture<'a, store::Result<()>>;
}

/// Stores what each source has seen and missed of an org.
pub trait Coverage: Send + Sync {
    /// Stores states; those of other sources and kinds stay.
    fn put_states<'a>(&'a self, org: &'a OrgId, states: &'a [SourceState]) -> BoxFuture<'a, store::Result<()>>;

    /// Returns the stored states; none where states are not stored.
    fn states<'a>(&'a self, _org: &'a OrgId) -> BoxFuture<'a, store::Result<Vec<SourceState>>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }

    /// Records a gap, unless the same one is recorded already.
    fn open_gap<'a>(&'a self, org: &'a OrgId, gap: &'a NewGap) -> BoxFuture<'a, store::Result<()>>;

    /// Returns the open gaps, oldest first.
    fn gaps<'a>(&'a self, org: &'a OrgId) -> BoxFuture<'a, store::Result<Vec<Gap>>>;

    /// Closes a gap. `note` says how it was filled, or why it cannot be.
    fn close_gap<'a>(&'a self, gap: &'a Gap, note: &'a str) -> BoxFuture<'a, store::Result<()>>;
}

/// Why a source cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// A file cannot be read.
    #[error(transparent)]
    Input(#[from] InputError),
    /// JetStream did not acknowledge.
    #[error("activities cannot be published")]
    Publish(#[from] PublishError),
    /// Postgres failed.
    #[error("the position cannot be read or stored")]
    Position(#[from] StoreError),
    /// A task panicked.
    #[error("a reader task failed")]
    Reader(#[source] tokio::task::JoinError),
}

impl Positions for Store {
    fn get<'a>(&'a self, source: &'a str, org: &'a OrgId) -> BoxFuture<'a, store::Result<Option<Value>>> {
        Box::pin(self.position(source, org))
    }

    fn put<'a>(&'a self, source: &'a str, org: &'a OrgId, position: &'a Value) -> BoxFuture<'a, store::Result<()>> {
        Box::pin(self.put_position(source, org, position))
    }
}

impl Coverage for Store {
    fn put_states<'a>(&'a self, org: &'a OrgId, states: &'a [SourceState]) -> BoxFuture<'a, store::Result<()>> {
        Box::pin(self.put_source_states(org, states))
    }

    fn states<'a>(&'a self, org: &'a OrgId) -> BoxFuture<'a, store::Result<Vec<SourceState>>> {
        Box::pin(async move {
            let stored = self.source_states(Some(org)).await?;
            Ok(stored.into_iter().map(|stored| stored.state).collect())
        })
    }

    fn open_gap<'a>(&'a self, org: &'a OrgId, gap: &'a NewGap) -> BoxFuture<'a, store::Result<()>> {
        Box::pin(self.open_gap(org, gap))
    }

    fn gaps<'a>(&'a self, org: &'a OrgId) -> BoxFuture<'a, store::Result<Vec<Gap>>> {
        Box::pin(self.open_gaps(org))
    }

    fn close_gap<'a>(&'a self, gap: &'a Gap, note: &'a str) -> BoxFuture<'a, store::Result<()>> {
        Box::pin(self.close_gap(gap, note))
    }
}
