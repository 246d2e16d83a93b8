//! Replicas share numbers, such as those of partitions: each takes free ones up to an even share.

use super::{Owner, quota};
use crate::Settings;
use crate::error::{Result, StoreError};
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// What is shared, and by whom.
#[derive(Clone, Debug)]
pub struct Share {
    pub settings: Settings,
    /// What the server's lists of sessions show.
    pub application: &'static str,
    pub namespace: String,
    /// Tells replicas apart; random.
    pub member: i32,
    /// How many numbers there are, from 0 on, over all replicas.
    pub numbers: u16,
    /// Between two looks at who else is there and which numbers are free.
    pub interval: Duration,
}

impl Share {
    /// Runs what `begin` gives for each number of this replica's share until `shutdown`, and then lets go of all.
    ///
    /// `begin` is called for each session. What it gives starts the work on one number, which has to end when its
    /// token is cancelled; a number whose work ends before that is let go, and taken anew by whoever finds it free.
    /// What `begin` gave is dropped once all work of the session has ended. `held` is told how many numbers this
    /// replica has.
    ///
    /// A session that cannot be opened, or is lost, is logged, and opened again.
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
                        tracing::warn!(error, "the owning session is lost, all that it held is let go");
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

    /// Keeps the share for as long as the session lives.
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
        let outcome = session.keep(self.interval, shutdown, held).await;
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

/// Before the next attempt to open a session.
const PAUSE: Duration = Duration::from_millis(500);

struct Session<S> {
    owner: Arc<Owner>,
    start: S,
    numbers: u16,
    running: BTreeMap<u16, Running>,
}

struct Running {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl<S, F> Session<S>
where
    S: Fn(u16, CancellationToken) -> F,
    F: Future<Output = ()> + Send + 'static,
{
    async fn keep(&mut self, interval: Duration, shutdown: &CancellationToken, held: &impl Fn(usize)) -> Result<()> {
        loop {
            self.reap().await?;
            let asked = self.owner.asked().await?;
            self.stop(self.running.keys().copied().filter(|number| asked.contains(&i32::from(*number))).collect())
                .await?;
            self.balance(&asked).await?;
            held(self.running.len());
            tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                () = tokio::time::sleep(interval) => {}
            }
        }
    }

    /// Lets go of numbers whose work has ended, so that they are taken and begun anew.
    async fn reap(&mut self) -> Result<()> {
        let ended = self.running.iter().filter(|(_, running)| running.task.is_finished()).map(|(number, _)| *number);
        self.stop(ended.collect()).await
    }

    /// `asked` are not taken: they are for whoever asks.
    async fn balance(&mut self, asked: &BTreeSet<i32>) -> Result<()> {
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
        // Replicas begin at different places, so that they seldom want the same one.
        let mut free = self.owner.free(self.numbers.into()).await?;
        free.retain(|number| !asked.contains(number));
        let begin = (free.len() * rank / members.len().max(1)).min(free.len());
        free.rotate_left(begin);
        for key in free {
            if self.running.len() == quota {
                break;
            }
            let Ok(number) = u16::try_from(key) else { continue };
            if self.owner.try_own(key).await? {
                let stop = CancellationToken::new();
                let task = tokio::spawn((self.start)(number, stop.clone()));
                self.running.insert(number, Running { stop, task });
            }
        }
        Ok(())
    }

    /// Ends the work on these numbers, and lets go of them.
    async fn stop(&mut self, numbers: Vec<u16>) -> Result<()> {
        let mut ending = Vec::new();
        for number in numbers {
            if let Some(running) = self.running.remove(&number) {
                running.stop.cancel();
                ending.push((number, running.task));
            }
        }
        let mut outcome = Ok(());
        for (number, task) in ending {
            if let Err(error) = task.await {
                tracing::error!(number, %error, "work on a number has failed");
            }
            // A session that is lost cannot let go, yet all work has to end.
            if outcome.is_ok() {
                outcome = self.owner.disown(number.into()).await.map(drop);
            }
        }
        outcome
    }
}
