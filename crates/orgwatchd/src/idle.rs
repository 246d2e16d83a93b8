//! When everything that was put in has come out.

use crate::node::Node;
use anyhow::Result;
use bus::{Bus, Consumer};
use detector::Group;
use ingest::FileSource;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const LOOK: Duration = Duration::from_millis(100);

/// Returns when the files are read and no stage has anything left. What a stage acknowledges, it has passed on: so they
/// are looked at one after the other, each until it has nothing to do.
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
        tokio::time::sleep(LOOK).await;
    }
    for partition in 0..node.config.partitions.count {
        drained(&node.bus, &Consumer::baseline(partition)).await?;
    }
    drained(&node.bus, &Consumer::detector(group.name())).await?;
    drained(&node.bus, &Consumer::correlator()).await?;
    while node.store.outbox_backlog().await?.0 > 0 {
        tokio::time::sleep(LOOK).await;
    }
    drained(&node.bus, &Consumer::notifier()).await
}

async fn drained(bus: &Bus, source: &Consumer) -> Result<()> {
    while !bus.backlog(source).await?.is_empty() {
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}
