use std::collections::{BTreeMap, BTreeSet};

use super::{Org, median, org, standard};
use crate::WorldKind;
use crate::account::Class;
use crate::event::Body;
use crate::mechanism::Mechanism;
use crate::mechanism::people::tenure;

/// Returns the people who work on a day in offices of a country.
fn at_work(org: &Org, iso: &str, date: &str) -> usize {
    let day = org.days.iter().find(|day| day.date.to_string() == date).unwrap();
    let of_country = |user: &str| {
        org.world.accounts.iter().any(|account| {
            account.class.is_person()
                && account.location.iso == iso
                && account.identity().is_some_and(|identity| identity.user_id == user)
        })
    };
    let users: BTreeSet<&str> = day.events.iter().map(crate::Event::user_id).collect();
    users.into_iter().filter(|user| of_country(user)).count()
}

#[test]
fn few_work_on_public_holidays() {
    let org = org(WorldKind::Staffing, Mechanism::Holidays);
    let (holiday, usual) = (at_work(&org, "US", "2026-01-19"), at_work(&org, "US", "2026-01-26"));
    assert!(holiday * 4 < usual, "{holiday}, {usual}");
    assert!(at_work(&org, "GB", "2026-01-19") * 3 > at_work(&org, "GB", "2026-01-26") * 2);
}

/// Returns the longest pause between two days of work, by person.
fn pauses(org: &Org) -> Vec<u32> {
    let pause = |days: &BTreeMap<u32, f64>| {
        let days: Vec<u32> = days.keys().copied().collect();
        days.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or(0)
    };
    org.activity().values().map(pause).collect()
}

#[test]
fn some_are_on_leave_for_weeks() {
    let long = |org: &Org| pauses(org).into_iter().filter(|pause| *pause > 20).count();
    let (staffing, usual) = (long(&org(WorldKind::Staffing, Mechanism::Leave)), long(&standard()));
    assert!(staffing >= usual + 3, "{staffing}, {usual}");
}

#[test]
fn people_join_and_leave() {
    let org = org(WorldKind::Staffing, Mechanism::Turnover);
    let activity = org.activity();
    let (mut joined, mut left) = (0, 0);
    for account in &org.world.accounts {
        let tenure = tenure(&org.world, account);
        let Some(days) = activity.get(account.identity().unwrap().user_id.as_str()) else { continue };
        let (first, last) = (*days.keys().next().unwrap(), *days.keys().last().unwrap());
        // The last shift may end on the day after.
        assert!(tenure.from <= first && last <= tenure.until, "{tenure:?}: {first} to {last}");
        joined += u32::from(tenure.from > 0);
        left += u32::from(tenure.until < 60);
    }
    assert!(joined > 2 && left > 5, "{joined}, {left}");
}

#[test]
fn part_time_leaves_weekdays_free() {
    let free = |org: &Org| {
        let activity = org.activity();
        let steady = activity.values().filter(|days| days.len() > 15);
        let is_part_time = |days: &&BTreeMap<u32, f64>| (0..5).any(|weekday| days.keys().all(|day| day % 7 != weekday));
        steady.filter(is_part_time).count()
    };
    let (staffing, usual) = (free(&org(WorldKind::Staffing, Mechanism::PartTime)), free(&standard()));
    assert!(staffing > 4 && usual == 0, "{staffing}, {usual}");
}

#[test]
fn shifts_move_the_working_day_from_week_to_week() {
    let moving = |org: &Org| {
        let mut starts: BTreeMap<&str, BTreeMap<u32, Vec<f64>>> = BTreeMap::new();
        for (day, event) in org.people().filter(|(_, event)| matches!(event.body, Body::Login { .. })) {
            let hour = event.at.rem_euclid(86_400_000) as f64 / 3_600_000.0;
            starts.entry(event.user_id()).or_default().entry(day / 7).or_default().push(hour);
        }
        let range = |weeks: &BTreeMap<u32, Vec<f64>>| {
            let medians = || weeks.values().filter(|hours| hours.len() > 2).map(|hours| median(hours.clone()));
            medians().fold(0.0, f64::max) - medians().fold(24.0, f64::min)
        };
        starts.values().filter(|weeks| range(weeks) > 6.5).count()
    };
    let (staffing, usual) = (moving(&org(WorldKind::Staffing, Mechanism::Shifts)), moving(&standard()));
    assert!(staffing > usual + 5, "{staffing}, {usual}");
}

#[test]
fn several_people_share_a_login() {
    let shared = |org: &Org| {
        let mut agents: BTreeMap<(&str, u32), BTreeSet<&str>> = BTreeMap::new();
        for (day, event) in org.people().filter(|(_, event)| !matches!(event.body, Body::LoginAs { .. })) {
            agents.entry((event.user_id(), day)).or_default().insert(&event.session.session_key);
        }
        let busy = agents.iter().filter(|(_, sessions)| sessions.len() > 3).map(|((user, _), _)| *user);
        let mut days: BTreeMap<&str, u32> = BTreeMap::new();
        busy.for_each(|user| *days.entry(user).or_default() += 1);
        days.values().filter(|days| **days > 8).count()
    };
    let (staffing, usual) = (shared(&org(WorldKind::Staffing, Mechanism::Shared)), shared(&standard()));
    assert!(staffing >= 1 && usual == 0, "{staffing}, {usual}");
}

#[test]
fn delegates_administer() {
    let delegates = |org: &Org| {
        let acts = org.people().filter(|(_, event)| matches!(event.body, Body::PermissionSet { .. }));
        let users: BTreeSet<&str> = acts.map(|(_, event)| event.user_id()).collect();
        let is_power = |user: &&str| {
            org.world.accounts.iter().any(|account| {
                account.class == Class::Power && account.identity().is_some_and(|identity| identity.user_id == **user)
            })
        };
        users.iter().filter(|user| is_power(user)).count()
    };
    assert!(delegates(&org(WorldKind::Staffing, Mechanism::Delegates)) >= 1);
    assert_eq!(delegates(&standard()), 0);
}
