//! What happened before an org was watched.

use super::halt::Halt;
use super::polling::{position, put};
use super::reader::Reader;
use super::sweep::{Span, Sweep};
use super::{HISTORY, objects};
use crate::orgs::common::{Common, Purpose};
use crate::source::SourceError;
use model::Timestamp;
use model::time::{DAY, HOUR};
use std::time::Duration;

/// What a backfill came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Backfilled {
    pub activities: u64,
    pub windows: u64,
    /// Moments with more events than Salesforce gives out.
    pub truncations: u64,
    /// Objects that were not read to the end, in words for an operator.
    pub unread: Vec<String>,
}

/// Milliseconds of a window: at first, and at most.
const WIDTH: i64 = 6 * HOUR;
const MOST: i64 = 4 * DAY;
/// How long an org that gives nothing is left alone, at least.
const PAUSE: Duration = Duration::from_secs(60);

/// Reads the stored events from `from` to `to`, of all kinds that are asked for, in their order. Goes on where it was
/// left; waits while the org cannot be reached or gives no more calls.
///
/// # Errors
/// If activities cannot be published or positions not be kept.
pub(crate) async fn backfill(
    common: &Common,
    from: Timestamp,
    to: Timestamp,
    purpose: Purpose,
) -> Result<Backfilled, SourceError> {
    let _past = common.sink.reads_past();
    let source = format!("backfill/{}-{}", from.0, to.0);
    let reached = position(common, &source).await?.map_or(from, |reached| reached.plus(1));
    let from = reached.max(to.plus(-HISTORY));
    let spans = objects(common, to).map(|object| Span { object, from, to }).collect();
    let mut sweep = Sweep::new(spans, WIDTH, MOST);
    let mut reader = Reader::new(common.clone());
    let mut filled = Backfilled::default();
    loop {
        let delivered = match reader.step(&mut sweep, purpose).await {
            Ok(Some(delivered)) => delivered,
            Ok(None) => return Ok(filled),
            Err(Halt::Failed(error)) => return Err(error),
            Err(Halt::Org { problem, wait }) => {
                tracing::warn!(org = %common.org, problem, "the backfill waits");
                tokio::time::sleep(wait.max(PAUSE)).await;
                // For the calls that are left; what goes wrong comes up again with the next step.
                reader.clock().await.ok();
                continue;
            }
        };
        filled.windows += 1;
        filled.activities += delivered.activities as u64;
        filled.truncations += delivered.read.iter().map(|read| read.truncated.len() as u64).sum::<u64>();
        filled.unread.extend(delivered.failed.into_iter().map(|(_, problem)| problem));
        if let Some(reached) = delivered.read.iter().map(|read| read.part.span.to).min() {
            put(common, &source, reached).await?;
            tracing::info!(org = %common.org, %reached, activities = filled.activities, "the backfill goes on");
        }
    }
}
