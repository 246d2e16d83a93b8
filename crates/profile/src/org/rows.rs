//! Rows, requests, bursts and downloads, and the usual counts of a day: what leaves Salesforce. What is written is in
//! [`writes`].

use super::population::RowQuantity;
use super::{Shared, access, breadth, composition, delegation, extremes, names, setup, writes};
use crate::estimate::rate;
use crate::user::{Counter, Day, DayUsual, MOST_EVIDENCE, Profile, Request, SurfaceDay, push_unique};
use model::activity::Objects;
use model::{Activity, Burst, Downloads, Effect, Feature, Kind, Outcome, Rate, Scope, Spread, Surface, Usual, Volume};

/// Learns what an activity reads and requests. The first of the two records of a change does not count.
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
    let mut increment = increment_of(profile, activity);
    count_request(profile, day, activity, increment.is_new);
    composition::count_operation(profile, day, shared, activity);
    if activity.effect == Effect::Write {
        if activity.outcome != Outcome::Failure {
            writes::learn(profile, day, shared, activity, &increment, features);
        }
        // What is written leaves nothing: from here on, the activity has no rows.
        increment = Increment { rows: 0.0, has_rows: false, ..increment };
    }
    let surface = surface_of(activity.kind).filter(|_| activity.effect.leaves());
    delegation::learn(profile, day, shared, activity, &increment, features);
    let known_view = access::learn(profile, day, shared, activity, &increment, features);
    if activity.outcome == Outcome::Failure {
        return;
    }
    setup::learn(profile, day, shared, activity, features);
    if let Some(surface) = surface {
        volume(profile, day, shared, activity, surface, &increment, features);
        extremes::request(profile, day, shared, surface, activity, features);
    }
    extremes::page(profile, day, shared, activity, features);
    if matches!(activity.kind, Kind::ListView | Kind::Report | Kind::AuraRequest) && increment.is_new {
        burst(profile, day, shared, activity, known_view, features);
    }
    breadth::learn(profile, day, shared, activity, features);
    let is_call = surface == Some(Surface::Api) || activity.kind == Kind::ApiUsage && activity.effect.leaves();
    if is_call && increment.is_new {
        spread(profile, day, shared, activity, &increment, features);
    }
    if is_download(activity) {
        download(profile, day, shared, activity, features);
    }
    // The APIs' own logs have the calls of the log of all calls, too.
    if let Some(odd) = day.odd_hour.as_mut().filter(|_| activity.kind != Kind::ApiUsage) {
        odd.rows += increment.rows;
        odd.requests += 1;
    }
}

/// What one activity adds to what earlier chunks of its run have counted.
pub(super) struct Increment {
    /// Rows that were not counted yet.
    pub(super) rows: f64,
    /// Whether the activity says how many rows it read.
    pub(super) has_rows: bool,
    /// Whether it counts as a request: it belongs to no run or begins one.
    pub(super) is_new: bool,
}

/// Returns what the activity adds. Rows returned with a page of a query are its own; the total of a run is repeated on
/// each of its chunks.
fn increment_of(profile: &mut Profile, activity: &Activity) -> Increment {
    let total = activity.rows;
    let has_rows = total.is_some() || activity.rows_returned.is_some();
    let run = activity.run.map(|run| profile.runs.add(run, total.unwrap_or(0), activity.event_time));
    let is_new = run.is_none_or(|chunk| chunk.is_new);
    let rows = match (activity.rows_returned, run) {
        (Some(returned), _) => returned,
        (None, Some(chunk)) => chunk.rows,
        (None, None) => total.unwrap_or(0),
    };
    Increment { rows: rows as f64, has_rows, is_new }
}

/// Returns the surface through which events of this kind read rows; `None` for kinds without rows.
pub(super) fn surface_of(kind: Kind) -> Option<Surface> {
    match kind {
        Kind::ListView => Some(Surface::ListView),
        Kind::Report | Kind::AnalyticsDownload => Some(Surface::Report),
        Kind::Api => Some(Surface::Api),
        Kind::BulkApi => Some(Surface::Bulk),
        _ => None,
    }
}

/// Counts the request as one of the API, of pages, or of administration; these decide the class of the account.
fn count_request(profile: &Profile, day: &mut Day, activity: &Activity, is_new: bool) {
    if !is_new {
        return;
    }
    let before = day.api_requests + day.page_requests;
    match activity.kind {
        Kind::Api | Kind::BulkApi | Kind::BulkApiResult => day.api_requests += 1,
        Kind::ApiUsage => day.more.usage += 1,
        Kind::ListView
        | Kind::Report
        | Kind::ReportExport
        | Kind::LightningUri
        | Kind::Uri
        | Kind::File
        | Kind::Attachment
        | Kind::AnalyticsDownload
        | Kind::AuraRequest
        | Kind::Search => day.page_requests += 1,
        Kind::PermissionSet | Kind::SetupChange => day.admin_requests += 1,
        _ => {}
    }
    let requests = if activity.effect == Effect::Write { 0 } else { day.api_requests + day.page_requests - before };
    day.signals.work.note(activity, requests, || delegation::delegate(profile, activity).is_some());
}

