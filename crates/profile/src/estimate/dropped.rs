//! The values that a full set has dropped, approximately.

use serde::{Deserialize, Serialize};

/// A filter of dropped values in two generations, so that old values fade: a value stays for one to two periods,
/// and for less if a generation is full before.
///
/// Each generation is a Bloom filter (Bloom, Space/time trade-offs in hash coding with allowable errors, 1970). A value that
/// was never added is taken for one that was in at most one case in 25: with four of 2,048 bits a value and at most 256
/// values, it is (1 − e^(−4·256/2048))⁴ = 2.4 % a generation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Dropped {
    /// The first day of the present generation.
    since: i32,
    /// Values in the present generation.
    values: u16,
    present: Vec<u64>,
    /// The generation before it; empty if there is none.
    former: Vec<u64>,
}

impl Dropped {
    /// Days of a generation: one quarter, as long as a day of use takes to count half. A choice.
    const PERIOD: i32 = 90;
    /// Values of a generation, after which the next one begins early. A choice that bounds wrong answers.
    const MOST_VALUES: u16 = 256;
    /// Words of 64 bits of a generation. A choice: 256 bytes.
    const WORDS: usize = 32;
    /// Bits a value.
    const BITS: usize = 4;

    /// Adds a value that is dropped on `day`.
    pub(super) fn add(&mut self, key: u64, day: i32) {
        let age = day.saturating_sub(self.since);
        if self.present.is_empty() || self.values >= Self::MOST_VALUES || age >= Self::PERIOD {
            let expired = self.present.is_empty() || age >= 2 * Self::PERIOD;
            self.former = if expired { Vec::new() } else { std::mem::take(&mut self.present) };
            // A generation that ends by time is followed at once by the next one.
            self.since = if !expired && age >= Self::PERIOD { self.since + Self::PERIOD } else { day };
            (self.present, self.values) = (vec![0; Self::WORDS], 0);
        }
        self.values += 1;
        for (word, bit) in bits(key) {
            if let Some(word) = self.present.get_mut(word) {
                *word |= bit;
            }
        }
    }

    /// Whether the value was probably added, at most two periods before `day`.
    pub(super) fn contains(&self, key: u64, day: i32) -> bool {
        let age = day.saturating_sub(self.since);
        let has = |words: &[u64]| bits(key).all(|(word, bit)| words.get(word).is_some_and(|word| word & bit != 0));
        age < 2 * Self::PERIOD && has(&self.present) || age < Self::PERIOD && has(&self.former)
    }

    /// Returns the bytes held on the heap.
    pub(super) fn heap_bytes(&self) -> usize {
        (self.present.capacity() + self.former.capacity()) * size_of::<u64>()
    }
}

/// Returns the words and bits of a key, which is a hash: each bit is chosen by 11 bits of its own.
fn bits(key: u64) -> impl Iterator<Item = (usize, u64)> {
    (0..Dropped::BITS).map(move |index| {
        let position = (key >> (11 * index)) as usize % (Dropped::WORDS * 64);
        (position / 64, 1 << (position % 64))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A hash of a number.
    fn key(n: u64) -> u64 {
        model::id::hash(&n.to_le_bytes())
    }

    #[test]
    fn values_fade_after_one_to_two_periods() {
        let mut dropped = Dropped::default();
        dropped.add(key(1), 0);
        assert!(dropped.contains(key(1), 179) && !dropped.contains(key(1), 180));
        dropped.add(key(2), 100);
        assert!(dropped.contains(key(1), 150) && !dropped.contains(key(1), 190));
        dropped.add(key(3), 400);
        assert!(!dropped.contains(key(2), 400) && dropped.contains(key(3), 400));
    }

    #[test]
    fn few_values_are_taken_for_others() {
        let mut dropped = Dropped::default();
        (0..512).for_each(|n| dropped.add(key(n), 0));
        let wrong = (1_000..11_000).filter(|n| dropped.contains(key(*n), 0)).count();
        assert!(wrong < 600, "{wrong} of 10,000");
    }

    proptest! {
        #[test]
        fn none_of_the_last_values_is_missing(values in prop::collection::vec(any::<u64>(), 1..256)) {
            let mut dropped = Dropped::default();
            values.iter().for_each(|value| dropped.add(key(*value), 10));
            prop_assert!(values.iter().all(|value| dropped.contains(key(*value), 99)));
        }
    }
}
