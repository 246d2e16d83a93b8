//! Identities already counted.

use crate::state::SeenLog;
use model::time::HOUR;
use model::{Timestamp, Uuid};
use rustc_hash::FxHashSet;
use std::collections::BTreeMap;

/// Remembers what was seen, by the hour in which it happened, so that a copy that comes any way and at any time
/// within the horizon is known, and what lies behind the horizon can be forgotten.
#[derive(Clone, Debug, Default)]
pub(crate) struct Identities {
    pub(crate) hours: BTreeMap<i64, FxHashSet<u64>>,
    /// What is stored of them, if they are.
    pub(crate) log: Option<SeenLog>,
}

impl Identities {
    /// Whether the identity is new; remembers it.
    pub(crate) fn insert(&mut self, id: Uuid, at: Timestamp) -> bool {
        let (hour, key) = (at.0.div_euclid(HOUR), key(id));
        let is_new = self.hours.entry(hour).or_default().insert(key);
        if is_new && let Some(log) = &mut self.log {
            log.note(hour, key);
        }
        is_new
    }

    pub(crate) fn contains(&self, id: Uuid, at: Timestamp) -> bool {
        self.hours.get(&at.0.div_euclid(HOUR)).is_some_and(|hour| hour.contains(&key(id)))
    }

    /// Forgets what happened before `horizon`.
    pub(crate) fn forget_before(&mut self, horizon: Timestamp) {
        let first = horizon.0.div_euclid(HOUR);
        if self.hours.first_key_value().is_some_and(|(hour, _)| *hour < first) {
            self.hours = self.hours.split_off(&first);
            if let Some(log) = &mut self.log {
                log.forget_before(first);
            }
        }
    }
}

fn key(id: Uuid) -> u64 {
    let (high, low) = id.as_u64_pair();
    high ^ low.rotate_left(29)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_known_until_the_horizon_passes() {
        let mut identities = Identities::default();
        let id = Uuid::from_u128(7);
        assert!(identities.insert(id, Timestamp(HOUR)));
        assert!(!identities.insert(id, Timestamp(HOUR)));
        identities.forget_before(Timestamp(HOUR + 5));
        assert!(!identities.insert(id, Timestamp(HOUR)));
        identities.forget_before(Timestamp(2 * HOUR));
        assert!(identities.insert(id, Timestamp(HOUR)));
    }
}
