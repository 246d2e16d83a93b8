//! The held days of an account, read from a checkpoint without the rest of its org.

use super::StateError;
use super::restore::{read_head, read_profile};
use crate::calendar::LocalHour;
use crate::org::{DisposedDay, HeldDay, Org};
use crate::user::Profile;
use model::time::{DAY, HOUR};
use model::{Disposition, Timestamp, UserId};

/// The days of an account as of a checkpoint, for previews of what people say of them.
#[derive(Debug)]
pub struct StoredDays {
    profile: Profile,
    open: Option<LocalHour>,
}

impl StoredDays {
    /// Returns the keys of the records that it is read from: the head of the org, and the account.
    pub fn keys(user: &UserId) -> [String; 2] {
        [HEAD.to_owned(), Org::user_key(user)]
    }

    /// Reads them.
    ///
    /// # Errors
    /// If a record is damaged, or a later version has written it.
    pub fn read(user: &UserId, head: &[u8], profile: &[u8]) -> Result<Self, StateError> {
        let (head, _) = read_head(HEAD, head)?;
        Ok(Self { profile: read_profile(&Org::user_key(user), profile)?, open: head.open })
    }

    /// Returns the days that are held, in their order.
    pub fn held(&self) -> Vec<HeldDay> {
        self.profile.held()
    }

    /// Returns what a disposition of the time from `from` on and before `until` does, as [`Org::dispose`]; `None` takes
    /// back what was said.
    pub fn would_dispose(
        &self,
        from: Timestamp,
        until: Timestamp,
        disposition: Option<Disposition>,
    ) -> Vec<DisposedDay> {
        let today = self.open.map_or(i32::MIN, |open| open.day);
        self.profile.clone().disposed((from, until), disposition, today)
    }

    /// Returns the date of a day by its first moment, as days since 1970-01-01 in the org's calendar.
    pub fn date(&self, first: Timestamp) -> i32 {
        date(self.open, first)
    }
}

fn date(open: Option<LocalHour>, first: Timestamp) -> i32 {
    // Noon is on the same date however the clock was changed since.
    let ahead = open.map_or(0, |open| i64::from(open.day) * DAY - open.day_start.0);
    first.plus(ahead + 12 * HOUR).0.div_euclid(DAY) as i32
}

const HEAD: &str = "head";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_that_of_the_calendar_of_the_org() {
        let at = |text: &str| Timestamp::parse(text).unwrap();
        let check = |open: Option<(&str, &str)>, first: &str, expect: &str| {
            let open = open.map(|(first, date)| LocalHour {
                day_start: at(first),
                day: (at(date).0 / DAY) as i32,
                ..LocalHour::default()
            });
            assert_eq!(i64::from(date(open, at(first))) * DAY, at(expect).0, "{first}");
        };
        check(None, "2026-03-02T00:00:00Z", "2026-03-02");
        // Berlin after its clocks were changed, and Auckland.
        check(Some(("2026-03-31T22:00:00Z", "2026-04-01")), "2026-03-01T23:00:00Z", "2026-03-02");
        check(Some(("2026-03-31T11:00:00Z", "2026-04-01")), "2026-03-01T11:00:00Z", "2026-03-02");
        check(Some(("2026-04-01T10:00:00Z", "2026-04-01")), "2026-03-02T10:00:00Z", "2026-03-02");
    }
}
