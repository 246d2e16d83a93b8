//! Closing hours and days: what stands out is judged once more, and closed days are learned.

use super::progress::Progress;
use super::rows::volume_feature;
use super::user_days::{self, Holding};
use super::{Shared, User, composition, extremes, hours, observation, reserve, teach};
use crate::calendar::LocalHour;
use crate::user::{Amended, ClosedDay, Day, DrainState, LearnedRows, OddHour, Profile, SurfaceDay};
use model::{Disposition, Drain, Feature, Observation, OrgId, Surface, UserId, Usual};

/// Scales above the usual at which values are clipped before they are learned, so that no day moves a baseline far.
/// Three is the usual choice of winsorizing; measured on a public set of simulated card transactions, clipping at three
/// raised average precision from 0.73 to 0.85.
pub(super) const CLIP: f64 = 3.0;
/// Active days in which nearly everything is new, so that first-time accesses are neither judged nor learned. A choice:
/// one working week; two days were tried first.
pub(super) const SETTLING_DAYS: f64 = 5.0;
/// Scales above the usual from which on a closed hour is judged once more, and a closed day is remembered as a peak. A
/// choice: about one day in 40 by chance.
pub(super) const STANDS_OUT: f64 = 2.0;
/// Scales above the usual from which on a closed day is judged once more: those at which it was first observed.
const IS_OBSERVED: f64 = 1.0;
/// Days (or requests) of evidence from which on a value is clipped against the usual.
pub(super) const LEAST_CLIPPED: f64 = 1.0;
/// Reports the user's distances from a usual day to the org's day factor.
pub(super) fn note_progress(user: &mut User, progress: &mut Progress) {
    let Some(day) = user.profile.day.as_mut() else { return };
    for surface in Surface::ALL {
        let Some(Some(today)) = day.surfaces.get_mut(*surface as usize) else { continue };
        if let Some(distance) = distance(today) {
            today.progress = Some(progress.note(today.progress, *surface, distance));
        }
    }
}

/// Returns the distance of a day's rows from a usual day; `None` without rows or with too little evidence.
///
/// Users with less than three days of evidence do not count; a population's prior weighs as three (a choice).
pub(super) fn distance(today: &SurfaceDay) -> Option<f64> {
    /// Days of evidence.
    const LEAST_DAYS: f64 = 3.0;
    let expected = today.usual.and_then(|usual| usual.day)?;
    let known = expected.evidence + if expected.prior_weight > 0.0 { LEAST_DAYS } else { 0.0 };
    (today.rows > 0.0 && known >= LEAST_DAYS).then(|| today.rows.ln_1p() - expected.location)
}

/// Observes a closed hour of a user: what stands out in the day so far, with the org's day factor as known by now.
/// Returns `None` if nothing does.
pub(super) fn hour(
    org: &OrgId,
    (id, profile): (&UserId, &mut Profile),
    shared: &Shared,
    hour: &LocalHour,
) -> Option<Observation> {
    let day = profile.day.as_ref()?;
    let mut features = unusual_volumes(profile, day, &shared.progress, STANDS_OUT, false);
    let is_of_hour = |odd: &&OddHour| odd.of_week == hour.of_week();
    if let Some(odd) = day.odd_hour.iter().chain(&day.more.odd_hours).find(is_of_hour) {
        features.push(hours::feature(odd, profile));
    }
    let times = (day.last_at, day.start);
    (!features.is_empty()).then(|| observation(org, shared, (id, profile), times, None, features))
}

/// Closes a user's day: observes what stands out, then learns the day, or holds it, and keeps it for late activities. Returns
/// `None` if nothing does, or if the day is not judged, as those of backfill are not.
///
/// `open` is the org's open hour if an activity of the next day closes the day: hours from it on were not judged with all
/// their work. One finding is made of a day's unusual hours, so that the last one counts.
pub(super) fn day(
    org: &OrgId,
    (id, profile): (&UserId, &mut Profile),
    shared: &mut Shared,
    open: Option<LocalHour>,
    is_judged: bool,
) -> Option<Observation> {
    let day = profile.day.take()?;
    let said = profile.take_of_open_day();
    let is_open = |odd: &&OddHour| {
        open.is_some_and(|open| {
            open.day < day.number || open.day == day.number && odd.of_week % 24 >= u32::from(open.hour)
        })
    };
    let odd = day.odd_hour.iter().chain(&day.more.odd_hours).filter(is_open).max_by_key(|odd| odd.of_week);
    let odd = odd.map(|odd| hours::feature(odd, profile));
    close(org, (id, profile), shared, ClosedDay::new(day), (odd, said), is_judged)
}

/// Closes once more the days that late activities have changed: observes what stands out now, and learns what they
/// added.
pub(super) fn amended_days(
    org: &OrgId,
    (id, profile): (&UserId, &mut Profile),
    shared: &mut Shared,
    out: &mut Vec<Observation>,
) {
    for number in profile.amended() {
        let Some(closed) = profile.reopen(number) else { continue };
        let is_judged = closed.amended == Amended::ByActivity;
        out.extend(close(org, (id, profile), shared, closed, (None, None), is_judged));
    }
}

