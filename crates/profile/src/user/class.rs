//! What kind of account this is, read from how it behaves.

use super::{Profile, Rhythm};
use crate::estimate::Prior;
use model::{Source, UserClass};

/// Active days before an account is classified; until then it is normal.
const LEAST_DAYS: f64 = 5.0;

/// The class of an account. `rows` are the org's priors of ln(1 + daily rows), by source.
///
/// After the founding article: normal users keep business hours and rarely work on weekends; power users consume
/// more than they; administrators change the org; integrations run around the clock through the API.
pub(crate) fn classify(profile: &Profile, rows: [Option<Prior>; Source::ALL.len()]) -> UserClass {
    if profile.is_guest {
        return UserClass::Guest;
    }
    if profile.days < LEAST_DAYS {
        return profile.class;
    }
    if is_machine(profile, &profile.rhythm) {
        return UserClass::Integration;
    }
    let requests = profile.api_requests + profile.page_requests;
    if profile.admin_requests > 0.02 * requests && profile.admin_requests >= 2.0 {
        return UserClass::Admin;
    }
    let consumes_more = Source::ALL.iter().zip(rows).any(|(source, prior)| match (profile.rows_of(*source), prior) {
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
