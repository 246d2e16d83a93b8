//! Which objects a class hardly uses.

use super::Used;
use crate::user::Habits;
use model::{UserClass, ValueKind};

impl Used {
    /// Whether the other accounts of the class hardly use an object, and the account has not used it for more than a day.
    /// Nothing is rare while they have used little.
    pub(in crate::org) fn is_rare_object(&self, habits: &Habits, class: UserClass, key: u64) -> bool {
        /// Share of what the class uses below which an object is rare. A choice: with some objects a day it is used on
        /// about one user-day in a hundred.
        const RARE: f32 = 0.002;
        /// Weight that the class must have used. A choice: at half of it, an object that nobody used is rare.
        const LEAST: f32 = 500.0;
        /// Weight of an object on an earlier day of the account, of three activities or more. A choice.
        const OWN: f32 = 3.0;
        let (own, all_own) = habits.of(ValueKind::Object, key);
        if own >= OWN {
            return false;
        }
        let of = |weights: Option<&super::Weights>| weights.and_then(|weights| weights.get(class as usize)).copied();
        let used = of(self.values.get(&key).map(|value| &value.weights)).unwrap_or_default() - own;
        let all =
            of(self.kinds.get(ValueKind::Object as usize).map(|kind| &kind.weights)).unwrap_or_default() - all_own;
        all >= LEAST && used.max(0.0) + 0.5 < RARE * all
    }
}
