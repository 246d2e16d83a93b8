//! How many unreadable records of each source are kept as dead letters.

use model::time::HOUR;
use model::{OrgId, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// Limits the records that are kept by org and source to [`MAX_PER_HOUR`], so that a format that cannot be read at all
/// does not flood the dead stream.
///
/// An hour begins with the first record of an org and source, and with the first one after it has passed.
#[derive(Debug, Default)]
pub struct HourlyLimit(BTreeMap<(OrgId, String), Hour>);

/// What to do with an unreadable record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Keep it, then call [`HourlyLimit::kept`].
    Keep,
    /// It was kept in this hour already: sources read many records more than once.
    AlreadyKept,
    /// Drop it: the limit of this hour is reached.
    Drop {
        /// Whether it is the first record of the hour that is dropped.
        is_first: bool,
    },
}

/// The most records of one org and source that are kept in an hour. A choice: enough to see what is wrong.
pub const MAX_PER_HOUR: usize = 100;

#[derive(Debug)]
struct Hour {
    began: Timestamp,
    kept: BTreeSet<u64>,
    drops: bool,
}

impl HourlyLimit {
    /// Decides on a record of `org` and `source` at `now`. `identity` is a hash of where it was found and of its bytes.
    pub fn decide(&mut self, org: &OrgId, source: &str, identity: u64, now: Timestamp) -> Decision {
        let hour = self.0.entry((org.clone(), source.to_owned())).or_insert_with(|| Hour::begin(now));
        if now.since(hour.began) >= HOUR {
            *hour = Hour::begin(now);
        }
        if hour.kept.contains(&identity) {
            Decision::AlreadyKept
        } else if hour.kept.len() < MAX_PER_HOUR {
            Decision::Keep
        } else {
            Decision::Drop { is_first: !std::mem::replace(&mut hour.drops, true) }
        }
    }

    /// Records that the dead stream has acknowledged a record.
    pub fn kept(&mut self, org: &OrgId, source: &str, identity: u64) {
        if let Some(hour) = self.0.get_mut(&(org.clone(), source.to_owned())) {
            hour.kept.insert(identity);
        }
    }
}

impl Hour {
    fn begin(now: Timestamp) -> Self {
        Self { began: now, kept: BTreeSet::new(), drops: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Decides on a record, and keeps it if that is the decision.
    fn meet(limit: &mut HourlyLimit, org: &str, source: &str, identity: usize, minute: i64) -> Decision {
        let (org, identity) = (OrgId::new(org), identity as u64);
        let decision = limit.decide(&org, source, identity, Timestamp(minute * 60_000));
        if decision == Decision::Keep {
            limit.kept(&org, source, identity);
        }
        decision
    }

    #[test]
    fn a_record_is_kept_once_and_a_source_has_a_limit_per_hour() {
        let mut limit = HourlyLimit::default();
        for identity in 0..MAX_PER_HOUR {
            assert_eq!(meet(&mut limit, "org", "stored/LoginEvent", identity, 0), Decision::Keep);
            assert_eq!(meet(&mut limit, "org", "stored/LoginEvent", identity, 1), Decision::AlreadyKept);
        }
        let one_more = MAX_PER_HOUR;
        assert_eq!(meet(&mut limit, "org", "stored/LoginEvent", one_more, 59), Decision::Drop { is_first: true });
        assert_eq!(meet(&mut limit, "org", "stored/LoginEvent", one_more, 59), Decision::Drop { is_first: false });
        assert_eq!(meet(&mut limit, "org", "stored/ApiEvent", 0, 59), Decision::Keep);
        assert_eq!(meet(&mut limit, "other", "stored/LoginEvent", one_more, 59), Decision::Keep);
        assert_eq!(meet(&mut limit, "org", "stored/LoginEvent", one_more, 60), Decision::Keep);
    }

    #[test]
    fn a_record_counts_as_kept_only_once_it_is_acknowledged() {
        let (mut limit, org) = (HourlyLimit::default(), OrgId::new("org"));
        for _ in 0..2 {
            assert_eq!(limit.decide(&org, "stream/LoginEventStream", 1, Timestamp(0)), Decision::Keep);
        }
    }
}
