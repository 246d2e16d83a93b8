//! What all sources of one org share.

use super::catalog::category;
use super::context::Context;
use super::leads::Leads;
use super::settings::ConnectedOrg;
use super::watch::Watch;
use crate::meter::{Counts, Meter, Origin};
use crate::source::{Positions, SourceError};
use crate::{Sink, Ticket};
use model::{Activity, OrgId};
use salesforce_client::Client;
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
}
