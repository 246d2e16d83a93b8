//! Days and hours in an org's time zone.

use crate::settings::{Settings, SettingsError};
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

/// Dates in the time zone of an org, as days since 1970-01-01.
#[derive(Clone, Copy, Debug)]
pub struct Dates(Tz);

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

impl Dates {
    /// Takes the time zone from the settings of an org.
    ///
    /// # Errors
    /// If there is no such time zone.
    pub fn of(settings: &Settings) -> Result<Self, SettingsError> {
        settings.zone().map(Self)
    }

    /// Returns the date of a day by its first moment: that of the nearest midnight, so that the days of before a change of
    /// clocks, or of the time zone by less than 12 hours, keep their date.
    pub fn of_day(self, start: Timestamp) -> i64 {
        self.wall(start).saturating_add(12 * HOUR).div_euclid(DAY)
    }

    /// Returns the date at a time.
    pub fn at(self, time: Timestamp) -> i64 {
        self.wall(time).div_euclid(DAY)
    }

    /// Returns the first moment of a date.
    pub fn start(self, date: i64) -> Timestamp {
        let wall = date.saturating_mul(DAY);
        let offset = self.wall(Timestamp(wall)) - wall;
        Calendar::new(self.0).midnight(wall, offset)
    }

    /// Returns what the clocks of the time zone show, in milliseconds since 1970.
    fn wall(self, time: Timestamp) -> i64 {
        let local = self.0.from_utc_datetime(&time.to_utc().naive_utc());
        time.0.saturating_add(i64::from(local.offset().fix().local_minus_utc()) * SECOND)
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

    fn dates(zone: &str) -> Dates {
        Dates::of(&Settings { time_zone: zone.to_owned(), ..Settings::default() }).unwrap()
    }

    #[test]
    fn a_day_has_its_date_in_every_time_zone() {
        for zone in [
            "Pacific/Midway", // −11
            "Pacific/Honolulu",
            "America/New_York",
            "UTC",
            "Europe/Berlin",
            "Asia/Kolkata", // +5:30
            "Asia/Kathmandu",
            "Pacific/Tongatapu",  // +13
            "Pacific/Kiritimati", // +14
            "Etc/GMT+12",
        ] {
            let (dates, mut calendar) = (dates(zone), Calendar::new(zone.parse().unwrap()));
            // All of 2026, so that clocks change.
            for date in 20_454..20_819_i64 {
                let start = dates.start(date);
                assert_eq!(dates.of_day(start), date, "{zone} {start}");
                assert_eq!((dates.at(start), dates.at(Timestamp(start.0 - 1))), (date, date - 1), "{zone} {start}");
                let found = calendar.hour_of(start.plus(12 * HOUR));
                assert_eq!((i64::from(found.day), found.day_start), (date, start), "{zone} {start}");
            }
        }
    }

    #[test]
    fn a_day_keeps_its_date_when_the_zone_changes() {
        for (before, after) in
            [("UTC", "America/New_York"), ("America/New_York", "UTC"), ("Asia/Tokyo", "Asia/Kolkata")]
        {
            assert_eq!(dates(after).of_day(dates(before).start(20_500)), 20_500, "{before} {after}");
        }
    }

    #[test]
    fn a_day_without_midnight_has_a_date() {
        // Clocks in Beirut went from 00:00 to 01:00 on 2026-03-29; a day of the profile begins where it finds midnight.
        let dates = dates("Asia/Beirut");
        for found in ["2026-03-28T21:00:00Z", "2026-03-28T22:00:00Z", "2026-03-28T23:00:00Z"] {
            assert_eq!(dates.of_day(Timestamp::parse(found).unwrap()), 20_541, "{found}");
        }
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
