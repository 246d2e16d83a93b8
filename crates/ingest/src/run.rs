//! The service.

use crate::http::Push;
use crate::source::{Source, SourceError};
use crate::{FileSource, PushSource, SalesforceSource, Settings, Sink, Tokens};
use bus::{Bus, Publisher, PublisherSettings};
use model::partition::Partitions;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use store::Store;
use tokio::net::TcpListener;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// One text for each thing wrong.
    #[error("{}", .0.join("\n"))]
    Settings(Vec<String>),
    #[error("there are {wanted} partitions by partitions.count and {there} by nats.partitions")]
    Partitions { wanted: u16, there: u16 },
    #[error("{address}: cannot listen")]
    Listen { address: SocketAddr, source: std::io::Error },
    #[error("source {name} failed")]
    Source { name: &'static str, source: SourceError },
    #[error("a source panicked")]
    Panicked(#[source] JoinError),
}

/// What the service works with.
#[derive(Clone)]
pub struct Service {
    pub settings: Settings,
    pub partitions: Partitions,
    /// As the baseline has it: how long after an event another may come that happened before it.
    pub lateness_seconds: u32,
    pub bus: Bus,
    pub store: Store,
    /// Where replicas own the orgs that they read, by sessions of their own.
    pub postgres: store::Settings,
    /// Tells replicas apart; random.
    pub member: i32,
}

impl Service {
    /// Runs all sources until `shutdown`, and until what they have sent is acknowledged. When one fails, all end.
    ///
    /// # Errors
    /// If the settings are wrong, it cannot listen, or a source fails.
    pub async fn run(&self, shutdown: CancellationToken) -> Result<(), IngestError> {
        let Self { settings, partitions, bus, store, .. } = self;
        let there = bus.settings().partitions;
        if partitions.count() != there {
            return Err(IngestError::Partitions { wanted: partitions.count(), there });
        }
        let tokens = checked(settings)?;
        let address = settings.listen;
        let listener = TcpListener::bind(address).await.map_err(|source| IngestError::Listen { address, source })?;

        let abandon = CancellationToken::new();
        let _abandon = abandon.clone().drop_guard();
        let publisher = Publisher::start(bus, PublisherSettings::default(), abandon.clone());
        let sink = Sink::to_stream(publisher, &bus.settings().prefix, partitions.clone());
        let sink = sink.with_lateness(self.lateness_seconds);
        let push = Push::new(settings, tokens, sink.clone());
        let mut sources: Vec<Box<dyn Source>> = vec![Box::new(PushSource::new(push, listener))];
        if !settings.files.paths.is_empty() {
            let drain = Duration::from_secs(settings.acknowledge_seconds.into());
            sources.push(Box::new(FileSource::new(settings.files.clone(), Arc::new(store.clone()), drain)));
        }
        if !settings.salesforce.orgs.is_empty() {
            sources.push(Box::new(SalesforceSource::new(self, abandon).map_err(IngestError::Settings)?));
        }
        tracing::info!(%address, sources = sources.len(), orgs = settings.orgs.len(), "ingest has started");
        run_all(sources, &sink, &shutdown).await
    }
}

/// The tokens, if nothing is wrong; otherwise all that is.
fn checked(settings: &Settings) -> Result<Tokens, IngestError> {
    let mut errors = settings.check();
    match Tokens::load(settings) {
        Ok(tokens) if errors.is_empty() => return Ok(tokens),
        Ok(_) => {}
        Err(more) => errors.extend(more),
    }
    Err(IngestError::Settings(errors))
}

async fn run_all(sources: Vec<Box<dyn Source>>, sink: &Sink, shutdown: &CancellationToken) -> Result<(), IngestError> {
    let stop = shutdown.child_token();
    let mut running = JoinSet::new();
    for mut source in sources {
        let (sink, stop) = (sink.clone(), stop.clone());
        running.spawn(async move {
            let name = source.name();
            source.run(&sink, stop).await.map_err(|source| IngestError::Source { name, source })
        });
    }
    let mut first = Ok(());
    while let Some(ended) = running.join_next().await {
        let Err(error) = ended.map_err(IngestError::Panicked).flatten() else { continue };
        stop.cancel();
        if first.is_ok() {
            first = Err(error);
        } else {
            tracing::error!(error = &error as &dyn std::error::Error, "source failed while ending");
        }
    }
    first
}
