//! The calendar: days, weekends, and the rush at the end of fiscal months and quarters.

use chrono::{Datelike, Days, NaiveDate, NaiveTime};

use crate::catalog::Team;

/// Milliseconds in a minute.
pub(crate) const MINUTE: i64 = 60_000;
/// Milliseconds in an hour.
pub(crate) const HOUR: i64 = 60 * MINUTE;
/// Milliseconds in a day.
pub(crate) const DAY: i64 = 24 * HOUR;

/// One calendar day of the simulation.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Today {
    /// Days since the start.
    pub(crate) index: u32,
    pub(crate) date: NaiveDate,
    /// Start of the day in UTC, in milliseconds since 1970.
    pub(crate) midnight: i64,
    /// 0 is Monday.
    pub(crate) weekday: u32,
    pub(crate) closing: Closing,
}

/// Whether a fiscal period is about to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Closing {
    /// None is.
    Ordinary,
    /// One of the last two working days of a fiscal month.
    Month,
    /// One of the last three working days of a fiscal quarter.
    Quarter,
}

impl Today {
    /// Returns the day that is `index` days after `start`.
    pub(crate) fn new(start: NaiveDate, index: u32) -> Today {
        let date = start.checked_add_days(Days::new(u64::from(index))).unwrap_or(start);
        Today {
            index,
            date,
            midnight: date.and_time(NaiveTime::MIN).and_utc().timestamp_millis(),
            weekday: date.weekday().num_days_from_monday(),
            closing: closing(date),
        }
    }

    /// Lets fiscal periods end this many weeks later.
    pub(crate) fn with_fiscal_year(self, weeks: u64) -> Today {
        let closing = self.date.checked_sub_days(Days::new(weeks * 7)).map_or(self.closing, closing);
        Today { closing, ..self }
    }

    pub(crate) fn is_weekend(self) -> bool {
        self.weekday >= 5
    }

    /// Returns the factor by which a team does more today than on an ordinary day. The factors are choices.
    pub(crate) fn rush(self, team: Team) -> f64 {
        match (self.closing, team) {
            (Closing::Ordinary, _) => 1.0,
            (Closing::Quarter, Team::Sales) => 2.3,
            (Closing::Quarter, Team::Finance) => 2.5,
            (Closing::Quarter, _) => 1.5,
            (Closing::Month, Team::Sales) => 1.7,
            (Closing::Month, Team::Finance) => 2.0,
            (Closing::Month, _) => 1.2,
        }
    }
}

/// A Monday on which a fiscal quarter began. Quarters have months of four, four and five weeks. A choice.
const QUARTER_START: NaiveDate = match NaiveDate::from_ymd_opt(2025, 12, 22) {
    Some(date) => date,
    None => NaiveDate::MIN,
};

fn closing(date: NaiveDate) -> Closing {
    let day = date.signed_duration_since(QUARTER_START).num_days().rem_euclid(13 * 7);
    match (day / 7, day % 7) {
        (3 | 7, 3 | 4) => Closing::Month,
        (12, 2..=4) => Closing::Quarter,
        _ => Closing::Ordinary,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(date: &str, expected: Closing) {
        let today = Today::new(date.parse().unwrap(), 0);
        assert_eq!(today.closing, expected, "{date}");
    }

    #[test]
    fn months_close_on_two_working_days_and_quarters_on_three() {
        check("2026-01-14", Closing::Ordinary);
        check("2026-01-15", Closing::Month);
        check("2026-01-16", Closing::Month);
        check("2026-01-17", Closing::Ordinary);
        check("2026-02-13", Closing::Month);
        check("2026-03-17", Closing::Ordinary);
        check("2026-03-18", Closing::Quarter);
        check("2026-03-20", Closing::Quarter);
        check("2026-03-23", Closing::Ordinary);
        check("2025-12-19", Closing::Quarter);
    }

    #[test]
    fn days_know_their_weekday_and_midnight() {
        let start = "2026-01-05".parse().unwrap();
        assert!(!Today::new(start, 4).is_weekend());
        assert!(Today::new(start, 5).is_weekend());
        assert_eq!(Today::new(start, 1).midnight - Today::new(start, 0).midnight, DAY);
    }
}
