//! What an account uses, and how much: the values of its days, and what a usual day of it is.

use crate::estimate::Moments;
use model::{Text, UserClass, Uuid, ValueKind};
use serde::{Deserialize, Serialize};

/// Number of kinds of values.
pub(crate) const KINDS: usize = ValueKind::ALL.len();

/// Days after which what was learned counts half, as for known values (`KnownValues::HALF_LIFE`).
const HALF_LIFE: f32 = 90.0;

/// Returns what is left of a weight after so many days.
pub(crate) fn kept_after(days: i32) -> f32 {
    (-(days.max(0) as f32) / HALF_LIFE).exp2()
}

/// The weight of a value that so many activities of a day have: the binary digits of the number. Ten times as many are
/// three more, so that one value that is repeated all day does not decide alone, and rarely changes what was worked out.
pub(crate) fn weight(count: u32) -> u32 {
    u32::BITS - count.leading_zeros()
}

/// The values that an account uses. The order of the fields is the encoding of the stored state.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Habits {
    /// In ascending order of keys.
    values: Vec<Habit>,
    /// Sum of all weights ever learned, by [`ValueKind`], also of values that were dropped.
    totals: [f32; KINDS],
    /// The day up to which all weights have decayed.
    day: i32,
    /// The ratio of a day, clipped, see `org::composition`.
    pub(crate) ratio: Moments,
    /// The part of it that speaks for the account, at most 0.
    pub(crate) against: Moments,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Habit {
    #[serde(with = "postcard::fixint::le")]
    key: u64,
    weight: f32,
}

impl Habits {
    /// Values that are kept. A choice: 4 KB; few accounts use as many in a quarter. The value of the least weight makes room.
    const MOST: usize = 256;

    /// Returns the weight of a value, and that of all values of its kind.
    pub(crate) fn of(&self, kind: ValueKind, key: u64) -> (f32, f32) {
        let found = self.values.binary_search_by_key(&key, |value| value.key);
        let weight = found.ok().and_then(|index| self.values.get(index)).map_or(0.0, |value| value.weight);
        (weight, self.totals.get(kind as usize).copied().unwrap_or_default())
    }

    /// Lets all weights decay until `day`.
    pub(crate) fn advance(&mut self, day: i32) {
        if day > self.day {
            if self.day > 0 {
                self.scale(kept_after(day - self.day));
            }
            self.day = day;
        }
    }

    /// Adds to the weight of a value.
    pub(crate) fn learn(&mut self, kind: ValueKind, key: u64, added: f32) {
        if let Some(total) = self.totals.get_mut(kind as usize) {
            *total = (*total + added).max(0.0);
        }
        match self.values.binary_search_by_key(&key, |value| value.key) {
            Ok(index) => {
                if let Some(value) = self.values.get_mut(index) {
                    value.weight = (value.weight + added).max(0.0);
                }
            }
            Err(index) if added > 0.0 => {
                if self.values.len() == self.values.capacity() {
                    // Grows by an eighth: doubling would leave half of many small profiles empty.
                    self.values.reserve_exact(2 + self.values.len() / 8);
                }
                self.values.insert(index, Habit { key, weight: added });
            }
            Err(_) => {}
        }
    }

    /// Drops the values of the least weight, of equals those of the smallest keys, until there are few enough.
    pub(crate) fn trim(&mut self) {
        let excess = self.values.len().saturating_sub(Self::MOST);
        if excess == 0 {
            return;
        }
        let mut order: Vec<(f32, u64)> = self.values.iter().map(|value| (value.weight, value.key)).collect();
        order.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        order.truncate(excess);
        self.values.retain(|value| !order.iter().any(|(_, key)| *key == value.key));
    }

    /// Multiplies everything by `share`, so that the class counts for more.
    pub(crate) fn discount(&mut self, share: f64) {
        self.scale(share as f32);
        self.ratio.discount(share);
        self.against.discount(share);
    }

