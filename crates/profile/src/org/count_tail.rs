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

    /// Returns the share of user-days with at least `count`, with Jeffreys' prior of a proportion.
    pub(super) fn share(&self, count: u32) -> f64 {
        let days = self.days();
        let reached = self.at_least.get((count as usize).min(self.at_least.len() - 1)).copied().unwrap_or(0.0);
        (reached + 0.5) / (days + 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_is_the_share_of_days_at_or_above() {
        let mut tail = CountTail::default();
        [0, 0, 1, 3, 40].into_iter().for_each(|count| tail.add(count));
        assert_eq!(tail.share(0), 5.5 / 6.0);
        assert_eq!(tail.share(1), 3.5 / 6.0);
        assert_eq!(tail.share(4), 1.5 / 6.0);
        assert_eq!(tail.share(1_000), 1.5 / 6.0);
    }
}
