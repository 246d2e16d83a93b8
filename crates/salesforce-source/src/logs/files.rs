//! Rounds of log files: lists them, reads those that are due, and looks for those that never came.

use super::download::{self, Summary};
use super::list::{Listing, OBJECT, list};
use super::meter::Meter;
use super::sending::Sent;
use super::stop::{Rounds, Stop, check_calls};
use super::{begin, load, save};
use crate::common::{Common, known_gaps};
use ingest::SourceError;
use model::time::{DAY, HOUR, SECOND};
use model::{Channel, Kind, Timestamp};
use salesforce::reading::catalog::CATALOG;
use salesforce::reading::columns::{Change, Columns};
use salesforce::reading::log_file::{Interval, LogFile};
use salesforce::reading::log_position::{Issue, LogPosition};
use salesforce::reading::missing::{LOOK_BACK, missing};
use salesforce::reading::{kind_named, source_name};
use std::collections::BTreeMap;
use store::NewGap;

/// Reads the log files of one org.
pub(super) struct LogFiles {
    common: Common,
    meter: Meter,
    position: LogPosition,
    columns: Columns,
    /// How often reading each file has failed.
    failed: BTreeMap<Issue, u32>,
    interval: Option<Interval>,
    /// The hour in which missing files were last looked for.
    looked: Option<i64>,
}

/// The names under which the position and the columns are stored.
pub(super) const POSITION: &str = "log_files";
const COLUMNS: &str = "log_files/columns";
/// How long after its end all files of a time have come, in milliseconds: docs/sources.md.
const COMPLETE: i64 = 3 * DAY;

impl LogFiles {
    /// Continues at the stored position.
    ///
    /// # Errors
    /// If the position cannot be read or stored.
    pub(super) async fn resume(common: Common) -> Result<Self, SourceError> {
        let position = match load(&common, POSITION).await? {
            Some(position) => position,
            None => {
                let position = LogPosition::new(begin(&common));
                save(&common, POSITION, &position).await?;
                position
            }
        };
        let columns = load(&common, COLUMNS).await?.unwrap_or_default();
        let (meter, failed) = (Meter::new(), BTreeMap::new());
        Ok(Self { common, meter, position, columns, failed, interval: None, looked: None })
    }

    /// Returns the files that are due at `now`, in reading order: files that have failed come last.
    async fn due(&mut self, listing: &Listing, now: Timestamp) -> Result<Vec<LogFile>, Stop> {
        let gaps = known_gaps(&self.common.watch.gaps().await?);
        self.common.set_gaps(gaps.clone());
        let listed = list(&self.common.client, &listing.created_since(self.position.cursor)).await?;
        self.common.watch.heard(Self::CHANNEL, &self.kinds(), now);
        let is_wanted = |file: &LogFile| file.is_wanted(listing.interval, &self.common.leads, &gaps);
        let mut due = self.position.pending(listed, is_wanted);
        let failures = |file: &LogFile| self.failed.get(&file.issue()).copied().unwrap_or_default();
        due.sort_by_key(failures);
        let failing = due.iter().filter(|file| failures(file) > 0).map(|file| (file.issue(), failures(file))).collect();
        self.failed = failing;
        // Hourly files may grow at first, as was observed.
        let settle = match listing.interval {
            Interval::Hourly => i64::from(self.common.settings.settle_seconds) * SECOND,
            Interval::Daily => 0,
        };
        due.retain(|file| file.created.plus(settle) <= now);
        Ok(due)
    }

    async fn read(&mut self, file: &LogFile) -> Result<(), Stop> {
        check_calls(&self.common)?;
        let summary = download::read(&self.common, file).await;
        if matches!(summary, Err(Stop::Call(_))) {
            *self.failed.entry(file.issue()).or_default() += 1;
        }
        let Summary { bytes, sent: Sent { rows, rejected } } = summary?;
        self.position.done(file.issue());
        save(&self.common, POSITION, &self.position).await?;
        let now = self.common.clock();
        self.common.watch.heard(Self::CHANNEL, &self.kinds(), now);
        self.see_columns(file, now).await?;
        let (org, event_type, log_date) = (&self.common.org, &file.event_type, file.log_date);
        tracing::debug!(%org, file = file.id, event_type, %log_date, bytes, rows, rejected, "log file read");
        if bytes < file.length {
            tracing::warn!(%org, file = file.id, event_type, bytes, listed = file.length, "log file has fewer bytes than listed");
        }
        Ok(())
    }

