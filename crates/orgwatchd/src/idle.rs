//! When everything that was put in has come out.

use crate::node::Node;
use anyhow::Result;
use bus::Source;
use detector::Group;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const LOOK: Duration = Duration::from_millis(100);

/// Returns when the files are read and no stage has anything left. What a stage acknowledges, it has passed on: so they
/// are looked at one after the other, each until it has nothing to do.
///
/// # Errors
/// If a server does not answer.
pub async fn wait(node: &Node, group: &Group, shutdown: &CancellationToken) -> Result<()> {
    let work = async {
        until(async || Ok(ingest::files_are_read(&node.store, &node.config.ingest).await?)).await?;
        let partitions = (0..node.config.partitions.count).map(Source::baseline);
        let stages = partitions.chain([Source::detector(group.name()), Source::correlator()]);
        for source in stages {
            until(async || Ok(node.bus.backlog(&source).await?.is_empty())).await?;
        }
        until(async || Ok(node.store.outbox_backlog().await?.0 == 0)).await?;
        until(async || Ok(node.bus.backlog(&Source::notifier()).await?.is_empty())).await
    };
    tokio::select! {
        () = shutdown.cancelled() => Ok(()),
        done = work => done,
    }
}

async fn until(mut is_so: impl AsyncFnMut() -> Result<bool>) -> Result<()> {
    while !is_so().await? {
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}
