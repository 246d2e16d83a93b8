//! What a closed day teaches: its account's baselines, and the populations that the account belongs to.

use super::close::{CLIP, LEAST_CLIPPED, SETTLING_DAYS, STANDS_OUT, drain};
use super::firsts::{self, StandsOut};
use super::population::{Populations, RowQuantity};
use super::progress::Progress;
use super::rows::{expected, most_usual};
use super::{Shared, apps, breadth, calibration, composition, extremes, role, work};
use crate::user::{
    COUNTERS, ClosedDay, Counter, Counts, Day, FirstKind, LearnedRows, Profile, Rhythm, Role, SurfaceDay, WriteModel,
    learn_again,
};
use model::{Surface, UserId, Usual};

/// Learns a closed day, and keeps it for late activities. With `is_judged`, how surprised tests were of it is learned, too.
///
/// A day that was learned before is learned once more: what is new of it is added, and its values replace those of before.
pub(super) fn learn(user: &UserId, profile: &mut Profile, shared: &mut Shared, mut closed: ClosedDay, is_judged: bool) {
    let (writes, number) = (&mut closed.day.writes, closed.day.number);
    let is_first = closed.counts.is_none();
    WriteModel::learn_day(&mut profile.writes, writes, number, profile.days, shared.memory_days, is_first);
    let day = &closed.day;
    for (surface, learned) in Surface::ALL.iter().zip(&mut closed.rows) {
        if let Some(Some(today)) = day.surfaces.get(*surface as usize) {
            learn_rows(profile, shared, *surface, today, day, learned);
        }
    }
    let stands_out = StandsOut::of(profile, shared, day);
    learn_counts(profile, shared, day, closed.counts.get_or_insert_default(), (is_first, stands_out));
    apps::learn_day(profile, shared, &mut closed.day, is_first);
    learn_work(profile, shared, &mut closed.day, is_first);
    extremes::learn_day(profile, shared, &mut closed.day);
    breadth::learn_day(profile, shared, &mut closed.day);
    composition::learn_day(profile, shared, &mut closed.day);
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
    work::learn(user, profile, shared, &mut closed.day);
    closed.settle();
    let latest = profile.last_day.unwrap_or(closed.day.number).max(closed.day.number);
    profile.closed.keep(closed, latest.saturating_sub(shared.kept_days));
}

/// Learns a surface's rows of a day, clipped, without the org's day factor; they replace what was `learned` of the day
/// before.
fn learn_rows(
    profile: &mut Profile,
    shared: &mut Shared,
    surface: Surface,
    today: &SurfaceDay,
    day: &Day,
    learned: &mut Option<LearnedRows>,
) {
    if today.requests == 0 {
        return;
    }
    let memory = shared.memory_days;
    let shift = shared.progress.factor_on(day.number, surface);
    let class = profile.class;
    let followed = drain(profile, shared, surface, today, day, learned.as_ref());
    let Some(model) = profile.row_model(surface) else { return };
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

    if expected.is_some_and(|usual| usual.standardized(today.rows) > STANDS_OUT) {
        model.peaks.remember(day.number, today.rows.ln_1p());
    }
    if let Some((state, _)) = followed {
        model.drain = state;
    }
    let after = (model.day, model.hour, model.request, model.intensity);
    let populations = &mut shared.populations;
    populations.learn_rows(class, surface, RowQuantity::Day, &before.0, &after.0);
    populations.learn_rows(class, surface, RowQuantity::Hour, &before.1, &after.1);
    populations.learn_rows(class, surface, RowQuantity::Request, &before.2, &after.2);
    populations.learn_rows(class, surface, RowQuantity::Intensity, &before.3, &after.3);
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
    if shared.is_only_read() {
        return;
    }
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
    let mut learn = |populations: &mut Populations, is_weekend: bool, hours: u32| {
        profile.rhythm.learn(is_weekend, hours, Rhythm::MEMORY);
        if let Some(center) = center {
            let from_center = (hours >> center | hours << (24 - center)) & 0xff_ffff;
            populations.learn_hours(profile.class, is_weekend, from_center);
        }
    };
    for missed in 1..=since {
        learn(&mut shared.populations, shared.holidays.is_weekend(day.number - missed), 0);
    }
    learn(&mut shared.populations, day.is_weekend, day.hours);
    profile.last_day = Some(profile.last_day.map_or(day.number, |last| last.max(day.number)));
}
