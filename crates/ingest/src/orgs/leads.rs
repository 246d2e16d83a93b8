//! Which channel leads for which kind of events.

use model::{Channel, Kind, Timestamp};
use std::collections::BTreeMap;

/// One channel a kind, so that nothing counts twice; the others follow.
#[derive(Debug, Default)]
pub(crate) struct Leads {
    leads: BTreeMap<Kind, Channel>,
}

impl Leads {
    pub(crate) fn new(leads: BTreeMap<Kind, Channel>) -> Self {
        Self { leads }
    }

    pub(crate) fn of(&self, kind: Kind) -> Option<Channel> {
        self.leads.get(&kind).copied()
    }

    /// Whether an activity is to be published that came by `channel`. Streamed and stored copies have one identity, so
    /// both may be.
    pub(crate) fn takes(&self, channel: Channel, kind: Kind, _at: Timestamp) -> bool {
        let has_identity = |channel| matches!(channel, Channel::Stream | Channel::Stored);
        match self.of(kind) {
            Some(lead) => lead == channel || has_identity(lead) && has_identity(channel),
            None => false,
        }
    }
}
