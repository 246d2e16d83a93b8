//! Counts of what users do for the first time, by day.

use model::time::{DAY, HOUR};
use model::{Text, Timestamp, UserId};
use std::collections::BTreeMap;

/// Counts of first times by user and day.
#[derive(Clone, Debug, Default)]
pub struct FirstTimes {
    users: BTreeMap<UserId, UserDays>,
}

/// One user's counts by day.
#[derive(Clone, Debug, Default)]
pub struct UserDays {
    username: Option<Text>,
    /// By day since 1970-01-01, in the org's time zone.
    days: BTreeMap<i64, u32>,
}

impl FirstTimes {
    /// Notes `count` first times of the user on the day so far; the largest count of the day is kept.
    ///
    /// `day` is the start of the day in the org's time zone. Zeros are not kept.
    pub fn note(&mut self, user: &UserId, username: Option<&str>, day: Timestamp, count: u32) {
        if count == 0 {
            return;
        }
        if !self.users.contains_key(user) {
            self.users.insert(user.clone(), UserDays::default());
        }
        let Some(user_days) = self.users.get_mut(user) else { return };
        if user_days.username.is_none() {
            user_days.username = username.map(Text::from);
        }
        let most = user_days.days.entry(date_of(day)).or_default();
        *most = count.max(*most);
    }

    /// Returns all users with a first time, by id.
    pub fn users(&self) -> impl Iterator<Item = (&UserId, &UserDays)> {
        self.users.iter()
    }

    /// Returns the mean count over all users on a day.
    pub fn mean(&self, day: i64) -> f64 {
        let total: u32 = self.users.values().map(|user| user.count(day)).sum();
        f64::from(total) / self.users.len().max(1) as f64
    }

    /// Returns the first and the last day with a count, in days since 1970-01-01.
    pub fn span(&self) -> Option<(i64, i64)> {
        let first = self.users.values().filter_map(|user| user.days.keys().next()).min()?;
        let last = self.users.values().filter_map(|user| user.days.keys().next_back()).max()?;
        Some((*first, *last))
    }
}

impl UserDays {
    /// Returns the user's name, once an observation had it.
    pub fn username(&self) -> Option<&str> {
        self.username.as_deref()
    }

    /// Returns the count of a day, 0 if there is none.
    pub fn count(&self, day: i64) -> u32 {
        self.days.get(&day).copied().unwrap_or(0)
    }

    /// Returns the largest count from `first` to `last`, both included.
    pub fn most(&self, first: i64, last: i64) -> u32 {
        if first > last {
            return 0;
        }
        self.days.range(first..=last).map(|(_, count)| *count).max().unwrap_or(0)
    }
}

/// Returns the date, in days since 1970-01-01, of a day that starts at `start` in its own time zone.
///
/// A start until 10:59 UTC is that of a zone west of Greenwich, a later one that of a zone to the east whose date is
/// the next. Only UTC−11 and UTC+14, with few inhabitants, are off by a day.
fn date_of(start: Timestamp) -> i64 {
    start.plus(13 * HOUR).0.div_euclid(DAY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_count_of_the_day_is_kept() {
        let mut times = FirstTimes::default();
        let user = UserId::new("u");
        for count in [2, 5, 3, 0] {
            times.note(&user, Some("a@example.com"), Timestamp(0), count);
        }
        assert_eq!(times.users[&user].count(0), 5);
        assert_eq!(times.users[&user].username.as_deref(), Some("a@example.com"));
        assert_eq!(times.span(), Some((0, 0)));
    }

    #[test]
    fn a_username_is_kept_once_known_and_zeros_are_not_kept() {
        let mut times = FirstTimes::default();
        times.note(&UserId::new("idle"), None, Timestamp(0), 0);
        assert!(times.users.is_empty());
        let user = UserId::new("u");
        times.note(&user, None, Timestamp(0), 1);
        times.note(&user, Some("a@example.com"), Timestamp(0), 1);
        assert_eq!(times.users[&user].username.as_deref(), Some("a@example.com"));
    }

    #[test]
    fn a_day_has_its_own_date_in_every_zone() {
        let check = |start: &str, date: &str| {
            let midnight = Timestamp::parse(date).map(|t| t.0 / DAY);
            assert_eq!(Timestamp::parse(start).map(date_of), midnight, "{start}");
        };
        check("2026-03-02T00:00:00Z", "2026-03-02");
        check("2026-03-01T23:00:00Z", "2026-03-02"); // Berlin
        check("2026-03-02T08:00:00Z", "2026-03-02"); // Los Angeles
        check("2026-03-02T10:00:00Z", "2026-03-02"); // Honolulu
        check("2026-03-01T11:00:00Z", "2026-03-02"); // Auckland, summer
    }
}
