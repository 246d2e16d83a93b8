//! The class of an account, from how it behaves.

use super::{Profile, Rhythm};
use crate::estimate::Prior;
use model::{Surface, UserClass};

/// Active days before an account is classified; until then it is normal. A choice: one working week.
const LEAST_DAYS: f64 = 5.0;
/// Share of requests that change permissions from which on an account administers. A choice.
const ADMIN_SHARE: f64 = 0.02;
/// Changes of permissions, decayed, that an administrator has at least: one alone proves no habit. A choice.
const LEAST_ADMIN_REQUESTS: f64 = 2.0;
/// Deviations between accounts above the org's mean of ln(1 + rows) from which on an account is a power user: about one
/// account in nine, if their means are normal. A choice.
const POWER: f64 = 1.2;
/// Share of requests through the API from which on an account may be a machine. A choice.
const API_SHARE: f64 = 0.9;
/// Hours with activity on an average working day from which on an account is a machine: more than a person works. A
/// choice.
const MACHINE_HOURS: f64 = 14.0;
/// Hours on weekend days, as a share of those on working days, from which on an account is a machine. A choice.
const WEEKEND_SHARE: f64 = 0.5;

/// Returns the class of an account. `rows` are the org's priors of ln(1 + daily rows), by surface.
///
/// The classes are those of the founding article: normal users keep business hours and rarely work on weekends; power
/// users consume more than they; administrators change the org; integrations run around the clock through the API.
pub(crate) fn classify(profile: &Profile, rows: [Option<Prior>; Surface::ALL.len()]) -> UserClass {
    if profile.is_guest {
        return UserClass::Guest;
    }
    if profile.days < LEAST_DAYS {
        return profile.class;
    }
    if is_machine(profile, &profile.rhythm) {
        return UserClass::Integration;
    }
    // A right is certain, habits are a guess. But much software runs with an administrator's rights, so an account with
    // a machine's hours is compared with machines before its rights are looked at.
    if profile.administers == Some(true) {
        return UserClass::Admin;
    }
    let requests = profile.api_requests + profile.page_requests;
    if profile.admin_requests > ADMIN_SHARE * requests && profile.admin_requests >= LEAST_ADMIN_REQUESTS {
        return UserClass::Admin;
    }
    let consumes_more =
        Surface::ALL.iter().zip(rows).any(|(surface, prior)| match (profile.rows_of(*surface), prior) {
            (Some(own), Some(prior)) if own.day.weight >= LEAST_DAYS => {
                let between = prior.within / prior.strength;
                own.day.mean > prior.mean + POWER * between.sqrt()
            }
            _ => false,
        });
    if consumes_more { UserClass::Power } else { UserClass::Normal }
}

/// Whether the account works through the API nearly always, and at hours that a person does not keep.
fn is_machine(profile: &Profile, rhythm: &Rhythm) -> bool {
    let requests = profile.api_requests + profile.page_requests;
    let through_api = profile.api_requests > API_SHARE * requests;
    let hours = rhythm.hours_a_day(false);
    through_api && (hours >= MACHINE_HOURS || rhythm.hours_a_day(true) >= WEEKEND_SHARE * hours.max(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(change: impl FnOnce(&mut Profile)) -> UserClass {
        let mut profile = Profile { days: 10.0, page_requests: 100.0, ..Profile::new() };
        change(&mut profile);
        classify(&profile, Default::default())
    }

    /// Works by day and night through the API.
    fn machine(profile: &mut Profile) {
        (profile.api_requests, profile.page_requests) = (100.0, 0.0);
        (0..10).for_each(|_| profile.rhythm.learn(false, 0xff_ffff, Rhythm::MEMORY));
    }

    fn administers(profile: &mut Profile) {
        profile.administers = Some(true);
    }

    #[test]
    fn rights_or_habits_make_an_administrator() {
        assert_eq!(class(|_| {}), UserClass::Normal);
        assert_eq!(class(|profile| profile.admin_requests = 10.0), UserClass::Admin);
        assert_eq!(class(administers), UserClass::Admin);
    }

    #[test]
    fn rights_do_not_change_the_class_of_machines_and_guests() {
        assert_eq!(class(machine), UserClass::Integration);
        let both = |profile: &mut Profile| {
            machine(profile);
            administers(profile);
        };
        assert_eq!(class(both), UserClass::Integration);
        let guest = |profile: &mut Profile| {
            profile.is_guest = true;
            administers(profile);
        };
        assert_eq!(class(guest), UserClass::Guest);
        let new = |profile: &mut Profile| {
            profile.days = 2.0;
            administers(profile);
        };
        assert_eq!(class(new), UserClass::Normal, "habits are not known yet");
    }
}
