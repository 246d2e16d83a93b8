//! The rules of detectors, which may change while detectors run.

use anyhow::{Context, Result};
use bus::{Bucket, Bus};
use engine::Rules;
use futures::StreamExt;
use model::Timestamp;
use settings::Settings;
use std::path::Path;
use std::sync::Arc;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Key in the settings bucket. The value is a file as `orgwatch backtest --config` takes it.
const KEY: &str = "rules";

/// Returns the rules of `initial`, and follows those that are pushed until `shutdown`.
///
/// # Errors
/// If the bucket cannot be opened.
pub(crate) async fn follow(
    bus: &Bus,
    initial: Settings,
    learn_until: Option<Timestamp>,
    shutdown: CancellationToken,
) -> Result<watch::Receiver<Arc<Rules>>> {
    let mut pushed = Bucket::open(bus).await?.watch(KEY)?;
    let (sender, receiver) = watch::channel(Arc::new(Rules::new(&initial, learn_until)));
    tokio::spawn(async move {
        loop {
            let value = tokio::select! {
                () = shutdown.cancelled() => return,
                value = pushed.next() => value,
            };
            let Some(value) = value else { return };
            match parse(&String::from_utf8_lossy(&value), Path::new("pushed rules")) {
                Ok(pushed) => {
                    // Only the settings of detectors change: partitions are fixed, and profiles learn as before.
                    let settings = Settings { detect: pushed.detect, ..initial.clone() };
                    let rules = Rules::new(&settings, learn_until);
                    tracing::info!(hash = %rules.config_hash(), "new rules are in use");
                    sender.send_replace(Arc::new(rules));
                }
                Err(error) => {
                    tracing::error!(error = format!("{error:#}"), "pushed rules are not valid and not used")
                }
            }
        }
    });
    Ok(receiver)
}

/// Checks a file and distributes it. Returns the hash that findings will carry.
///
/// # Errors
/// If the file is not valid, or the bucket cannot be written.
pub(crate) async fn push(bus: &Bus, text: String, path: &Path, current: &Settings) -> Result<model::Text> {
    let config = parse(&text, path)?;
    Bucket::open(bus).await?.put(KEY, text.into()).await?;
    Ok(Settings { detect: config.detect, ..current.clone() }.hash())
}

fn parse(text: &str, path: &Path) -> Result<Settings> {
    Settings::parse(text, path).context("the rules are not valid")
}
