//! The file source: reads files once, in the order in which a backtest reads them.

mod pace;
mod progress;
mod reader;

use crate::meter::{Counts, Meter, SourceKind};
use crate::source::{Positions, Source, SourceError};
use crate::{FileSettings, Sink};
use ::files::Batch;
use futures::future::BoxFuture;
use model::{Command, OrgId, Timestamp};
use pace::Pace;
use progress::{Progress, StoredIn};
use reader::{Plan, Reader};
use salesforce::Faults;
use salesforce::reading::delivered::LeftOut;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

/// Reads files and folders, merged by event time, and returns at their end.
///
/// Its position is the number of activities of these files that JetStream has acknowledged. After a restart it reads
/// the files again and skips that number; if the files have changed, it starts from the beginning.
pub struct FileSource {
    settings: FileSettings,
    positions: Arc<dyn Positions>,
    /// How long to wait at shutdown for acknowledgements.
    drain: Duration,
    meter: Meter,
}

/// The state of one run.
struct Run<'a> {
    source: &'a FileSource,
    sink: &'a Sink,
    progress: Progress,
    /// How many activities are still to be skipped, because an earlier run published them.
    skip: u64,
    /// The time of the latest activity of each org.
    last: BTreeMap<OrgId, Timestamp>,
    bytes: u64,
    /// What was set aside, and what else was read.
    faults: Faults<()>,
    counts: salesforce::Counts,
    left_out: LeftOut,
    pace: Pace,
}

/// Where a run has stopped.
#[derive(Clone, Copy, Debug)]
enum Reached {
    End,
    Shutdown,
}

impl FileSource {
    /// Makes a source; `drain` is how long to wait at shutdown for acknowledgements.
    pub fn new(settings: FileSettings, positions: Arc<dyn Positions>, drain: Duration) -> Self {
        Self { settings, positions, drain, meter: Meter::new() }
    }

    /// Returns whether the files and their end are published, by this or another process.
    ///
    /// # Errors
    /// If the position cannot be read.
    pub async fn is_done(&self) -> Result<bool, SourceError> {
        let position = self.positions.get(self.name(), &self.org()).await?;
        Ok(position.is_some_and(|position| position.get("ended").and_then(serde_json::Value::as_bool) == Some(true)))
    }

    async fn read(&self, sink: &Sink, shutdown: &CancellationToken) -> Result<(), SourceError> {
        let plan = Plan::make(self.settings.clone()).await?;
        for skipped in &plan.skipped {
            tracing::info!(file = %skipped.path.display(), reason = %skipped.reason, "file skipped");
        }
        let progress = self.progress(&plan).await?;
        if progress.position().ended {
            tracing::info!(activities = progress.position().acknowledged, "the files are published already");
            return Ok(());
        }
        let skip = progress.position().acknowledged;
        let pace = Pace::new(self.settings.speed, self.settings.paced_from);
        let watching = sink.watching();
        let sink = if self.settings.watch { &watching } else { sink };
        let mut run = Run {
            source: self,
            sink,
            progress,
            skip,
            last: BTreeMap::new(),
            bytes: 0,
            faults: Faults::default(),
            counts: salesforce::Counts::default(),
            left_out: LeftOut::new(),
            pace,
        };
        let mut reader = plan.start();
        let published = tokio::select! {
            biased;
            () = shutdown.cancelled() => Ok(Reached::Shutdown),
            published = run.publish(&mut reader) => published,
        };
        let read = reader.finish().await;
        let drained = self.within_drain(shutdown, run.progress.drain()).await;
        run.progress.save().await?;
        let reached = published?;
        read?;
        match (reached, drained) {
            (Reached::End, Some(drained)) => {
                drained?;
                self.within_drain(shutdown, run.end()).await.unwrap_or(Ok(()))
            }
            (Reached::Shutdown, Some(drained)) => drained,
            (_, None) => {
                tracing::warn!("not all activities were acknowledged before shutdown, they will be published again");
                Ok(())
            }
        }
    }

    async fn progress(&self, plan: &Plan) -> Result<Progress, SourceError> {
        let Some(fingerprint) = plan.fingerprint else { return Ok(Progress::without_position(self.meter.clone())) };
        let stored_in = StoredIn { positions: Arc::clone(&self.positions), source: self.name(), org: self.org() };
        Progress::resume(stored_in, fingerprint, self.meter.clone()).await
    }

    /// Returns the org under which the position is stored: files of several orgs are one input.
    fn org(&self) -> OrgId {
        self.settings.org.clone().unwrap_or_else(|| OrgId::new(""))
    }

