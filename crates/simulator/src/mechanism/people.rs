//! People: holidays, leave, joiners and leavers, part-time, shifts, delegates.

use chrono::{Datelike, Days, NaiveDate, Weekday};

use super::{Mechanism, season};
use crate::account::{Account, Class};
use crate::calendar::Today;
use crate::world::World;

/// How a public holiday recurs.
enum Rule {
    /// Month and day.
    Fixed(u32, u32),
    /// Month, weekday and which one of the month.
    Nth(u32, Weekday, u8),
    /// Days after Easter Sunday.
    Easter(i64),
}

/// Public holidays by country; the more common ones only.
static HOLIDAYS: [(&str, &[Rule]); 5] = [
    (
        "US",
        &[
            Rule::Fixed(1, 1),
            Rule::Nth(1, Weekday::Mon, 3),
            Rule::Nth(2, Weekday::Mon, 3),
            Rule::Fixed(7, 4),
            Rule::Nth(9, Weekday::Mon, 1),
            Rule::Nth(11, Weekday::Thu, 4),
            Rule::Fixed(12, 25),
        ],
    ),
    ("GB", &[Rule::Fixed(1, 1), Rule::Easter(-2), Rule::Easter(1), Rule::Fixed(12, 25), Rule::Fixed(12, 26)]),
    (
        "IE",
        &[Rule::Fixed(1, 1), Rule::Nth(2, Weekday::Mon, 1), Rule::Fixed(3, 17), Rule::Easter(1), Rule::Fixed(12, 25)],
    ),
    (
        "DE",
        &[
            Rule::Fixed(1, 1),
            Rule::Easter(-2),
            Rule::Easter(1),
            Rule::Fixed(5, 1),
            Rule::Easter(39),
            Rule::Fixed(10, 3),
            Rule::Fixed(12, 25),
            Rule::Fixed(12, 26),
        ],
    ),
    ("IN", &[Rule::Fixed(1, 26), Rule::Fixed(3, 4), Rule::Fixed(8, 15), Rule::Fixed(10, 2), Rule::Fixed(11, 8)]),
];

/// When an account has a holder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tenure {
    /// The first day.
    pub(crate) from: u32,
    /// The first day on which it is no longer used.
    pub(crate) until: u32,
    /// The holder has left the organization, and the account was forgotten.
    pub(crate) departed: bool,
}

/// Returns when an account is in use. A few accounts of every world but the standard one fall asleep or lose their holder
/// within the first six weeks; `turnover` adds joiners and more leavers.
pub(crate) fn tenure(world: &World, account: &Account) -> Tenure {
    let always = Tenure { from: 0, until: u32::MAX, departed: false };
    if !world.has_mechanisms() || !matches!(account.class, Class::Normal | Class::Power) {
        return always;
    }
    let mut dice = world.dice(Mechanism::Turnover, account.index, u32::MAX - 1);
    let (turn, either) = (dice.unit(), dice.chance(0.5));
    let (early, late) = (dice.whole(12, 40), dice.gap(60.0));
    if turn < 0.06 {
        return Tenure { until: early, departed: either, ..always };
    }
    if turn < 0.06 + world.strength(Mechanism::Turnover) {
        return match either {
            true => Tenure { from: late, ..always },
            false => Tenure { until: 15 + late, departed: true, ..always },
        };
    }
    always
}

/// Decides whether a person works on a day, given whether a person of the standard world would.
pub(crate) fn works(world: &World, account: &Account, today: Today, usually: bool) -> bool {
    if !world.has_mechanisms() {
        return usually;
    }
    let tenure = tenure(world, account);
    if today.index < tenure.from || today.index >= tenure.until || on_leave(world, account, today) {
        return false;
    }
    let usually = match shift_hours(world, account, today) {
        Some(_) => works_in_shift(account, today),
        None => usually,
    };
    // On a quiet day, as in a storm, only some work.
    let quiet =
        season::odd(world, today) < 1.0 && !world.dice(Mechanism::OddDays, account.index + 1, today.index).chance(0.35);
    usually && !quiet && !is_day_off(world, account, today) && !is_off_for_holiday(world, account, today)
}

