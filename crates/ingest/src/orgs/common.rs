//! What all sources of one org share.

use super::catalog::category;
use super::context::Context;
use super::leads::Leads;
use super::settings::ConnectedOrg;
use super::watch::Watch;
use crate::meter::{Counts, Meter, Origin};
use crate::source::{Positions, SourceError};
use crate::{Sink, Ticket};
use model::{Activity, OrgId, Timestamp};
use salesforce_client::{Client, Usage};
use std::sync::Arc;

/// One org that is being read; clones share everything.
#[derive(Clone)]
pub(crate) struct Common {
    pub(crate) org: OrgId,
    pub(crate) settings: Arc<ConnectedOrg>,
    pub(crate) client: Client,
    pub(crate) sink: Sink,
    pub(crate) positions: Arc<dyn Positions>,
    /// What each source has seen, and the gaps.
    pub(crate) watch: Watch,
    pub(crate) context: Arc<Context>,
    /// Which channel leads for which kind.
    pub(crate) leads: Arc<Leads>,
    pub(crate) meter: Meter,
}

/// What published activities are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// They are told as they happen, or as soon as they are found.
    Watch,
    /// They are long past: they teach, and raise nothing.
    Teach,
}

impl Common {
    /// Puts activities on the stream, in the order in which they are given. Left out, and counted, are those of kinds
    /// for which another channel leads, and of kinds that are not asked for.
    ///
    /// # Errors
    /// Part may have been sent already: whoever got the activities must get them again.
    pub(crate) async fn publish(
        &self,
        origin: Origin,
        mut activities: Vec<Activity>,
        purpose: Purpose,
    ) -> Result<Ticket, SourceError> {
        let read = activities.len();
        activities.iter().for_each(|activity| self.meter.latency(origin, activity));
        activities.retain(|activity| {
            let kind = category(activity.kind);
            self.leads.takes(activity.channel, kind, activity.event_time)
        });
        let accepted = activities.len();
        self.meter.records(origin, Counts { outside: read - accepted, ..Counts::default() });
        for activity in &mut activities {
            self.context.enrich(activity);
        }
        self.watch.saw(origin, &activities);
        let sent = match purpose {
            Purpose::Watch => self.sink.send(activities).await?,
            Purpose::Teach => self.sink.teach(activities).await?,
        };
        let meter = self.meter.clone();
        Ok(Box::pin(async move {
            sent.await?;
            meter.records(origin, Counts { accepted, ..Counts::default() });
            Ok(())
        }))
    }

    /// The org's clock; ours where the org has not told its own.
    pub(crate) fn clock(&self) -> Timestamp {
        self.client.server_time().unwrap_or_else(crate::http::now)
    }

    /// The calls of the day, if no more of them are left than are to be left to others.
    pub(crate) fn used_up(&self) -> Option<Usage> {
        self.client.usage().filter(|usage| is_used_up(*usage, self.settings.calls_floor))
    }
}

/// `floor`: the part that is to be left to others, 0 to 1. Of an org that tells of no calls nothing is known.
pub(super) fn is_used_up(usage: Usage, floor: f64) -> bool {
    usage.max > 0 && usage.max.saturating_sub(usage.used) as f64 <= floor * usage.max as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_calls_of_the_day_are_left_to_others() {
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
