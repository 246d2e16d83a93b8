//! Tasks that run and stop together.

use std::collections::HashMap;
use std::time::Duration;

use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::error::chain;

/// Named tasks under one token. When one fails, or the token is cancelled from outside, all must stop.
#[derive(Debug)]
pub struct Stages {
    shutdown: CancellationToken,
    grace: Duration,
    tasks: JoinSet<anyhow::Result<()>>,
    names: HashMap<Id, String>,
}

/// Why stages did not stop well.
#[derive(Debug, thiserror::Error)]
pub enum StagesError {
    /// A task returned an error.
    #[error("{stage} failed")]
    Failed {
        /// Its name.
        stage: String,
        /// The cause.
        source: anyhow::Error,
    },
    /// A task panicked.
    #[error("{stage} panicked")]
    Panicked {
        /// Its name.
        stage: String,
        /// The cause.
        source: JoinError,
    },
    /// Tasks were aborted after the grace period.
    #[error("{} did not stop within {} s", stages.join(", "), grace.as_secs_f64())]
    Unfinished {
        /// Their names.
        stages: Vec<String>,
        /// The grace period.
        grace: Duration,
    },
}

impl Stages {
    /// How long tasks may take to stop. A choice, below the 30 s that Kubernetes waits by default.
    pub const GRACE: Duration = Duration::from_secs(20);

    /// Creates an empty set of tasks under `shutdown`.
    pub fn new(shutdown: CancellationToken) -> Self {
        Self { shutdown, grace: Self::GRACE, tasks: JoinSet::new(), names: HashMap::new() }
    }

    /// Sets another grace period than [`Stages::GRACE`].
    #[must_use]
    pub fn with_grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// Starts a task, which must stop soon after its token is cancelled. A task that returns `Ok` before that leaves
    /// the others running.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn spawn<F>(&mut self, name: impl Into<String>, task: impl FnOnce(CancellationToken) -> F)
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        let handle = self.tasks.spawn(task(self.shutdown.clone()));
        self.names.insert(handle.id(), name.into());
    }

    /// Waits until all tasks have stopped, and aborts those that have not within the grace period.
    ///
    /// # Errors
    /// The first failure; later ones are logged. Without a failure, the names of the aborted tasks.
    pub async fn join(mut self) -> Result<(), StagesError> {
        let mut first = None;
        while let Some(outcome) = self.next_before_shutdown().await {
            if let Some(error) = self.failure(outcome) {
                first = Some(error);
                self.shutdown.cancel();
                break;
            }
        }
        let end = Instant::now() + self.grace;
        while let Ok(Some(outcome)) = tokio::time::timeout_at(end, self.tasks.join_next_with_id()).await {
            match (self.failure(outcome), &first) {
                (Some(error), Some(_)) => tracing::error!(error = %chain(&error), "stage failed during shutdown"),
                (Some(error), None) => first = Some(error),
                (None, _) => {}
            }
        }
        let unfinished = self.unfinished();
        match (first, unfinished) {
            (None, None) => Ok(()),
            (Some(error), None) | (None, Some(error)) => Err(error),
            (Some(error), Some(unfinished)) => {
                tracing::error!(error = %unfinished, "stages aborted");
                Err(error)
            }
        }
    }

    /// Returns the outcome of a task that stops before shutdown; `None` at shutdown or when no task is left.
    async fn next_before_shutdown(&mut self) -> Option<Outcome> {
        tokio::select! {
            biased;
            () = self.shutdown.cancelled() => None,
            outcome = self.tasks.join_next_with_id() => outcome,
        }
    }

    fn failure(&mut self, outcome: Outcome) -> Option<StagesError> {
        match outcome {
            Ok((id, result)) => {
                let stage = self.names.remove(&id)?;
                tracing::debug!(stage, "stage stopped");
                result.err().map(|source| StagesError::Failed { stage, source })
            }
            Err(source) => {
                let stage = self.names.remove(&source.id())?;
                Some(StagesError::Panicked { stage, source })
            }
        }
    }

    fn unfinished(&self) -> Option<StagesError> {
        let mut stages: Vec<String> = self.names.values().cloned().collect();
        stages.sort();
        (!stages.is_empty()).then_some(StagesError::Unfinished { stages, grace: self.grace })
    }
}

type Outcome = Result<(Id, anyhow::Result<()>), JoinError>;

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use anyhow::{anyhow, bail};

    use super::*;

    async fn until_cancelled(shutdown: CancellationToken) -> anyhow::Result<()> {
        shutdown.cancelled().await;
        Ok(())
    }

    #[tokio::test]
    async fn all_stop_when_one_fails() {
        let shutdown = CancellationToken::new();
        let mut stages = Stages::new(shutdown.clone());
        stages.spawn("ingest", until_cancelled);
        stages.spawn("notifier", async |shutdown: CancellationToken| {
            shutdown.cancelled().await;
            bail!("second")
        });
        stages.spawn("baseline", |_| ready(Err(anyhow!("lost the lock"))));
        let error = stages.join().await.unwrap_err();
        assert_eq!(chain(&error), "baseline failed: lost the lock");
        assert!(shutdown.is_cancelled());
    }

    #[tokio::test]
    async fn all_stop_when_cancelled() {
        let shutdown = CancellationToken::new();
        let mut stages = Stages::new(shutdown.clone());
        stages.spawn("ingest", until_cancelled);
        stages.spawn("baseline", until_cancelled);
        shutdown.cancel();
        stages.join().await.unwrap();
    }

    #[tokio::test]
    async fn one_that_succeeds_leaves_the_others_running() {
        let shutdown = CancellationToken::new();
        let mut stages = Stages::new(shutdown.clone());
        let (ended, wait) = tokio::sync::oneshot::channel::<()>();
        stages.spawn("migrate", |_| async {
            drop(ended);
            Ok(())
        });
        stages.spawn("ingest", async |token: CancellationToken| {
            assert!(wait.await.is_err());
            assert!(!token.is_cancelled());
            Ok(())
        });
        stages.join().await.unwrap();
        assert!(!shutdown.is_cancelled());
    }

    #[tokio::test]
    async fn tasks_that_do_not_stop_are_named() {
        let shutdown = CancellationToken::new();
        shutdown.cancel();
        let mut stages = Stages::new(shutdown).with_grace(Duration::from_millis(10));
        stages.spawn("ingest", |_| pending());
        stages.spawn("baseline", |_| pending());
        stages.spawn("detector", until_cancelled);
        assert_eq!(stages.join().await.unwrap_err().to_string(), "baseline, ingest did not stop within 0.01 s");
    }

    #[tokio::test]
    async fn a_failure_during_shutdown_is_returned() {
        let shutdown = CancellationToken::new();
        shutdown.cancel();
        let mut stages = Stages::new(shutdown).with_grace(Duration::from_millis(10));
        stages.spawn("stuck", |_| pending());
        stages.spawn("baseline", |_| ready(Err(anyhow!("last checkpoint refused"))));
        assert_eq!(chain(&stages.join().await.unwrap_err()), "baseline failed: last checkpoint refused");
    }

    #[tokio::test]
    async fn a_panic_is_a_failure() {
        let mut stages = Stages::new(CancellationToken::new());
        stages.spawn("ingest", until_cancelled);
        stages.spawn("baseline", |_| async { panic!("of a test") });
        assert!(matches!(stages.join().await, Err(StagesError::Panicked { stage, .. }) if stage == "baseline"));
    }
}
