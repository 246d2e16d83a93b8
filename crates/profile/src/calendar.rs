//! Days and hours in an org's time zone.

use crate::state::exact;
use chrono::{Datelike, NaiveDate, Offset, TimeZone, Timelike};
use chrono_tz::Tz;
use model::Timestamp;
use model::time::{DAY, HOUR, MINUTE, SECOND};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Finds the local day and hour of a time. It keeps the last answer, because most events come in order.
#[derive(Clone, Debug)]
pub(crate) struct Calendar {
    zone: Tz,
    /// The hour found last. It is part of the stored state: where clocks change by less than an hour, hours overlap,
    /// and this one decides to which of two a time belongs.
    pub(crate) last: LocalHour,
}

/// One clock hour of the org.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LocalHour {
    /// First moment of the hour.
    #[serde(with = "exact")]
    pub(crate) start: Timestamp,
    /// First moment after the hour.
    #[serde(with = "exact")]
    pub(crate) end: Timestamp,
    /// Days since 1970-01-01 in local time.
    pub(crate) day: i32,
    /// First moment of the local day.
    #[serde(with = "exact")]
    pub(crate) day_start: Timestamp,
    /// 0 to 23.
    pub(crate) hour: u8,
    /// 0 (Monday) to 6.
    pub(crate) weekday: u8,
}

/// The days of an org on which people rest, in days since 1970-01-01 in local time, apart from Saturdays and Sundays.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Holidays(BTreeSet<i32>);

impl Holidays {
    /// Reads dates such as `2026-12-25`. Others are left out: the settings have been checked.
    pub(crate) fn new<'a>(dates: impl IntoIterator<Item = &'a String>) -> Self {
        let day = |date: NaiveDate| i32::try_from(date.signed_duration_since(NaiveDate::default()).num_days()).ok();
        Self(dates.into_iter().filter_map(|text| parse_date(text).and_then(day)).collect())
    }

    /// Whether a day is a Saturday, a Sunday or a holiday.
    pub(crate) fn is_weekend(&self, day: i32) -> bool {
        // 1970-01-01 was a Thursday.
        day.saturating_add(3).rem_euclid(7) >= 5 || self.0.contains(&day)
    }
}

/// Reads a date in its only form, such as `2026-12-25`.
pub(crate) fn parse_date(text: &str) -> Option<NaiveDate> {
    NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().filter(|date| date.to_string() == text)
}

impl LocalHour {
    /// Returns the hour of the week: 0 is Monday from 00:00 to 01:00.
    pub(crate) fn of_week(&self) -> u32 {
        u32::from(self.weekday) * 24 + u32::from(self.hour)
    }
}

impl Calendar {
    pub(crate) fn new(zone: Tz) -> Self {
        Self { zone, last: LocalHour::default() }
    }

    /// Changes the zone. The hour found last stays as it is.
    pub(crate) fn set_zone(&mut self, zone: Tz) {
        self.zone = zone;
    }

    /// Returns the clock hour of `time`.
    pub(crate) fn hour_of(&mut self, time: Timestamp) -> LocalHour {
        if time < self.last.start || time >= self.last.end {
            self.last = self.find(time);
        }
        self.last
    }

    fn find(&self, time: Timestamp) -> LocalHour {
        let local = self.zone.from_utc_datetime(&time.to_utc().naive_utc());
        let offset = i64::from(local.offset().fix().local_minus_utc()) * SECOND;
        let wall = time.0.saturating_add(offset);
        let day = wall.div_euclid(DAY);
        let start = wall - i64::from(local.minute()) * MINUTE - wall.rem_euclid(MINUTE);
        LocalHour {
            start: Timestamp(start - offset),
            end: Timestamp(start - offset + HOUR),
            day: i32::try_from(day).unwrap_or_default(),
            // On a day on which clocks change, this may be off by the change, equally for all events of the day.
            day_start: self.midnight(day * DAY, offset),
            hour: u8::try_from(local.hour()).unwrap_or_default(),
            weekday: u8::try_from(local.weekday().num_days_from_monday()).unwrap_or_default(),
        }
    }

    /// Returns the first moment of the local day that begins at `wall`, the milliseconds since 1970 that its clocks
    /// show.
    fn midnight(&self, wall: i64, offset: i64) -> Timestamp {
        let naive = Timestamp(wall).to_utc().naive_utc();
        match self.zone.from_local_datetime(&naive).earliest() {
            Some(midnight) => Timestamp(midnight.timestamp_millis()),
            // A clock change skips midnight: uses the offset of the hour asked for.
            None => Timestamp(wall - offset),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(zone: &str, time: &str, day_start: &str, hour: u8, weekday: u8) {
        let mut calendar = Calendar::new(zone.parse().unwrap());
        let found = calendar.hour_of(Timestamp::parse(time).unwrap());
        assert_eq!(found.day_start, Timestamp::parse(day_start).unwrap(), "{time} in {zone}");
        assert_eq!((found.hour, found.weekday), (hour, weekday), "{time} in {zone}");
        assert_eq!(found, calendar.hour_of(Timestamp(found.end.0 - 1)));
    }

    #[test]
    fn hours_of_a_zone() {
        check("UTC", "2026-03-02T14:31:52.867Z", "2026-03-02T00:00:00Z", 14, 0);
        check("America/New_York", "2026-03-02T02:30:00Z", "2026-03-01T05:00:00Z", 21, 6);
        check("Asia/Kolkata", "2026-03-02T20:00:00Z", "2026-03-02T18:30:00Z", 1, 1);
    }

    #[test]
    fn holidays_are_as_weekends() {
        let dates = ["2026-12-25".to_owned(), "1970-01-01".to_owned(), "2026-2-3".to_owned(), "soon".to_owned()];
        let holidays = Holidays::new(&dates);
        assert_eq!(holidays, Holidays([0, 20_812].into()));
        let mut calendar = Calendar::new("Pacific/Auckland".parse().unwrap());
        let mut check = |time: &str, expect: bool| {
            let day = calendar.hour_of(Timestamp::parse(time).unwrap()).day;
            assert_eq!(holidays.is_weekend(day), expect, "{time}");
        };
        // A Friday, a Saturday and a Monday in New Zealand, where the day begins half a day earlier.
        check("2026-12-24T12:00:00Z", true);
        check("2026-12-24T10:00:00Z", false);
        check("2026-12-25T12:00:00Z", true);
        check("2026-12-27T12:00:00Z", false);
    }

    #[test]
    fn a_day_on_which_clocks_change_is_one_day() {
        check("Europe/Berlin", "2026-03-29T00:30:00Z", "2026-03-28T23:00:00Z", 1, 6);
        check("Europe/Berlin", "2026-03-29T12:30:00Z", "2026-03-28T23:00:00Z", 14, 6);
    }
}
