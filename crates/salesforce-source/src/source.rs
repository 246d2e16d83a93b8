//! Divides the configured orgs among the replicas.

use crate::context::{Context, Networks};
use crate::org::{self, OrgSetup};
use crate::settings::SalesforceSettings;
use crate::watch::{FindingStream, Findings};
use bus::{Bus, PublishError, Publisher, PublisherSettings};
use futures::future::BoxFuture;
use ingest::meter::Meter;
use ingest::{Sink, Source, SourceError, Ticket};
use model::partition::Partitions;
use model::{Finding, Item};
use runtime::error::chain;
use salesforce_client::Client;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use store::{Share, Store};
use tokio_util::sync::{CancellationToken, DropGuard};

/// Reads this replica's share of the configured orgs, each independently of the others.
pub struct SalesforceSource {
    orgs: Vec<OrgFactory>,
    share: Share,
    findings: Arc<dyn Findings>,
    /// Stops the publisher of findings.
    _abandon: DropGuard,
}

/// What a [`SalesforceSource`] works with.
#[derive(Clone)]
pub struct Setup {
    /// The section `ingest.salesforce` of the configuration.
    pub settings: SalesforceSettings,
    /// The partition of each org.
    pub partitions: Partitions,
    /// The connection to JetStream.
    pub bus: Bus,
    /// The connection to Postgres.
    pub store: Store,
    /// How to open the sessions by which replicas own orgs.
    pub postgres: store::Settings,
    /// Tells replicas apart; random.
    pub member: i32,
}

/// What the settings name, opened and read. Nothing is connected yet.
pub struct Opened {
    networks: Arc<Networks>,
    /// By the org's name.
    clients: BTreeMap<String, Client>,
    /// The problem of each file with a secret, with its key.
    unreadable: Vec<String>,
}

/// Makes the setup of one org, given where its activities and findings go.
type OrgFactory = Box<dyn Fn(&Sink, &Arc<dyn Findings>) -> OrgSetup + Send + Sync>;

impl SalesforceSource {
    /// Makes the source, and starts the publisher of findings about blind kinds. An org whose secret cannot be read stops
    /// no other: it is tried again.
    ///
    /// # Errors
    /// Those of [`check`].
    pub fn new(setup: Setup) -> Result<Self, Vec<String>> {
        let Setup { settings, partitions, bus, store, postgres, member } = setup;
        let opened = check(&settings)?;
        for problem in &opened.unreadable {
            tracing::error!(problem, "the secret of an org cannot be read, the org is not read until it can");
        }
        let orgs: Vec<OrgFactory> =
            settings.orgs.keys().filter_map(|name| org_factory(&settings, &store, &opened, name)).collect();
        let prefix = bus.settings().prefix.clone();
        let share = Share {
            settings: postgres,
            application: "orgwatch-ingest",
            namespace: format!("sources/{prefix}"),
            member,
            numbers: u16::try_from(orgs.len()).unwrap_or(u16::MAX),
            interval: Duration::from_millis(settings.balance_ms.into()),
        };
        let abandon = CancellationToken::new();
        let publisher = Publisher::start(&bus, PublisherSettings::default(), abandon.clone());
        let findings = Arc::new(FindingStream { publisher, prefix, partitions });
        Ok(Self { orgs, share, findings, _abandon: abandon.drop_guard() })
    }
}

impl Opened {
    /// Returns a text for each file with a secret that cannot be read, with its key and path: the org cannot be read.
    pub fn unreadable(&self) -> &[String] {
        &self.unreadable
    }
}

/// Checks settings as [`SalesforceSource::new`] does, and opens what they name.
///
/// # Errors
/// All problems that stop the source, each with its key.
pub fn check(settings: &SalesforceSettings) -> Result<Opened, Vec<String>> {
    let errors = settings.check();
    if !errors.is_empty() {
        return Err(errors);
    }
    let (mut clients, mut unreadable, mut errors) = (BTreeMap::new(), Vec::new(), Vec::new());
    for (name, org) in &settings.orgs {
        let with_key = |error| format!("ingest.salesforce.orgs.{name}.connection.{}", chain(&error));
        match Client::new(&org.connection) {
            Ok(client) => drop(clients.insert(name.clone(), client)),
            Err(error) => errors.push(with_key(error)),
        }
        unreadable.extend(org.connection.check_secret_file().err().map(with_key));
    }
    let networks = Networks::open(settings.country_database.as_deref(), settings.asn_database.as_deref());
    match networks {
        Ok(networks) if errors.is_empty() => Ok(Opened { networks: Arc::new(networks), clients, unreadable }),
        Ok(_) => Err(errors),
        Err(error) => {
            errors.push(format!("ingest.salesforce.{}", chain(&error)));
            Err(errors)
        }
    }
}

impl Source for SalesforceSource {
    fn name(&self) -> &'static str {
        "salesforce"
    }

    fn run<'a>(&'a mut self, sink: &'a Sink, shutdown: CancellationToken) -> BoxFuture<'a, Result<(), SourceError>> {
        Box::pin(async move {
            let orgs: Arc<Vec<OrgSetup>> = Arc::new(self.orgs.iter().map(|org| org(sink, &self.findings)).collect());
            let begin = |_| {
                let orgs = Arc::clone(&orgs);
                move |number: u16, stop: CancellationToken| {
                    let setup = orgs.get(usize::from(number)).cloned();
                    async move {
                        if let Some(setup) = setup {
                            org::run(setup, stop).await;
                        }
                    }
                }
            };
            self.share.keep(&shutdown, begin, |_| {}).await;
            Ok(())
        })
    }
}

/// Returns the setup of one configured org for a backfill; `None` if there is none of that name.
///
/// # Errors
/// If its settings are wrong.
pub(crate) fn org_setup(
    settings: &SalesforceSettings,
    store: &Store,
    name: &str,
    sink: &Sink,
) -> Option<Result<OrgSetup, String>> {
    let only = settings.orgs.get(name)?.clone();
    let settings = SalesforceSettings { orgs: BTreeMap::from([(name.to_owned(), only)]), ..settings.clone() };
    let opened = match check(&settings) {
        Ok(opened) => opened,
        Err(errors) => return Some(Err(errors.join("; "))),
    };
    let org = org_factory(&settings, store, &opened, name)?;
    Some(Ok(org(sink, &(Arc::new(NoFindings) as Arc<dyn Findings>))))
}

/// Drops findings: a backfill does not watch the org's channels.
struct NoFindings;

impl Findings for NoFindings {
    fn send(&self, _: Item<Finding>) -> BoxFuture<'_, Result<Ticket, PublishError>> {
        Box::pin(async { Ok(Box::pin(std::future::ready(Ok(()))) as Ticket) })
    }
}

/// Returns the setup of one org; `None` if there is none of that name.
fn org_factory(settings: &SalesforceSettings, store: &Store, opened: &Opened, name: &str) -> Option<OrgFactory> {
    let org_settings = Arc::new(settings.orgs.get(name)?.clone());
    let client = opened.clients.get(name)?.clone();
    let context = Arc::new(Context::new(Arc::clone(&opened.networks)));
    let (name, store, meter) = (name.to_owned(), Arc::new(store.clone()), Meter::new());
    Some(Box::new(move |sink, findings| OrgSetup {
        name: name.clone(),
        settings: Arc::clone(&org_settings),
        client: client.clone(),
        context: Arc::clone(&context),
        sink: sink.clone(),
        findings: Arc::clone(findings),
        positions: Arc::<Store>::clone(&store),
        coverage: Arc::<Store>::clone(&store),
        meter: meter.clone(),
    }))
}