/// Observes a day that closes, for the first time or once more, and learns or holds it. `odd` is a feature of its hours,
/// and `said` what a person said of it.
fn close(
    org: &OrgId,
    (id, profile): (&UserId, &mut Profile),
    shared: &mut Shared,
    closed: ClosedDay,
    (odd, said): (Option<Feature>, Option<Disposition>),
    is_judged: bool,
) -> Option<Observation> {
    let times = (closed.day.last_at, closed.day.start);
    let features = closing(profile, shared, &closed, odd);
    let is_held = reserve::must_hold(org, (id, profile), shared, &closed, &features, (said, is_judged));
    let holding = if is_held { Holding::Held } else { Holding::Learned };
    user_days::note(org, (id, profile), shared, &closed.day, holding);
    if is_held {
        reserve::hold(profile, shared, closed, said, is_judged);
    } else {
        teach::learn(id, profile, shared, closed, is_judged);
    }
    (is_judged && !features.is_empty()).then(|| observation(org, shared, (id, profile), times, None, features))
}

/// Returns what stands out of a day that closes.
fn closing(profile: &Profile, shared: &Shared, closed: &ClosedDay, odd: Option<Feature>) -> Vec<Feature> {
    let day = &closed.day;
    let mut features = unusual_volumes(profile, day, &shared.progress, IS_OBSERVED, true);
    features.extend(odd);
    for (surface, learned) in Surface::ALL.iter().zip(&closed.rows) {
        if let Some(Some(today)) = day.surfaces.get(*surface as usize) {
            let followed = drain(profile, shared, *surface, today, day, learned.as_ref());
            features.extend(followed.and_then(|(_, feature)| feature).map(Feature::Drain));
        }
    }
    features.extend(extremes::closing(profile, shared, day));
    features.extend(composition::closing(day));
    features
}

/// Returns the rows of each surface that lie more than `least` scales above the usual, by day or by hour, with the day
/// factors of `progress`.
pub(super) fn unusual_volumes(
    profile: &Profile,
    day: &Day,
    progress: &Progress,
    least: f64,
    closed: bool,
) -> Vec<Feature> {
    let stands_out = |today: &SurfaceDay| {
        let usual = today.usual?;
        let above = |usual: &Usual, rows: f64| usual.evidence > 0.0 && usual.standardized(rows) > least;
        (usual.day.is_some_and(|usual| above(&usual, today.rows)) || above(&usual.hour, today.largest_hour))
            .then_some(())
    };
    let judged = Surface::ALL.iter().filter_map(|surface| {
        let today = day.surfaces.get(*surface as usize)?.as_deref()?;
        stands_out(today)?;
        let recurs = profile.rows_of(*surface).map_or(0, |model| model.peaks.at_least(day.number, today.rows.ln_1p()));
        volume_feature(*surface, today, progress.factor_on(day.number, *surface), recurs, closed)
    });
    judged.collect()
}

/// Follows the slow drain of a surface through a closed day: returns its state after the day, and the feature if the day
/// continues it visibly. Returns `None` if drains are not followed through the day. `learned` is what was learned of it
/// before.
pub(super) fn drain(
    profile: &Profile,
    shared: &Shared,
    surface: Surface,
    today: &SurfaceDay,
    day: &Day,
    learned: Option<&LearnedRows>,
) -> Option<(DrainState, Option<Drain>)> {
    /// Standard deviation of the sum of two standard normals with a correlation of 0.4, √(2 + 2·0.4): that of a day's
    /// rows and its rows a request. A choice.
    const TOGETHER: f64 = 1.67;
    /// Days of evidence from which on drains are followed. A choice: one working week.
    const LEAST_DAYS: f64 = 5.0;
    /// log10 of the e-process from which on a drain is observed. A choice below the threshold of `slow_drain`, so that
    /// the detector decides.
    const LEAST_E: f64 = 1.5;
    /// Active days of a run from which on it is observed. A choice: fewer are a spike.
    const LEAST_RUN: u32 = 3;
    /// Deviations above the usual from which on a day continues a run visibly: those at which the e-process grows.
    const LEAST_Z: f64 = DrainState::SHIFT / 2.0;
    let shift = shared.progress.factor_on(day.number, surface);
    let usual = today.usual.and_then(|usual| usual.day).filter(|usual| usual.evidence >= LEAST_DAYS)?;
    let usual = Usual { shift, ..usual };
    let model = profile.rows_of(surface);
    let recurs = model.is_some_and(|model| model.peaks.has_recurred(day.number, today.rows.ln_1p()));
    // Later days have learned the drain without this one, and a drain follows the order of days.
    let is_latest = profile.last_day.is_none_or(|last| last <= day.number);
    if today.requests == 0 || !is_latest {
        return None;
    }
    let intensity =
        today.usual.map(|usual| usual.intensity(today.requests)).filter(|usual| usual.evidence >= LEAST_CLIPPED);
    let of_rows = usual.standardized(today.rows);
    let z = intensity.map_or(of_rows, |i| (of_rows + i.standardized(today.intensity())) / TOGETHER);
    let present = model.map(|model| model.drain).unwrap_or_default();
    let mut drain = learned.map_or(present, |learned| learned.drain);
    // What recurs does not raise the sum. It may lower it: any small day is about as large as an old peak, and without these
    // days the sum would hardly fall.
    if recurs && z > LEAST_Z {
        return Some((drain, None));
    }
    drain.add(day.start, z, today.rows, (usual.location + shift).exp_m1());
    let is_observed = drain.log10_e >= LEAST_E && drain.days >= LEAST_RUN && z > LEAST_Z;
    let feature = is_observed.then(|| Drain {
        surface,
        since: drain.since,
        log10_e: drain.log10_e,
        days: drain.days,
        excess: drain.rows / drain.usual_rows.max(1.0),
        rows: drain.rows,
        usual_rows: drain.usual_rows,
        evidence: usual.evidence,
    });
    Some((drain, feature))
}
