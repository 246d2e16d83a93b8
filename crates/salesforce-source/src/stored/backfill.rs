//! Reads old events, which only teach.

use super::polling::{position, put};
use super::reader::{MAX_ROWS, Reader};
use super::stop::Stop;
use super::{HISTORY, objects};
use crate::common::{Common, Purpose};
use ingest::SourceError;
use model::Timestamp;
use model::time::{DAY, HOUR};
use salesforce::reading::sweep::{Span, Sweep, Windows};
use std::time::Duration;

/// The outcome of a backfill.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Backfilled {
    /// Published activities.
    pub activities: u64,
    /// Windows of time that were read.
    pub windows: u64,
    /// Moments with more events than Salesforce returns.
    pub truncations: u64,
    /// The problems of objects that were not read to the end, for an operator.
    pub unread: Vec<String>,
}

/// The windows. A choice: a few days of a small org are one query.
const WINDOWS: Windows = Windows { width: 6 * HOUR, max_width: 4 * DAY, max_rows: MAX_ROWS };
/// The shortest wait before an org that failed is asked again. A choice.
const PAUSE: Duration = Duration::from_secs(60);

/// Reads the stored events of every kind that is read, from `from` to `to`, in order. Continues where an interrupted
/// backfill of the same range stopped; waits while the org cannot be reached or has no API calls left.
///
/// # Errors
/// If activities cannot be published or positions cannot be stored.
pub(crate) async fn backfill(
    common: &Common,
    from: Timestamp,
    to: Timestamp,
    purpose: Purpose,
) -> Result<Backfilled, SourceError> {
    let source = format!("backfill/{}-{}", from.0, to.0);
    let reached = position(common, &source).await?.map_or(from, |reached| reached.plus(1));
    let from = reached.max(to.plus(-HISTORY));
    let spans = objects(common).map(|object| Span { object, from, to }).collect();
    let mut sweep = Sweep::new(spans, WINDOWS);
    let mut reader = Reader::new(common.clone());
    let mut filled = Backfilled::default();
    loop {
        let delivered = match reader.step(&mut sweep, purpose).await {
            Ok(Some(delivered)) => delivered,
            Ok(None) => return Ok(filled),
            Err(Stop::Failed(error)) => return Err(error),
            Err(Stop::Org { problem, wait }) => {
                tracing::warn!(org = %common.org, problem, "the backfill waits");
                tokio::time::sleep(wait.max(PAUSE)).await;
                // Updates the number of calls left; a failure shows again in the next step.
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
            tracing::info!(org = %common.org, %reached, activities = filled.activities, "backfill progress");
        }
    }
}
