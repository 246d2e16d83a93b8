//! Reads new events.

use super::reader::{MAX_ROWS, Reader};
use super::stop::Stop;
use crate::common::{Common, Purpose};
use crate::settings::Start;
use ingest::SourceError;
use model::time::{DAY, HOUR, SECOND};
use model::{Channel, Timestamp};
use salesforce::reading::sweep::{Object, Span, Sweep, Windows};
use serde::{Deserialize, Serialize};

/// How far an object was read, as it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Position {
    /// Milliseconds; all rows up to then that were visible are acknowledged.
    pub(super) to: i64,
}

/// The name under which the range of an org's first backfill is stored.
pub(crate) const BACKFILL: &str = "backfill";
/// How far back the first reading begins at most, in milliseconds: as far as streams do.
const FIRST: i64 = 3 * DAY;

/// The windows. A choice.
const WINDOWS: Windows = Windows { width: HOUR, max_width: DAY, max_rows: MAX_ROWS };

/// Reads the objects up to `now`, including rows that became visible late.
pub(super) async fn poll(reader: &mut Reader, objects: &[Object], now: Timestamp) -> Result<(), Stop> {
    let common = reader.common.clone();
    let overlap = i64::from(common.settings.overlap_seconds) * SECOND;
    let mut reached = Vec::with_capacity(objects.len());
    for object in objects {
        reached.push(position(&common, &source(*object)).await?);
    }
    let first = first(&common, now).await?;
    let from = |reached: &Option<Timestamp>| reached.map_or(first, |reached| reached.plus(-overlap));
    let spans = objects.iter().zip(&reached).map(|(object, to)| Span { object: *object, from: from(to), to: now });
    let mut sweep = Sweep::new(spans.collect(), WINDOWS);
    while let Some(delivered) = reader.step(&mut sweep, Purpose::Watch).await? {
        for read in delivered.read {
            let Span { object, to, .. } = read.part.span;
            reader.remember(object, read.ids, to.plus(-overlap));
            // Within the overlap the position is further already.
            if let Some(reached) = reached.get_mut(read.part.index).filter(|reached| **reached < Some(to)) {
                *reached = Some(to);
                put(&common, &source(object), to).await?;
            }
            if to == now {
                common.watch.heard(Channel::Stored, &[object.kind], now);
            }
        }
    }
    Ok(())
}

/// Returns how far a source was read; `None` if it was not.
pub(super) async fn position(common: &Common, source: &str) -> Result<Option<Timestamp>, SourceError> {
    let position = common.positions.get(source, &common.org).await?;
    let position = position.and_then(|position| serde_json::from_value::<Position>(position).ok());
    Ok(position.map(|position| Timestamp(position.to)))
}

/// Stores how far a source was read.
pub(super) async fn put(common: &Common, source: &str, to: Timestamp) -> Result<(), SourceError> {
    let position = serde_json::json!(Position { to: to.0 });
    Ok(common.positions.put(source, &common.org, &position).await?)
}

fn source(object: Object) -> String {
    format!("stored/{}", object.name)
}

/// Returns where the first reading of an object begins: after the first backfill, else where a new stream would begin.
async fn first(common: &Common, now: Timestamp) -> Result<Timestamp, SourceError> {
    let interval = i64::from(common.settings.stored_seconds) * SECOND;
    let earliest = now.plus(-FIRST);
    Ok(match (position(common, BACKFILL).await?, common.settings.start) {
        (Some(filled), _) => filled.plus(1).max(earliest),
        (None, Start::Earliest) => earliest,
        (None, Start::Latest) => now.plus(-interval),
    })
}
