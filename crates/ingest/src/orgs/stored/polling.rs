//! What happened since the last reading.

use super::halt::Halt;
use super::reader::Reader;
use super::sweep::{Object, Span, Sweep};
use crate::meter::Origin;
use crate::orgs::common::{Common, Purpose};
use crate::orgs::settings::Start;
use crate::source::SourceError;
use model::Timestamp;
use model::time::{DAY, HOUR, SECOND};
use serde::{Deserialize, Serialize};

/// How far an object was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Position {
    /// Milliseconds; all that was visible up to then is on the stream.
    pub(super) to: i64,
}

/// Where an org's first backfill is noted.
pub(crate) const BACKFILL: &str = "backfill";
/// How far a first reading reaches back at most: as far as streams do.
const FIRST: i64 = 3 * DAY;

/// Reads the objects up to `now`, with what has become visible late.
pub(super) async fn poll(reader: &mut Reader, objects: &[Object], now: Timestamp) -> Result<(), Halt> {
    let common = reader.common.clone();
    let overlap = i64::from(common.settings.overlap_seconds) * SECOND;
    let mut reached = Vec::with_capacity(objects.len());
    for object in objects {
        reached.push(position(&common, &source(*object)).await?);
    }
    let first = first(&common, now).await?;
    let from = |reached: &Option<Timestamp>| reached.map_or(first, |reached| reached.plus(-overlap));
    let spans = objects.iter().zip(&reached).map(|(object, to)| Span { object: *object, from: from(to), to: now });
    let mut sweep = Sweep::new(spans.collect(), HOUR, DAY);
    while let Some(delivered) = reader.step(&mut sweep, Purpose::Watch).await? {
        for read in delivered.read {
            let Span { object, to, .. } = read.part.span;
            reader.remember(object, read.ids, to.plus(-overlap));
            // Within the overlap it has been further already.
            if let Some(reached) = reached.get_mut(read.part.index).filter(|reached| **reached < Some(to)) {
                *reached = Some(to);
                put(&common, &source(object), to).await?;
            }
            if to == now {
                common.watch.heard(Origin::Stored, &[object.kind], now);
            }
        }
    }
    Ok(())
}

/// How far a source was read.
pub(super) async fn position(common: &Common, source: &str) -> Result<Option<Timestamp>, SourceError> {
    let position = common.positions.get(source, &common.org).await?;
    let position = position.and_then(|position| serde_json::from_value::<Position>(position).ok());
    Ok(position.map(|position| Timestamp(position.to)))
}

pub(super) async fn put(common: &Common, source: &str, to: Timestamp) -> Result<(), SourceError> {
    let position = serde_json::json!(Position { to: to.0 });
    Ok(common.positions.put(source, &common.org, &position).await?)
}

fn source(object: Object) -> String {
    format!("stored/{}", object.name)
}

/// Where the first reading of an object begins: where the backfill ends; else where streams begin that were never read.
async fn first(common: &Common, now: Timestamp) -> Result<Timestamp, SourceError> {
    let interval = i64::from(common.settings.stored_seconds) * SECOND;
    let earliest = now.plus(-FIRST);
    Ok(match (position(common, BACKFILL).await?, common.settings.start) {
        (Some(taught), _) => taught.plus(1).max(earliest),
        (None, Start::Earliest) => earliest,
        (None, Start::Latest) => now.plus(-interval),
    })
}