/// Learns the rows of an activity through a surface. A day, an hour or an average request that stands out becomes a
/// feature.
fn volume(
    profile: &mut Profile,
    day: &mut Day,
    shared: &Shared,
    activity: &Activity,
    surface: Surface,
    increment: &Increment,
    features: &mut Vec<Feature>,
) {
    let class = profile.class;
    let day_number = day.number;
    let Some(model) = profile.row_model(surface) else { return };
    let request = model.request;
    let shift = shared.progress.factor_on(day_number, surface);
    day.add_rows(surface, increment.rows, activity.id);
    let Some(today) = day.surface(surface) else { return };
    today.requests += u32::from(increment.is_new);
    if increment.has_rows && increment.rows > 0.0 {
        /// Deviations above the usual at which a request is clipped before the baseline learns it, as for days.
        const CLIP: f64 = 3.0;
        /// Requests of evidence from which on requests are clipped, and the least deviation. Choices.
        const LEAST_WEIGHT: f64 = 5.0;
        const LEAST_DEVIATION: f64 = 0.3;
        let y = increment.rows.ln_1p();
        let most = request.mean + CLIP * request.deviation().max(LEAST_DEVIATION);
        let clipped = if request.weight >= LEAST_WEIGHT { y.min(most) } else { y };
        today.request.add(clipped, f64::MAX);
        for object in &activity.objects {
            push_unique(&mut today.objects, object.clone());
        }
    }
    let usual = *today.usual.get_or_insert_with(|| {
        let prior = |quantity| shared.populations.row_prior(class, surface, quantity);
        let day = model.usual_day(prior(RowQuantity::Day).as_ref(), 0.0);
        let hour = model.usual_hour(prior(RowQuantity::Hour).as_ref(), 0.0).unwrap_or_default();
        let one_scale_above = |usual: &Usual| (usual.location + usual.scale).exp_m1();
        DayUsual {
            day,
            hour,
            intensity: model.usual_intensity(prior(RowQuantity::Intensity).as_ref()).unwrap_or_default(),
            request_variance: model.request.variance(),
            peer: shared.populations.peer_day(class, surface, 0.0),
            observed_above: day.as_ref().map_or(0.0, one_scale_above),
            hour_observed_above: one_scale_above(&hour),
        }
    });
    if increment.rows > 0.0
        && is_observed(today, &usual)
        && let Some(feature) =
            volume_feature(surface, today, shift, model.peaks.at_least(day_number, today.rows.ln_1p()), false)
    {
        features.push(feature);
    }
}

/// Whether today's rows, those of an hour, or those a request lie more than one scale above the usual: nothing less can
/// be a finding, and most activities give no observation.
fn is_observed(today: &SurfaceDay, usual: &DayUsual) -> bool {
    if usual.day.is_none() {
        // Nothing is known yet: reported once a day, to be counted as unscoreable.
        return today.requests <= 1;
    }
    today.rows > usual.observed_above
        || today.largest_hour > usual.hour_observed_above
        || (usual.intensity.scale > 0.0 && usual.intensity(today.requests).standardized(today.intensity()) > 1.0)
}

