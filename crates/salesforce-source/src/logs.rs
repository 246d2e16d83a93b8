//! Reads event log files and event log objects.
//!
//! Files are listed by their time of creation, and each is read as a whole, in constant memory; objects are read by time
//! of their rows. The identity of a row is its content, so rows that are read twice count once.

mod download;
mod files;
mod list;
mod meter;
mod objects;
mod rows;
mod sending;
mod stop;
#[cfg(test)]
mod tests;

use crate::common::Common;
use crate::settings::{Files, Start};
use files::LogFiles;
use ingest::SourceError;
use model::Timestamp;
use model::time::DAY;
use objects::LogObjects;
use serde::Serialize;
use serde::de::DeserializeOwned;
use stop::run_rounds;
use tokio_util::sync::CancellationToken;

/// Reads log files and log objects until `shutdown`.
///
/// # Errors
/// If activities cannot be published or positions cannot be stored. Failures of Salesforce are recorded, and tried again.
pub(crate) async fn run(common: Common, shutdown: CancellationToken) -> Result<(), SourceError> {
    let files = async {
        if common.settings.log_files == Files::Off {
            return Ok(());
        }
        run_rounds(&common, LogFiles::resume(common.clone()).await?, &shutdown).await
    };
    let objects = async {
        if !common.settings.log_objects {
            return Ok(());
        }
        run_rounds(&common, LogObjects::resume(common.clone()).await?, &shutdown).await
    };
    tokio::try_join!(files, objects)?;
    shutdown.cancelled().await;
    Ok(())
}

/// How far back the first reading of an org begins, in milliseconds: as far as streams do.
const EARLIEST: i64 = 3 * DAY;

/// Returns where the first reading of an org begins.
fn begin(common: &Common) -> Timestamp {
    let now = common.clock();
    if common.settings.start == Start::Earliest { now.plus(-EARLIEST) } else { now }
}

/// Returns the stored value of a name; `None` if there is none, or it cannot be read, so that reading starts again.
async fn load<T: DeserializeOwned>(common: &Common, name: &str) -> Result<Option<T>, SourceError> {
    let Some(value) = common.positions.get(name, &common.org).await? else { return Ok(None) };
    let read = serde_json::from_value(value);
    if let Err(error) = &read {
        tracing::error!(org = %common.org, name, %error, "the stored position cannot be read, reading starts again");
    }
    Ok(read.ok())
}

/// Stores a value under a name.
async fn save(common: &Common, name: &str, value: &(impl Serialize + Sync)) -> Result<(), SourceError> {
    match serde_json::to_value(value) {
        Ok(value) => Ok(common.positions.put(name, &common.org, &value).await?),
        Err(error) => {
            tracing::error!(org = %common.org, name, %error, "the position cannot be written as JSON");
            Ok(())
        }
    }
}
