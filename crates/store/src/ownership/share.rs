//! Divides numbers, such as those of partitions, evenly among replicas.

use super::{Owner, quota};
use crate::Settings;
use crate::error::{Result, StoreError};
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// One replica's part in dividing numbers among all members of a namespace.
#[derive(Clone, Debug)]
pub struct Share {
    /// The database.
    pub settings: Settings,
    /// The session's `application_name`, which `pg_stat_activity` shows.
    pub application: &'static str,
    /// The replicas that share the numbers.
    pub namespace: String,
    /// Identifies the replica within the namespace; random.
    pub member: i32,
    /// How many numbers all replicas share, from 0 on.
    pub numbers: u16,
    /// How often to rebalance: to look for other members, requests and unowned numbers.
    pub interval: Duration,
}

impl Share {
    /// Works on this replica's share of the numbers until `shutdown`, then releases all of them.
    ///
    /// - `begin` is called once for each session and returns the function that starts the work on one number. The work
    ///   must end when its token is cancelled. A number is released when its work ends earlier, and any replica may
    ///   acquire it again. The returned function is dropped when all work of the session has ended.
    /// - `held` is called with the number of held numbers after each rebalancing, and with 0 at the end of a session.
    ///
    /// A session that cannot be opened or is lost is logged and opened again.
    pub async fn keep<S, F>(&self, shutdown: &CancellationToken, begin: impl Fn(Arc<Owner>) -> S, held: impl Fn(usize))
    where
        S: Fn(u16, CancellationToken) -> F,
        F: Future<Output = ()> + Send + 'static,
    {
        let mut member = self.member;
        while !shutdown.is_cancelled() {
            match Owner::connect(&self.settings, self.application, &self.namespace, member).await {
                Ok(owner) => {
                    if let Err(error) = self.serve(Arc::new(owner), shutdown, &begin, &held).await {
                        let error = &error as &dyn std::error::Error;
                        tracing::warn!(error, "the owning session is lost, all its numbers are released");
                    }
                }
                Err(StoreError::MemberTaken { .. }) => member = member.wrapping_add(1),
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "cannot open the owning session");
                }
            }
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = tokio::time::sleep(PAUSE) => {}
            }
        }
    }

    /// Works on the share for as long as the session lives.
    async fn serve<S, F>(
        &self,
        owner: Arc<Owner>,
        shutdown: &CancellationToken,
        begin: &impl Fn(Arc<Owner>) -> S,
        held: &impl Fn(usize),
    ) -> Result<()>
    where
        S: Fn(u16, CancellationToken) -> F,
        F: Future<Output = ()> + Send + 'static,
    {
        let mut session =
            Session { start: begin(Arc::clone(&owner)), owner, numbers: self.numbers, running: BTreeMap::new() };
        let outcome = session.rebalance_until(shutdown, self.interval, held).await;
        let all = session.running.keys().copied().collect();
        let stopped = session.stop(all).await;
        held(0);
        outcome.and(stopped)?;
        let Session { owner, start, .. } = session;
        drop(start);
        match Arc::into_inner(owner) {
            Some(owner) => owner.close().await,
            None => Ok(()),
        }
    }
}

/// How long to wait before the next attempt to open a session. A choice: a lost session should delay its partitions as
/// little as possible without a busy loop while Postgres is down.
const PAUSE: Duration = Duration::from_millis(500);

/// The work of one session.
struct Session<S> {
    owner: Arc<Owner>,
    /// Starts the work on a number.
    start: S,
    /// As [`Share::numbers`].
    numbers: u16,
    running: BTreeMap<u16, Running>,
}

/// The work on one number.
struct Running {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl<S, F> Session<S>
where
    S: Fn(u16, CancellationToken) -> F,
    F: Future<Output = ()> + Send + 'static,
{
    async fn rebalance_until(
        &mut self,
        shutdown: &CancellationToken,
        interval: Duration,
        held: &impl Fn(usize),
    ) -> Result<()> {
        loop {
            self.reap().await?;
            let requested = self.owner.requested().await?;
            self.stop(self.running.keys().copied().filter(|number| requested.contains(&i32::from(*number))).collect())
                .await?;
            self.balance(&requested).await?;
            held(self.running.len());
            tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                () = tokio::time::sleep(interval) => {}
            }
        }
    }

    /// Releases numbers with finished work, so that they are acquired and started again.
    async fn reap(&mut self) -> Result<()> {
        let ended = self.running.iter().filter(|(_, running)| running.task.is_finished()).map(|(number, _)| *number);
        self.stop(ended.collect()).await
    }

    /// Releases numbers above this replica's quota, or acquires unowned ones up to it. `requested` numbers are left to
    /// the session that requested them.
    async fn balance(&mut self, requested: &BTreeSet<i32>) -> Result<()> {
        let members = self.owner.members().await?;
        let rank = members.iter().position(|member| *member == self.owner.member()).unwrap_or(members.len());
        let quota = quota(rank, members.len(), self.numbers.into());
        if self.running.len() > quota {
            let surplus = self.running.keys().rev().take(self.running.len() - quota).copied().collect();
            return self.stop(surplus).await;
        }
        if self.running.len() == quota {
            return Ok(());
        }
        // Each replica starts at another number, so that two seldom try to acquire the same one.
        let mut unowned = self.owner.unowned(self.numbers.into()).await?;
        unowned.retain(|number| !requested.contains(number));
        let begin = (unowned.len() * rank / members.len().max(1)).min(unowned.len());
        unowned.rotate_left(begin);
        for key in unowned {
            if self.running.len() == quota {
                break;
            }
            let Ok(number) = u16::try_from(key) else { continue };
            if self.owner.try_acquire(key).await? {
                let stop = CancellationToken::new();
                let task = tokio::spawn((self.start)(number, stop.clone()));
                self.running.insert(number, Running { stop, task });
            }
        }
        Ok(())
    }

    /// Stops the work on these numbers, and releases them.
    async fn stop(&mut self, numbers: Vec<u16>) -> Result<()> {
        let mut stopping = Vec::new();
        for number in numbers {
            if let Some(running) = self.running.remove(&number) {
                running.stop.cancel();
                stopping.push((number, running.task));
            }
        }
        let mut outcome = Ok(());
        for (number, task) in stopping {
            if let Err(error) = task.await {
                tracing::error!(number, %error, "the work on a number panicked");
            }
            // A lost session cannot release anything, yet all work has to end.
            if outcome.is_ok() {
                outcome = self.owner.release(number.into()).await.map(drop);
            }
        }
        outcome
    }
}
