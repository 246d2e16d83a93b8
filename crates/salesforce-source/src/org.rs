//! Reads one org: connects, discovers what it offers, and reads all of it.

use crate::common::{Common, Purpose};
use crate::context::Context;
use crate::settings::ConnectedOrg;
use crate::watch::{self, Findings, Outputs, Watch};
use crate::{logs, plan, stored, streams};
use ingest::meter::Meter;
use ingest::{Coverage, Positions, Sink, SourceError};
use model::time::DAY;
use model::{OrgId, Timestamp};
use runtime::error::chain;
use runtime::retry::{Backoff, random};
use salesforce::reading::plan::{Offer, Plan};
use salesforce_client::Client;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// What one org is read with.
#[derive(Clone)]
pub(crate) struct OrgSetup {
    /// Its name in the configuration.
    pub(crate) name: String,
    pub(crate) settings: Arc<ConnectedOrg>,
    pub(crate) client: Client,
    pub(crate) context: Arc<Context>,
    pub(crate) sink: Sink,
    pub(crate) findings: Arc<dyn Findings>,
    pub(crate) positions: Arc<dyn Positions>,
    pub(crate) coverage: Arc<dyn Coverage>,
    pub(crate) meter: Meter,
}

/// Reads the org until `shutdown`. Retries what fails, at growing intervals: one org's failure never stops another.
pub(crate) async fn run(setup: OrgSetup, shutdown: CancellationToken) {
    let watch = setup.watch();
    let (sink, findings, settings) = (setup.sink.clone(), setup.findings.clone(), setup.settings.clone());
    let outputs = Outputs { sink, findings, settings };
    let watching = async {
        while !shutdown.is_cancelled() {
            if let Err(error) = watch.clone().run(outputs.clone(), watch::PERIOD, shutdown.clone()).await {
                tracing::warn!(name = setup.name, %error, "coverage cannot be published, it is tried again");
                tokio::select! {
                    () = shutdown.cancelled() => {}
                    () = tokio::time::sleep(watch::PERIOD) => {}
                }
            }
        }
    };
    tokio::join!(watching, read_until_shutdown(&setup, &watch, &shutdown));
}

async fn read_until_shutdown(setup: &OrgSetup, watch: &Watch, shutdown: &CancellationToken) {
    let mut delays = delays();
    while !shutdown.is_cancelled() {
        let round = shutdown.child_token();
        let outcome = tokio::select! {
            biased;
            () = shutdown.cancelled() => return,
            connected = setup.connect(watch) => connected,
        };
        let pause = match outcome {
            Ok((common, plan)) => {
                let _stop_all = round.clone().drop_guard();
                match read(&common, &plan, &round).await {
                    Ok(()) => {
                        delays = self::delays();
                        continue;
                    }
                    Err(error) => {
                        let error = &error as &dyn std::error::Error;
                        tracing::warn!(name = setup.name, org = %common.org, error, "reading the org failed, it starts again");
                    }
                }
                delays.next()
            }
            Err(problem) => {
                tracing::warn!(name = setup.name, problem, "the org cannot be read");
                watch.unreachable(problem);
                delays.next()
            }
        };
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(pause.unwrap_or(LONGEST)) => {}
        }
    }
}

/// How often to ask what the org offers. A choice.
const REPLAN: Duration = Duration::from_secs(3_600);
/// The longest wait between two attempts. A choice.
const LONGEST: Duration = Duration::from_secs(60);

fn delays() -> Backoff<impl FnMut() -> f64> {
    Backoff::new(Duration::from_secs(1), LONGEST, random)
}

impl OrgSetup {
    fn watch(&self) -> Watch {
        Watch::new(self.settings.org_id.clone(), Arc::clone(&self.coverage))
    }

    async fn connect(&self, watch: &Watch) -> Result<(Common, Plan), String> {
        let identity = self.client.identity().await.map_err(|error| chain(&error))?;
        let (org, wanted) = (identity.org_id, &self.settings.org_id);
        if org != *wanted {
            return Err(format!("the user belongs to org {org}, not {wanted}"));
        }
        let plan = plan::discover(&self.client, &self.settings).await.map_err(|error| chain(&error))?;
        let common = Common {
            watch: watch.clone(),
            org,
            settings: Arc::clone(&self.settings),
            client: self.client.clone(),
            sink: self.sink.clone(),
            positions: Arc::clone(&self.positions),
            context: Arc::clone(&self.context),
            leads: Arc::new(plan.leads()),
            gaps: Arc::default(),
            meter: self.meter.clone(),
        };
        Ok((common, plan))
    }
}

