//! Closing hours and days: what stands out is judged once more, and closed days are learned.

use super::firsts::{self, StandsOut};
use super::population::RowQuantity;
use super::progress::Progress;
use super::rows::{expected, most_usual, volume_feature};
use super::{Shared, User, apps, breadth, calibration, composition, extremes, hours, observation, role, work};
use crate::calendar::LocalHour;
use crate::user::{
    Amended, COUNTERS, ClosedDay, Counter, Counts, Day, FirstKind, LearnedRows, OddHour, Profile, Rhythm, Role,
    SurfaceDay, WriteModel, learn_again,
};
use model::{Drain, Feature, Observation, OrgId, Surface, Usual};

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
const LEAST_CLIPPED: f64 = 1.0;
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
pub(super) fn hour(org: &OrgId, user: &mut User, shared: &Shared, hour: &LocalHour) -> Option<Observation> {
    let day = user.profile.day.as_ref()?;
    let mut features = unusual_volumes(&user.profile, day, &shared.progress, STANDS_OUT, false);
    let is_of_hour = |odd: &&OddHour| odd.of_week == hour.of_week();
    if let Some(odd) = day.odd_hour.iter().chain(&day.more.odd_hours).find(is_of_hour) {
        features.push(hours::feature(odd, &user.profile));
    }
    let times = (day.last_at, day.start);
    (!features.is_empty()).then(|| observation(org, shared, user, times, None, features))
}

/// Closes a user's day: observes what stands out, then learns the day and keeps it for late activities. Returns `None`
/// if nothing does, or if the day is not judged, as those of backfill are not.
///
/// `open` is the org's open hour if an activity of the next day closes the day: hours from it on were not judged with all
/// their work. One finding is made of a day's unusual hours, so that the last one counts.
pub(super) fn day(
    org: &OrgId,
    user: &mut User,
    shared: &mut Shared,
    open: Option<LocalHour>,
    is_judged: bool,
) -> Option<Observation> {
    let day = user.profile.day.take()?;
    let is_open = |odd: &&OddHour| {
        open.is_some_and(|open| {
            open.day < day.number || open.day == day.number && odd.of_week % 24 >= u32::from(open.hour)
        })
    };
    let odd = day.odd_hour.iter().chain(&day.more.odd_hours).filter(is_open).max_by_key(|odd| odd.of_week);
    let odd = odd.map(|odd| hours::feature(odd, &user.profile));
    learn_day(org, user, shared, ClosedDay::new(day), odd, is_judged)
}

/// Closes once more the days that late activities have changed: observes what stands out now, and learns what they
/// added.
pub(super) fn amended_days(org: &OrgId, user: &mut User, shared: &mut Shared, out: &mut Vec<Observation>) {
    for number in user.profile.closed.amended() {
        let Some(closed) = user.profile.closed.reopen(number) else { continue };
        let is_judged = closed.amended == Amended::ByActivity;
        out.extend(learn_day(org, user, shared, closed, None, is_judged));
    }
}

