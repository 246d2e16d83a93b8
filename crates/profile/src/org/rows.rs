//! How much: rows, requests and downloads, and what of it is accessed for the first time.

use super::population::RowQuantity;
use super::{Shared, access, names, origin};
use crate::estimate::rate;
use crate::user::{Counter, Day, DayUsual, MOST_EVIDENCE, Profile, Request, SourceDay, note};
use model::activity::Objects;
use model::{Activity, Burst, Downloads, Feature, Kind, Outcome, Rate, Spread, Surface, Text, Usual, Volume};

pub(super) fn learn(
    profile: &mut Profile,
    day: &mut Day,
    shared: &mut Shared,
    activity: &Activity,
    features: &mut Vec<Feature>,
) {
    if activity.outcome == Outcome::Initiated {
        return;
    }
    let added = added(profile, activity);
    count_request(day, activity, added.is_new);
    origin::delegated(profile, day, shared, activity, &added, features);
    let source = source_of(activity.kind);
    let known_view = access::learn(profile, day, shared, activity, &added, features);
    if activity.outcome == Outcome::Failure {
        return;
    }
    if let Some(source) = source {
        volume(profile, day, shared, activity, source, &added, features);
    }
    if matches!(activity.kind, Kind::ListView | Kind::Report) && added.is_new {
        burst(profile, day, shared, activity, known_view, features);
    }
    if matches!(activity.kind, Kind::Api) && added.is_new {
        spread(profile, day, shared, activity, &added, features);
    }
    if is_download(activity) {
        download(profile, day, shared, activity, features);
    }
    if let Some(odd) = &mut day.odd_hour {
        odd.rows += added.rows;
        odd.requests += 1;
    }
}

/// What one activity brings that was not counted with an earlier chunk of its run.
pub(super) struct Brought {
    pub(super) rows: f64,
    /// Whether the number of rows is known at all.
    pub(super) has_rows: bool,
    pub(super) is_new: bool,
}

fn added(profile: &mut Profile, activity: &Activity) -> Brought {
    let total = activity.rows;
    let has_rows = total.is_some() || activity.rows_returned.is_some();
    let run = activity.run.map(|run| profile.runs.add(run, total.unwrap_or(0), activity.event_time));
    let is_new = run.is_none_or(|added| added.is_new);
    let rows = match (activity.rows_returned, run) {
        (Some(returned), _) => returned,
        (None, Some(added)) => added.rows,
        (None, None) => total.unwrap_or(0),
    };
    Brought { rows: rows as f64, has_rows, is_new }
}

pub(super) fn source_of(kind: Kind) -> Option<Surface> {
    match kind {
        Kind::ListView => Some(Surface::ListView),
        Kind::Report => Some(Surface::Report),
        Kind::Api => Some(Surface::Api),
        Kind::BulkApi => Some(Surface::Bulk),
        _ => None,
    }
}

fn count_request(day: &mut Day, activity: &Activity, is_new: bool) {
    if !is_new {
        return;
    }
    match activity.kind {
        Kind::Api | Kind::BulkApi | Kind::BulkApiResult => day.api_requests += 1,
        Kind::ListView | Kind::Report | Kind::ReportExport | Kind::LightningUri | Kind::Uri | Kind::File => {
            day.page_requests += 1;
        }
        Kind::PermissionSet => day.admin_requests += 1,
        _ => {}
    }
}

