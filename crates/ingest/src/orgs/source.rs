//! The source that reads orgs at Salesforce, and its share of them.

use super::context::{Context, Networks, NetworksError};
use super::org::{self, Setting};
use super::settings::SalesforceSettings;
use super::watch::{FindingStream, Findings};
use crate::meter::Meter;
use crate::source::{Source, SourceError};
use crate::{Service, Sink, Ticket};
use bus::{PublishError, Publisher, PublisherSettings};
use futures::future::BoxFuture;
use model::{Finding, Item};
use salesforce_client::{Client, SettingsError};
use std::sync::Arc;
use std::time::Duration;
use store::{Share, Store};
use tokio_util::sync::CancellationToken;

/// Reads this replica's share of the configured orgs, each apart from the others.
pub struct SalesforceSource {
    orgs: Vec<Unplugged>,
    share: Share,
    findings: Arc<dyn Findings>,
}

/// An org, but for where it goes.
type Unplugged = Box<dyn Fn(&Sink, &Arc<dyn Findings>) -> Setting + Send + Sync>;

impl SalesforceSource {
    /// What goes blind is told as a finding, until `abandon`.
    ///
    /// # Errors
    /// All that is wrong with the orgs' settings, by their names.
    pub(crate) fn new(service: &Service, abandon: CancellationToken) -> Result<Self, Vec<String>> {
        let Service { store, bus, partitions, .. } = service;
        let settings = &service.settings.salesforce;
        let networks = networks(settings).map_err(|error| vec![error.to_string()])?;
        let (mut orgs, mut errors) = (Vec::new(), Vec::new());
        for name in settings.orgs.keys() {
            match unplugged(settings, store, &networks, name) {
                Ok(org) => orgs.push(org),
                Err(error) => errors.push(format!("ingest.salesforce.orgs.{name}.connection.{error}")),
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let share = Share {
            settings: service.postgres.clone(),
            application: "orgwatch-ingest",
            namespace: format!("sources/{}", bus.settings().prefix),
            member: service.member,
            numbers: u16::try_from(orgs.len()).unwrap_or(u16::MAX),
            interval: Duration::from_millis(settings.balance_ms.into()),
        };
        let findings = FindingStream {
            publisher: Publisher::start(bus, PublisherSettings::default(), abandon),
            prefix: bus.settings().prefix.clone(),
            partitions: partitions.clone(),
        };
        Ok(Self { orgs, share, findings: Arc::new(findings) })
    }
}

/// One of the configured orgs as it is read; `None` if there is none of that name.
///
/// # Errors
/// If its settings are wrong.
pub(crate) fn setting(
    settings: &SalesforceSettings,
    store: &Store,
    name: &str,
    sink: &Sink,
) -> Option<Result<Setting, String>> {
    let setting = || {
        let networks = networks(settings).map_err(|error| error.to_string())?;
        let org = unplugged(settings, store, &networks, name).map_err(|error| error.to_string())?;
        Ok(org(sink, &(Arc::new(Unheard) as Arc<dyn Findings>)))
    };
    settings.orgs.contains_key(name).then(setting)
}

/// A backfill raises nothing.
struct Unheard;

impl Findings for Unheard {
    fn send(&self, _: Item<Finding>) -> BoxFuture<'_, Result<Ticket, PublishError>> {
        Box::pin(async { Ok(Box::pin(std::future::ready(Ok(()))) as Ticket) })
    }
}

fn networks(settings: &SalesforceSettings) -> Result<Arc<Networks>, NetworksError> {
    Ok(Arc::new(Networks::open(settings.country_database.as_deref(), settings.asn_database.as_deref())?))
}

fn unplugged(
    settings: &SalesforceSettings,
    store: &Store,
    networks: &Arc<Networks>,
    name: &str,
) -> Result<Unplugged, SettingsError> {
    let of_org = Arc::new(settings.orgs.get(name).cloned().unwrap_or_default());
    let client = Client::new(&of_org.connection)?;
    let context = Arc::new(Context::new(Arc::clone(networks)));
    let (name, store, meter) = (name.to_owned(), Arc::new(store.clone()), Meter::new());
    Ok(Box::new(move |sink, findings| Setting {
        name: name.clone(),
        settings: Arc::clone(&of_org),
        client: client.clone(),
        context: Arc::clone(&context),
        sink: sink.clone(),
        findings: Arc::clone(findings),
        positions: Arc::<Store>::clone(&store),
        coverage: Arc::<Store>::clone(&store),
        meter: meter.clone(),
    }))
}

impl Source for SalesforceSource {
    fn name(&self) -> &'static str {
        "salesforce"
    }

    fn run<'a>(&'a mut self, sink: &'a Sink, shutdown: CancellationToken) -> BoxFuture<'a, Result<(), SourceError>> {
        Box::pin(async move {
            let settings: Arc<Vec<Setting>> = Arc::new(self.orgs.iter().map(|org| org(sink, &self.findings)).collect());
            let begin = |_| {
                let settings = Arc::clone(&settings);
                move |number: u16, stop: CancellationToken| {
                    let setting = settings.get(usize::from(number)).cloned();
                    async move {
                        if let Some(setting) = setting {
                            org::run(setting, stop).await;
                        }
                    }
                }
            };
            self.share.keep(&shutdown, begin, |_| {}).await;
            Ok(())
        })
    }
}
