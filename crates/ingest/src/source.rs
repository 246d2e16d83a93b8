//! What a source is.

use crate::Sink;
use ::files::InputError;
use bus::PublishError;
use futures::future::BoxFuture;
use model::OrgId;
use serde_json::Value;
use store::{Gap, NewGap, SourceState, Store, StoreError};
use tokio_util::sync::CancellationToken;

/// Where activities come from.
pub trait Source: Send {
    /// Under which its positions are kept and its failures told.
    fn name(&self) -> &'static str;

    /// Reads until `shutdown`, or the end if there is one. Its position moves only past what JetStream has
    /// acknowledged.
    fn run<'a>(&'a mut self, sink: &'a Sink, shutdown: CancellationToken) -> BoxFuture<'a, Result<(), SourceError>>;
}

/// Where sources keep how far they have read: opaque JSON by source and org.
pub trait Positions: Send + Sync {
    fn get<'a>(&'a self, source: &'a str, org: &'a OrgId) -> BoxFuture<'a, store::Result<Option<Value>>>;

    fn put<'a>(&'a self, source: &'a str, org: &'a OrgId, position: &'a Value) -> BoxFuture<'a, store::Result<()>>;
}

/// Where sources keep what they have seen, and what they have missed.
pub trait Coverage: Send + Sync {
    fn note<'a>(&'a self, org: &'a OrgId, states: &'a [SourceState]) -> BoxFuture<'a, store::Result<()>>;

    /// What was noted last; nothing where that is not kept.
    fn noted<'a>(&'a self, _org: &'a OrgId) -> BoxFuture<'a, store::Result<Vec<SourceState>>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }

    /// Does nothing if the same gap is recorded already.
    fn open_gap<'a>(&'a self, org: &'a OrgId, gap: &'a NewGap) -> BoxFuture<'a, store::Result<()>>;

    /// Those that are open, oldest first.
    fn gaps<'a>(&'a self, org: &'a OrgId) -> BoxFuture<'a, store::Result<Vec<Gap>>>;

    fn close_gap<'a>(&'a self, gap: &'a Gap, note: &'a str) -> BoxFuture<'a, store::Result<()>>;
}

#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    #[error(transparent)]
    Input(#[from] InputError),
    #[error("the server of pushes failed")]
    Serve(#[source] std::io::Error),
    #[error("not published")]
    Publish(#[from] PublishError),
    #[error("position not known or not kept")]
    Position(#[from] StoreError),
    #[error("the reader failed")]
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
    fn note<'a>(&'a self, org: &'a OrgId, states: &'a [SourceState]) -> BoxFuture<'a, store::Result<()>> {
        Box::pin(self.put_source_states(org, states))
    }

    fn noted<'a>(&'a self, org: &'a OrgId) -> BoxFuture<'a, store::Result<Vec<SourceState>>> {
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