fn volume(
    profile: &mut Profile,
    day: &mut Day,
    shared: &Shared,
    activity: &Activity,
    source: Surface,
    brought: &Brought,
    features: &mut Vec<Feature>,
) {
    let class = profile.class;
    let day_number = day.number;
    let Some(model) = profile.row_model(source) else { return };
    let request = model.request;
    let Some(today) = day.source(source) else { return };
    today.requests += u32::from(brought.is_new);
    today.add(brought.rows, activity.id);
    if brought.has_rows && brought.rows > 0.0 {
        /// Clip of a request against the baseline it will join.
        const CLIP: f64 = 3.0;
        let y = brought.rows.ln_1p();
        let clipped = if request.weight >= 5.0 { y.min(request.mean + CLIP * request.deviation().max(0.3)) } else { y };
        today.request.add(clipped, f64::MAX);
        for object in &activity.objects {
            note(&mut today.objects, object.clone());
        }
    }
    let usual = *today.usual.get_or_insert_with(|| {
        let prior = |quantity| shared.populations.row_prior(class, source, quantity);
        let day = model.usual_day(prior(RowQuantity::Day).as_ref(), 0.0);
        let hour = model.usual_hour(prior(RowQuantity::Hour).as_ref(), 0.0).unwrap_or_default();
        let leaning = |usual: &Usual| (usual.location + usual.scale).exp_m1();
        DayUsual {
            day,
            hour,
            intensity: model.usual_intensity(prior(RowQuantity::Intensity).as_ref()).unwrap_or_default(),
            request_variance: model.request.variance(),
            peer: shared.populations.peer_day(class, source, 0.0),
            leaning: day.as_ref().map_or(0.0, leaning),
            leaning_hour: leaning(&hour),
        }
    });
    if brought.rows > 0.0
        && leans(today, &usual)
        && let Some(feature) =
            volume_feature(source, today, shared, model.peaks.at_least(day_number, today.rows.ln_1p()), false)
    {
        features.push(feature);
    }
}

/// Whether today's rows, those of the hour, or those a request lie more than one scale above the usual.
fn leans(today: &SourceDay, usual: &DayUsual) -> bool {
    if usual.day.is_none() {
        // Nothing is expected yet: told once a day.
        return today.requests <= 1;
    }
    today.rows > usual.leaning
        || today.largest_hour > usual.leaning_hour
        || (usual.intensity.scale > 0.0 && usual.intensity(today.requests).standardized(today.intensity()) > 1.0)
}

/// What there is to say of a source's rows today. `None` before anything is expected of them.
pub(super) fn volume_feature(
    source: Surface,
    today: &SourceDay,
    shared: &Shared,
    recurrences: usize,
    closed: bool,
) -> Option<Feature> {
    let expected = today.usual.as_ref()?;
    let shift = shared.progress.factor(source);
    let mut largest: Vec<_> = today.largest.iter().collect();
    largest.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    Some(Feature::Volume(Volume {
        surface: source,
        rows: today.rows,
        hour_rows: today.largest_hour,
        requests: today.requests,
        day: Usual { shift, ..expected.day.unwrap_or_default() },
        hour: Usual { shift, ..expected.hour },
        per_request: expected.intensity(today.requests),
        peer: Usual { shift, ..expected.peer },
        objects: today.objects.clone(),
        evidence: largest.into_iter().map(|(_, id)| *id).collect(),
        closed,
        recurrences: recurrences as u32,
    }))
}

fn burst(
    profile: &Profile,
    day: &mut Day,
    shared: &Shared,
    activity: &Activity,
    is_known: bool,
    features: &mut Vec<Feature>,
) {
    /// Fewer requests than this are no burst for anybody.
    const LEAST: u32 = 4;
    let object = activity.objects.first().cloned();
    let window = day.recent.add(Request { at: activity.event_time, id: activity.id, object, is_known });
    if window.effective < LEAST || window.effective <= day.counts.get(Counter::Burst) {
        day.counts.raise(Counter::Burst, window.effective);
        return;
    }
    day.counts.raise(Counter::Burst, window.effective);
    let usual = expected(profile, shared, Counter::Burst);
    if f64::from(window.effective) > usual.mean() + 1.0 {
        let mut objects = Vec::new();
        day.recent.requests().filter_map(|request| request.object.clone()).for_each(|o| note(&mut objects, o));
        features.push(Feature::Burst(Burst {
            requests: window.requests,
            effective: window.effective,
            span: window.span,
            usual,
            known_share: day.known_share(),
            objects,
            evidence: day.recent.requests().take(MOST_EVIDENCE).map(|request| request.id).collect(),
        }));
    }
}

