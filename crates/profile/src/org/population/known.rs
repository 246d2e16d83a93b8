//! The values that users of an org know.

use super::Populations;

/// Who knows a value, and when it recurred last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct KnownBy {
    /// Number of users that have used it on two days.
    pub(crate) users: u32,
    /// The latest week of event time in which one of them used it, counted from 1970.
    pub(crate) week: i32,
}

/// Returns the week of a day, both counted from 1970. Recurrence is noted once a week, so that not every day writes all
/// known values again.
pub(super) fn week(day: i32) -> i32 {
    day.div_euclid(7)
}

impl Populations {
    /// Values that are counted at most. A choice: some 20 MB.
    pub(super) const MOST_KNOWN: usize = 500_000;
    /// Values that are dropped at once when there are [`Populations::MOST_KNOWN`]. A choice: it is done rarely.
    pub(super) const DROPPED: usize = 50_000;

    /// Counts a user who has used the value on a second day. If too many values are known, those that have not recurred
    /// for longest are dropped.
    pub(crate) fn establish(&mut self, key: u64, day: i32) {
        if self.only_read {
            return;
        }
        if self.known.len() >= Self::MOST_KNOWN && !self.known.contains_key(&key) {
            self.drop_oldest();
        }
        let known = self.known.entry(key).or_default();
        known.users += 1;
        known.week = known.week.max(week(day));
        self.changed.mark(key);
    }

    /// Notes that a user who knows the value uses it again on another day.
    pub(crate) fn recur(&mut self, key: u64, day: i32) {
        if let Some(known) = self.known.get_mut(&key).filter(|known| known.week < week(day) && !self.only_read) {
            known.week = week(day);
            self.changed.mark(key);
        }
    }

    /// Drops the values that have not recurred for longest; of those of one week, the values that fewest users know.
    fn drop_oldest(&mut self) {
        let mut oldest: Vec<(i32, u32, u64)> =
            self.known.iter().map(|(key, known)| (known.week, known.users, *key)).collect();
        let dropped = Self::DROPPED.min(oldest.len());
        if dropped < oldest.len() {
            oldest.select_nth_unstable(dropped);
        }
        for (_, _, key) in oldest.into_iter().take(dropped) {
            self.known.remove(&key);
            self.changed.mark(key);
        }
    }

    /// Counts a user who uses the value for the first time, today.
    pub(crate) fn notice(&mut self, key: u64) {
        if self.only_read {
            return;
        }
        *self.new_today.entry(key).or_default() += 1;
        self.changed.mark(key);
    }
}
