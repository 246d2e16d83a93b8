//! Never learn an attack until somebody has decided: a day that stands out by its calibrated surprise is held when it
//! closes, and its account's profile does not learn it.
//!
//! A held day is released when it has been held for `hold_days`, or at once if a person says that it was benign. From the
//! account's next day on, a second profile judges: the account's own together with the released days, learned as late
//! days are. The account's own lives on without them, and alone teaches populations. So taking a release back is exact for
//! as long as the day is [separable](Reserve::SEPARABLE_DAYS): the second profile is dropped. After that the day is learned
//! for good, as a late day is.
//!
//! What is held is what the close of a day teaches. What single activities teach is not: new values are on probation until
//! they recur, and sessions, silences and who uses an app are facts. A held day counts for the calibration of tests and
//! continues a slow drain, so that what stands out day after day is not forgotten.
//!
//! What is known when the day closes decides: a day that only late activities make strange was learned before, clipped, and
//! stays so. Activities that come late to a held day are judged, and wait with it. Days of backfill are not held, unless a
//! person said that the open day is malicious. Populations learn a released day when it is learned for good.

mod dispose;

use super::calibration::Tester;
use super::close::drain;
use super::{Shared, User, calibration, hours, observation, teach};
use crate::user::{ClosedDay, Held, Profile, Reserve};
pub(super) use dispose::obey;
pub use dispose::{DisposedDay, Disposing, HeldDay, Refusal, Standing};
use model::{Disposition, Feature, Observation, OrgId, Surface, UserId};

/// The calibrated surprise from which on a day is held: that of one user-day in 10,000 by one test. A choice: with some
/// twenty tests, one user-day in 500.
const HOLD_AT: f64 = 4.0;

/// Lets both profiles of an account act: the one that judges, without effect on what accounts share, and the account's
/// own. Observations of the latter get the revision 0: they only teach how surprised tests are, in the order that they
/// would have if no day had been released. Most accounts have one profile, which does both.
pub(super) fn both(
    user: &mut User,
    shared: &mut Shared,
    out: &mut Vec<Observation>,
    mut act: impl FnMut(&UserId, &mut Profile, &mut Shared, &mut Vec<Observation>),
) {
    let User { id, profile, .. } = user;
    let Some(mut combined) = profile.take_combined() else { return act(id, profile, shared, out) };
    let first = out.len();
    shared.set_only_read(true);
    act(id, &mut combined, shared, out);
    shared.set_only_read(false);
    let seen = out.get(first..).unwrap_or_default().iter();
    shared.of_combined.extend(seen.map(|observation| (observation.user_id.clone(), observation.revision)));
    let first = out.len();
    act(id, profile, shared, out);
    out.iter_mut().skip(first).for_each(|observation| observation.revision = 0);
    profile.set_combined(Some(combined));
}

/// Whether a day must be held that is about to be closed: it is held already, a person said that it is malicious, or a test
/// of it had a surprise of [`HOLD_AT`], as far as it is known by now or by what `features` observe at its close. Days that
/// were learned before are not.
pub(super) fn must_hold(
    org: &OrgId,
    (id, profile): (&UserId, &mut Profile),
    shared: &Shared,
    closed: &ClosedDay,
    features: &[Feature],
    (said, is_judged): (Option<Disposition>, bool),
) -> bool {
    if closed.held.is_some() {
        return true;
    }
    if shared.hold_days == 0 || closed.counts.is_some() || said.and_then(Disposition::was_right) == Some(false) {
        return false;
    }
    let calibrations = &shared.signals.calibrations;
    if said != Some(Disposition::Malicious) && !is_judged {
        return false;
    }
    if said == Some(Disposition::Malicious) || calibrations.was_surprised(profile.class, &closed.day, HOLD_AT) {
        return true;
    }
    let Tester(Some(tests)) = &shared.tester else { return false };
    let mut features = features.to_vec();
    if !features.iter().any(|feature| matches!(feature, Feature::Hour(_))) {
        features.extend(closed.day.odd_hour.as_ref().map(|odd| hours::feature(odd, profile)));
    }
    if features.is_empty() {
        return false;
    }
    let (times, revision) = ((closed.day.last_at, closed.day.start), profile.revision);
    let observed = observation(org, shared, (id, profile), times, None, features);
    profile.revision = revision;
    tests(&observed).iter().any(|test| calibrations.is_surprised(test, observed.user_class, HOLD_AT))
}

/// Holds a day that was closed, for the first time or once more.
pub(super) fn hold(
    profile: &mut Profile,
    shared: &mut Shared,
    mut closed: ClosedDay,
    said: Option<Disposition>,
    is_judged: bool,
) {
    if closed.held.is_none() {
        closed.held = Some(Held { released: None, said });
        if is_judged {
            calibration::learn_day(profile, shared, &mut closed.day);
        }
        let day = &closed.day;
        for surface in Surface::ALL {
            let Some(Some(today)) = day.surfaces.get(*surface as usize) else { continue };
            let followed = drain(profile, shared, *surface, today, day, None);
            if let (Some((state, _)), Some(model)) = (followed, profile.row_model(*surface)) {
                model.drain = state;
            }
        }
        profile.last_day = profile.last_day.max(Some(day.number));
    }
    closed.end();
    profile.keep(closed, i32::MIN);
    if let Some(reserve) = &mut profile.reserve {
        reserve.trim();
    }
}

/// Begins a day of an account: releases the days that have been held long enough, learns for good those that are no longer
/// separable, and puts the profile together that judges the day.
pub(super) fn open(id: &UserId, profile: &mut Profile, shared: &mut Shared, day: i32) {
    let Some(reserve) = &mut profile.reserve else { return };
    for closed in &mut reserve.days {
        let number = closed.day.number;
        if let Some(held) = closed.held.as_mut().filter(|held| held.is_due(number, day, shared.hold_days)) {
            held.released = Some(day);
        }
    }
    for closed in reserve.take_learned(day) {
        teach::learn(id, profile, shared, closed.into_learnable(), false);
    }
    let combined = combine(id, profile, shared);
    profile.set_combined(combined);
}

/// Puts a profile together with its released days; `None` if there are none. It has the held ones, too, for late
/// activities.
fn combine(id: &UserId, profile: &mut Profile, shared: &mut Shared) -> Option<Box<Profile>> {
    let is_released = |closed: &&ClosedDay| closed.held.is_some_and(|held| held.released.is_some());
    profile.held_days().find(is_released)?;
    let reserve = profile.reserve.take();
    let mut combined = Box::new(profile.clone());
    profile.reserve = reserve;
    let (released, held): (Vec<&ClosedDay>, _) = profile.held_days().partition(is_released);
    if !held.is_empty() {
        let days = held.into_iter().cloned().collect();
        combined.reserve = Some(Box::new(Reserve { days, ..Reserve::default() }));
    }
    shared.set_only_read(true);
    for closed in released {
        teach::learn(id, &mut combined, shared, closed.clone().into_learnable(), false);
    }
    shared.set_only_read(false);
    Some(combined)
}

#[cfg(test)]
mod tests;
