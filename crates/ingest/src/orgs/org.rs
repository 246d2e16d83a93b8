//! One org: connects, finds out what it offers, and reads all of it.

use super::common::{Common, Purpose};
use super::context::Context;
use super::plan::{Offer, Plan, asked_for};
use super::settings::ConnectedOrg;
use super::watch::{self, Findings, Voice, Watch};
use super::{logfiles, stored, streams};
use crate::Sink;
use crate::meter::{Meter, Origin};
use crate::source::{Coverage, Positions, SourceError};
use model::time::DAY;
use model::{Channel, Kind, OrgId, Timestamp};
use runtime::retry::{Backoff, random};
use salesforce_client::Client;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// What an org is read with.
#[derive(Clone)]
pub(crate) struct Setting {
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

/// Reads the org until `shutdown`. What fails is tried again, at growing intervals: nothing that one org does ends the
/// reading of others.
pub(crate) async fn run(setting: Setting, shutdown: CancellationToken) {
    let watch = setting.watch();
    let voice =
        Voice { sink: setting.sink.clone(), findings: setting.findings.clone(), settings: setting.settings.clone() };
    let telling = async {
        while !shutdown.is_cancelled() {
            if let Err(error) = watch.clone().run(voice.clone(), watch::PERIOD, shutdown.clone()).await {
                tracing::warn!(name = setting.name, %error, "coverage cannot be told, it is tried again");
                tokio::select! {
                    () = shutdown.cancelled() => {}
                    () = tokio::time::sleep(watch::PERIOD) => {}
                }
            }
        }
    };
    tokio::join!(telling, reading(&setting, &watch, &shutdown));
}

async fn reading(setting: &Setting, watch: &Watch, shutdown: &CancellationToken) {
    let mut delays = delays();
    while !shutdown.is_cancelled() {
        let round = shutdown.child_token();
        let outcome = tokio::select! {
            biased;
            () = shutdown.cancelled() => return,
            connected = setting.connect(watch) => connected,
        };
        let pause = match outcome {
            Ok((common, plan)) => {
                let _all_end = round.clone().drop_guard();
                match read(&common, &plan, &round).await {
                    Ok(()) => {
                        delays = self::delays();
                        continue;
                    }
                    Err(error) => {
                        let error = &error as &dyn std::error::Error;
                        tracing::warn!(name = setting.name, org = %common.org, error, "reading begins anew");
                    }
                }
                delays.next()
            }
            Err(problem) => {
                tracing::warn!(name = setting.name, problem, "the org cannot be read");
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

/// Between two looks at what an org offers.
const REPLAN: Duration = Duration::from_secs(3_600);
const LONGEST: Duration = Duration::from_secs(60);

fn delays() -> Backoff<impl FnMut() -> f64> {
    Backoff::new(Duration::from_secs(1), LONGEST, random)
}

impl Setting {
    fn watch(&self) -> Watch {
        Watch::new(self.settings.org_id.clone(), Arc::clone(&self.coverage))
    }

    async fn connect(&self, watch: &Watch) -> Result<(Common, Plan), String> {
        let identity = self.client.identity().await.map_err(|error| error.to_string())?;
        let (org, wanted) = (identity.org_id, &self.settings.org_id);
        if org != *wanted {
            return Err(format!("it is org {org}, and should be {wanted}"));
        }
        let plan = Plan::discover(&self.client, &self.settings).await.map_err(|error| error.to_string())?;
        let common = Common {
            watch: watch.clone(),
            org,
            settings: Arc::clone(&self.settings),
            client: self.client.clone(),
            sink: self.sink.clone(),
            positions: Arc::clone(&self.positions),
            context: Arc::clone(&self.context),
            leads: Arc::new(plan.leads()),
            meter: self.meter.clone(),
        };
        Ok((common, plan))
    }
}

/// Reads until `round` ends, or the org offers something else than it did.
async fn read(common: &Common, plan: &Plan, round: &CancellationToken) -> Result<(), SourceError> {
    tell(common, plan);
    begin(common, round).await?;
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
        running.spawn(logfiles::run(common.clone(), round.clone()));
    }
    let (context, of_context, stop) = (Arc::clone(&common.context), common.clone(), round.clone());
    running.spawn(async move {
        context.run(&of_context, stop.clone()).await;
        stop.cancelled().await;
        Ok(())
    });
    running.spawn(replan(common.clone(), plan.clone(), round.clone()));
    let mut outcome = Ok(());
    while let Some(ended) = running.join_next().await {
        // Whichever ends first ends all: they share what they depend on.
        round.cancel();
        let ended = ended.map_err(SourceError::Reader).flatten();
        outcome = outcome.and(ended);
    }
    outcome
}

/// What an org that was never read begins with. It goes on where it was left.
async fn begin(common: &Common, round: &CancellationToken) -> Result<(), SourceError> {
    const RANGE: &str = "backfill/first";
    let days = common.settings.backfill_days;
    let done = common.positions.get(stored::BACKFILL, &common.org).await?;
    if days == 0 || done.is_some() {
        return Ok(());
    }
    // The range is chosen once, however often it takes to read it.
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
        filled = stored::backfill(common, Timestamp(range.from), Timestamp(range.to), Purpose::Teach) => filled?,
    };
    tracing::info!(org = %common.org, ?filled, "stored events are taught");
    Ok(common.positions.put(stored::BACKFILL, &common.org, &serde_json::json!(range)).await?)
}

/// Milliseconds.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Range {
    from: i64,
    to: i64,
}

/// Ends when the org offers something else.
async fn replan(common: Common, plan: Plan, round: CancellationToken) -> Result<(), SourceError> {
    loop {
        tokio::select! {
            () = round.cancelled() => return Ok(()),
            () = tokio::time::sleep(REPLAN) => {}
        }
        let found = tokio::select! {
            () = round.cancelled() => return Ok(()),
            found = Plan::discover(&common.client, &common.settings) => found,
        };
        match found {
            Ok(found) if found != plan => {
                tracing::info!(org = %common.org, "the org offers other events than before");
                return Ok(());
            }
            Ok(_) => {}
            Err(error) => tracing::info!(org = %common.org, %error, "what the org offers is not known"),
        }
    }
}

/// Says which channel leads for which kind, and what is missing.
fn tell(common: &Common, plan: &Plan) {
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
        common.watch.led(kind.kind, lead.map(origin));
        for (channel, offer) in kind.offers() {
            if let Offer::Missing(problem) = offer {
                common.watch.missing(origin(channel), kind.kind, problem.clone());
            }
        }
    }
    let asked: Vec<Kind> = asked_for(&common.settings).map(|watched| watched.kind).collect();
    tracing::info!(org = %common.org, kinds = asked.len(), "the org is read");
}

fn origin(channel: Channel) -> Origin {
    match channel {
        Channel::Stream => Origin::Stream,
        Channel::Stored | Channel::SecurityCenter => Origin::Stored,
        Channel::LogFile => Origin::LogFiles,
        Channel::LogObject => Origin::LogObjects,
    }
}

/// One org, to be backfilled by hand.
///
/// # Errors
/// If it cannot be reached, is another than it should be, or activities cannot be published.
pub(crate) async fn backfill(
    setting: &Setting,
    from: Timestamp,
    to: Timestamp,
    purpose: Purpose,
) -> Result<(OrgId, stored::Backfilled), BackfillError> {
    let (common, _) = setting.connect(&setting.watch()).await.map_err(BackfillError::Connect)?;
    let filled = stored::backfill(&common, from, to, purpose).await?;
    Ok((common.org, filled))
}

#[derive(Debug, thiserror::Error)]
pub enum BackfillError {
    #[error("no org is configured as {name:?}; there are: {known}")]
    NoOrg { name: String, known: String },
    #[error("{0}")]
    Settings(String),
    #[error("the org cannot be read: {0}")]
    Connect(String),
    #[error(transparent)]
    Source(#[from] SourceError),
}
