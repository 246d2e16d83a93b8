//! Identities of counted activities, and the facets that their copies carried.

use super::facets::Facets;
use crate::state::IdentityLog;
use model::time::HOUR;
use model::{Timestamp, Uuid};
use rustc_hash::FxHashSet;
use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};

/// Identities by the hour of their event time. A copy is recognized on any channel and at any time until its hour is
/// forgotten.
#[derive(Clone, Debug, Default)]
pub(crate) struct Identities {
    pub(crate) hours: BTreeMap<i64, FxHashSet<Identity>>,
    /// The stored form; `None` until changes are taken for the first time.
    pub(crate) log: Option<IdentityLog>,
}

/// 56 bits of a hash, by which identities are compared, and below them the facets that copies carried so far.
///
/// Two activities of one hour are taken for copies by chance with a probability of about n²/2^57: for a million events
/// in the hour, once in 140,000 such hours.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Identity(pub(crate) u64);

impl Identities {
    /// Adds an identity and returns `None` if it is new; otherwise returns the facets known of it.
    pub(crate) fn insert(&mut self, id: Uuid, at: Timestamp, facets: Facets) -> Option<Facets> {
        let (hour, identity) = (at.0.div_euclid(HOUR), Identity::new(id, facets));
        let known = self.hours.entry(hour).or_default();
        if !known.insert(identity) {
            return known.get(&identity).map(|known| known.facets());
        }
        if let Some(log) = &mut self.log {
            log.note(hour, identity);
        }
        None
    }

    /// Returns the facets known of an identity; `None` if it is new.
    pub(crate) fn facets_of(&self, id: Uuid, at: Timestamp) -> Option<Facets> {
        let hour = self.hours.get(&at.0.div_euclid(HOUR))?;
        hour.get(&Identity::new(id, Facets::ALL)).map(|known| known.facets())
    }

    /// Adds facets of a copy to a known identity.
    pub(crate) fn add(&mut self, id: Uuid, at: Timestamp, facets: Facets) {
        let (hour, identity) = (at.0.div_euclid(HOUR), Identity::new(id, facets));
        self.restore(hour, identity);
        if let Some(log) = &mut self.log {
            log.note(hour, identity);
        }
    }

    /// Restores a stored entry. An identity has one with the facets of its first copy, and one more for each copy that
    /// carried more.
    pub(crate) fn restore(&mut self, hour: i64, identity: Identity) {
        let known = self.hours.entry(hour).or_default();
        let before = known.get(&identity).map_or(0, |known| known.0);
        known.replace(Identity(before & 0xff | identity.0));
    }

    /// Forgets the identities of hours before that of `horizon`.
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

impl Identity {
    fn new(id: Uuid, facets: Facets) -> Self {
        // Rotated, so that the halves of ids that repeat bits do not cancel out. Part of the stored state.
        let (high, low) = id.as_u64_pair();
        Self((high ^ low.rotate_left(29)) & !0xff | u64::from(facets.0))
    }

    fn key(self) -> u64 {
        self.0 >> 8
    }

    fn facets(self) -> Facets {
        let [.., facets] = self.0.to_be_bytes();
        Facets(facets)
    }
}

impl PartialEq for Identity {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Identity {}

impl Hash for Identity {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_known_until_its_hour_is_forgotten() {
        let mut identities = Identities::default();
        let id = Uuid::from_u128(7);
        let insert = |identities: &mut Identities| identities.insert(id, Timestamp(HOUR), Facets(5));
        assert_eq!(insert(&mut identities), None);
        assert_eq!(insert(&mut identities), Some(Facets(5)));
        identities.forget_before(Timestamp(HOUR + 5));
        assert_eq!(insert(&mut identities), Some(Facets(5)));
        identities.forget_before(Timestamp(2 * HOUR));
        assert_eq!(insert(&mut identities), None);
    }

    #[test]
    fn facets_of_copies_add_up() {
        let mut identities = Identities::default();
        let (id, at) = (Uuid::from_u128(u128::MAX), Timestamp(-1));
        assert_eq!(identities.facets_of(id, at), None);
        identities.insert(id, at, Facets(1));
        identities.add(id, at, Facets(4));
        assert_eq!(
            (identities.facets_of(id, at), identities.insert(id, at, Facets(2))),
            (Some(Facets(5)), Some(Facets(5)))
        );
        assert_eq!(identities.facets_of(Uuid::from_u128(7), at), None);
    }
}
