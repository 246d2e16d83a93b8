//! How many accounts have begun or returned lately: what many do at once was decided for them.

use serde::{Deserialize, Serialize};

/// Counts of this week and of the one before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Lately {
    /// Weeks since 1970-01-01.
    week: i32,
    this: u32,
    last: u32,
}

impl Lately {
    /// Adds one on a day. A day of an earlier week counts in the present one.
    pub(crate) fn add(&mut self, day: i32) {
        let week = day.div_euclid(7);
        if week > self.week {
            self.last = if week == self.week + 1 { self.this } else { 0 };
            self.this = 0;
            self.week = week;
        }
        self.this = self.this.saturating_add(1);
    }

    /// Whether so many of the org's accounts are counted in the week of a day and in the one before that it is no affair of
    /// single ones.
    pub(crate) fn are_many(&self, day: i32, accounts: u32) -> bool {
        /// Accounts at least, and their share of the org's. Choices, as for what is rolled out in a day: a handful of
        /// accomplices is not enough in an org of more than 200 accounts.
        const LEAST: u32 = 4;
        const LEAST_SHARE: f64 = 0.02;
        let count = match day.div_euclid(7) - self.week {
            ..=0 => self.this + self.last,
            1 => self.this,
            _ => 0,
        };
        count >= LEAST && f64::from(count) >= LEAST_SHARE * f64::from(accounts)
    }

    /// Returns the week of the latest count, since 1970-01-01.
    pub(crate) fn week(&self) -> i32 {
        self.week
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_within_two_weeks_are_many_and_later_ones_are_not() {
        let mut lately = Lately::default();
        [20_000, 20_001, 20_007].into_iter().for_each(|day| lately.add(day));
        assert!(!lately.are_many(20_007, 50));
        lately.add(20_008);
        assert!(lately.are_many(20_008, 50) && !lately.are_many(20_008, 500), "one in fifty at least");
        assert!(!lately.are_many(20_016, 50), "two remain");
        assert!(!lately.are_many(20_030, 50));
        lately.add(20_031);
        assert!(!lately.are_many(20_031, 50), "the earlier ones are over");
    }
}
