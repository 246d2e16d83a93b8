//! Rounds of log files: what there is, what is due, and what never came.

use super::super::catalog::CATALOG;
use super::super::common::Common;
use super::columns::{Change, Columns};
use super::download::{self, Summary};
use super::file::{Interval, LogFile};
use super::list::{Listing, OBJECT, list};
use super::meter::Meter;
use super::missing::{LOOK, missing};
use super::position::{Issue, Position};
use super::sending::Sent;
use super::stop::{Rounds, Stop, within_budget};
use super::{begin, keep, kept};
use crate::meter::Origin;
use crate::source::SourceError;
use model::time::{DAY, HOUR, SECOND};
use model::{Kind, Timestamp};
use std::collections::BTreeMap;
use store::NewGap;

/// Reads the log files of one org.
pub(super) struct LogFiles {
    common: Common,
    meter: Meter,
    position: Position,
    columns: Columns,
    /// How often reading a file has failed.
    failed: BTreeMap<Issue, u32>,
    interval: Option<Interval>,
    /// The hour in which missing files were looked for last.
    looked: Option<i64>,
}

/// Under which the position is kept, and the columns.
pub(super) const POSITION: &str = "log_files";
const COLUMNS: &str = "log_files/columns";
/// How long after its end all files of a time have come: Salesforce writes them up to three days later.
const COMPLETE: i64 = 3 * DAY;

impl LogFiles {
    /// # Errors
    /// If what is kept cannot be read.
    pub(super) async fn resume(common: Common) -> Result<Self, SourceError> {
        let position = match kept(&common, POSITION).await? {
            Some(position) => position,
            None => {
                let position = Position::new(begin(&common));
                keep(&common, POSITION, &position).await?;
                position
            }
        };
        let columns = kept(&common, COLUMNS).await?.unwrap_or_default();
        let (meter, failed) = (Meter::new(), BTreeMap::new());
        Ok(Self { common, meter, position, columns, failed, interval: None, looked: None })
    }

    /// Files that are due at `now`, in the order in which they are to be read: whichever fails waits for the others.
    async fn due(&mut self, listing: &Listing, now: Timestamp) -> Result<Vec<LogFile>, Stop> {
        let gaps = self.common.watch.gaps().await?;
        self.common.leads.miss(&gaps);
        let listed = list(&self.common.client, &listing.created_since(self.position.cursor)).await?;
        self.common.watch.heard(Self::ORIGIN, &self.kinds(), now);
        let is_wanted = |file: &LogFile| file.is_wanted(listing.interval, &self.common.leads, &gaps);
        let mut due = self.position.pending(listed, is_wanted);
        let failures = |file: &LogFile| self.failed.get(&file.issue()).copied().unwrap_or_default();
        due.sort_by_key(failures);
        let failing = due.iter().filter(|file| failures(file) > 0).map(|file| (file.issue(), failures(file))).collect();
        self.failed = failing;
        // Hourly files have been seen to grow at first.
        let settle = match listing.interval {
            Interval::Hourly => i64::from(self.common.settings.settle_seconds) * SECOND,
            Interval::Daily => 0,
        };
        due.retain(|file| file.created.plus(settle) <= now);
        Ok(due)
    }

    async fn read(&mut self, file: &LogFile) -> Result<(), Stop> {
        within_budget(&self.common)?;
        let summary = download::read(&self.common, file).await;
        if matches!(summary, Err(Stop::Call(_))) {
            *self.failed.entry(file.issue()).or_default() += 1;
        }
        let Summary { bytes, sent: Sent { rows, rejected } } = summary?;
        self.position.done(file.issue());
        keep(&self.common, POSITION, &self.position).await?;
        let now = self.common.clock();
        self.common.watch.heard(Self::ORIGIN, &self.kinds(), now);
        self.see_columns(file, now).await?;
        let (org, event_type, log_date) = (&self.common.org, &file.event_type, file.log_date);
        tracing::debug!(%org, file = file.id, event_type, %log_date, bytes, rows, rejected, "log file is read");
        if bytes < file.length {
            tracing::warn!(%org, file = file.id, event_type, bytes, listed = file.length, "log file is short");
        }
        Ok(())
    }

    async fn see_columns(&mut self, file: &LogFile, now: Timestamp) -> Result<(), SourceError> {
        let (event_type, Some(columns)) = (&file.event_type, &file.columns) else { return Ok(()) };
        match self.columns.see(event_type, columns, now.0.div_euclid(DAY)) {
            Change::None => return Ok(()),
            Change::Untold => {}
            Change::ToTell { new, gone } => {
                tracing::info!(org = %self.common.org, event_type, ?new, ?gone, "log files have other columns");
                self.meter.drift(event_type, new.len(), gone.len());
            }
        }
        keep(&self.common, COLUMNS, &self.columns).await
    }

    /// Closes gaps of which all files must have come.
    async fn close_gaps(&self, now: Timestamp) -> Result<(), Stop> {
        for gap in self.common.watch.gaps().await? {
            let kind = Kind::ALL.iter().find(|kind| kind.as_str() == gap.kind);
            let is_ours = kind.is_some_and(|kind| self.common.leads.is_filled_by_log_files(*kind));
            if is_ours && gap.to.plus(COMPLETE) <= now {
                self.common.watch.filled(&gap, "filled from log files, as far as they tell").await?;
            }
        }
        Ok(())
    }

    /// Records hours whose files will not come anymore, once an hour.
    async fn look_for_missing(&mut self, listing: &Listing, now: Timestamp) -> Result<(), Stop> {
        let hour = now.0.div_euclid(HOUR);
        if listing.interval != Interval::Hourly || self.looked == Some(hour) {
            return Ok(());
        }
        let mut files = list(&self.common.client, &listing.about_time_since(now.plus(-LOOK))).await?;
        files.retain(|file| file.is_wanted(Interval::Hourly, &self.common.leads, &[]));
        let missing = missing(&files, now);
        for missing in missing.into_iter().filter(|missing| missing.from >= self.position.began) {
            let reason = format!("Salesforce has written no log file of type {} for this time", missing.event_type);
            let (source, kind) = (Self::ORIGIN.as_str().to_owned(), missing.kind.as_str().to_owned());
            self.common.watch.missed(NewGap { source, kind, from: missing.from, to: missing.to, reason }).await?;
        }
        self.looked = Some(hour);
        Ok(())
    }
}

impl Rounds for LogFiles {
    const ORIGIN: Origin = Origin::LogFiles;
    const ADVICE: &'static str = "give the user View Event Log Files and API Enabled";

    fn kinds(&self) -> Vec<Kind> {
        let is_asked_for = |kind: &Kind| self.common.leads.of(*kind).is_some();
        let watched = CATALOG.iter().filter(|watched| !watched.log_files.is_empty());
        watched.map(|watched| watched.kind).filter(is_asked_for).collect()
    }

    async fn round(&mut self) -> Result<(), Stop> {
        // Asked each time: fields come with permissions. The answer also has the clock and the calls that are left.
        let description = self.common.client.describe(OBJECT).await?;
        within_budget(&self.common)?;
        let now = self.common.clock();
        let listing = Listing::new(&description, &self.common.settings)?;
        if self.interval.replace(listing.interval) != Some(listing.interval) {
            let (org, asked, interval) = (&self.common.org, self.common.settings.log_files, listing.interval);
            tracing::info!(%org, ?asked, ?interval, "log files are read");
        }
        let due = self.due(&listing, now).await?;
        self.look_for_missing(&listing, now).await?;
        for file in due {
            self.read(&file).await?;
        }
        self.close_gaps(now).await
    }
}
