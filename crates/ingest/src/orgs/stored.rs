//! Stored events, by SOQL.
//!
//! | module | what |
//! |---|---|
//! | `polling`, `gaps`, `backfill` | the three uses: what is new, what others have missed, what was before |
//! | `reader` | one window of some objects: asks, collects, publishes, waits for the acknowledgement |
//! | `drain` | pure: what to ask next for all rows of one object and window, whatever it refuses |
//! | `sweep` | pure: windows over stretches of time that begin and end differently |
//! | `rows`, `fields`, `halt` | rows once each, fields to select, failures in words |

mod backfill;
mod drain;
mod fields;
mod gaps;
mod halt;
mod polling;
mod reader;
mod rows;
mod sweep;

pub use backfill::Backfilled;
pub(crate) use backfill::backfill;
pub(crate) use polling::BACKFILL;

use super::catalog::CATALOG;
use super::common::Common;
use super::plan::asked_for;
use super::settings::Stored;
use crate::meter::Origin;
use crate::source::SourceError;
use gaps::Filling;
use halt::Halt;
use model::time::DAY;
use model::{Channel, Kind, Timestamp};
use reader::Reader;
use std::time::Duration;
use sweep::Object;
use tokio_util::sync::CancellationToken;

/// Reads stored events until `shutdown`: those of kinds that they lead, all where they follow, and what gaps ask for.
///
/// # Errors
/// If activities cannot be published or positions not be kept; what Salesforce refuses is noted and tried again.
pub(crate) async fn run(common: Common, shutdown: CancellationToken) -> Result<(), SourceError> {
    if common.settings.stored == Stored::Off {
        shutdown.cancelled().await;
        return Ok(());
    }
    let mut rounds = Rounds { reader: Reader::new(common), filling: Filling::default() };
    // What is under way at shutdown is read again: positions only move past what is acknowledged.
    while let Some(wait) = shutdown.run_until_cancelled(rounds.round()).await {
        shutdown.run_until_cancelled(tokio::time::sleep(wait?)).await;
    }
    Ok(())
}

/// How long Salesforce stores events, in milliseconds.
const HISTORY: i64 = 180 * DAY;

struct Rounds {
    reader: Reader,
    filling: Filling,
}

impl Rounds {
    /// Reads all there is to be read now; gives how long to wait for the next time.
    async fn round(&mut self) -> Result<Duration, SourceError> {
        let interval = Duration::from_secs(self.reader.common.settings.stored_seconds.max(1).into());
        match self.read().await {
            Ok(()) => Ok(interval),
            Err(Halt::Failed(error)) => Err(error),
            Err(Halt::Org { problem, wait }) => {
                let common = &self.reader.common;
                tracing::warn!(org = %common.org, problem, "stored events are not read for now");
                let kinds: Vec<Kind> = polled(common).map(|object| object.kind).collect();
                common.watch.failed(Origin::Stored, &kinds, problem);
                Ok(wait.max(interval))
            }
        }
    }

    async fn read(&mut self) -> Result<(), Halt> {
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

/// Everything that is stored.
fn all_objects() -> impl Iterator<Item = Object> {
    CATALOG.iter().filter_map(|watched| Some(Object { kind: watched.kind, name: watched.stored? }))
}

/// What is asked for, and counts.
fn objects(common: &Common, at: Timestamp) -> impl Iterator<Item = Object> {
    let asked = asked_for(&common.settings);
    let objects = asked.filter_map(|watched| Some(Object { kind: watched.kind, name: watched.stored? }));
    objects.filter(move |object| common.leads.takes(Channel::Stored, object.kind, at))
}

/// What is read regularly.
fn polled(common: &Common) -> impl Iterator<Item = Object> {
    let leads = |object: &Object| common.leads.of(object.kind) == Some(Channel::Stored);
    let follows = common.settings.stored == Stored::Follow;
    objects(common, crate::http::now()).filter(move |object| follows || leads(object))
}

#[cfg(test)]
mod tests;
