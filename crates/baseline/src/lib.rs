//! Owns all behavioral state: for each activity, in the order of its partition, reads the features, *then* learns it.
//!
//! A replica owns partitions by advisory locks of one Postgres session, and commits their checkpoints on that very
//! session: losing the session loses the right to commit. Every replica looks each second who else is there, takes
//! free partitions up to its even share, and lets go of what is beyond it, after a last checkpoint.

mod error;
mod meter;
mod partition;
mod settings;
mod worker;

pub use error::BaselineError;
pub use partition::{Change, Partition, PartitionError};
pub use settings::Settings;

use bus::{Bus, LoopError, Publisher, PublisherSettings};
use error::chain;
use model::Observation;
use std::collections::BTreeMap;
use std::sync::Arc;
use store::{Owner, StoreError, quota};
use tokio::task::JoinHandle;
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
        let mut member = self.member;
        while !shutdown.is_cancelled() {
            let namespace = format!("baseline/{}", self.bus.settings().prefix);
            match Owner::connect(&self.postgres, "orgwatch-baseline", &namespace, member).await {
                Ok(owner) => {
                    if let Err(error) = self.serve(Arc::new(owner), &shutdown).await {
                        tracing::warn!(error = chain(&error), "the owning session is lost, all partitions are let go");
                    }
                }
                Err(StoreError::MemberTaken { .. }) => member = member.wrapping_add(1),
                Err(error) => tracing::warn!(error = chain(&error), "cannot open the owning session"),
            }
            wait(&shutdown).await;
        }
        Ok(())
    }

    /// Keeps this replica's share of partitions for as long as the session lives.
    async fn serve(&self, owner: Arc<Owner>, shutdown: &CancellationToken) -> Result<(), BaselineError> {
        let abandon = CancellationToken::new();
        let publisher = Publisher::start(&self.bus, PublisherSettings::default(), abandon.clone());
        let mut share = Share { service: self, owner, publisher, running: BTreeMap::new(), meter: meter::Meter::new() };
        let outcome = share.keep(shutdown).await;
        let all = share.running.keys().copied().collect();
        let stopped = share.stop(all).await;
        abandon.cancel();
        outcome.and(stopped)?;
        let Share { owner, .. } = share;
        match Arc::into_inner(owner) {
            Some(owner) => Ok(owner.close().await?),
            None => Ok(()),
        }
    }
}

/// The partitions of this replica.
struct Share<'a> {
    service: &'a Service,
    owner: Arc<Owner>,
    publisher: Publisher<Observation>,
    running: BTreeMap<u16, Running>,
    meter: meter::Meter,
}

struct Running {
    stop: CancellationToken,
    task: JoinHandle<Result<(), BaselineError>>,
}

impl Share<'_> {
    async fn keep(&mut self, shutdown: &CancellationToken) -> Result<(), BaselineError> {
        loop {
            self.reap().await?;
            self.balance().await?;
            self.meter.partitions(self.running.len());
            tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                () = tokio::time::sleep(self.service.settings.balance_interval()) => {}
            }
        }
    }

    /// Lets go of partitions whose work has ended, so that they are taken and restored anew.
    async fn reap(&mut self) -> Result<(), BaselineError> {
        let ended = self.running.iter().filter(|(_, running)| running.task.is_finished()).map(|(number, _)| *number);
        self.stop(ended.collect()).await
    }

    async fn balance(&mut self) -> Result<(), BaselineError> {
        let members = self.owner.members().await?;
        let rank = members.iter().position(|member| *member == self.owner.member()).unwrap_or(members.len());
        let count = usize::from(self.service.partitions);
        let quota = quota(rank, members.len(), count);
        if self.running.len() > quota {
            let surplus = self.running.keys().rev().take(self.running.len() - quota).copied().collect();
            return self.stop(surplus).await;
        }
        if self.running.len() == quota {
            return Ok(());
        }
        // Replicas begin at different places, so that they seldom want the same one.
        let mut free = self.owner.free(i32::from(self.service.partitions)).await?;
        let begin = (free.len() * rank / members.len().max(1)).min(free.len());
        free.rotate_left(begin);
        for number in free {
            if self.running.len() == quota {
                break;
            }
            if self.owner.try_own(number).await? {
                let partition = u16::try_from(number).unwrap_or_default();
                tracing::info!(partition, "partition taken");
                let running = self.start(partition);
                self.running.insert(partition, running);
            }
        }
        Ok(())
    }

    fn start(&self, partition: u16) -> Running {
        let stop = CancellationToken::new();
        let (service, owner, publisher) = (self.service.clone(), Arc::clone(&self.owner), self.publisher.clone());
        let token = stop.clone();
        let task = tokio::spawn(async move { work(&service, partition, owner, publisher, token).await });
        Running { stop, task }
    }

    /// Ends the work on these partitions after a last checkpoint, and lets go of them.
    async fn stop(&mut self, partitions: Vec<u16>) -> Result<(), BaselineError> {
        let mut ending = Vec::new();
        for partition in partitions {
            if let Some(running) = self.running.remove(&partition) {
                running.stop.cancel();
                ending.push((partition, running.task));
            }
        }
        for (partition, task) in ending {
            match task.await {
                Ok(Ok(())) => tracing::info!(partition, "partition let go"),
                Ok(Err(error)) => {
                    tracing::warn!(partition, error = chain(&error), "partition goes back to its checkpoint");
                }
                Err(error) => tracing::error!(partition, %error, "partition's task failed"),
            }
            self.owner.disown(i32::from(partition)).await?;
        }
        Ok(())
    }
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
        wait(&stop).await;
    }
    ended.map_err(LoopError::into)
}

async fn wait(shutdown: &CancellationToken) {
    tokio::select! {
        () = shutdown.cancelled() => {}
        () = tokio::time::sleep(PAUSE) => {}
    }
}
