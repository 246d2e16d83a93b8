//! What was read and what was set aside, in numbers.

use crate::reject::RejectReason;
use crate::types::TypeSource;
use model::Text;
use serde::Serialize;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// The most types that [`Counts::not_watched`] names; events of further ones count as of type "other".
pub const MAX_TYPES: usize = 256;
/// The most faults that [`Faults`] names; records with further ones count as of the fault "other".
pub const MAX_FAULTS: usize = 64;

/// Numbers of events and values, without those of rejected records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Number of valid events of types that orgwatch does not watch, by type. At most [`MAX_TYPES`] are named.
    pub not_watched: BTreeMap<Text, u64>,
    /// Number of activities of records that do not say their type, by type and what said it.
    pub suggested: BTreeMap<(&'static str, TypeSource), u64>,
    /// Number of values of known fields that could not be read, by Salesforce's name of the field.
    pub unread: BTreeMap<&'static str, u64>,
    /// Number of activities of records that name no org.
    pub unnamed: u64,
}

impl Counts {
    /// Returns the number of valid events of types that orgwatch does not watch.
    pub fn ignored(&self) -> u64 {
        self.not_watched.values().sum()
    }

    /// Adds other counts.
    pub fn append(&mut self, other: Self) {
        self.unnamed += other.unnamed;
        other.not_watched.into_iter().for_each(|(name, count)| self.add_not_watched(name, count));
        other.suggested.into_iter().for_each(|(name, count)| *self.suggested.entry(name).or_default() += count);
        other.unread.into_iter().for_each(|(name, count)| *self.unread.entry(name).or_default() += count);
    }

    pub(crate) fn add_not_watched(&mut self, name: Text, count: u64) {
        let is_named = self.not_watched.len() < MAX_TYPES || self.not_watched.contains_key(&name);
        let name = if is_named { name } else { Text::const_new("other") };
        *self.not_watched.entry(name).or_default() += count;
    }
}

/// Rejected records, grouped by [`RejectReason::fault`]. At most [`MAX_FAULTS`] are named.
#[derive(Clone, Debug)]
pub struct Faults<P>(BTreeMap<Cow<'static, str>, Fault<P>>);

/// The rejected records with one fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault<P> {
    /// How many there are.
    pub count: u64,
    /// Where the first one is.
    pub first: P,
}

impl<P> Faults<P> {
    /// Counts a record that was rejected for `reason`. `place` says where it is.
    pub fn add(&mut self, reason: &RejectReason, place: impl FnOnce() -> P) {
        self.add_named(reason.fault(), place);
    }

    /// Counts a record with a fault that is none of [`RejectReason`].
    pub fn add_named(&mut self, fault: Cow<'static, str>, place: impl FnOnce() -> P) {
        let is_named = self.0.len() < MAX_FAULTS || self.0.contains_key(&fault);
        let fault = if is_named { fault } else { Cow::Borrowed("other") };
        match self.0.get_mut(&fault) {
            Some(known) => known.count += 1,
            None => drop(self.0.insert(fault, Fault { count: 1, first: place() })),
        }
    }

    /// Returns how many records there are.
    pub fn total(&self) -> u64 {
        self.0.values().map(|fault| fault.count).sum()
    }

    /// Returns how many records have this fault.
    pub fn of(&self, fault: &str) -> u64 {
        self.0.get(fault).map_or(0, |fault| fault.count)
    }

    /// Returns the faults with their records, the most frequent first.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Fault<P>)> {
        let mut faults: Vec<_> = self.0.iter().map(|(name, fault)| (name.as_ref(), fault)).collect();
        faults.sort_by_key(|(_, fault)| std::cmp::Reverse(fault.count));
        faults.into_iter()
    }
}

impl<P> Default for Faults<P> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bad_time(value: String) -> RejectReason {
        RejectReason::BadTime { field: "EventDate", value: value.into() }
    }

    #[test]
    fn records_with_one_fault_are_one_entry_with_the_first_place() {
        let mut faults = Faults::default();
        faults.add(&RejectReason::NoUser, || 1);
        (2..100_u64).for_each(|line| faults.add(&bad_time(format!("{line} mars")), || line));
        let listed: Vec<_> = faults.iter().map(|(name, fault)| (name, fault.count, fault.first)).collect();
        assert_eq!(
            listed,
            [("no time: EventDate is not a time", 98, 2), ("no user: UserId and Username are missing", 1, 1)]
        );
        assert_eq!(faults.total(), 99);
    }

    #[test]
    fn hostile_records_cannot_make_the_lists_long() {
        let (mut faults, mut counts) = (Faults::default(), Counts::default());
        for number in 0..10_000 {
            faults.add(&RejectReason::NotAnEvent(format!("Type{number}").into()), || ());
            counts.append(Counts { not_watched: [(format!("Type{number}").into(), 1)].into(), ..Counts::default() });
        }
        assert_eq!((faults.total(), faults.iter().count()), (10_000, MAX_FAULTS + 1));
        assert_eq!((counts.ignored(), counts.not_watched.len()), (10_000, MAX_TYPES + 1));
    }
}