/// Returns by how many hours a shift moves the working day, or `None` if the account has no shifts. Shifts change weekly.
pub(crate) fn shift_hours(world: &World, account: &Account, today: Today) -> Option<f64> {
    if account.class != Class::Normal || !world.affects(Mechanism::Shifts, account.index) {
        return None;
    }
    let week = (today.index + account.index) / 7;
    [-2.5, 5.0, 12.0].get(week as usize % 3).copied()
}

/// Returns whether a power user does administrators' work.
pub(crate) fn is_delegate(world: &World, account: &Account) -> bool {
    account.class == Class::Power && world.affects(Mechanism::Delegates, account.index)
}

/// Returns whether the day is a public holiday of a country.
pub(crate) fn is_holiday(iso: &str, date: NaiveDate) -> bool {
    let rules = HOLIDAYS.iter().find(|(country, _)| *country == iso).map(|(_, rules)| *rules).unwrap_or_default();
    rules.iter().any(|rule| match *rule {
        Rule::Fixed(month, day) => (date.month(), date.day()) == (month, day),
        Rule::Nth(month, weekday, nth) => {
            NaiveDate::from_weekday_of_month_opt(date.year(), month, weekday, nth) == Some(date)
        }
        Rule::Easter(days) => easter(date.year()).is_some_and(|sunday| (date - sunday).num_days() == days),
    })
}

/// Returns whether a shift worker works: on five of seven days, which move with the account.
fn works_in_shift(account: &Account, today: Today) -> bool {
    (today.index + account.index * 3) % 7 < 5
}

fn is_off_for_holiday(world: &World, account: &Account, today: Today) -> bool {
    let share = world.strength(Mechanism::Holidays);
    share > 0.0
        && is_holiday(account.location.iso, today.date)
        && world.dice(Mechanism::Holidays, account.index, today.index).chance(share)
}

fn is_day_off(world: &World, account: &Account, today: Today) -> bool {
    if !world.affects(Mechanism::PartTime, account.index) {
        return false;
    }
    let mut dice = world.dice(Mechanism::PartTime, account.index, 0);
    let count = dice.whole(1, 3) as usize;
    dice.sample(&[0, 1, 2, 3, 4], count).contains(&today.weekday)
}

fn on_leave(world: &World, account: &Account, today: Today) -> bool {
    if !world.affects(Mechanism::Leave, account.index) {
        return false;
    }
    let mut dice = world.dice(Mechanism::Leave, account.index, 0);
    let first = 10 + dice.gap(35.0);
    (first..first + dice.whole(21, 49)).contains(&today.index)
}

/// Returns Easter Sunday (anonymous Gregorian computus, Meeus 1991, chapter 8).
fn easter(year: i32) -> Option<NaiveDate> {
    let (a, b, c) = (year % 19, year / 100, year % 100);
    let h = (19 * a + b - b / 4 - (b - (b + 8) / 25 + 1) / 3 + 15) % 30;
    let l = (32 + 2 * (b % 4) + 2 * (c / 4) - h - c % 4) % 7;
    let m = (a + 11 * h + 22 * l) / 451;
    let days = h + l - 7 * m + 114;
    let march = NaiveDate::from_ymd_opt(year, u32::try_from(days / 31).ok()?, 1)?;
    march.checked_add_days(Days::new(u64::try_from(days % 31).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(iso: &str, date: &str, expected: bool) {
        assert_eq!(is_holiday(iso, date.parse().unwrap()), expected, "{iso} {date}");
    }

    #[test]
    fn holidays_differ_by_country() {
        check("US", "2026-01-19", true);
        check("GB", "2026-01-19", false);
        check("GB", "2026-04-03", true);
        check("DE", "2026-04-06", true);
        check("US", "2026-11-26", true);
        check("IE", "2026-03-17", true);
        check("IN", "2026-01-26", true);
        check("NL", "2026-12-25", false);
    }

    #[test]
    fn easter_is_known() {
        assert_eq!(easter(2026), NaiveDate::from_ymd_opt(2026, 4, 5));
        assert_eq!(easter(2027), NaiveDate::from_ymd_opt(2027, 3, 28));
    }
}
