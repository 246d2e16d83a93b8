//! The connections of a process, and the services made of them.

use crate::config::Config;
use crate::{placement, rules, started};
use anyhow::{Context, Result};
use bus::{Bus, DetectorGroup, Topology};
use detector::Group;
use engine::Rules;
use ingest::{IngestError, Service, Source};
use runtime::admin::{self, Health};
use runtime::shutdown::Stages;
use salesforce_source::SalesforceSource;
use settings::Hashed;
use std::time::Duration;
use store::{Store, StoreError};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// The connections of one process. Clones share them.
#[derive(Clone)]
pub struct Node {
    /// The configuration of the process.
    pub config: Config,
    /// The connection to NATS.
    pub bus: Bus,
    /// The pool of connections to Postgres.
    pub store: Store,
    /// The checks that `/readyz` reports.
    pub health: Health,
}

impl Node {
    /// Connects, migrates the schema, and creates the streams and consumers of this process, where the configuration
    /// says so. `service` is the name of the NATS user and a part of that of the sessions in Postgres.
    ///
    /// # Errors
    /// If a server cannot be reached or is too old, if migrations are missing, if a stream differs in a field that
    /// cannot be changed, or if the state of an org is in another partition than the configuration says.
    pub async fn connect(config: Config, service: &str, groups: &[DetectorGroup]) -> Result<Self> {
        started::announce(&config, service);
        // Before NATS, which is waited for.
        config.check_postgres()?;
        let bus = Bus::connect(service, &config.nats).await?;
        let store = Store::connect(&config.postgres, &format!("orgwatch-{service}")).await?;
        if config.postgres.migrate {
            match store.migrate().await {
                // As after a rollback; the check below logs it.
                Err(StoreError::Newer { .. }) => {}
                outcome => outcome?,
            }
        }
        store.check_schema().await?;
        placement::check(&store, &config.partitions.partitions()).await?;
        if config.nats.manage_topology {
            Topology::new(&config.nats, groups).apply(&bus).await?;
        }
        Ok(Self { config, bus, store, health: Health::default() })
    }

    /// Runs ingest until `shutdown`. `member` tells replicas apart.
    ///
    /// # Errors
    /// If a source fails.
    pub async fn ingest(self, member: i32, shutdown: CancellationToken) -> Result<()> {
        let Self { config, bus, store, health } = self;
        let partitions = config.partitions.partitions();
        let lateness_of = config.rules().own_lateness();
        let profile::Settings { lateness_seconds, identity_hours, .. } = config.profile;
        let (settings, salesforce) = config.ingest.split();
        let mut sources: Vec<Box<dyn Source>> = Vec::new();
        if !salesforce.orgs.is_empty() {
            let setup = salesforce_source::Setup {
                settings: salesforce,
                partitions: partitions.clone(),
                bus: bus.clone(),
                store: store.clone(),
                postgres: config.postgres,
                member,
            };
            sources.push(Box::new(SalesforceSource::new(setup).map_err(IngestError::Settings)?));
        }
        Ok(Service { settings, partitions, lateness_seconds, lateness_of, identity_hours, bus, store, health }
            .run(sources, shutdown)
            .await?)
    }

    /// Returns the service baseline. `member` tells replicas apart. It follows the settings that `config push`
    /// distributes until `shutdown`.
    ///
    /// # Errors
    /// If the settings bucket cannot be opened, or the database does not answer.
    pub async fn baseline(&self, member: i32, shutdown: CancellationToken) -> Result<baseline::Service> {
        Ok(baseline::Service {
            bus: self.bus.clone(),
            postgres: self.config.postgres.clone(),
            rules: rules::follow(&self.bus, &self.store, self.config.rules(), shutdown, |rules| rules).await?,
            partitions: self.config.partitions.partitions(),
            settings: self.config.baseline.clone(),
            member,
        })
    }

    /// Returns the detector service of a group. It follows the settings that `config push` distributes until
    /// `shutdown`.
    ///
    /// # Errors
    /// If the settings bucket cannot be opened, or the database does not answer.
    pub async fn detector(&self, group: Group, shutdown: CancellationToken) -> Result<detector::Service> {
        let learn_until = self.config.detector.learn_until;
        let make = move |rules: Hashed| Rules::new(&rules.settings, learn_until);
        Ok(detector::Service {
            bus: self.bus.clone(),
            store: self.store.clone(),
            group,
            rules: rules::follow(&self.bus, &self.store, self.config.rules(), shutdown, make).await?,
            partitions: self.config.partitions.partitions(),
            settings: self.config.detector.clone(),
        })
    }

