//! Reads stored events by SOQL.
//!
//! | module | what it does |
//! |---|---|
//! | `polling`, `gaps`, `backfill` | the three uses: new events, gaps of other channels, old events |
//! | `reader` | reads one window of several objects: asks, collects, publishes, waits for the acknowledgement |
//! | `rows`, `fields`, `stop` | each row once, the fields to select, failures as texts |
//!
//! [`sweep`](salesforce::reading::sweep) decides on the windows, and [`drain`](salesforce::reading::drain) on the queries
//! of one window.

mod backfill;
mod fields;
mod gaps;
mod polling;
mod reader;
mod rows;
mod stop;
#[cfg(test)]
mod tests;

pub use backfill::Backfilled;
pub(crate) use backfill::backfill;
pub(crate) use polling::BACKFILL;

use crate::common::Common;
use crate::settings::Stored;
use gaps::Filling;
use ingest::SourceError;
use model::time::DAY;
use model::{Channel, Kind};
use reader::Reader;
use salesforce::reading::catalog::CATALOG;
use salesforce::reading::plan::asked_for;
use salesforce::reading::sweep::Object;
use std::time::Duration;
use stop::Stop;
use tokio_util::sync::CancellationToken;

/// Reads stored events until `shutdown`: gaps, and the kinds for which stored events lead or, if the settings say so,
/// every kind.
///
/// # Errors
/// If activities cannot be published or positions cannot be stored. Failures of Salesforce are recorded, and tried again.
pub(crate) async fn run(common: Common, shutdown: CancellationToken) -> Result<(), SourceError> {
    if common.settings.stored == Stored::Off {
        shutdown.cancelled().await;
        return Ok(());
    }
    let mut rounds = Rounds { reader: Reader::new(common), filling: Filling::default() };
    // A round that shutdown interrupts is read again: positions move only past acknowledged activities.
    while let Some(wait) = shutdown.run_until_cancelled(rounds.round()).await {
        shutdown.run_until_cancelled(tokio::time::sleep(wait?)).await;
    }
    Ok(())
}

/// How long Salesforce stores events, in milliseconds: docs/sources.md.
const HISTORY: i64 = 180 * DAY;

struct Rounds {
    reader: Reader,
    filling: Filling,
}

impl Rounds {
    /// Reads everything that is due; returns how long to wait before the next round.
    async fn round(&mut self) -> Result<Duration, SourceError> {
        let interval = Duration::from_secs(self.reader.common.settings.stored_seconds.max(1).into());
        match self.read().await {
            Ok(()) => Ok(interval),
            Err(Stop::Failed(error)) => Err(error),
            Err(Stop::Org { problem, wait }) => {
                let common = &self.reader.common;
                tracing::warn!(org = %common.org, problem, "stored events cannot be read for now");
                let kinds: Vec<Kind> = polled(common).map(|object| object.kind).collect();
                common.watch.failed(Channel::Stored, &kinds, problem);
                Ok(wait.max(interval))
            }
        }
    }

    async fn read(&mut self) -> Result<(), Stop> {
        let gaps = self.reader.common.watch.gaps().await?;
        let objects: Vec<Object> = polled(&self.reader.common).collect();
        if gaps.is_empty() && objects.is_empty() {
            return Ok(());
        }
        let now = self.reader.clock().await?;
        self.filling.fill(&mut self.reader, &gaps, now).await?;
        polling::poll(&mut self.reader, &objects, now).await
    }
}

/// Returns every stored object.
fn all_objects() -> impl Iterator<Item = Object> {
    CATALOG.iter().filter_map(|entry| Some(Object { kind: entry.kind, name: entry.stored? }))
}

/// Returns the objects of kinds that are read and whose stored events are published.
fn objects(common: &Common) -> impl Iterator<Item = Object> {
    let asked = asked_for(common.settings.kinds.as_deref());
    let objects = asked.filter_map(|entry| Some(Object { kind: entry.kind, name: entry.stored? }));
    objects.filter(move |object| common.leads.takes(Channel::Stored, object.kind))
}

/// Returns the objects that are read in every round.
fn polled(common: &Common) -> impl Iterator<Item = Object> {
    let leads = |object: &Object| common.leads.of(object.kind) == Some(Channel::Stored);
    let follows = common.settings.stored == Stored::Follow;
    objects(common).filter(move |object| follows || leads(object))
}
