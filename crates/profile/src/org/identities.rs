//! Identities of counted activities, and the facets that their copies carried.

mod segment;

use super::facets::Facets;
use crate::state::{IdentityLog, StateError};
use model::time::HOUR;
use model::{Timestamp, Uuid};
use rustc_hash::FxHashSet;
pub(crate) use segment::Segment;
use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};

/// Identities by the hour of their event time. A copy is recognized on any channel and at any time until its hour is
/// forgotten.
///
/// The identities of the open hour are in a hash set. Those of an earlier hour are sealed: sorted and compressed to
/// about 5 bytes each. Later identities of a sealed hour are kept in a hash set until it is worth sealing the hour again.
/// What is found does not depend on what is sealed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Identities {
    hours: BTreeMap<i64, Hour>,
    /// The open hour; hours from it on are not sealed.
    open: i64,
    /// The stored form; `None` until changes are taken for the first time.
    pub(crate) log: Option<IdentityLog>,
}

/// How many identities of counted activities are kept, and what they take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IdentityUse {
    /// Identities.
    pub entries: u64,
    /// Bytes in memory.
    pub bytes: u64,
    /// Stored records; 0 until changes are taken for the first time.
    pub rows: u64,
}

/// The identities of an hour.
#[derive(Clone, Debug, Default)]
struct Hour {
    /// Sealed identities, by key.
    sealed: Vec<Segment>,
    /// Number of sealed identities.
    sealed_count: usize,
    /// Identities that are not sealed, and those of which facets were added since.
    recent: FxHashSet<Identity>,
}

/// 52 bits of a hash, by which identities are compared, and in the lowest byte the facets that copies carried so far.
///
/// A new activity is taken for a copy with a probability of n/2^52, where n activities of its hour are known: 5 of 10^10
/// for two million, which is an even hour of 50 million a day.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Identity(pub(crate) u64);

/// Most recent identities of a past hour that are not sealed, unless it has many sealed ones. A choice: one record.
const FEW: usize = 256;
/// An hour is sealed again once an hour if its recent identities are more than this part of its sealed ones. A choice
/// that bounds their memory and their records, and writes each late identity as often.
const PART: usize = 16;
/// Late identities of an hour that are sealed at once, unless they are less than a quarter of its sealed ones. A choice:
/// log files bring whole hours late.
const MANY: usize = 4_096;
/// Most hours that one advance of the clock seals. A choice: an hour of two million takes about 0.2 s.
const SEALED_AT_ONCE: usize = 4;

impl Identities {
    /// Adds an identity and returns `None` if it is new; otherwise returns the facets known of it.
    pub(crate) fn insert(&mut self, id: Uuid, at: Timestamp, facets: Facets) -> Option<Facets> {
        let (number, identity) = (at.0.div_euclid(HOUR), Identity::new(id, facets));
        let hour = self.hours.entry(number).or_default();
        if !hour.recent.insert(identity) {
            return hour.recent.get(&identity).map(|known| known.facets());
        }
        if let Some(known) = hour.sealed_facets(identity) {
            hour.recent.remove(&identity);
            return Some(known);
        }
        self.note(number, identity);
        None
    }

    /// Returns the facets known of an identity; `None` if it is new.
    pub(crate) fn facets_of(&self, id: Uuid, at: Timestamp) -> Option<Facets> {
        self.hours.get(&at.0.div_euclid(HOUR))?.facets(Identity::new(id, Facets::ALL))
    }

    /// Adds facets of a copy to a known identity.
    pub(crate) fn add(&mut self, id: Uuid, at: Timestamp, facets: Facets) {
        let (number, identity) = (at.0.div_euclid(HOUR), Identity::new(id, facets));
        let hour = self.hours.entry(number).or_default();
        let known = hour.facets(identity).map_or(0, |known| known.0);
        let identity = Identity::of(identity.key(), Facets(known | facets.0));
        hour.recent.replace(identity);
        self.note(number, identity);
    }

    /// Moves the clock to the hour of `open`: seals hours before it, and forgets those before that of `horizon`.
    pub(crate) fn advance(&mut self, open: Timestamp, horizon: Timestamp) {
        self.open = open.0.div_euclid(HOUR);
        let first = horizon.0.div_euclid(HOUR);
        if self.hours.first_key_value().is_some_and(|(hour, _)| *hour < first) {
            self.hours = self.hours.split_off(&first);
            if let Some(log) = &mut self.log {
                log.forget_before(first);
            }
        }
        let past = self.hours.range(..self.open).rev();
        let due = past.filter(|(_, hour)| hour.recent.len() > FEW.max(hour.sealed_count / PART));
        let due: Vec<i64> = due.map(|(number, _)| *number).take(SEALED_AT_ONCE).collect();
        due.into_iter().for_each(|number| self.seal(number));
    }

    /// Seals all hours and starts to log changes, with everything changed.
    pub(crate) fn start_log(&mut self) {
        self.log = Some(IdentityLog::default());
        let numbers: Vec<i64> = self.hours.keys().copied().collect();
        numbers.into_iter().for_each(|number| self.seal(number));
    }

    /// Restores a stored entry that is not sealed. The facets of several entries of one identity add up.
    pub(crate) fn restore(&mut self, number: i64, identity: Identity) {
        let hour = self.hours.entry(number).or_default();
        let before = hour.recent.get(&identity).map_or(0, |known| known.facets().0);
        hour.recent.replace(Identity::of(identity.key(), Facets(before | identity.facets().0)));
    }