/// Describes a day's rows through a surface as a feature. `shift` is the org's day factor as known by now. Returns `None`
/// before the day's first request.
pub(super) fn volume_feature(
    surface: Surface,
    today: &SurfaceDay,
    shift: f64,
    recurrences: usize,
    closed: bool,
) -> Option<Feature> {
    let expected = today.usual.as_ref()?;
    let mut largest: Vec<_> = today.largest.iter().collect();
    largest.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    Some(Feature::Volume(Volume {
        surface,
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

/// Learns a request for a list view or report. A minute with more than the day had so far, and more than usual, becomes
/// a feature.
fn burst(
    profile: &Profile,
    day: &mut Day,
    shared: &Shared,
    activity: &Activity,
    is_known: bool,
    features: &mut Vec<Feature>,
) {
    /// Requests a minute below which nothing is observed: anybody can open four pages in a minute. A choice.
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
        day.recent.requests().filter_map(|request| request.object.clone()).for_each(|o| push_unique(&mut objects, o));
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

/// Learns the objects of an API request. A day with more objects than usual becomes a feature.
fn spread(
    profile: &mut Profile,
    day: &mut Day,
    shared: &Shared,
    activity: &Activity,
    increment: &Increment,
    features: &mut Vec<Feature>,
) {
    /// Objects counted a day at most, which bounds memory. A choice: more prove no more.
    const MOST_OBJECTS: usize = 256;
    /// Objects a day below which nothing is observed. A choice.
    const LEAST: u32 = 4;
    // A request that describes an object returns no row, and one that counts records at most one.
    let counts = activity.scope == Some(Scope::Count);
    day.api.empty += u32::from(activity.kind == Kind::Api && (counts || increment.rows <= 1.0));
    let objects: &Objects = &activity.objects;
    let mut is_more = false;
    for object in objects {
        let key = names::key(names::OBJECT, object);
        if day.api.keys.len() < MOST_OBJECTS && !day.api.keys.contains(&key) {
            day.api.keys.push(key);
            day.api.unknown += u32::from(profile.values.objects.peek(key, day.number).days() < access::ONE_DAY);
            push_unique(&mut day.api.names, object.clone());
            push_unique(&mut day.api.evidence, activity.id);
            is_more = true;
        }
    }
    let count = day.api.keys.len() as u32;
    day.counts.raise(Counter::ApiObjects, count);
    let usual = expected(profile, shared, Counter::ApiObjects);
    let (counted, usual_counted) = breadth::counted(profile, day, shared);
    let above = |count: u32, usual: &Rate| count >= LEAST && f64::from(count) > usual.mean() + 1.0;
    let counts_more = counts && usual_counted.as_ref().is_some_and(|usual| above(counted, usual));
    if counts_more || is_more && above(count, &usual) {
        features.push(Feature::Recon(Spread {
            objects: count,
            unknown: day.api.unknown,
            empty: day.api.empty,
            usual,
            names: day.api.names.clone(),
            evidence: day.api.evidence.clone(),
            counted,
            usual_counted,
        }));
    }
}

/// Whether the activity downloads a bulk result or a file. The pictures of files that pages show are no downloads.
fn is_download(activity: &Activity) -> bool {
    activity.effect == Effect::Export && matches!(activity.kind, Kind::BulkApiResult | Kind::File | Kind::Attachment)
}

/// Learns a download. A day with more than usual becomes a feature.
fn download(profile: &Profile, day: &mut Day, shared: &mut Shared, activity: &Activity, features: &mut Vec<Feature>) {
    /// Downloads a day below which nothing is observed: anybody makes as many. A choice.
    const LEAST: u32 = 3;
    day.download_bytes = day.download_bytes.saturating_add(activity.bytes.unwrap_or(0));
    push_unique(&mut day.downloads, activity.id);
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

/// Returns the usual daily count of the user. New accounts have more first-time accesses than their rate says.
pub(super) fn expected(profile: &Profile, shared: &Shared, counter: Counter) -> Rate {
    let prior = shared.populations.count_prior(profile.class, counter);
    let usual = rate(&profile.counts.get(counter), prior.as_ref(), counter.default_mean());
    if !counter.is_first() {
        return usual;
    }
    let mean = usual.mean() + while_young(profile.days);
    Rate { rate: usual.shape / mean, ..usual }
}

/// Returns the number of new things a day that an account of so many active days has beyond those of an old one:
/// 4/(days + 1)². A choice of form and size: one a day on the second day, 0.1 after a working week.
pub(super) fn while_young(days: f64) -> f64 {
    4.0 / (days + 1.0).powi(2)
}

/// Counters that all users raise together on some days, such as the end of a month: the org's day changes their
/// usual counts. A choice.
const OF_THE_DAY: [Counter; 2] = [Counter::Downloads, Counter::FirstExports];

/// Adds the usual counts of a user with a new day to the org's day.
pub(super) fn open_day(profile: &Profile, shared: &mut Shared) {
    for counter in OF_THE_DAY {
        let mean = expected(profile, shared, counter).mean();
        shared.populations.expect_today(counter, mean);
    }
}

/// Adds one to the day's count. Returns the count, and its usual rate given the org's day; that of a closed day is not
/// kept, and counts as a usual one.
pub(super) fn count_one(profile: &Profile, day: &mut Day, shared: &mut Shared, counter: Counter) -> (u32, Rate) {
    let count = day.counts.bump(counter);
    let usual = expected(profile, shared, counter);
    if day.is_closed {
        return (count, usual);
    }
    let most = most_usual(&usual);
    if f64::from(count) <= most {
        shared.populations.count_today(counter);
    }
    let factor = shared.populations.count_factor(counter, f64::from(count).min(most), usual.mean());
    (count, Rate { rate: usual.rate / factor, ..usual })
}

/// Returns the largest count that is learned, and that counts for the org's day: three deviations above the mean, and
/// one more. The variance of a Gamma-mixed Poisson is mean·(1 + 1/rate).
pub(super) fn most_usual(usual: &Rate) -> f64 {
    usual.mean() + 3.0 * (usual.mean() * (1.0 + 1.0 / usual.rate)).sqrt() + 1.0
}

#[cfg(test)]
mod tests;