fn spread(
    profile: &mut Profile,
    day: &mut Day,
    shared: &Shared,
    activity: &Activity,
    brought: &Brought,
    features: &mut Vec<Feature>,
) {
    const MOST_OBJECTS: usize = 256;
    /// Fewer objects than this are no reconnaissance.
    const LEAST: u32 = 4;
    day.api.empty += u32::from(brought.rows <= 1.0);
    let objects: &Objects = &activity.objects;
    let mut is_more = false;
    for object in objects {
        let key = names::key(names::OBJECT, object);
        if day.api.keys.len() < MOST_OBJECTS && !day.api.keys.contains(&key) {
            day.api.keys.push(key);
            day.api.unknown += u32::from(profile.seen.objects.peek(key, day.number).days() < 0.5);
            note(&mut day.api.names, object.clone());
            note(&mut day.api.evidence, activity.id);
            is_more = true;
        }
    }
    let count = day.api.keys.len() as u32;
    day.counts.raise(Counter::ApiObjects, count);
    let usual = expected(profile, shared, Counter::ApiObjects);
    if is_more && count >= LEAST && f64::from(count) > usual.mean() + 1.0 {
        features.push(Feature::Recon(Spread {
            objects: count,
            unknown: day.api.unknown,
            empty: day.api.empty,
            usual,
            names: day.api.names.clone(),
            evidence: day.api.evidence.clone(),
        }));
    }
}

fn is_download(activity: &Activity) -> bool {
    let is_read = |operation: &Text| operation.to_ascii_uppercase().contains("DOWNLOAD");
    match activity.kind {
        Kind::BulkApiResult => true,
        Kind::File => activity.operation.as_ref().is_some_and(is_read),
        _ => false,
    }
}

fn download(profile: &Profile, day: &mut Day, shared: &mut Shared, activity: &Activity, features: &mut Vec<Feature>) {
    /// Fewer downloads than this are everybody's.
    const LEAST: u32 = 3;
    day.download_bytes = day.download_bytes.saturating_add(activity.bytes.unwrap_or(0));
    note(&mut day.downloads, activity.id);
    let (count, usual) = count_one(profile, day, shared, Counter::Downloads);
    if count >= LEAST && f64::from(count) > usual.mean() + 1.0 {
        features.push(Feature::Downloads(Downloads {
            count,
            bytes: day.download_bytes,
            usual,
            evidence: day.downloads.clone(),
            recurrences: profile.download_peaks.at_least(day.number, f64::from(count).ln_1p()) as u32,
        }));
    }
}

/// What a usual daily count of the user is.
pub(super) fn expected(profile: &Profile, shared: &Shared, counter: Counter) -> Rate {
    let prior = shared.populations.count_prior(profile.class, counter);
    let usual = rate(&profile.counts.get(counter), prior.as_ref(), counter.default_mean());
    if !counter.is_first() {
        return usual;
    }
    /// Firsts that an account has beyond its rate while it is new: so many over the square of the days so far.
    const NEW: f64 = 4.0;
    let mean = usual.mean() + NEW / (profile.days + 1.0).powi(2);
    Rate { rate: usual.shape / mean, ..usual }
}

/// The counts that everybody raises together on some days.
const OF_THE_DAY: [Counter; 2] = [Counter::Downloads, Counter::FirstExports];

/// The user's day begins: what it will usually count is expected of the org's day.
pub(super) fn open_day(profile: &Profile, shared: &mut Shared) {
    for counter in OF_THE_DAY {
        let mean = expected(profile, shared, counter).mean();
        shared.populations.expect_today(counter, mean);
    }
}

/// Counts one more today. Returns the count, and what is usual of it on a day like today.
pub(super) fn count_one(profile: &Profile, day: &mut Day, shared: &mut Shared, counter: Counter) -> (u32, Rate) {
    let count = day.counts.bump(counter);
    let usual = expected(profile, shared, counter);
    let most = most_usual(&usual);
    if f64::from(count) <= most {
        shared.populations.count_today(counter);
    }
    let factor = shared.populations.count_factor(counter, f64::from(count).min(most), usual.mean());
    (count, Rate { rate: usual.rate / factor, ..usual })
}

/// A count beyond three deviations over the mean is learned as that.
pub(super) fn most_usual(usual: &Rate) -> f64 {
    usual.mean() + 3.0 * (usual.mean() * (1.0 + 1.0 / usual.rate)).sqrt() + 1.0
}
