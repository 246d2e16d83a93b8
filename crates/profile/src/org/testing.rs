//! An org that tests feed one activity after the other.

use crate::{Org, Settings};
use model::{Activity, Channel, Feature, Kind, Observation, OrgId, Timestamp, UserId, Uuid};

/// An org, and the number of activities made for it.
pub(super) struct Fed {
    pub(super) org: Org,
    count: u128,
}

impl Fed {
    /// Returns an org without activities.
    pub(super) fn new() -> Self {
        Self { org: Org::new(OrgId::new("00Dhn0000018hrcEAA"), &Settings::default()).unwrap(), count: 0 }
    }

    /// Makes an activity so many milliseconds after 2026-01-05, a Monday, each a millisecond later than the one before.
    pub(super) fn activity(&mut self, at: i64, user: &str, channel: Channel, kind: Kind) -> Activity {
        self.count += 1;
        let at = Timestamp::parse("2026-01-05").unwrap().plus(at + self.count as i64);
        Activity::new(Uuid::from_u128(self.count), self.org.id().clone(), UserId::new(user), at, channel, kind)
    }

    /// Observes an activity. Returns what is observed, of other accounts, too.
    pub(super) fn observe(&mut self, activity: &Activity) -> Vec<Observation> {
        let mut out = Vec::new();
        self.org.observe(activity, &mut out);
        out
    }

    /// Observes an activity. Returns the features.
    pub(super) fn features(&mut self, activity: &Activity) -> Vec<Feature> {
        self.observe(activity).into_iter().flat_map(|observation| observation.features).collect()
    }
}
