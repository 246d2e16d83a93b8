#![doc = include_str!("../README.md")]

mod error;
mod meter;
mod settings;
mod worker;

pub use error::BaselineError;
pub use settings::Settings;

use ::settings::Hashed;
use bus::{Bus, LoopError, Publisher, PublisherSettings};
use engine::IdentityUse;
use futures::FutureExt;
use futures::future::BoxFuture;
use model::partition::Partitions;
use model::{Finding, Observation};
use runtime::error::chain;
use std::sync::Arc;
use store::{Owner, Share};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use worker::{PAUSE, Worker};

/// The service and its connections.
#[derive(Clone)]
pub struct Service {
    /// Where entries are read and observations published.
    pub bus: Bus,
    /// Where checkpoints are committed, over sessions of this service's own.
    pub postgres: store::Settings,
    /// The settings in force. New ones apply after a checkpoint, before the next delivery.
    pub rules: watch::Receiver<Arc<Hashed>>,
    /// The partitions of the deployment.
    pub partitions: Partitions,
    /// Settings of this service.
    pub settings: Settings,
    /// A random number that tells replicas apart.
    pub member: i32,
}

impl Service {
    /// Runs until `shutdown`, then writes a last checkpoint of each partition and releases it.
    ///
    /// # Errors
    /// None that waiting mends: those are logged and retried.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), BaselineError> {
        let share = Share {
            settings: self.postgres.clone(),
            application: "orgwatch-baseline",
            namespace: namespace(&self.bus.settings().prefix),
            member: self.member,
            numbers: self.partitions.count(),
            interval: self.settings.balance_interval(),
        };
        let meter = meter::Meter::new();
        meter.all_partitions(self.partitions.count());
        share.keep(&shutdown, |owner| self.session(owner), |held| meter.partitions(held)).await;
        Ok(())
    }

    /// Returns what runs for each partition while the session lives. The publisher stops with the session: the next
    /// owner observes again what a lost session has not sent.
    fn session(&self, owner: Arc<Owner>) -> impl Fn(u16, CancellationToken) -> BoxFuture<'static, ()> + use<> {
        let service = self.clone();
        let abandon = CancellationToken::new();
        let publisher = Publisher::start(&service.bus, PublisherSettings::default(), abandon.clone());
        let findings = Publisher::start(&service.bus, PublisherSettings::default(), abandon.clone());
        let abandon = abandon.drop_guard();
        move |partition, stop| {
            let _held = &abandon;
            let (service, owner) = (service.clone(), Arc::clone(&owner));
            let publishers = (publisher.clone(), findings.clone());
            async move {
                tracing::info!(partition, "partition taken");
                match work(&service, partition, owner, publishers, stop).await {
                    Ok(()) => tracing::info!(partition, "partition released"),
                    // Waiting does not repair damaged state: an operator must act.
                    Err(error @ BaselineError::Partition(_)) => {
                        tracing::error!(
                            partition,
                            error = chain(&error),
                            "the partition cannot go on, and tries again"
                        );
                    }
                    Err(error) => {
                        tracing::warn!(partition, error = chain(&error), "partition restarts from its checkpoint");
                    }
                }
            }
            .boxed()
        }
    }
}

/// Returns the name under which the partitions of a deployment are owned.
pub fn namespace(prefix: &str) -> String {
    format!("baseline/{prefix}")
}

async fn work(
    service: &Service,
    partition: u16,
    owner: Arc<Owner>,
    publishers: (Publisher<Observation>, Publisher<Finding>),
    stop: CancellationToken,
) -> Result<(), BaselineError> {
    let mut worker = Worker::load(
        partition,
        &service.bus,
        owner,
        publishers,
        &service.partitions,
        service.rules.clone(),
        &service.settings,
    )
    .await?;
    let ended = bus::cursor(&service.bus, partition, worker.applied(), &mut worker, stop.clone()).await;
    // Another replica may have the partition next.
    meter::Meter::new().identities(partition, IdentityUse::default());
    if ended.is_err() {
        // Retrying at once would fail again.
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
    ended.map_err(LoopError::into)
}
