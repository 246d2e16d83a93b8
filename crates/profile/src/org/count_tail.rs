//! The share of days with at least so many of a count.

use serde::{Deserialize, Serialize};

/// The distribution of a daily count over all user-days.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(super) struct CountTail {
    /// Number of user-days with a count of at least the index. Counts above 16 count as 16, a choice: no tail is needed
    /// beyond.
    at_least: [f64; 17],
}

impl CountTail {
    /// Learns the count of one user-day.
    pub(super) fn add(&mut self, count: u32) {
        let reached = (count as usize).min(self.at_least.len() - 1);
        self.at_least.iter_mut().take(reached + 1).for_each(|days| *days += 1.0);
    }

    /// Returns the number of user-days.
    pub(super) fn days(&self) -> f64 {
        self.at_least.first().copied().unwrap_or(0.0)
    }

    /// Returns the share of user-days with at least `count`, with Jeffreys' prior of a proportion. `without` are the days
    /// that are left out: those with at least `count`, and all.
    pub(super) fn share(&self, count: u32, without: (f64, f64)) -> f64 {
        let days = (self.days() - without.1).max(0.0);
        let reached = self.at_least.get((count as usize).min(self.at_least.len() - 1)).copied().unwrap_or(0.0);
        ((reached - without.0).clamp(0.0, days) + 0.5) / (days + 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_is_the_share_of_days_at_or_above() {
        let mut tail = CountTail::default();
        [0, 0, 1, 3, 40].into_iter().for_each(|count| tail.add(count));
        let check = |count, without, expect| assert_eq!(tail.share(count, without), expect);
        check(0, (0.0, 0.0), 5.5 / 6.0);
        check(1, (0.0, 0.0), 3.5 / 6.0);
        check(4, (0.0, 0.0), 1.5 / 6.0);
        check(1_000, (0.0, 0.0), 1.5 / 6.0);
        check(4, (1.0, 2.0), 0.5 / 4.0);
    }
}
