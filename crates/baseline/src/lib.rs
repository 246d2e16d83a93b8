//! Owns all behavioral state: for each activity, in the order of its partition, reads the features, *then* learns it.
//!
//! A replica owns partitions by advisory locks of one Postgres session, and commits their checkpoints on that very
//! session: losing the session loses the right to commit. Every replica keeps an even [`Share`] of the partitions, and
//! lets go of what is beyond it after a last checkpoint.
//!
//! | instrument | labels | what |
//! |---|---|---|
//! | `orgwatch.baseline.entries` | `kind` (`activity`, `lesson`, `control`) | entries applied |
//! | `orgwatch.baseline.partitions` | | partitions that this replica owns |
//! | `orgwatch.baseline.partitions.total` | | partitions that there are, over all replicas |
//! | `orgwatch.baseline.profiles` | | profiles in memory, of the partition that wrote the last checkpoint |
//! | `orgwatch.baseline.checkpoint.duration`, `.size` | | seconds and bytes of checkpoints |

mod error;
mod meter;
mod settings;
mod worker;

pub use error::BaselineError;
pub use settings::Settings;

use bus::{Bus, LoopError, Publisher, PublisherSettings};
use futures::FutureExt;
use futures::future::BoxFuture;
use model::Observation;
use runtime::error::chain;
use std::sync::Arc;
use store::{Owner, Share};
use tokio_util::sync::CancellationToken;
use worker::{PAUSE, Worker};

/// What the service works with.
#[derive(Clone)]
pub struct Service {
    pub bus: Bus,
    pub postgres: store::Settings,
    pub profile: profile::Settings,
    /// How many partitions there are, over all replicas.
    pub partitions: u16,
    pub settings: Settings,
    /// Tells replicas apart; random.
    pub member: i32,
}

impl Service {
    /// Works until `shutdown`, then checkpoints and lets go of everything.
    ///
    /// # Errors
    /// None that pass by waiting: those are logged, and tried again.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), BaselineError> {
        let share = Share {
            settings: self.postgres.clone(),
            application: "orgwatch-baseline",
            namespace: namespace(&self.bus.settings().prefix),
            member: self.member,
            numbers: self.partitions,
            interval: self.settings.balance_interval(),
        };
        let meter = meter::Meter::new();
        meter.all_partitions(self.partitions);
        share.keep(&shutdown, |owner| self.session(owner), |held| meter.partitions(held)).await;
        Ok(())
    }

    /// What runs for a partition while the session lives. The publisher stops with it: what a lost session still has
    /// to send is observed again by the next owner.
    fn session(&self, owner: Arc<Owner>) -> impl Fn(u16, CancellationToken) -> BoxFuture<'static, ()> + use<> {
        let service = self.clone();
        let abandon = CancellationToken::new();
        let publisher = Publisher::start(&service.bus, PublisherSettings::default(), abandon.clone());
        let abandon = abandon.drop_guard();
        move |partition, stop| {
            let _lasts = &abandon;
            let (service, owner, publisher) = (service.clone(), Arc::clone(&owner), publisher.clone());
            async move {
                tracing::info!(partition, "partition taken");
                match work(&service, partition, owner, publisher, stop).await {
                    Ok(()) => tracing::info!(partition, "partition let go"),
                    Err(error) => {
                        tracing::warn!(partition, error = chain(&error), "partition goes back to its checkpoint");
                    }
                }
            }
            .boxed()
        }
    }
}

/// What the partitions are owned under, by deployment.
pub fn namespace(prefix: &str) -> String {
    format!("baseline/{prefix}")
}

async fn work(
    service: &Service,
    partition: u16,
    owner: Arc<Owner>,
    publisher: Publisher<Observation>,
    stop: CancellationToken,
) -> Result<(), BaselineError> {
    let mut worker =
        Worker::load(partition, &service.bus, owner, publisher, &service.profile, &service.settings).await?;
    let ended = bus::cursor(&service.bus, partition, worker.applied(), &mut worker, stop.clone()).await;
    if ended.is_err() {
        // Not at once again: what failed may need a moment.
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
    ended.map_err(LoopError::into)
}