/// Reads until `round` is cancelled, or the org's offer changes.
async fn read(common: &Common, plan: &Plan, round: &CancellationToken) -> Result<(), SourceError> {
    log_plan(common, plan);
    backfill_first(common, round).await?;
    let mut running: JoinSet<Result<(), SourceError>> = JoinSet::new();
    running.spawn(streams::run(common.clone(), plan.topics(&common.settings.channels), round.clone()));
    if plan.kinds.iter().any(|kind| matches!(kind.stored, Offer::Has(_))) {
        running.spawn(stored::run(common.clone(), round.clone()));
    }
    if plan
        .kinds
        .iter()
        .any(|kind| [&kind.log_files, &kind.log_objects].iter().any(|offer| matches!(offer, Offer::Has(_))))
    {
        running.spawn(logs::run(common.clone(), round.clone()));
    }
    let (context, common_too, stop) = (Arc::clone(&common.context), common.clone(), round.clone());
    running.spawn(async move {
        context.run(&common_too, stop.clone()).await;
        stop.cancelled().await;
        Ok(())
    });
    running.spawn(replan(common.clone(), plan.clone(), round.clone()));
    let mut outcome = Ok(());
    while let Some(ended) = running.join_next().await {
        // The first reader that ends stops all: they depend on the same connection.
        round.cancel();
        let ended = ended.map_err(SourceError::Reader).flatten();
        outcome = outcome.and(ended);
    }
    outcome
}

/// Backfills an org that is read for the first time. Continues where an interrupted backfill stopped.
async fn backfill_first(common: &Common, round: &CancellationToken) -> Result<(), SourceError> {
    const RANGE: &str = "backfill/first";
    let days = common.settings.backfill_days;
    let done = common.positions.get(stored::BACKFILL, &common.org).await?;
    if days == 0 || done.is_some() {
        return Ok(());
    }
    // The range is chosen once, however many attempts it takes to read it.
    let chosen = common.positions.get(RANGE, &common.org).await?;
    let range = match chosen.and_then(|chosen| serde_json::from_value(chosen).ok()) {
        Some(range) => range,
        None => {
            let now = common.clock();
            let range = Range { from: now.plus(-i64::from(days) * DAY).0, to: now.0 };
            common.positions.put(RANGE, &common.org, &serde_json::json!(range)).await?;
            range
        }
    };
    let filled = tokio::select! {
        () = round.cancelled() => return Ok(()),
        filled = stored::backfill(common, Timestamp(range.from), Timestamp(range.to), Purpose::Backfill) => filled?,
    };
    tracing::info!(org = %common.org, ?filled, "stored events are backfilled");
    Ok(common.positions.put(stored::BACKFILL, &common.org, &serde_json::json!(range)).await?)
}

/// A range of time in milliseconds, as it is stored.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Range {
    from: i64,
    to: i64,
}

/// Returns when the org's offer changes.
async fn replan(common: Common, plan: Plan, round: CancellationToken) -> Result<(), SourceError> {
    loop {
        tokio::select! {
            () = round.cancelled() => return Ok(()),
            () = tokio::time::sleep(REPLAN) => {}
        }
        let found = tokio::select! {
            () = round.cancelled() => return Ok(()),
            found = plan::discover(&common.client, &common.settings) => found,
        };
        match found {
            Ok(found) if found != plan => {
                tracing::info!(org = %common.org, "the org offers other events than before");
                return Ok(());
            }
            Ok(_) => {}
            Err(error) => tracing::info!(org = %common.org, %error, "the org's offer cannot be read"),
        }
    }
}

/// Logs and records the leading channel of each kind, and the channels that are missing.
fn log_plan(common: &Common, plan: &Plan) {
    for kind in &plan.kinds {
        let lead = kind.lead();
        let follows: Vec<&str> = kind
            .offers()
            .iter()
            .filter(|(channel, offer)| Some(*channel) != lead && matches!(offer, Offer::Has(_)))
            .map(|(channel, _)| channel.as_str())
            .collect();
        let org = &common.org;
        match lead {
            Some(lead) => tracing::info!(%org, kind = %kind.kind, %lead, ?follows, "channels"),
            None => tracing::warn!(%org, kind = %kind.kind, "no channel has these events"),
        }
        common.watch.led(kind.kind, lead);
        for (channel, offer) in kind.offers() {
            if let Offer::Missing(problem) = offer {
                common.watch.missing(channel, kind.kind, problem.clone());
            }
        }
    }
    tracing::info!(org = %common.org, kinds = plan.kinds.len(), "the org is read");
}

/// Backfills one org on an operator's request.
///
/// # Errors
/// If it cannot be reached, the user belongs to another org, or activities cannot be published.
pub(crate) async fn backfill(
    setup: &OrgSetup,
    from: Timestamp,
    to: Timestamp,
    purpose: Purpose,
) -> Result<(OrgId, stored::Backfilled), BackfillError> {
    let (common, _) = setup.connect(&setup.watch()).await.map_err(BackfillError::Connect)?;
    let filled = stored::backfill(&common, from, to, purpose).await?;
    Ok((common.org, filled))
}

/// Why an org cannot be backfilled.
#[derive(Debug, thiserror::Error)]
pub enum BackfillError {
    /// The configuration has no such org.
    #[error("no org is configured as {name:?}; configured are: {known}")]
    NoOrg {
        /// The name.
        name: String,
        /// The configured names.
        known: String,
    },
    /// Its settings are wrong.
    #[error("{0}")]
    Settings(String),
    /// It cannot be reached, or the user belongs to another org.
    #[error("the org cannot be read: {0}")]
    Connect(String),
    /// Activities cannot be published.
    #[error(transparent)]
    Source(#[from] SourceError),
}
