//! Which objects a class hardly uses.

use super::Used;
use crate::user::{DayValues, Habits};
use model::{UserClass, ValueKind};

impl Used {
    /// Whether the other accounts of the class hardly use an object, and the account has used it little before this day.
    /// Nothing is rare while they have used little. `today` is what is learned of the day if it was closed before.
    pub(in crate::org) fn is_rare_object(
        &self,
        habits: &Habits,
        class: UserClass,
        key: u64,
        today: &DayValues,
    ) -> bool {
        /// Share of what the class uses below which an object is rare. A choice: with some objects a day it is used on
        /// about one user-day in a hundred.
        const RARE: f32 = 0.002;
        /// Weight that the class must have used. A choice: at half of it, an object that nobody used is rare.
        const LEAST: f32 = 500.0;
        /// Weight of an object on the account's earlier days from which on it is used. A choice: that of one day with some
        /// 200 activities, so that a first day of snooping does not excuse a second one, or of three with a few.
        const OWN: f32 = 9.0;
        let (own, all_own) = habits.of(ValueKind::Object, key);
        if own - today.learned_of(ValueKind::Object, key) >= OWN {
            return false;
        }
        let of = |weights: Option<&super::Weights>| weights.and_then(|weights| weights.get(class as usize)).copied();
        let used = of(self.values.get(&key).map(|value| &value.weights)).unwrap_or_default() - own;
        let all =
            of(self.kinds.get(ValueKind::Object as usize).map(|kind| &kind.weights)).unwrap_or_default() - all_own;
        all >= LEAST && used.max(0.0) + 0.5 < RARE * all
    }
}
