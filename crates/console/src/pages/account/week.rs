//! The hours of the week in which an account was active, by its stored days.

use crate::body::Day;
use crate::pages::Dates;
use std::collections::BTreeMap;
use view::chart::{Week, Weekday};

/// Draws the weekdays from the first day of which the hours are known to the date `last`; `None` if they are of none. Days
/// without activity count, and days that an earlier version stored do not.
pub(super) fn week(days: &[Day], calendar: Dates, last: i64) -> Option<Week> {
    weekdays(days, calendar, last).map(|weekdays| Week::of(&weekdays))
}

fn weekdays(days: &[Day], calendar: Dates, last: i64) -> Option<[Weekday; 7]> {
    let by_date: BTreeMap<i64, Option<&Vec<u8>>> =
        days.iter().filter_map(|day| Some((calendar.number(&day.day)?, day.hours.as_ref()))).collect();
    let (first, _) = by_date.iter().find(|(_, hours)| hours.is_some())?;
    let mut weekdays = [Weekday::default(); 7];
    for date in *first..=last {
        let active = match by_date.get(&date) {
            Some(Some(hours)) => hours.as_slice(),
            Some(None) => continue,
            None => &[],
        };
        // 1970-01-01 was a Thursday.
        let Some(weekday) = weekdays.get_mut((date + 3).rem_euclid(7) as usize) else { continue };
        weekday.days += 1;
        for hour in active {
            weekday.active.get_mut(usize::from(*hour)).into_iter().for_each(|days| *days += 1);
        }
    }
    Some(weekdays)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::dates::tests::dates;
    use model::{DayFacts, OrgId, Timestamp, UserClass, UserDay, UserId};

    fn day(start: Timestamp, hours: Option<u32>) -> Day {
        let facts = DayFacts {
            last_at: start,
            volumes: Vec::new(),
            downloads: 0,
            bytes: 0,
            written: 0,
            firsts: Vec::new(),
            surprises: Vec::new(),
            held: false,
            hours,
            unjudged: None,
        };
        let (org_id, user_id) = (OrgId::new("00D000000000001AAA"), UserId::new("005"));
        Day::of(&UserDay { org_id, user_id, day: start, username: None, user_class: UserClass::Normal, facts }, &[])
    }

    #[test]
    fn a_monday_of_the_org_is_a_monday_in_every_time_zone() {
        for zone in ["Pacific/Midway", "UTC", "Asia/Kolkata", "Pacific/Tongatapu", "Pacific/Kiritimati"] {
            let calendar = dates(zone);
            // Three Mondays, 2026-03-02, 09 and 16, of which the last has no activity; an earlier version stored the Tuesdays.
            let monday = 20_514;
            let days = [(0, Some(0b11 << 9)), (1, None), (7, Some(1 << 23)), (8, None)];
            let days = days.map(|(after, hours)| day(calendar.start(monday + after), hours));
            let found = weekdays(&days, calendar, monday + 15).unwrap();
            let days: Vec<u32> = found.iter().map(|weekday| weekday.days).collect();
            assert_eq!(days, [3, 1, 2, 2, 2, 2, 2], "{zone}");
            let hours = |hour: usize| found.map(|weekday| weekday.active[hour]);
            assert_eq!((hours(9), hours(23)), ([1, 0, 0, 0, 0, 0, 0], [1, 0, 0, 0, 0, 0, 0]), "{zone}");
            assert_eq!(hours(11), [0; 7], "{zone}");
        }
    }

    #[test]
    fn days_of_an_earlier_version_make_no_week() {
        let calendar = dates("UTC");
        assert_eq!(weekdays(&[day(calendar.start(20_514), None)], calendar, 20_600), None);
        assert_eq!(weekdays(&[], calendar, 20_600), None);
    }
}
