//! The state that all readers of one org share.

use crate::context::Context;
use crate::settings::ConnectedOrg;
use crate::watch::Watch;
use ingest::meter::{Counts, Meter, SourceKind};
use ingest::{Positions, Sink, SourceError, Ticket};
use model::{Activity, Channel, OrgId, Timestamp};
use salesforce::reading::catalog::category;
use salesforce::reading::leads::Leads;
use salesforce::reading::{self, kind_named};
use salesforce_client::{Client, Usage};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// One org that is being read. Clones share everything.
#[derive(Clone)]
pub(crate) struct Common {
    pub(crate) org: OrgId,
    pub(crate) settings: Arc<ConnectedOrg>,
    pub(crate) client: Client,
    pub(crate) sink: Sink,
    pub(crate) positions: Arc<dyn Positions>,
    /// The state of every channel, and the gaps.
    pub(crate) watch: Watch,
    pub(crate) context: Arc<Context>,
    pub(crate) leads: Arc<Leads>,
    /// The open gaps, as the reader of log files last saw them: rows in their time are published.
    pub(crate) gaps: Arc<Mutex<Vec<reading::Gap>>>,
    pub(crate) meter: Meter,
}

/// What published activities are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// They are judged, and may raise findings.
    Watch,
    /// They are backfill: they teach, and raise nothing.
    Backfill,
}

/// How long a reader pauses after the day's API calls of its org are used up. A choice.
pub(crate) const CALLS_PAUSE: Duration = Duration::from_secs(900);

impl Common {
    /// Publishes activities of a channel in order. Leaves out, and counts, activities of kinds that are not read or for
    /// which another channel leads, except rows of log files that fill a gap.
    ///
    /// # Errors
    /// If they cannot be published. Part of them may be sent already, so read all of them again.
    pub(crate) async fn publish(
        &self,
        channel: Channel,
        mut activities: Vec<Activity>,
        purpose: Purpose,
    ) -> Result<Ticket, SourceError> {
        let source = SourceKind::Salesforce(channel);
        let read = activities.len();
        activities.iter().for_each(|activity| self.meter.latency(source, activity));
        self.retain_published(&mut activities);
        self.meter.records(source, Counts { outside: read - activities.len(), ..Counts::default() });
        for activity in &mut activities {
            self.context.enrich(activity);
        }
        self.watch.saw(channel, &activities);
        let batch = match purpose {
            Purpose::Watch => self.sink.batch(activities),
            Purpose::Backfill => self.sink.backfill_batch(activities),
        };
        let counts = batch.counts();
        if purpose == Purpose::Watch && counts.backfill > 0 {
            let (org, activities) = (&self.org, counts.backfill);
            tracing::info!(%org, source = %channel, activities, "events are backfill because of their age");
        }
        let sent = self.sink.send_batch(batch).await?;
        let meter = self.meter.clone();
        Ok(Box::pin(async move {
            sent.await?;
            meter.records(source, counts);
            Ok(())
        }))
    }

    /// Replaces the gaps that log files may fill.
    pub(crate) fn set_gaps(&self, gaps: Vec<reading::Gap>) {
        *self.gaps.lock().unwrap_or_else(PoisonError::into_inner) = gaps;
    }

    /// Returns the org's time; ours if the org has not given its own yet.
    pub(crate) fn clock(&self) -> Timestamp {
        self.client.server_time().unwrap_or_else(runtime::clock::now)
    }

    /// Returns the usage of the org's API calls if only the reserve of `calls_floor` is left.
    pub(crate) fn used_up(&self) -> Option<Usage> {
        self.client.usage().filter(|usage| is_used_up(*usage, self.settings.calls_floor))
    }

    fn retain_published(&self, activities: &mut Vec<Activity>) {
        let gaps = self.gaps.lock().unwrap_or_else(PoisonError::into_inner);
        activities.retain(|activity| {
            let (channel, kind) = (activity.channel, category(activity.kind));
            self.leads.takes(channel, kind) || self.leads.fills(channel, kind, activity.event_time, &gaps)
        });
    }
}

/// Returns whether only the reserve of the day's API calls is left. `floor` is its fraction of the day's calls, 0 to 1.
/// An org that reports no limit of calls counts as having calls left.
pub(crate) fn is_used_up(usage: Usage, floor: f64) -> bool {
    usage.max > 0 && usage.max.saturating_sub(usage.used) as f64 <= floor * usage.max as f64
}

/// Returns the stored gaps of known kinds.
pub(crate) fn known_gaps(gaps: &[store::Gap]) -> Vec<reading::Gap> {
    let known = |gap: &store::Gap| {
        let kind = kind_named(&gap.kind)?;
        Some(reading::Gap { kind, from: gap.from, to: gap.to, reason: gap.reason.clone() })
    };
    gaps.iter().filter_map(known).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reserve_of_calls_counts_as_used_up() {
        let check =
            |used, floor, expect| assert_eq!(is_used_up(Usage { used, max: 1_000 }, floor), expect, "{used} {floor}");
        check(799, 0.2, false);
        check(800, 0.2, true);
        check(999, 0.0, false);
        check(1_000, 0.0, true);
        check(1_200, 0.0, true);
        assert!(!is_used_up(Usage { used: 0, max: 0 }, 0.2));
    }
}