    /// Returns all values with their weights.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, f32)> {
        self.values.iter().map(|value| (value.key, value.weight))
    }

    /// Returns the bytes held on the heap.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.values.capacity() * size_of::<Habit>()
    }

    fn scale(&mut self, share: f32) {
        self.values.iter_mut().for_each(|value| value.weight *= share);
        self.totals.iter_mut().for_each(|total| *total *= share);
    }
}

/// The values of a day. The order of the fields is the encoding of the stored state.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct DayValues {
    /// In ascending order of keys.
    values: Vec<DayValue>,
    /// Sum of the ratios of values that speak against the account, each times its weight.
    pub(crate) towards: f64,
    /// Sum of those that speak for the account, at most 0.
    pub(crate) against: f64,
    /// What is usual, as of the day's first value; `None` if too little is known.
    pub(crate) usual: Option<UsualDay>,
    /// The ratio from which on the day is observed next.
    pub(crate) observe_at: f64,
    /// What was learned of the day when it was closed.
    pub(crate) learned: Option<LearnedDay>,
    /// Where the last value of each kind is, if it is still there: activities come in runs.
    #[serde(skip)]
    last: [u16; KINDS],
}

/// A value of a day.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct DayValue {
    #[serde(with = "postcard::fixint::le")]
    pub(crate) key: u64,
    /// Activities that have it.
    pub(crate) count: u32,
    /// How much more likely the others are to have it: its part of the ratio for a weight of 1.
    pub(crate) ratio: f32,
    /// The weight that was learned of it.
    pub(crate) learned: f32,
    pub(crate) kind: ValueKind,
    /// What to say of it, if it speaks against the account.
    pub(crate) unusual: Option<Box<Unusual>>,
}

/// What there is to say of a value that speaks against the account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Unusual {
    pub(crate) name: Text,
    pub(crate) first: Uuid,
    pub(crate) own_share: f32,
    pub(crate) org_share: f32,
}

/// A usual day.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct UsualDay {
    /// The ratio, and its standard deviation.
    pub(crate) mean: f64,
    pub(crate) deviation: f64,
    /// The part of the ratio that speaks for the account, at most 0.
    pub(crate) against: f64,
    /// Days of the account's own.
    pub(crate) days: f64,
}

/// What was learned of a day.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct LearnedDay {
    pub(crate) ratio: f64,
    pub(crate) against: f64,
    /// Share of its weight that each value was learned with.
    pub(crate) share: f32,
    /// The class that it was learned for.
    pub(crate) class: UserClass,
}

impl DayValues {
    /// Different values of a day that are counted; further ones are not. A choice: 10 KB, on hardly any day.
    const MOST: usize = 256;

    /// Counts a value that the day has already. Returns whether it has it, or has no room for another.
    pub(crate) fn count(&mut self, kind: ValueKind, key: u64) -> bool {
        let last = self.last.get(kind as usize).map_or(0, |index| usize::from(*index));
        let index = if self.values.get(last).is_some_and(|value| value.key == key) {
            last
        } else {
            match self.values.binary_search_by_key(&key, |value| value.key) {
                Ok(index) => index,
                Err(_) => return self.values.len() >= Self::MOST,
            }
        };
        if let Some(last) = self.last.get_mut(kind as usize) {
            *last = index as u16;
        }
        let Some(value) = self.values.get_mut(index) else { return true };
        value.count = value.count.saturating_add(1);
        if value.count.is_power_of_two() {
            // The weight has one more.
            let ratio = f64::from(value.ratio);
            self.add(ratio);
        }
        true
    }

    /// Adds a value that the day does not have.
    pub(crate) fn insert(&mut self, value: DayValue) {
        self.add(f64::from(value.ratio));
        if let Err(index) = self.values.binary_search_by_key(&value.key, |other| other.key) {
            self.values.insert(index, value);
        }
    }

