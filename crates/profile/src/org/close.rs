//! Hours and days that end: what they amount to is judged once more, and then learned.

use super::population::RowQuantity;
use super::rows::{expected, most_usual, volume_feature};
use super::{Shared, User, hours, observation};
use crate::calendar::LocalHour;
use crate::user::{COUNTERS, Counter, Day, DrainState, FirstKind, Profile, Rhythm, Role, SourceDay, classify};
use model::{Drain, Feature, Observation, OrgId, Surface, Usual};

/// A value further above the usual than this many scales is learned as this many.
const CLIP: f64 = 3.0;
/// Active days in which everything is a first.
pub(super) const SETTLING_DAYS: f64 = 5.0;
/// Scales above the usual from which on a closed hour is looked at once more.
const LEANING: f64 = 2.0;

/// Notes how far the user's day has come, for the day factor.
pub(super) fn note_progress(user: &mut User, shared: &mut Shared) {
    let Some(day) = user.profile.day.as_mut() else { return };
    for source in Surface::ALL {
        let Some(Some(today)) = day.sources.get_mut(*source as usize) else { continue };
        let Some(expected) = today.usual.and_then(|usual| usual.day) else { continue };
        let known = expected.evidence + if expected.prior_weight > 0.0 { 3.0 } else { 0.0 };
        if today.rows > 0.0 && known >= 3.0 {
            let distance = today.rows.ln_1p() - expected.location;
            today.progress = Some(shared.progress.note(today.progress, *source, distance));
        }
    }
}

/// A closed hour of a user: what stands out is judged again, with what is known by now of everybody's day.
pub(super) fn hour(org: &OrgId, user: &mut User, shared: &Shared, hour: &LocalHour) -> Option<Observation> {
    let day = user.profile.day.as_ref()?;
    let mut features = leaning_volumes(&user.profile, day, shared, LEANING, false);
    if let Some(odd) = day.odd_hour.filter(|_| day.hour_start == hour.start) {
        features.push(hours::feature(&odd, &user.profile));
    }
    let times = (day.last_at, day.start);
    (!features.is_empty()).then(|| observation(org, shared, user, times, None, features))
}

/// A closed day of a user: judged for the last time, then learned.
pub(super) fn day(org: &OrgId, user: &mut User, shared: &mut Shared) -> Option<Observation> {
    let day = user.profile.day.take()?;
    let mut features = leaning_volumes(&user.profile, &day, shared, 1.0, true);
    for source in Surface::ALL {
        if let Some(Some(today)) = day.sources.get(*source as usize) {
            features.extend(learn_rows(&mut user.profile, shared, *source, today, &day));
        }
    }
    learn_counts(&mut user.profile, shared, &day);
    let profile = &mut user.profile;
    if profile.days >= Role::LEAST_DAYS && profile.role.note_day(day.known_requests, day.named_requests, day.number) {
        reopen(profile, shared);
    }
    learn_firsts(&mut user.profile, shared, &day);
    learn_sessions(shared, &day);
    learn_rhythm(&mut user.profile, shared, &day);
    reclassify(&mut user.profile, shared);
    (!features.is_empty()).then(|| observation(org, shared, user, (day.last_at, day.start), None, features))
}

fn leaning_volumes(profile: &Profile, day: &Day, shared: &Shared, least: f64, closed: bool) -> Vec<Feature> {
    let stands_out = |today: &SourceDay| {
        let usual = today.usual?;
        let above = |usual: &Usual, rows: f64| usual.evidence > 0.0 && usual.standardized(rows) > least;
        (usual.day.is_some_and(|usual| above(&usual, today.rows)) || above(&usual.hour, today.largest_hour))
            .then_some(())
    };
    let judged = Surface::ALL.iter().filter_map(|source| {
        let today = day.sources.get(*source as usize)?.as_deref()?;
        stands_out(today)?;
        let recurs = profile.rows_of(*source).map_or(0, |model| model.peaks.at_least(day.number, today.rows.ln_1p()));
        volume_feature(*source, today, shared, recurs, closed)
    });
    judged.collect()
}