    async fn see_columns(&mut self, file: &LogFile, now: Timestamp) -> Result<(), SourceError> {
        let (event_type, Some(columns)) = (&file.event_type, &file.columns) else { return Ok(()) };
        match self.columns.see(event_type, columns, now.0.div_euclid(DAY)) {
            Change::None => return Ok(()),
            Change::Unreported => {}
            Change::Report { new, gone } => {
                tracing::info!(org = %self.common.org, event_type, ?new, ?gone, "the columns of log files have changed");
                self.meter.columns_changed(event_type, new.len(), gone.len());
            }
        }
        save(&self.common, COLUMNS, &self.columns).await
    }

    /// Closes gaps whose files must all have come.
    async fn close_gaps(&self, now: Timestamp) -> Result<(), Stop> {
        for gap in self.common.watch.gaps().await? {
            let is_ours = kind_named(&gap.kind).is_some_and(|kind| self.common.leads.is_filled_by_log_files(kind));
            if is_ours && gap.to.plus(COMPLETE) <= now {
                self.common.watch.close_gap(&gap, "filled from log files, as far as they have rows").await?;
            }
        }
        Ok(())
    }

    /// Stores gaps for hours whose files will not come anymore, once an hour.
    async fn look_for_missing(&mut self, listing: &Listing, now: Timestamp) -> Result<(), Stop> {
        let hour = now.0.div_euclid(HOUR);
        if listing.interval != Interval::Hourly || self.looked == Some(hour) {
            return Ok(());
        }
        let mut files = list(&self.common.client, &listing.about_time_since(now.plus(-LOOK_BACK))).await?;
        files.retain(|file| file.is_wanted(Interval::Hourly, &self.common.leads, &[]));
        let missing = missing(&files, now);
        for missing in missing.into_iter().filter(|missing| missing.from >= self.position.began) {
            let reason = format!("Salesforce has written no log file of type {} for this time", missing.event_type);
            let (source, kind) = (source_name(Self::CHANNEL).to_owned(), missing.kind.as_str().to_owned());
            self.common.watch.open_gap(NewGap { source, kind, from: missing.from, to: missing.to, reason }).await?;
        }
        self.looked = Some(hour);
        Ok(())
    }
}

impl Rounds for LogFiles {
    const CHANNEL: Channel = Channel::LogFile;
    const ADVICE: &'static str = "give the user View Event Log Files and API Enabled";

    fn kinds(&self) -> Vec<Kind> {
        let is_asked_for = |kind: &Kind| self.common.leads.of(*kind).is_some();
        let entries = CATALOG.iter().filter(|entry| !entry.log_files.is_empty());
        entries.map(|entry| entry.kind).filter(is_asked_for).collect()
    }

    async fn round(&mut self) -> Result<(), Stop> {
        // In every round, because fields depend on permissions. The answer also has the org's time and the calls left.
        let description = self.common.client.describe(OBJECT).await?;
        check_calls(&self.common)?;
        let now = self.common.clock();
        let listing = Listing::new(&description, &self.common.settings)?;
        if self.interval.replace(listing.interval) != Some(listing.interval) {
            let (org, asked, interval) = (&self.common.org, self.common.settings.log_files, listing.interval);
            tracing::info!(%org, ?asked, ?interval, "reading log files");
        }
        let due = self.due(&listing, now).await?;
        self.look_for_missing(&listing, now).await?;
        for file in due {
            self.read(&file).await?;
        }
        self.close_gaps(now).await
    }
}