    /// Runs work to its end; `None` if it takes longer than the drain time after `shutdown`.
    async fn within_drain<T>(&self, shutdown: &CancellationToken, work: impl Future<Output = T>) -> Option<T> {
        let over = async {
            shutdown.cancelled().await;
            tokio::time::sleep(self.drain).await;
        };
        tokio::select! {
            biased;
            done = work => Some(done),
            () = over => None,
        }
    }
}

impl Source for FileSource {
    fn name(&self) -> &'static str {
        "files"
    }

    fn run<'a>(&'a mut self, sink: &'a Sink, shutdown: CancellationToken) -> BoxFuture<'a, Result<(), SourceError>> {
        Box::pin(async move { self.read(sink, &shutdown).await })
    }
}

impl Run<'_> {
    async fn publish(&mut self, reader: &mut Reader) -> Result<Reached, SourceError> {
        while let Some((batch, left_out)) = reader.next().await {
            let span = tracing::info_span!("read files", orgwatch.service = "ingest");
            self.take(batch, left_out).instrument(span).await?;
        }
        self.summarize();
        Ok(Reached::End)
    }

    /// Sends the new activities of a batch, and moves the position past those that were acknowledged meanwhile.
    async fn take(&mut self, batch: Batch, left_out: LeftOut) -> Result<(), SourceError> {
        let rejected = batch.rejects.len();
        batch.rejects.iter().for_each(|(path, reject)| self.set_aside(path, reject));
        let ignored = batch.counts.ignored();
        self.counts.append(batch.counts);
        self.source.meter.bytes(SourceKind::Files, batch.bytes.saturating_sub(self.bytes));
        self.bytes = batch.bytes;
        let mut activities = batch.activities;
        let read = activities.len();
        activities.retain(|activity| self.source.settings.asks_for(activity.event_time));
        let outside = read - activities.len() + left_out.values().sum::<u64>() as usize;
        left_out.into_iter().for_each(|(what, count)| *self.left_out.entry(what).or_default() += count);
        self.source.meter.records(SourceKind::Files, Counts { rejected, ignored, outside, ..Counts::default() });
        for activity in &activities {
            let last = self.last.entry(activity.org_id.clone()).or_insert(activity.event_time);
            *last = activity.event_time.max(*last);
        }
        let skipped = usize::try_from(self.skip).map_or(activities.len(), |skip| skip.min(activities.len()));
        self.skip -= skipped as u64;
        activities.drain(..skipped);
        while !activities.is_empty() {
            let due = self.pace.due(&activities, Instant::now());
            if due == 0 {
                tokio::time::sleep(pace::STEP).await;
                continue;
            }
            let batch = self.sink.batch(activities.drain(..due).collect());
            let counts = batch.counts();
            self.progress.sent(counts, self.sink.send_batch(batch).await?);
        }
        self.progress.settle().await
    }

    /// Sends the end of the files, or the watermark of each org, to all partitions of all orgs.
    async fn end(&mut self) -> Result<(), SourceError> {
        let span = tracing::info_span!("end of files", orgwatch.service = "ingest");
        let (last, sink, end) = (&self.last, self.sink, self.source.settings.end);
        let commands = async {
            for (org, time) in last {
                let command = if end { Command::End } else { Command::Watermark(*time) };
                sink.command(org, command).await?.await?;
            }
            Ok::<(), SourceError>(())
        };
        commands.instrument(span).await?;
        self.progress.ended().await?;
        let activities = self.progress.position().acknowledged;
        let Counts { backfill, too_old, ahead, .. } = self.progress.counts();
        tracing::info!(activities, backfill, too_old, ahead, orgs = self.last.len(), "the files are published");
        Ok(())
    }

    /// Counts a record that was set aside, and logs the first one with its fault.
    fn set_aside(&mut self, path: &Path, reject: &salesforce::Reject) {
        self.faults.add(&reject.reason, || {
            let (file, reason) = (path.display(), &reject.reason);
            tracing::warn!(%file, line = reject.line, %reason, "unreadable record, the first with this fault");
        });
    }

    /// Logs what was read, and what was not.
    fn summarize(&self) {
        for (fault, found) in self.faults.iter() {
            tracing::warn!(records = found.count, reason = fault, "records set aside");
        }
        self.source.meter.unread(SourceKind::Files, &self.counts);
        for ((kind, channel), events) in &self.left_out {
            tracing::info!(%kind, %channel, events, "a kind came by two channels: the events of this one are left out");
        }
    }
}

#[cfg(test)]
mod tests;