/// Learns a source's rows of a day, clipped, less the day's factor. Returns what a long drain amounts to.
fn learn_rows(
    profile: &mut Profile,
    shared: &mut Shared,
    source: Surface,
    today: &SourceDay,
    day: &Day,
) -> Option<Feature> {
    if today.requests == 0 {
        return None;
    }
    let memory = shared.memory_days;
    let shift = shared.progress.factor(source);
    let class = profile.class;
    let model = profile.row_model(source)?;
    let before = (model.day, model.hour, model.request, model.intensity);
    let expected = today.usual.and_then(|usual| usual.day).map(|day| Usual { shift, ..day });
    let y = today.rows.ln_1p() - shift;
    let most = |usual: Option<Usual>| usual.map_or(f64::INFINITY, |usual| usual.location + CLIP * usual.scale);

    let clip = most(expected.filter(|usual| usual.evidence >= 1.0));
    let recurs = model.peaks.at_least(day.number, today.rows.ln_1p()) > 0;
    model.day.add(if recurs { y } else { y.min(clip) }, memory);
    model.plain.add(today.rows.min((clip + shift).exp_m1()), memory);
    let hour_usual = today.usual.map(|usual| usual.hour).filter(|usual| usual.evidence >= 1.0);
    model.hour.add((today.largest_hour.ln_1p() - shift).min(most(hour_usual)), memory);
    let intensity = today.usual.map(|usual| usual.intensity(today.requests)).filter(|usual| usual.evidence >= 1.0);
    model.intensity.add(today.intensity().ln_1p().min(most(intensity)), memory);
    let merged = model.request.merge(&today.request);
    model.request = merged;
    /// Requests that a baseline remembers.
    const MOST_REQUESTS: f64 = 300.0;
    if merged.weight > MOST_REQUESTS {
        model.request.reopen(MOST_REQUESTS / merged.weight);
    }

    /// Deviation of the sum of two deviations whose correlation is 0.4.
    const TOGETHER: f64 = 1.67;
    let mut drained = None;
    if let Some(usual) = expected {
        if usual.standardized(today.rows) > LEANING {
            model.peaks.remember(day.number, today.rows.ln_1p());
        }
        if usual.evidence >= 5.0 && !recurs {
            let of_rows = usual.standardized(today.rows);
            // Both at once, with the correlation that they usually have.
            let z = intensity.map_or(of_rows, |i| (of_rows + i.standardized(today.intensity())) / TOGETHER);
            model.drain.add(day.start, z, today.rows, (usual.location + shift).exp_m1());
            let drain = model.drain;
            if drain.log10_e >= 1.5 && drain.days >= 3 && z > 0.5 {
                drained = Some(Feature::Drain(Drain {
                    surface: source,
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
    populations.learn_rows(class, source, RowQuantity::Day, &before.0, &after.0);
    populations.learn_rows(class, source, RowQuantity::Hour, &before.1, &after.1);
    populations.learn_rows(class, source, RowQuantity::Request, &before.2, &after.2);
    populations.learn_rows(class, source, RowQuantity::Intensity, &before.3, &after.3);
    drained
}

fn learn_counts(profile: &mut Profile, shared: &mut Shared, day: &Day) {
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
        if settling && is_first {
            continue;
        }
        let count = day.counts.get(counter);
        let usual = expected(profile, shared, counter);
        let most = most_usual(&usual);
        let Some(moments) = profile.counts.get_mut(counter) else { continue };
        let before = *moments;
        moments.add(f64::from(count).min(most), memory_of(counter, shared.memory_days));
        let after = *moments;
        shared.populations.learn_count(profile.class, counter, &before, &after);
        shared.populations.learn_tail(counter, count);
    }
    let downloads = day.counts.get(Counter::Downloads);
    let usual = expected(profile, shared, Counter::Downloads);
    if downloads >= 3 && f64::from(downloads) > 2.0 * usual.mean() + 2.0 {
        profile.download_peaks.remember(day.number, f64::from(downloads).ln_1p());
    }
    profile.days = (profile.days + 1.0).min(shared.memory_days * 4.0);
    /// Of a request count, what is kept from one day to the next.
    const KEEP: f64 = 0.98;
    profile.api_requests = profile.api_requests * KEEP + f64::from(day.api_requests);
    profile.page_requests = profile.page_requests * KEEP + f64::from(day.page_requests);
    profile.admin_requests = profile.admin_requests * KEEP + f64::from(day.admin_requests);
}

/// Firsts become rarer as an account settles: what they were long ago says little.
fn memory_of(counter: Counter, memory_days: f64) -> f64 {
    match counter {
        Counter::FirstObjects | Counter::WiderScopes | Counter::FirstExports => memory_days / 2.0,
        _ => memory_days,
    }
}

/// The account has another role: what it did is trusted less, and its class speaks louder.
pub(super) fn reopen(profile: &mut Profile, shared: &mut Shared) {
    const SHARE: f64 = 0.1;
    let class = profile.class;
    for source in Surface::ALL {
        let Some(model) = profile.rows.get_mut(*source as usize).and_then(Option::as_deref_mut) else { continue };
        let before = (model.day, model.hour, model.request, model.intensity);
        model.drain = DrainState::default();
        for moments in [&mut model.day, &mut model.hour, &mut model.request, &mut model.intensity, &mut model.plain] {
            moments.reopen(SHARE);
        }
        let populations = &mut shared.populations;
        populations.learn_rows(class, *source, RowQuantity::Day, &before.0, &model.day);
        populations.learn_rows(class, *source, RowQuantity::Hour, &before.1, &model.hour);
        populations.learn_rows(class, *source, RowQuantity::Request, &before.2, &model.request);
        populations.learn_rows(class, *source, RowQuantity::Intensity, &before.3, &model.intensity);
    }
    for counter in COUNTERS {
        let Some(moments) = profile.counts.get_mut(counter) else { continue };
        let before = *moments;
        moments.reopen(SHARE);
        let after = *moments;
        shared.populations.learn_count(class, counter, &before, &after);
    }
}

/// Learns how many rows a request for something new brings, where there were any.
fn learn_firsts(profile: &mut Profile, shared: &mut Shared, day: &Day) {
    let kinds = [FirstKind::Objects, FirstKind::Scopes, FirstKind::Exports];
    for (kind, firsts) in kinds.into_iter().zip([&day.objects, &day.scopes, &day.exports]) {
        let Some(rows) = firsts.rows_a_request().filter(|_| profile.days > SETTLING_DAYS) else { continue };
        let Some(moments) = profile.first_rows.get_mut(kind as usize) else { continue };
        let before = *moments;
        let y = rows.ln_1p();
        let clip = if before.weight >= 3.0 { before.mean + CLIP * before.deviation().max(0.5) } else { y };
        moments.add(y.min(clip), shared.memory_days);
        let after = *moments;
        shared.populations.learn_first_rows(profile.class, kind, &before, &after);
    }
}

fn learn_sessions(shared: &mut Shared, day: &Day) {
    const MEMORY: f64 = 500.0;
    let (logs, plain) = &mut shared.populations.delegated;
    for work in &day.delegated {
        logs.add(work.rows.ln_1p(), MEMORY);
        plain.add(work.rows, MEMORY);
    }
}

/// Learns the hours of the day, and that nothing was done on the days since the last one.
fn learn_rhythm(profile: &mut Profile, shared: &mut Shared, day: &Day) {
    /// Longer absences are leave, and say nothing of habits.
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
    profile.last_day = Some(day.number);
}

fn reclassify(profile: &mut Profile, shared: &mut Shared) {
    let class = classify(profile, shared.populations.org_rows());
    if class != profile.class {
        shared.populations.moved(profile, class);
        profile.class = class;
    }
}
