//! Waits until all input has passed through all stages.

use crate::node::Node;
use anyhow::Result;
use bus::{Bus, Consumer};
use detector::Group;
use ingest::FileSource;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often servers are polled.
const POLL: Duration = Duration::from_millis(100);

/// Waits until the files are read and every stage is idle. A stage acknowledges only what it has passed on, so it is
/// enough to wait for the stages one after the other.
///
/// # Errors
/// If a server does not answer.
pub async fn wait(node: &Node, group: &Group, shutdown: &CancellationToken) -> Result<()> {
    tokio::select! {
        () = shutdown.cancelled() => Ok(()),
        done = passed_on(node, group) => done,
    }
}

async fn passed_on(node: &Node, group: &Group) -> Result<()> {
    let files = FileSource::new(node.config.ingest.files.clone(), Arc::new(node.store.clone()), Duration::ZERO);
    let has_files = !node.config.ingest.files.paths.is_empty();
    while has_files && !files.is_done().await? {
        tokio::time::sleep(POLL).await;
    }
    for partition in 0..node.config.partitions.count {
        drained(&node.bus, &Consumer::baseline(partition)).await?;
    }
    drained(&node.bus, &Consumer::detector(group.name())).await?;
    drained(&node.bus, &Consumer::correlator()).await?;
    while node.store.outbox_backlog().await?.0 > 0 {
        tokio::time::sleep(POLL).await;
    }
    drained(&node.bus, &Consumer::notifier()).await
}

async fn drained(bus: &Bus, consumer: &Consumer) -> Result<()> {
    while !bus.backlog(consumer).await?.is_empty() {
        tokio::time::sleep(POLL).await;
    }
    Ok(())
}
