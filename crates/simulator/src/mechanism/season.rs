//! The calendar of the org: seasons, odd days, daylight saving, and another fiscal year.

use chrono::{Datelike, NaiveDate, Weekday};

use super::{Mechanism, WorldKind};
use crate::calendar::{MINUTE, Today};
use crate::catalog::Team;
use crate::dice::mix;
use crate::location::Location;
use crate::world::World;

/// Returns the factor by which a team does more today than on an ordinary day: rush, season and odd days.
pub(crate) fn factor(world: &World, today: Today, team: Team) -> f64 {
    let rush = today.rush(team);
    let season = world.strength(Mechanism::Season);
    let seasonal = if season == 0.0 { 1.0 } else { yearly(world.key, today.date).powf(season) };
    rush * seasonal * odd(world, today)
}

/// Returns the start of the local day in UTC.
pub(crate) fn local_midnight(world: &World, location: &Location, today: Today) -> i64 {
    let summer = world.strength(Mechanism::DaylightSaving) > 0.0 && saves_daylight(location.iso, today.date);
    today.midnight - (location.zone + if summer { 60 } else { 0 }) * MINUTE
}

/// Returns by how many weeks the org's fiscal year differs from the standard one.
pub(crate) fn fiscal_weeks(world: WorldKind, key: u64) -> u64 {
    if world.strength(Mechanism::FiscalYear) == 0.0 { 0 } else { 2 + mix(key) % 9 }
}

/// Returns the factor of a day on which the whole org is quiet or triple.
pub(crate) fn odd(world: &World, today: Today) -> f64 {
    let share = world.strength(Mechanism::OddDays);
    if share == 0.0 {
        return 1.0;
    }
    let mut dice = world.dice(Mechanism::OddDays, 0, today.index);
    match dice.chance(share) {
        true if dice.chance(0.5) => 3.0,
        true => 0.15,
        false => 1.0,
    }
}

/// Returns the factor of the season: of a shop, or of a university.
fn yearly(key: u64, date: NaiveDate) -> f64 {
    let day = date.month() * 100 + date.day();
    if key.is_multiple_of(2) {
        return match day {
            1120..=1224 => 3.0,
            1225..=1231 | 101..=105 => 0.4,
            106..=125 => 1.6,
            201..=228 => 0.7,
            701..=820 => 0.8,
            _ => 1.0,
        };
    }
    match day {
        112..=206 | 901..=1005 => 2.2,
        302..=313 | 615..=825 | 1220..=1231 | 101..=108 => 0.35,
        501..=531 => 1.6,
        _ => 1.0,
    }
}

/// Returns whether daylight saving is in force: from the second Sunday of March to the first of November in the United
/// States, from the last Sunday of March to the last of October in Europe.
fn saves_daylight(iso: &str, date: NaiveDate) -> bool {
    let sunday = |month, nth| NaiveDate::from_weekday_of_month_opt(date.year(), month, Weekday::Sun, nth);
    let last = |month| sunday(month, 5).or(sunday(month, 4));
    let (from, to) = match iso {
        "US" => (sunday(3, 2), sunday(11, 1)),
        "GB" | "IE" | "DE" | "NL" | "ES" | "RO" => (last(3), last(10)),
        _ => return false,
    };
    from.is_some_and(|from| from <= date) && to.is_some_and(|to| date < to)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(iso: &str, date: &str, expected: bool) {
        assert_eq!(saves_daylight(iso, date.parse().unwrap()), expected, "{iso} {date}");
    }

    #[test]
    fn daylight_saving_begins_and_ends_by_country() {
        check("US", "2026-03-07", false);
        check("US", "2026-03-08", true);
        check("GB", "2026-03-28", false);
        check("GB", "2026-03-29", true);
        check("DE", "2026-10-24", true);
        check("DE", "2026-10-25", false);
        check("US", "2026-11-01", false);
        check("IN", "2026-07-01", false);
    }
}
