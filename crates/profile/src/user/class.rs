//! What kind of account this is, read from how it behaves.

use super::{Profile, Rhythm};
use crate::estimate::Prior;
use model::{Surface, UserClass};

/// Active days before an account is classified; until then it is normal.
const LEAST_DAYS: f64 = 5.0;

/// The class of an account. `rows` are the org's priors of ln(1 + daily rows), by source.
///
/// After the founding article: normal users keep business hours and rarely work on weekends; power users consume
/// more than they; administrators change the org; integrations run around the clock through the API.
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
    // A right is certain where habits are a guess. But much software runs with an administrator's rights: what keeps a
    // machine's hours is compared with machines.
    if profile.administers == Some(true) {
        return UserClass::Admin;
    }
    let requests = profile.api_requests + profile.page_requests;
    if profile.admin_requests > 0.02 * requests && profile.admin_requests >= 2.0 {
        return UserClass::Admin;
    }
    let consumes_more = Surface::ALL.iter().zip(rows).any(|(source, prior)| match (profile.rows_of(*source), prior) {
        (Some(own), Some(prior)) if own.day.weight >= LEAST_DAYS => {
            let between = prior.within / prior.strength;
            own.day.mean > prior.mean + 1.2 * between.sqrt()
        }
        _ => false,
    });
    if consumes_more { UserClass::Power } else { UserClass::Normal }
}

/// Through the API nearly always, and at hours that a person does not keep.
fn is_machine(profile: &Profile, rhythm: &Rhythm) -> bool {
    let requests = profile.api_requests + profile.page_requests;
    let through_api = profile.api_requests > 0.9 * requests;
    let hours = rhythm.hours_a_day(false);
    through_api && (hours >= 14.0 || rhythm.hours_a_day(true) >= 0.5 * hours.max(1.0))
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
    fn who_administers_by_right_or_by_habit_is_an_administrator() {
        assert_eq!(class(|_| {}), UserClass::Normal);
        assert_eq!(class(|profile| profile.admin_requests = 10.0), UserClass::Admin);
        assert_eq!(class(administers), UserClass::Admin);
    }

    #[test]
    fn rights_make_no_person_of_a_machine_nor_of_a_guest() {
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
