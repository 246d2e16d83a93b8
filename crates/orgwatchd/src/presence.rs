//! Reports which services run in this process, so that the console can say which replicas there are, and of which version.

use crate::node::Node;
use anyhow::Result;
use model::Timestamp;
use runtime::error::chain;
use std::time::Duration;
use store::{REPORT_SECONDS, Replica, Store};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

/// A replica of a service that reports itself while it runs.
pub(crate) struct Presence {
    store: Store,
    replica: Replica,
    settings_hash: Box<dyn Fn() -> Option<String> + Send + Sync>,
}

impl Node {
    /// Returns a replica of a service. `number` tells those of one process apart, and `settings_hash` returns the hash of the
    /// rules in force.
    pub(crate) fn presence(
        &self,
        service: &str,
        number: Option<u16>,
        settings_hash: impl Fn() -> Option<String> + Send + Sync + 'static,
    ) -> Presence {
        let number = number.map(|number| format!("/{number}")).unwrap_or_default();
        let replica = Replica {
            service: service.to_owned(),
            instance: format!("{}/{}{number}", host(), std::process::id()),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            settings_hash: None,
        };
        Presence { store: self.store.clone(), replica, settings_hash: Box::new(settings_hash) }
    }
}

impl Presence {
    /// Runs the service, and meanwhile reports the replica: when it starts and every minute. It is removed when the service
    /// stops in order; after a failure it stays, and becomes silent. A report that fails is logged, and stops nothing.
    ///
    /// # Errors
    /// That of the service.
    pub(crate) async fn during<E: Into<anyhow::Error>>(
        self,
        service: impl Future<Output = Result<(), E>>,
    ) -> Result<()> {
        let stopped = CancellationToken::new();
        let running = async {
            let outcome = service.await;
            stopped.cancel();
            outcome
        };
        let (outcome, started_at) = tokio::join!(running, self.report(&stopped));
        if let (Ok(()), Some(started_at)) = (&outcome, started_at)
            && let Err(error) = self.store.remove_replica(&self.replica, started_at).await
        {
            let service = &self.replica.service;
            tracing::warn!(service, error = chain(&error), "it was not recorded that this replica stops");
        }
        outcome.map_err(Into::into)
    }

    /// Reports the replica until `stopped`. Returns when it started, if that is stored.
    async fn report(&self, stopped: &CancellationToken) -> Option<Timestamp> {
        let mut started_at = None;
        let mut ticker = interval(Duration::from_secs(REPORT_SECONDS.into()));
        ticker.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = stopped.cancelled() => return started_at,
                _ = ticker.tick() => {}
            }
            let replica = Replica { settings_hash: (self.settings_hash)(), ..self.replica.clone() };
            match self.store.put_replica(&replica, started_at).await {
                Ok(at) => started_at = Some(at),
                Err(error) => {
                    let service = &replica.service;
                    tracing::warn!(service, error = chain(&error), "this replica was not reported, trying again");
                }
            }
        }
    }
}

/// Returns the name of the pod, or of the host.
fn host() -> String {
    let of_system = || std::fs::read_to_string("/proc/sys/kernel/hostname").ok().map(|name| name.trim().to_owned());
    std::env::var("HOSTNAME").ok().or_else(of_system).unwrap_or_else(|| "unknown host".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::anyhow;
    use secrecy::SecretString;
    use servers::Postgres;
    use store::{Settings, StoredReplica};

    /// Waits until a replica is stored.
    async fn stored(store: &Store) -> StoredReplica {
        let looking = async {
            loop {
                let found = store.visit(&SecretString::from("")).await.unwrap().replicas().await.unwrap();
                if let Some(replica) = found.into_iter().next() {
                    return replica;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), looking).await.unwrap()
    }

    #[tokio::test]
    async fn a_replica_is_reported_while_its_service_runs_and_stays_after_a_failure() {
        let server = Postgres::start().await.unwrap();
        let settings = Settings { url: SecretString::from(server.url()), ..Settings::default() };
        let store = Store::connect(&settings, "test").await.unwrap();
        store.migrate().await.unwrap();
        let replica = Replica {
            service: "baseline".into(),
            instance: "pod/1".into(),
            version: "1.0.0".into(),
            settings_hash: None,
        };
        let presence = || Presence {
            store: store.clone(),
            replica: replica.clone(),
            settings_hash: Box::new(|| Some("hash".to_owned())),
        };
        let well = async {
            let found = stored(&store).await;
            assert_eq!(found.replica, Replica { settings_hash: Some("hash".into()), ..replica.clone() });
            Ok::<(), anyhow::Error>(())
        };
        presence().during(well).await.unwrap();
        let left = async || store.visit(&SecretString::from("")).await.unwrap().replicas().await.unwrap().len();
        assert_eq!(left().await, 0);
        let failing = async {
            stored(&store).await;
            Err(anyhow!("it fails"))
        };
        assert_eq!(presence().during(failing).await.unwrap_err().to_string(), "it fails");
        assert_eq!(left().await, 1);
    }
}