    /// Restores a sealed part of an hour, in any order.
    pub(crate) fn restore_sealed(&mut self, number: i64, key: &str, bytes: Vec<u8>) -> Result<usize, StateError> {
        let segment = Segment::read(key, bytes)?;
        let (count, hour) = (segment.len(), self.hours.entry(number).or_default());
        hour.sealed_count += count;
        let at = hour.sealed.partition_point(|other| other.first_key() < segment.first_key());
        hour.sealed.insert(at, segment);
        Ok(count)
    }

    /// Sets the clock of restored identities to the hour of `open`.
    pub(crate) fn set_open(&mut self, open: Timestamp) {
        self.open = open.0.div_euclid(HOUR);
    }

    /// Returns the number of hours.
    pub(crate) fn hours(&self) -> usize {
        self.hours.len()
    }

    /// Returns the sealed records of an hour.
    pub(crate) fn sealed(&self, number: i64) -> impl Iterator<Item = Vec<u8>> {
        let segments = self.hours.get(&number).into_iter().flat_map(|hour| &hour.sealed);
        segments.map(|segment| segment.bytes().to_vec())
    }

    /// Returns what is kept, and what it takes.
    pub(crate) fn usage(&self) -> IdentityUse {
        let mut usage = IdentityUse { rows: self.log.as_ref().map_or(0, IdentityLog::rows), ..IdentityUse::default() };
        for hour in self.hours.values() {
            usage.entries += (hour.sealed_count + hour.recent.len()) as u64;
            let sealed: usize = hour.sealed.iter().map(|segment| segment.bytes().len() + size_of::<Segment>()).sum();
            // A hash table has a power of two of slots, at most 7/8 of them in use, and a byte for each of them.
            let slots = (hour.recent.capacity() * 8 / 7).next_power_of_two();
            let recent = if hour.recent.capacity() == 0 { 0 } else { slots * (size_of::<Identity>() + 1) };
            usage.bytes += (sealed + recent) as u64;
        }
        usage
    }

    /// Logs a new entry, and seals its hour if that is past and has many.
    fn note(&mut self, number: i64, identity: Identity) {
        if let Some(log) = &mut self.log {
            log.note(number, identity);
        }
        if number < self.open
            && self.hours.get(&number).is_some_and(|hour| hour.recent.len() > MANY.max(hour.sealed_count / 4))
        {
            self.seal(number);
        }
    }

    fn seal(&mut self, number: i64) {
        let Some(hour) = self.hours.get_mut(&number) else { return };
        let mut entries: Vec<Identity> = std::mem::take(&mut hour.recent).into_iter().collect();
        entries.sort_unstable_by_key(|entry| entry.key());
        if !hour.sealed.is_empty() {
            entries = merged(&hour.sealed, entries, hour.sealed_count);
        }
        hour.sealed_count = entries.len();
        hour.sealed = entries.chunks(Segment::MOST).map(Segment::new).collect();
        if let Some(log) = &mut self.log {
            log.seal(number, entries.len());
        }
    }
}

impl Hour {
    fn facets(&self, identity: Identity) -> Option<Facets> {
        self.recent.get(&identity).map(|known| known.facets()).or_else(|| self.sealed_facets(identity))
    }

    fn sealed_facets(&self, identity: Identity) -> Option<Facets> {
        if self.sealed.is_empty() {
            return None;
        }
        let after = self.sealed.partition_point(|segment| segment.first_key() <= identity.key());
        self.sealed.get(after.checked_sub(1)?)?.find(identity.key())
    }
}

/// Returns sealed and recent identities by key. Recent ones replace sealed ones.
fn merged(sealed: &[Segment], recent: Vec<Identity>, sealed_count: usize) -> Vec<Identity> {
    let mut merged = Vec::with_capacity(sealed_count + recent.len());
    let mut recent = recent.into_iter().peekable();
    for old in sealed.iter().flat_map(Segment::iter) {
        while let Some(new) = recent.next_if(|new| new.key() < old.key()) {
            merged.push(new);
        }
        merged.push(recent.next_if(|new| *new == old).unwrap_or(old));
    }
    merged.extend(recent);
    merged
}

impl Identity {
    /// Bits of a key.
    pub(crate) const KEY_BITS: u32 = 52;
    /// The unused bits between key and facets.
    const UNUSED: u64 = 0xf00;

    fn new(id: Uuid, facets: Facets) -> Self {
        // Rotated, so that the halves of ids that repeat bits do not cancel out. Part of the stored state.
        let (high, low) = id.as_u64_pair();
        Self::stored((high ^ low.rotate_left(29)) & !0xff | u64::from(facets.0))
    }

    /// Returns a stored entry, which may have the four bits more that earlier versions compared.
    pub(crate) fn stored(entry: u64) -> Self {
        Self(entry & !Self::UNUSED)
    }

    /// Returns the identity with a key and facets.
    fn of(key: u64, facets: Facets) -> Self {
        Self(key << (u64::BITS - Self::KEY_BITS) | u64::from(facets.0))
    }

    fn key(self) -> u64 {
        self.0 >> (u64::BITS - Self::KEY_BITS)
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
mod tests;
