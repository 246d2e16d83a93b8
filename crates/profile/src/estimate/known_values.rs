//! The values that an account has used, on how many days, and how recently.

use super::Dropped;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;

/// A bounded set of values by hash, each with the number of days on which it was used, which decays.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct KnownValues {
    entries: Vec<Entry>,
    capacity: u16,
    /// Values dropped for lack of room: a value that looks new may be one of them.
    forgotten: u32,
    /// The dropped values, once there are any. They are stored behind the profile, because earlier versions of the record
    /// lack them.
    #[serde(skip)]
    dropped: Option<Box<Dropped>>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Entry {
    #[serde(with = "postcard::fixint::le")]
    key: u64,
    /// The last day on which the value was used.
    last_day: i32,
    /// Days on which the value was used, as of the last of them; halved every [`KnownValues::HALF_LIFE`] days.
    days: f32,
}

/// A value that an account has used.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KnownValue {
    /// Its hash.
    pub key: u64,
    /// Decayed days on which it was used.
    pub days: f32,
    /// The last of them.
    pub last_day: i32,
}

impl KnownValue {
    /// Orders values by use: the most used first, of equals the one used last, then by key.
    pub fn by_use(&self, other: &Self) -> Ordering {
        let by_days = other.days.total_cmp(&self.days);
        by_days.then(other.last_day.cmp(&self.last_day)).then(self.key.cmp(&other.key))
    }
}

/// How well a value was known before the present day.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Sighting {
    /// Used earlier today.
    Today {
        /// Decayed days before today; 0 for a value that is new today.
        days: f32,
    },
    /// Used on earlier days, and not yet today.
    Known {
        /// Decayed days before today.
        days: f32,
    },
    /// Never used, or so long ago that it is forgotten.
    Never,
}

impl Sighting {
    /// Returns the decayed number of days before today on which the value was used.
    pub fn days(self) -> f32 {
        match self {
            Self::Today { days } | Self::Known { days } => days,
            Self::Never => 0.0,
        }
    }

    /// Whether the value was used on at least two days before today. Until then it is on probation: it may be an
    /// attacker's.
    pub fn is_established(self) -> bool {
        /// Decayed days that one day cannot reach and two days within about two months do. A choice.
        const RECURRED: f32 = 1.2;
        self.days() > RECURRED
    }
}

impl KnownValues {
    /// Days after which a day of use counts half: one quarter, so that quarterly work stays known. A choice.
    pub const HALF_LIFE: f32 = 90.0;
    /// Decayed days of use of a value that was dropped for lack of room. A choice just below those of a value that was used
    /// on one day a half-life ago: it is known less, and does not count as established a second time.
    const DROPPED_DAYS: f32 = 0.499;

    /// Creates an empty set of at most `capacity` values, at least 1.
    pub fn new(capacity: u16) -> Self {
        Self { entries: Vec::new(), capacity: capacity.max(1), forgotten: 0, dropped: None }
    }

    /// Learns that `key` is used on `day`. Returns how well it was known before that day, or that it was used earlier
    /// on it. A full set drops its least known value to make room for a new one.
    ///
    /// A `day` before the last day of use counts as that last day.
    pub fn touch(&mut self, key: u64, day: i32) -> Sighting {
        if let Some(index) = self.entries.iter().position(|entry| entry.key == key) {
            // Moves it to the front, where the next search finds it at once. No result depends on the order.
            self.entries.swap(0, index);
        }
        if let Some(entry) = self.entries.first_mut().filter(|entry| entry.key == key) {
            if entry.last_day >= day {
                return Sighting::Today { days: entry.days - 1.0 };
            }
            let days = decayed(entry, day);
            entry.days = days + 1.0;
            entry.last_day = day;
            return Sighting::Known { days };
        }
        let before = self.sighting_if_dropped(key, day);
        if self.entries.len() >= usize::from(self.capacity) {
            self.make_room(day);
        }
        if self.entries.len() == self.entries.capacity() {
            // Grows by two: doubling would leave half of many small profiles empty.
            self.entries.reserve_exact(2);
        }
        self.entries.push(Entry { key, last_day: day, days: before.days() + 1.0 });
        before
    }

    /// Returns what [`KnownValues::touch`] would, without learning.
    pub fn peek(&self, key: u64, day: i32) -> Sighting {
        match self.entries.iter().find(|entry| entry.key == key) {
            Some(entry) if entry.last_day >= day => Sighting::Today { days: entry.days - 1.0 },
            Some(entry) => Sighting::Known { days: decayed(entry, day) },
            None => self.sighting_if_dropped(key, day),
        }
    }

