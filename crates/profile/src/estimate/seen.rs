//! Which values an account has had, on how many days, and how lately.

use serde::{Deserialize, Serialize};

/// A bounded set of values by hash, with decayed counts of the days on which they were had.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Seen {
    entries: Vec<Entry>,
    capacity: u16,
    /// Values that had to make room: what is new may have been here before.
    forgotten: u32,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Entry {
    #[serde(with = "postcard::fixint::le")]
    key: u64,
    last_day: i32,
    /// Days on which the value was had, halved every [`Seen::HALF_LIFE`] days.
    days: f32,
}

/// How well a value was known before the present day.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Sighting {
    /// Had earlier today, and how known it was before today.
    Today {
        days: f32,
    },
    /// Had on earlier days only.
    Known {
        days: f32,
    },
    Never,
}

impl Sighting {
    /// Decayed days before today on which the value was had.
    pub fn days(self) -> f32 {
        match self {
            Self::Today { days } | Self::Known { days } => days,
            Self::Never => 0.0,
        }
    }

    /// A value is established once it has recurred: until then it may be an attacker's.
    pub fn is_established(self) -> bool {
        self.days() > 1.2
    }
}

impl Seen {
    /// Days after which a sighting counts half.
    pub const HALF_LIFE: f32 = 90.0;

    pub fn new(capacity: u16) -> Self {
        Self { entries: Vec::new(), capacity: capacity.max(1), forgotten: 0 }
    }

    /// What is known of `key` before `day`; then learns it. Returns the value that had to make room, if any.
    pub fn touch(&mut self, key: u64, day: i32) -> Sighting {
        if let Some(index) = self.entries.iter().position(|entry| entry.key == key) {
            // To the front: what is had often is then found at once. No result depends on the order.
            self.entries.swap(0, index);
        }
        if let Some(entry) = self.entries.first_mut().filter(|entry| entry.key == key) {
            if entry.last_day >= day {
                return Sighting::Today { days: entry.days - 1.0 };
            }
            let days = faded(entry, day);
            entry.days = days + 1.0;
            entry.last_day = day;
            return Sighting::Known { days };
        }
        if self.entries.len() >= usize::from(self.capacity) {
            self.make_room(day);
        }
        if self.entries.len() == self.entries.capacity() {
            // A profile is small: doubling would leave half of it empty.
            self.entries.reserve_exact(2);
        }
        self.entries.push(Entry { key, last_day: day, days: 1.0 });
        Sighting::Never
    }

    /// What is known of `key` before `day`, without learning it.
    pub fn peek(&self, key: u64, day: i32) -> Sighting {
        match self.entries.iter().find(|entry| entry.key == key) {
            Some(entry) if entry.last_day >= day => Sighting::Today { days: entry.days - 1.0 },
            Some(entry) => Sighting::Known { days: faded(entry, day) },
            None => Sighting::Never,
        }
    }

    /// Values by how well they are known, best first.
    pub fn best(&self, day: i32) -> Vec<u64> {
        let mut entries: Vec<&Entry> = self.entries.iter().collect();
        entries.sort_by(|a, b| faded(b, day).total_cmp(&faded(a, day)).then(a.key.cmp(&b.key)));
        entries.into_iter().map(|entry| entry.key).collect()
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Values that had to make room for others.
    pub fn forgotten(&self) -> u32 {
        self.forgotten
    }

    /// Bytes held on the heap.
    pub fn heap_bytes(&self) -> usize {
        self.entries.capacity() * size_of::<Entry>()
    }

    /// Drops the value known least.
    fn make_room(&mut self, day: i32) {
        let least = self.entries.iter().enumerate().min_by(|(_, a), (_, b)| {
            faded(a, day).total_cmp(&faded(b, day)).then(a.last_day.cmp(&b.last_day)).then(a.key.cmp(&b.key))
        });
        if let Some((index, _)) = least {
            self.entries.swap_remove(index);
            self.forgotten += 1;
        }
    }
}

fn faded(entry: &Entry, day: i32) -> f32 {
    let age = (day - entry.last_day).max(0) as f32;
    entry.days * (-age / Seen::HALF_LIFE).exp2()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_value_is_established_when_it_recurs() {
        let mut seen = Seen::new(4);
        assert_eq!(seen.touch(7, 1), Sighting::Never);
        assert_eq!(seen.touch(7, 1), Sighting::Today { days: 0.0 });
        assert!(!seen.touch(7, 2).is_established());
        assert!(seen.touch(7, 3).is_established());
        assert!(!seen.peek(7, 1_000).is_established());
    }

    #[test]
    fn the_least_known_makes_room() {
        let mut seen = Seen::new(2);
        for day in 1..5 {
            seen.touch(1, day);
        }
        seen.touch(2, 5);
        seen.touch(3, 6);
        assert_eq!(seen.peek(2, 6), Sighting::Never);
        assert!(seen.peek(1, 6).is_established());
        assert_eq!(seen.forgotten(), 1);
    }

    proptest! {
        #[test]
        fn bounded_and_never_negative(touches in prop::collection::vec((0u64..40, 0i32..50), 0..200), capacity in 1u16..16) {
            let mut seen = Seen::new(capacity);
            for (key, day) in touches {
                let sighting = seen.touch(key, day);
                prop_assert!(sighting.days() >= 0.0 && seen.len() <= usize::from(capacity));
            }
        }
    }
}