    /// Returns the service correlator. It follows the settings that `config push` distributes until `shutdown`.
    ///
    /// # Errors
    /// If the settings bucket cannot be opened, or the database does not answer.
    pub async fn correlator(&self, shutdown: CancellationToken) -> Result<correlator::Service> {
        Ok(correlator::Service {
            bus: self.bus.clone(),
            store: self.store.clone(),
            rules: rules::follow(&self.bus, &self.store, self.config.rules(), shutdown, |rules| rules).await?,
            settings: self.config.correlator.clone(),
        })
    }

    /// Runs the notifier until `shutdown`.
    ///
    /// # Errors
    /// If a destination cannot be opened, or its loop fails.
    pub async fn notifier(self, shutdown: CancellationToken) -> Result<()> {
        Ok(notifier::run(self.config.notifier, self.bus, self.store, shutdown).await?)
    }

    /// Returns the service console. It follows the settings that `config push` distributes until `shutdown`.
    ///
    /// # Errors
    /// If the settings bucket cannot be opened, or the database does not answer.
    pub async fn console(&self, shutdown: CancellationToken) -> Result<console::Service> {
        Ok(console::Service {
            store: self.store.clone(),
            rules: rules::follow(&self.bus, &self.store, self.config.rules(), shutdown, |rules| rules).await?,
            settings: self.config.console.clone(),
            bus: self.bus.clone(),
        })
    }

    /// Starts the admin server, and the task that updates its checks. Both stop with `last`, which is cancelled after
    /// the services have stopped.
    ///
    /// # Errors
    /// If the address cannot be listened on.
    pub async fn serve_admin(&self, registry: prometheus::Registry, last: CancellationToken) -> Result<()> {
        let listen = self.config.admin.listen;
        let listener = TcpListener::bind(listen).await.with_context(|| format!("admin.listen: {listen}"))?;
        let (bus, store, health) = (self.bus.clone(), self.store.clone(), self.health.clone());
        let watching = last.clone();
        tokio::spawn(async move { watch(&bus, &store, &health, &watching).await });
        let health = self.health.clone();
        tokio::spawn(async move {
            if let Err(error) = admin::serve(listener, health, registry, last).await {
                tracing::error!(%error, "the admin server failed");
            }
        });
        Ok(())
    }

    /// Runs the stages that `start` adds until `shutdown`, with the admin server, then closes the connections.
    ///
    /// # Errors
    /// That of the first stage that failed, or the names of those that did not stop in time.
    pub async fn run(
        &self,
        registry: prometheus::Registry,
        shutdown: CancellationToken,
        start: impl AsyncFnOnce(&Self, &mut Stages) -> Result<()>,
    ) -> Result<()> {
        let last = CancellationToken::new();
        self.serve_admin(registry, last.clone()).await?;
        let mut stages = Stages::new(shutdown.clone());
        tokio::select! {
            biased;
            // Whoever stops a process that still starts gets no error for it.
            () = shutdown.cancelled() => {}
            started = start(self, &mut stages) => started.map(|()| self.health.started())?,
        }
        let outcome = stages.join().await;
        last.cancel();
        self.bus.close().await;
        self.store.close().await;
        Ok(outcome?)
    }
}

/// Updates the checks of the two servers and the gauges of the pool, every two seconds.
async fn watch(bus: &Bus, store: &Store, health: &Health, shutdown: &CancellationToken) {
    let (nats, postgres) = (health.register("nats"), health.register("postgres"));
    let meter = opentelemetry::global::meter("orgwatch");
    let gauge = |name, what| meter.u64_gauge(name).with_description(what).build();
    let size = gauge("orgwatch.postgres.pool.size", "Open connections to Postgres");
    let idle = gauge("orgwatch.postgres.pool.idle", "Open connections to Postgres that nobody uses");
    loop {
        if bus.is_connected() {
            nats.up()
        } else {
            nats.down("not connected")
        }
        let answers = match store.reread_password() {
            Ok(()) => store.ping().await,
            Err(error) => Err(error),
        };
        match answers {
            Ok(()) => postgres.up(),
            Err(error) => postgres.down(error.to_string()),
        }
        let gauges = store.pool_gauges();
        size.record(gauges.size.into(), &[]);
        idle.record(gauges.idle.into(), &[]);
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(Duration::from_secs(2)) => {}
        }
    }
}
