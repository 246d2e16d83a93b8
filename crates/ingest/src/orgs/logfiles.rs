//! Event log files and event log objects.
//!
//! Files are listed by when they were created, and read whole, in constant memory; objects are read by time. Rows have
//! no identity but their content, which is the same each time: whatever is read twice counts once.

mod columns;
mod download;
mod file;
mod files;
mod list;
mod meter;
mod missing;
mod objects;
mod position;
mod rows;
mod sending;
mod stop;
#[cfg(test)]
mod tests;

use super::common::Common;
use super::settings::{Files, Start};
use crate::source::SourceError;
use files::LogFiles;
use model::Timestamp;
use model::time::DAY;
use objects::LogObjects;
use serde::Serialize;
use serde::de::DeserializeOwned;
use stop::go_round;
use tokio_util::sync::CancellationToken;

/// Reads log files and log objects until `shutdown`.
///
/// # Errors
/// If activities cannot be published or positions not be kept; what Salesforce refuses is noted and tried again.
pub(crate) async fn run(common: Common, shutdown: CancellationToken) -> Result<(), SourceError> {
    let files = async {
        if common.settings.log_files == Files::Off {
            return Ok(());
        }
        go_round(&common, LogFiles::resume(common.clone()).await?, &shutdown).await
    };
    let objects = async {
        if !common.settings.log_objects {
            return Ok(());
        }
        go_round(&common, LogObjects::resume(common.clone()).await?, &shutdown).await
    };
    tokio::try_join!(files, objects)?;
    shutdown.cancelled().await;
    Ok(())
}

/// With how much an org begins that was never read: with as much as its streams have.
const EARLIEST: i64 = 3 * DAY;

fn begin(common: &Common) -> Timestamp {
    let now = common.clock();
    if common.settings.start == Start::Earliest { now.plus(-EARLIEST) } else { now }
}

/// What was kept under a name; `None` also where it cannot be understood, which makes a beginning of it.
async fn kept<T: DeserializeOwned>(common: &Common, name: &str) -> Result<Option<T>, SourceError> {
    let Some(value) = common.positions.get(name, &common.org).await? else { return Ok(None) };
    let read = serde_json::from_value(value);
    if let Err(error) = &read {
        tracing::error!(org = %common.org, name, %error, "what was kept cannot be understood, reading begins anew");
    }
    Ok(read.ok())
}

async fn keep(common: &Common, name: &str, what: &(impl Serialize + Sync)) -> Result<(), SourceError> {
    match serde_json::to_value(what) {
        Ok(value) => Ok(common.positions.put(name, &common.org, &value).await?),
        Err(error) => {
            tracing::error!(org = %common.org, name, %error, "not kept");
            Ok(())
        }
    }
}