    /// Returns the ratio of the day so far.
    pub(crate) fn ratio(&self) -> f64 {
        self.towards + self.against
    }

    /// Returns the ratio of the day so far, if what usually speaks for the account is still to come.
    pub(crate) fn ratio_so_far(&self) -> f64 {
        self.towards + self.usual.map_or(self.against, |usual| usual.against.min(self.against))
    }

    /// Whether the day has no values yet.
    pub(crate) fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &DayValue> {
        self.values.iter()
    }

    /// Returns the weight that was learned of a value of this day; 0 before the day was closed.
    pub(crate) fn learned_of(&self, kind: ValueKind, key: u64) -> f32 {
        self.values.iter().find(|value| value.kind == kind && value.key == key).map_or(0.0, |value| value.learned)
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut DayValue> {
        self.values.iter_mut()
    }

    /// Returns the bytes held on the heap.
    pub(crate) fn heap_bytes(&self) -> usize {
        let unusual = self.values.iter().filter(|value| value.unusual.is_some()).count();
        self.values.capacity() * size_of::<DayValue>() + unusual * size_of::<Unusual>()
    }

    fn add(&mut self, ratio: f64) {
        if ratio > 0.0 { self.towards += ratio } else { self.against += ratio }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn value(key: u64, ratio: f32) -> DayValue {
        DayValue { key, count: 1, ratio, learned: 0.0, kind: ValueKind::Object, unusual: None }
    }

    #[test]
    fn a_repeated_value_weighs_as_the_binary_digits_of_its_count() {
        let mut day = DayValues::default();
        assert!(!day.count(ValueKind::Object, 7));
        day.insert(value(7, 2.0));
        day.insert(value(9, -1.0));
        for _ in 1..100 {
            assert!(day.count(ValueKind::Object, 7));
        }
        assert_eq!(weight(100), 7);
        assert_eq!((day.towards, day.against, day.ratio()), (14.0, -1.0, 13.0));
    }

    #[test]
    fn before_the_day_is_over_its_usual_part_is_still_to_come() {
        let mut day = DayValues::default();
        day.insert(value(7, 5.0));
        let usual = UsualDay { mean: -20.0, deviation: 5.0, against: -22.0, days: 30.0 };
        day.usual = Some(usual);
        assert_eq!((day.ratio_so_far(), day.ratio()), (-17.0, 5.0));
        day.insert(value(8, -30.0));
        assert_eq!((day.ratio_so_far(), day.ratio()), (-25.0, -25.0));
    }

    #[test]
    fn the_value_of_the_least_weight_makes_room() {
        let mut habits = Habits::default();
        for key in 0..=Habits::MOST as u64 {
            habits.learn(ValueKind::View, key, if key == 100 { 0.5 } else { 1.0 });
        }
        habits.trim();
        assert_eq!(habits.iter().count(), Habits::MOST);
        assert_eq!(habits.of(ValueKind::View, 100).0, 0.0);
    }

    #[test]
    fn weights_halve_in_a_quarter() {
        let mut habits = Habits::default();
        habits.advance(20_000);
        habits.learn(ValueKind::App, 3, 8.0);
        habits.advance(20_090);
        habits.advance(20_000);
        assert_eq!(habits.of(ValueKind::App, 3), (4.0, 4.0));
    }

    proptest! {
        #[test]
        fn sums_follow_from_the_counts(keys in prop::collection::vec(0u64..300, 0..600)) {
            let mut day = DayValues::default();
            let ratio = |key: u64| (key % 7) as f32 - 3.0;
            for key in &keys {
                if !day.count(ValueKind::Report, *key) {
                    day.insert(value(*key, ratio(*key)));
                }
            }
            prop_assert!(day.iter().count() <= DayValues::MOST);
            let sum: f64 = day.iter().map(|value| f64::from(weight(value.count)) * f64::from(value.ratio)).sum();
            prop_assert!((sum - day.ratio()).abs() < 1e-6);
        }
    }
}