    fn sighting_if_dropped(&self, key: u64, day: i32) -> Sighting {
        match &self.dropped {
            Some(dropped) if dropped.contains(key, day) => Sighting::Known { days: Self::DROPPED_DAYS },
            _ => Sighting::Never,
        }
    }

    /// Returns the dropped values, if there are any.
    pub fn dropped(&self) -> Option<&Dropped> {
        self.dropped.as_deref()
    }

    /// Puts the dropped values back, from the stored state.
    pub fn set_dropped(&mut self, dropped: Dropped) {
        self.dropped = Some(Box::new(dropped));
    }

    /// Returns all values, best known first, equals by key.
    pub fn best(&self, day: i32) -> Vec<u64> {
        let mut entries: Vec<&Entry> = self.entries.iter().collect();
        entries.sort_by(|a, b| decayed(b, day).total_cmp(&decayed(a, day)).then(a.key.cmp(&b.key)));
        entries.into_iter().map(|entry| entry.key).collect()
    }

    /// Returns all values with how well they are known on `day`, the most used first.
    pub fn known(&self, day: i32) -> Vec<KnownValue> {
        let known = |entry: &Entry| KnownValue { key: entry.key, days: decayed(entry, day), last_day: entry.last_day };
        let mut all: Vec<KnownValue> = self.entries.iter().map(known).collect();
        all.sort_by(KnownValue::by_use);
        all
    }

    /// Returns the number of values.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether no value is known.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns the number of values dropped to make room for others.
    pub fn forgotten(&self) -> u32 {
        self.forgotten
    }

    /// Returns the bytes held on the heap.
    pub fn heap_bytes(&self) -> usize {
        let dropped = self.dropped.as_ref().map_or(0, |dropped| size_of::<Dropped>() + dropped.heap_bytes());
        self.entries.capacity() * size_of::<Entry>() + dropped
    }

    /// Drops the least known value; of equals the one used longest ago, then the smallest key.
    fn make_room(&mut self, day: i32) {
        let least = self.entries.iter().enumerate().min_by(|(_, a), (_, b)| {
            decayed(a, day).total_cmp(&decayed(b, day)).then(a.last_day.cmp(&b.last_day)).then(a.key.cmp(&b.key))
        });
        if let Some((index, _)) = least {
            let entry = self.entries.swap_remove(index);
            self.forgotten += 1;
            // Of many new values on one day, none is remembered: they may be an attacker's.
            if entry.last_day < day || entry.days > 1.0 {
                self.dropped.get_or_insert_default().add(entry.key, day);
            }
        }
    }
}

/// Returns the entry's days of use, decayed until `day`.
fn decayed(entry: &Entry, day: i32) -> f32 {
    let age = (day - entry.last_day).max(0) as f32;
    entry.days * (-age / KnownValues::HALF_LIFE).exp2()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_value_is_established_when_it_recurs() {
        let mut known = KnownValues::new(4);
        assert_eq!(known.touch(7, 1), Sighting::Never);
        assert_eq!(known.touch(7, 1), Sighting::Today { days: 0.0 });
        assert!(!known.touch(7, 2).is_established());
        assert!(known.touch(7, 3).is_established());
        assert!(!known.peek(7, 1_000).is_established());
    }

    #[test]
    fn the_least_known_value_is_dropped() {
        let mut known = KnownValues::new(2);
        for day in 1..5 {
            known.touch(1, day);
        }
        known.touch(2, 5);
        known.touch(3, 6);
        assert!(known.peek(1, 6).is_established());
        let dropped = known.peek(2, 6);
        assert!(dropped != Sighting::Never && !dropped.is_established());
        assert_eq!(known.peek(9, 6), Sighting::Never);
        assert_eq!(known.touch(2, 7), dropped, "it is no first");
        assert!((known.touch(2, 7).days() - dropped.days()).abs() < 1e-6);
        assert_eq!(known.peek(3, 250), Sighting::Never, "after two half-lives it is forgotten");
        assert_eq!(known.forgotten(), 2);
    }

    #[test]
    fn new_values_dropped_on_their_day_are_not_remembered() {
        let mut known = KnownValues::new(2);
        (1..=40).for_each(|key| {
            known.touch(key, 5);
        });
        assert!((1..=38).all(|key| known.peek(key, 6) == Sighting::Never));
    }

    proptest! {
        #[test]
        fn the_set_is_bounded_and_days_are_not_negative(touches in prop::collection::vec((0u64..40, 0i32..50), 0..200), capacity in 1u16..16) {
            let mut known = KnownValues::new(capacity);
            for (key, day) in touches {
                let sighting = known.touch(key, day);
                prop_assert!(sighting.days() >= 0.0 && known.len() <= usize::from(capacity));
            }
        }
    }
}