fn learn_day(
    org: &OrgId,
    user: &mut User,
    shared: &mut Shared,
    mut closed: ClosedDay,
    odd: Option<Feature>,
    is_judged: bool,
) -> Option<Observation> {
    let profile = &mut user.profile;
    let (writes, number) = (&mut closed.day.writes, closed.day.number);
    let is_first = closed.counts.is_none();
    WriteModel::learn_day(&mut profile.writes, writes, number, profile.days, shared.memory_days, is_first);
    let day = &closed.day;
    let mut features = unusual_volumes(profile, day, &shared.progress, IS_OBSERVED, true);
    features.extend(odd);
    for (surface, learned) in Surface::ALL.iter().zip(&mut closed.rows) {
        if let Some(Some(today)) = day.surfaces.get(*surface as usize) {
            features.extend(learn_rows(profile, shared, *surface, today, day, learned));
        }
    }
    let stands_out = StandsOut::of(profile, shared, day);
    learn_counts(profile, shared, day, closed.counts.get_or_insert_default(), (is_first, stands_out));
    apps::learn_day(profile, shared, &mut closed.day, is_first);
    learn_work(profile, shared, &mut closed.day, is_first);
    features.extend(extremes::close(profile, shared, &mut closed.day));
    breadth::learn_day(profile, shared, &mut closed.day);
    features.extend(composition::learn_day(profile, shared, &mut closed.day));
    let day = &closed.day;
    if is_first {
        let (known, named) = (day.known_requests, day.named_requests);
        if profile.days >= Role::LEAST_DAYS && profile.role.note_day(known, named, day.number) {
            role::discount(profile, shared);
        }
        firsts::learn(profile, shared, day, stands_out);
        learn_sessions(shared, day);
        learn_rhythm(profile, shared, day);
        if is_judged {
            calibration::learn_day(profile, shared, &mut closed.day);
        }
    }
    work::learn(&user.id, profile, shared, &mut closed.day);
    let times = (closed.day.last_at, closed.day.start);
    closed.settle();
    let latest = profile.last_day.unwrap_or(closed.day.number).max(closed.day.number);
    profile.closed.keep(closed, latest.saturating_sub(shared.kept_days));
    (is_judged && !features.is_empty()).then(|| observation(org, shared, user, times, None, features))
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

/// Learns a surface's rows of a day, clipped, without the org's day factor; they replace what was `learned` of the day
/// before. Returns a feature if they continue a drain.
fn learn_rows(
    profile: &mut Profile,
    shared: &mut Shared,
    surface: Surface,
    today: &SurfaceDay,
    day: &Day,
    learned: &mut Option<LearnedRows>,
) -> Option<Feature> {
    if today.requests == 0 {
        return None;
    }
    let memory = shared.memory_days;
    let shift = shared.progress.factor_on(day.number, surface);
    let class = profile.class;
    let is_latest = profile.last_day.is_none_or(|last| last <= day.number);
    let model = profile.row_model(surface)?;
    let before = (model.day, model.hour, model.request, model.intensity);
    let expected = today.usual.and_then(|usual| usual.day).map(|day| Usual { shift, ..day });
    let y = today.rows.ln_1p() - shift;
    let most = |usual: Option<Usual>| usual.map_or(f64::INFINITY, |usual| usual.location + CLIP * usual.scale);

    let clip = most(expected.filter(|usual| usual.evidence >= LEAST_CLIPPED));
    let recurs = model.peaks.has_recurred(day.number, today.rows.ln_1p());
    let hour_usual = today.usual.map(|usual| usual.hour).filter(|usual| usual.evidence >= LEAST_CLIPPED);
    let intensity =
        today.usual.map(|usual| usual.intensity(today.requests)).filter(|usual| usual.evidence >= LEAST_CLIPPED);
    let before_today = *learned;
    let values = LearnedRows {
        day: if recurs { y } else { y.min(clip) },
        plain: today.rows.min((clip + shift).exp_m1()),
        hour: (today.largest_hour.ln_1p() - shift).min(most(hour_usual)),
        intensity: today.intensity().ln_1p().min(most(intensity)),
        drain: before_today.map_or(model.drain, |learned| learned.drain),
    };
    learn_again(&mut model.day, before_today.map(|learned| learned.day), values.day, -Progress::MOST, memory);
    learn_again(&mut model.plain, before_today.map(|learned| learned.plain), values.plain, 0.0, memory);
    learn_again(&mut model.hour, before_today.map(|learned| learned.hour), values.hour, -Progress::MOST, memory);
    learn_again(&mut model.intensity, before_today.map(|learned| learned.intensity), values.intensity, 0.0, memory);
    *learned = Some(values);
    let merged = model.request.merge(&today.request);
    model.request = merged;
    /// Requests that a baseline remembers. A choice: some days of a busy account.
    const MOST_REQUESTS: f64 = 300.0;
    if merged.weight > MOST_REQUESTS {
        model.request.discount(MOST_REQUESTS / merged.weight);
    }

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
    const LEAST_Z: f64 = 0.5;
    let mut drained = None;
    if let Some(usual) = expected {
        if usual.standardized(today.rows) > STANDS_OUT {
            model.peaks.remember(day.number, today.rows.ln_1p());
        }
        // Later days have learned the drain without this one, and a drain follows the order of days.
        if usual.evidence >= LEAST_DAYS && !recurs && is_latest {
            model.drain = values.drain;
            let of_rows = usual.standardized(today.rows);
            let z = intensity.map_or(of_rows, |i| (of_rows + i.standardized(today.intensity())) / TOGETHER);
            model.drain.add(day.start, z, today.rows, (usual.location + shift).exp_m1());
            let drain = model.drain;
            if drain.log10_e >= LEAST_E && drain.days >= LEAST_RUN && z > LEAST_Z {
                drained = Some(Feature::Drain(Drain {
                    surface,
                    since: drain.since,
                    log10_e: drain.log10_e,
                    days: drain.days,
                    excess: drain.rows / drain.usual_rows.max(1.0),
                    rows: drain.rows,
                    usual_rows: drain.usual_rows,
                    evidence: usual.evidence,
                }));
            }
        }
    }
    let after = (model.day, model.hour, model.request, model.intensity);
    let populations = &mut shared.populations;
    populations.learn_rows(class, surface, RowQuantity::Day, &before.0, &after.0);
    populations.learn_rows(class, surface, RowQuantity::Hour, &before.1, &after.1);
    populations.learn_rows(class, surface, RowQuantity::Request, &before.2, &after.2);
    populations.learn_rows(class, surface, RowQuantity::Intensity, &before.3, &after.3);
    drained
}

/// Learns the day's counts, clipped against the usual without the day; they replace those `learned` of it before.
fn learn_counts(
    profile: &mut Profile,
    shared: &mut Shared,
    day: &Day,
    learned: &mut Counts<Option<f64>>,
    (is_first_close, stands_out): (bool, StandsOut),
) {
    let settling = profile.days < SETTLING_DAYS;
    for counter in COUNTERS {
        let is_first = matches!(
            counter,
            Counter::FirstObjects
                | Counter::WiderScopes
                | Counter::FirstExports
                | Counter::NewClients
                | Counter::NewNetworks
                | Counter::Burst
        );
        let previous = learned.get(counter);
        let is_learned = if is_first_close { !(settling && is_first) } else { previous.is_some() };
        let Some(moments) = profile.counts.get_mut(counter).filter(|_| is_learned) else { continue };
        let before = *moments;
        if let Some(previous) = previous {
            moments.unlearn(previous, 0.0);
        }
        let count = day.counts.get(counter);
        let usual = expected(profile, shared, counter);
        let value = f64::from(count).min(most_usual(&usual));
        let Some(moments) = profile.counts.get_mut(counter) else { continue };
        if previous == Some(value) {
            *moments = before;
            continue;
        }
        moments.add(value, memory_of(counter, shared.memory_days));
        learned.set(counter, Some(value));
        let after = *moments;
        shared.populations.learn_count(profile.class, counter, &before, &after);
        let kind = FirstKind::of(counter);
        if previous.is_none() && !kind.is_some_and(|kind| stands_out.by(kind)) {
            shared.populations.learn_tail(counter, count);
            kind.into_iter().for_each(|kind| profile.signals.first_days.add(kind, count));
        }
    }
    /// Downloads from which on a day can be a peak, and how far above the usual. Choices: twice the usual and two more.
    const LEAST_PEAK: u32 = 3;
    let downloads = day.counts.get(Counter::Downloads);
    let usual = expected(profile, shared, Counter::Downloads);
    if downloads >= LEAST_PEAK && f64::from(downloads) > 2.0 * usual.mean() + 2.0 {
        profile.download_peaks.remember(day.number, f64::from(downloads).ln_1p());
    }
}

/// Learns how the account works. A day that is closed once more adds only the requests that came late. The log of all calls
/// has those of the APIs' own logs, too, so it counts only on days that these have no call of, whichever came first.
fn learn_work(profile: &mut Profile, shared: &Shared, day: &mut Day, is_first: bool) {
    if is_first {
        // A bound, so that an old account is not surer than its baselines are. Four times is a choice.
        profile.days = (profile.days + 1.0).min(shared.memory_days * 4.0);
    }
    /// Factor on a count of requests from one active day to the next: a half-life of 34 active days. A choice.
    const KEEP: f64 = 0.98;
    let keep = if is_first { KEEP } else { 1.0 };
    let (has_own, more) = (day.has_own_calls(), &mut day.more);
    let (added, taken) = if has_own { (0, more.learned_usage) } else { (more.usage, 0) };
    (more.usage, more.learned_usage) = (0, more.learned_usage + added - taken);
    let of_day = f64::from(day.api_requests) + f64::from(added) - f64::from(taken);
    profile.api_requests = (profile.api_requests * keep + of_day).max(0.0);
    profile.page_requests = profile.page_requests * keep + f64::from(day.page_requests);
    profile.admin_requests = profile.admin_requests * keep + f64::from(day.admin_requests);
}

/// Returns the days that the mean of a counter remembers. First-time accesses become rarer as an account grows old, so
/// theirs remembers half as many (a choice).
fn memory_of(counter: Counter, memory_days: f64) -> f64 {
    match counter {
        Counter::FirstObjects | Counter::WiderScopes | Counter::FirstExports => memory_days / 2.0,
        _ => memory_days,
    }
}

/// Learns the rows of the day's LoginAs sessions, for the org as a whole.
fn learn_sessions(shared: &mut Shared, day: &Day) {
    /// Sessions that the org remembers. A choice.
    const MEMORY: f64 = 500.0;
    let (logs, plain) = &mut shared.populations.delegated;
    for work in &day.delegated {
        logs.add(work.rows.ln_1p(), MEMORY);
        plain.add(work.rows, MEMORY);
    }
}

/// Learns the hours of the day, and that the days since the last active one had none.
fn learn_rhythm(profile: &mut Profile, shared: &mut Shared, day: &Day) {
    /// Days without activity that are learned at most: longer absences are leave and no habit. A choice.
    const LONGEST_GAP: i32 = 8;
    let since = profile.last_day.map_or(0, |last| (day.number - last - 1).clamp(0, LONGEST_GAP));
    let center = profile.rhythm.center();
    let mut learn = |is_weekend: bool, hours: u32| {
        profile.rhythm.learn(is_weekend, hours, Rhythm::MEMORY);
        if let Some(center) = center {
            let from_center = (hours >> center | hours << (24 - center)) & 0xff_ffff;
            shared.populations.learn_hours(profile.class, is_weekend, from_center);
        }
    };
    for missed in 1..=since {
        // 1970-01-01 was a Thursday.
        learn((day.number - missed + 3).rem_euclid(7) >= 5, 0);
    }
    learn(day.is_weekend, day.hours);
    profile.last_day = Some(profile.last_day.map_or(day.number, |last| last.max(day.number)));
}
