//! The source that reads orgs at Salesforce, and its share of them.

use super::context::Context;
use super::org::{self, Setting};
use super::settings::SalesforceSettings;
use crate::Sink;
use crate::meter::Meter;
use crate::source::{Source, SourceError};
use futures::future::BoxFuture;
use salesforce_client::{Client, SettingsError};
use std::sync::Arc;
use std::time::Duration;
use store::{Share, Store};
use tokio_util::sync::CancellationToken;

/// Reads this replica's share of the configured orgs, each apart from the others.
pub struct SalesforceSource {
    orgs: Vec<Unplugged>,
    share: Share,
}

/// An org, but for the sink.
type Unplugged = Box<dyn Fn(&Sink) -> Setting + Send + Sync>;

impl SalesforceSource {
    /// `namespace` tells deployments apart that share a database, `member` replicas.
    ///
    /// # Errors
    /// All that is wrong with the orgs' settings, by their names.
    pub fn new(
        settings: &SalesforceSettings,
        store: &Store,
        postgres: &store::Settings,
        namespace: &str,
        member: i32,
    ) -> Result<Self, Vec<String>> {
        let (mut orgs, mut errors) = (Vec::new(), Vec::new());
        for name in settings.orgs.keys() {
            match unplugged(settings, store, name) {
                Ok(org) => orgs.push(org),
                Err(error) => errors.push(format!("ingest.salesforce.orgs.{name}.connection.{error}")),
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let share = Share {
            settings: postgres.clone(),
            application: "orgwatch-ingest",
            namespace: format!("sources/{namespace}"),
            member,
            numbers: u16::try_from(orgs.len()).unwrap_or(u16::MAX),
            interval: Duration::from_millis(settings.balance_ms.into()),
        };
        Ok(Self { orgs, share })
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
) -> Option<Result<Setting, SettingsError>> {
    settings.orgs.contains_key(name).then(|| unplugged(settings, store, name).map(|org| org(sink)))
}

fn unplugged(settings: &SalesforceSettings, store: &Store, name: &str) -> Result<Unplugged, SettingsError> {
    let of_org = Arc::new(settings.orgs.get(name).cloned().unwrap_or_default());
    let client = Client::new(&of_org.connection)?;
    let context = Arc::new(Context::default());
    let (name, store, meter) = (name.to_owned(), Arc::new(store.clone()), Meter::new());
    Ok(Box::new(move |sink| Setting {
        name: name.clone(),
        settings: Arc::clone(&of_org),
        client: client.clone(),
        context: Arc::clone(&context),
        sink: sink.clone(),
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
            let settings: Arc<Vec<Setting>> = Arc::new(self.orgs.iter().map(|org| org(sink)).collect());
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
