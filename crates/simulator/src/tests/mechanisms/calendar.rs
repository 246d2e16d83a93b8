use super::{Org, median, org, simulate, standard};
use crate::WorldKind;
use crate::calendar::Closing;
use crate::event::Body;
use crate::mechanism::Mechanism;

#[test]
fn the_day_starts_an_hour_earlier_in_summer() {
    // Daylight saving begins on 2026-03-08 in the United States, which is day 62; that week is compared with the one before.
    let start = |org: &Org, days: std::ops::Range<u32>| {
        let in_states = |user: &str| {
            org.world.accounts.iter().any(|account| {
                account.location.iso == "US" && account.identity().is_some_and(|identity| identity.user_id == user)
            })
        };
        let logins = org.people().filter(|(day, event)| {
            days.contains(day) && matches!(event.body, Body::Login { .. }) && in_states(event.user_id())
        });
        median(logins.map(|(_, event)| event.at.rem_euclid(86_400_000) as f64 / 3_600_000.0).collect())
    };
    let shift = |org: &Org| start(org, 56..60) - start(org, 63..66);
    let (seasonal, usual) = (shift(&org(WorldKind::Seasonal, Mechanism::DaylightSaving)), shift(&standard()));
    assert!((0.5..1.5).contains(&seasonal) && usual.abs() < 0.5, "{seasonal}, {usual}");
}

/// Returns the number of people's events by day, Saturdays and Sundays left out.
fn weekdays(org: &Org) -> Vec<f64> {
    let mut counts = vec![0.0; org.days.len()];
    org.people().for_each(|(day, _)| counts[day as usize] += 1.0);
    (0..).zip(counts).filter(|(day, _)| day % 7 < 5).map(|(_, count)| count).collect()
}

#[test]
fn seasons_last_for_weeks() {
    let range = |org: &Org| {
        let weeks: Vec<f64> =
            weekdays(org).chunks(5).filter(|week| week.len() == 5).map(|week| median(week.to_vec())).collect();
        weeks.iter().copied().fold(0.0, f64::max) / weeks.iter().copied().fold(f64::MAX, f64::min)
    };
    let (seasonal, usual) = (range(&org(WorldKind::Seasonal, Mechanism::Season)), range(&standard()));
    assert!(seasonal > 1.25 * usual, "{seasonal}, {usual}");
}

#[test]
fn some_days_are_quiet_or_triple() {
    let odd = |org: &Org| {
        let days = weekdays(org);
        let usual = |day: usize| median(days[day.saturating_sub(3)..(day + 4).min(days.len())].to_vec());
        (0..days.len()).filter(|day| days[*day] < 0.4 * usual(*day) || days[*day] > 2.2 * usual(*day)).count()
    };
    assert!(WorldKind::Seasonal.strength(Mechanism::OddDays) > 0.0);
    let of_seeds = |kind| (1..=4).map(|seed| odd(&simulate(kind, 40, seed))).sum::<usize>();
    let (seasonal, usual) = (of_seeds(WorldKind::Seasonal), of_seeds(WorldKind::Standard));
    assert!(seasonal >= 4 && usual == 0, "{seasonal}, {usual}");
}

#[test]
fn another_fiscal_year_closes_on_other_days() {
    let closings = |org: &Org| -> Vec<u32> {
        let days = org.world.calendar.iter().filter(|today| today.closing == Closing::Quarter);
        days.map(|today| today.index).collect()
    };
    assert_ne!(closings(&org(WorldKind::Seasonal, Mechanism::FiscalYear)), closings(&standard()));
}
