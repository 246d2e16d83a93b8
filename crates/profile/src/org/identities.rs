//! Identities already counted.

use model::time::HOUR;
use model::{Timestamp, Uuid};
use rustc_hash::FxHashSet;
use std::collections::BTreeMap;

/// Remembers what was seen, by the hour in which it happened, so that a copy that comes any way and at any time
/// within the horizon is known, and what lies behind the horizon can be forgotten.
#[derive(Clone, Debug, Default)]
pub(crate) struct Identities {
    hours: BTreeMap<i64, FxHashSet<u64>>,
}

impl Identities {
    /// Whether the identity is new; remembers it.
    pub(crate) fn insert(&mut self, id: Uuid, at: Timestamp) -> bool {
        let (high, low) = id.as_u64_pair();
        self.hours.entry(at.0.div_euclid(HOUR)).or_default().insert(high ^ low.rotate_left(29))
    }

    /// Forgets what happened before `horizon`.
    pub(crate) fn forget_before(&mut self, horizon: Timestamp) {
        let first = horizon.0.div_euclid(HOUR);
        if self.hours.first_key_value().is_some_and(|(hour, _)| *hour < first) {
            self.hours = self.hours.split_off(&first);
        }
    }
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
