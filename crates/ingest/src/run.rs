//! The ingest service.

use crate::http::Push;
use crate::source::{Source, SourceError};
use crate::{FileSource, PushSource, Settings, Sink, Tokens};
use bus::{Bus, Publisher, PublisherSettings};
use model::OrgId;
use model::partition::Partitions;
use runtime::admin::Health;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use store::Store;
use tokio::net::TcpListener;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

/// Why the service stopped.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// The settings are wrong: one text for each problem.
    #[error("{}", .0.join("\n"))]
    Settings(Vec<String>),
    /// The bus was set up for another number of partitions.
    #[error("there are {wanted} partitions by partitions.count and {there} by nats.partitions")]
    Partitions {
        /// By `partitions.count`.
        wanted: u16,
        /// By `nats.partitions`.
        there: u16,
    },
    /// The address is taken, or is not ours.
    #[error("{address}: cannot listen")]
    Listen {
        /// `ingest.listen`.
        address: SocketAddr,
        /// The system's error.
        source: std::io::Error,
    },
    /// A source failed.
    #[error("source {name} failed")]
    Source {
        /// The source's name.
        name: &'static str,
        /// Its error.
        source: SourceError,
    },
    /// A source panicked.
    #[error("a source panicked")]
    Panicked(#[source] JoinError),
}

/// The service: pushes, files, and the sources that its caller adds.
#[derive(Clone)]
pub struct Service {
    /// Settings of pushes and files.
    pub settings: Settings,
    /// The partition of each org.
    pub partitions: Partitions,
    /// Seconds of lateness that the baseline allows.
    pub lateness_seconds: u32,
    /// Those of orgs that have their own.
    pub lateness_of: BTreeMap<OrgId, u32>,
    /// Hours of event time for which the baseline keeps identities.
    pub identity_hours: u32,
    /// The connection to JetStream.
    pub bus: Bus,
    /// The connection to Postgres.
    pub store: Store,
    /// The checks of the process. Token files that cannot be read are reported there.
    pub health: Health,
}

impl Service {
    /// Runs pushes, files and `more` sources until `shutdown`, and until everything sent is acknowledged. If one source
    /// fails, all stop.
    ///
    /// # Errors
    /// If the settings are wrong, the address cannot be listened on, or a source fails.
    pub async fn run(&self, more: Vec<Box<dyn Source>>, shutdown: CancellationToken) -> Result<(), IngestError> {
        let Self { settings, partitions, bus, store, .. } = self;
        let there = bus.settings().partitions;
        if partitions.count() != there {
            return Err(IngestError::Partitions { wanted: partitions.count(), there });
        }
        let tokens = check(settings).map_err(IngestError::Settings)?;
        let address = settings.listen;
        let listener = TcpListener::bind(address).await.map_err(|source| IngestError::Listen { address, source })?;

        let abandon = CancellationToken::new();
        let _abandon = abandon.clone().drop_guard();
        let publisher = Publisher::start(bus, PublisherSettings::default(), abandon);
        let sink = Sink::to_stream(publisher, &bus.settings().prefix, partitions.clone());
        let sink = sink
            .with_limits(self.lateness_seconds, self.identity_hours)
            .with_lateness_of(&self.lateness_of)
            .with_backfill_hours(settings.backfill_hours);
        let push = Push::new(settings, tokens, sink.clone(), &self.health);
        let mut sources: Vec<Box<dyn Source>> = vec![Box::new(PushSource::new(push, listener))];
        if !settings.files.paths.is_empty() {
            let drain = Duration::from_secs(settings.acknowledge_seconds.into());
            sources.push(Box::new(FileSource::new(settings.files.clone(), Arc::new(store.clone()), drain)));
        }
        sources.extend(more);
        tracing::info!(%address, sources = sources.len(), orgs = settings.orgs.len(), "ingest has started");
        run_all(sources, &sink, &shutdown).await
    }
}

/// Checks settings as [`Service::run`] does at its start: whether the files to read are there, and the tokens, whose files
/// are read.
///
/// # Errors
/// All problems, each with its key.
pub fn check(settings: &Settings) -> Result<Tokens, Vec<String>> {
    let mut errors = settings.check();
    errors.extend(settings.files.check());
    match Tokens::load(settings) {
        Ok(tokens) if errors.is_empty() => return Ok(tokens),
        Ok(_) => {}
        Err(more) => errors.extend(more),
    }
    Err(errors)
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
            tracing::error!(error = &error as &dyn std::error::Error, "a source failed while stopping");
        }
    }
    first
}
