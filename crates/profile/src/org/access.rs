//! Accesses: objects, list views and their scope, reports, and which of these for the first time.

use super::close::SETTLING_DAYS;
use super::composition::count;
use super::firsts;
use super::names::{self, Names};
use super::rows::{Increment, count_one, surface_of};
use super::{Shared, apps};
use crate::estimate::Sighting;
use crate::user::{Counter, Day, FirstKind, Firsts, Profile, Role, push_unique};
use model::{Activity, Feature, First, Kind, Scope, Text, ValueKind};

/// Days of use that count as one earlier day: one day decays to a half within [`KnownValues::HALF_LIFE`].
///
/// [`KnownValues::HALF_LIFE`]: crate::estimate::KnownValues::HALF_LIFE
pub(super) const ONE_DAY: f32 = 0.5;
/// Offset of scopes in keys of pairs, which keeps them apart from the default view, 0. Part of the stored state.
const SCOPE_KEYS: u64 = 100;

/// Learns what the activity accesses. Returns whether its view or report is known: to the user from an earlier
/// day, or, if several users get it for the first time today, because it was rolled out to them.
pub(super) fn learn(
    profile: &mut Profile,
    day: &mut Day,
    shared: &mut Shared,
    activity: &Activity,
    increment: &Increment,
    features: &mut Vec<Feature>,
) -> bool {
    apps::learn(profile, day, shared, activity, increment, features);
    // A write through an API shows nothing of its object. A page on which somebody edits a record shows it.
    let is_page = surface_of(activity.kind).is_none() && activity.kind != Kind::ApiUsage;
    let is_shown = activity.effect.leaves() || is_page;
    let object_key = if is_shown { objects(profile, day, shared, activity, increment, features) } else { 0 };
    let (key, sighting) = match activity.kind {
        Kind::ListView => view(profile, day, shared, activity, object_key, increment, features),
        Kind::Report | Kind::ReportExport | Kind::AnalyticsDownload => {
            report(profile, day, shared, activity, increment, features)
        }
        _ => return false,
    };
    if profile.days >= Role::LEAST_DAYS {
        day.named_requests += 1;
        day.known_requests += u32::from(sighting.days() >= Role::KNOWN_DAYS);
    }
    sighting.days() >= ONE_DAY || shared.populations.is_rolled_out(key)
}

/// Learns the objects of the activity. Returns the key of the first, 0 if there is none.
fn objects(
    profile: &mut Profile,
    day: &mut Day,
    shared: &mut Shared,
    activity: &Activity,
    increment: &Increment,
    features: &mut Vec<Feature>,
) -> u64 {
    let mut first_key = None;
    for object in &activity.objects {
        let key = names::key(names::OBJECT, object);
        first_key.get_or_insert(key);
        let sighting = profile.values.objects.touch(key, day.number);
        establish(shared, sighting, key, day.number);
        shared.names.note_shown(key, sighting, None, object);
        count(profile, day, shared, (ValueKind::Object, key), activity.id, || object.clone());
        if sighting == Sighting::Never {
            day.counts.bump(Counter::FirstObjects);
            if day.objects.names.is_empty() {
                day.objects.key = key;
            }
            push_unique(&mut day.objects.names, object.clone());
        }
        let is_todays = day.objects.names.contains(object) && add(&mut day.objects, activity, increment);
        if is_reported(profile, &day.objects, sighting, is_todays) {
            let first = first(profile, &day.objects, shared, FirstKind::Objects, day);
            features.push(Feature::Object(first));
        }
    }
    first_key.unwrap_or(0)
}

/// Learns a list view, and whether it is wider than those that the user had of its object. Returns its key and how well
/// it was known.
fn view(
    profile: &mut Profile,
    day: &mut Day,
    shared: &mut Shared,
    activity: &Activity,
    object_key: u64,
    increment: &Increment,
    features: &mut Vec<Feature>,
) -> (u64, Sighting) {
    let object = activity.objects.first();
    let Some(name) = activity.resource_name.as_ref().or(activity.resource_id.as_ref()) else {
        let default_view = names::pair(object_key, 0);
        return (default_view, profile.values.views.touch(default_view, day.number));
    };
    let key = names::pair(object_key, names::key(names::VIEW, name));
    let sighting = profile.values.views.touch(key, day.number);
    establish(shared, sighting, key, day.number);
    count(profile, day, shared, (ValueKind::View, key), activity.id, || name.clone());
    if sighting == Sighting::Never {
        shared.names.note_view(key, object_key, name, activity.scope);
    }
    let (Some(object), Some(scope)) = (object, activity.scope) else { return (key, sighting) };
    profile.values.scopes.touch(names::pair(object_key, SCOPE_KEYS + scope as u64), day.number);
    // A view stays on probation until it has recurred. If the object itself is new, that is reported instead.
    let is_wider = is_wide(scope)
        && !sighting.is_established()
        && increment.is_new
        && profile.values.objects.peek(object_key, day.number).days() >= ONE_DAY;
    if is_wider {
        day.counts.bump(Counter::WiderScopes);
        if day.scopes.names.is_empty() {
            day.scopes.key = key;
            day.scopes.from_views = views_of(profile, &shared.names, object_key, scope, day.number);
            day.scopes.to_view = Some(name.to_ascii_lowercase());
            day.scopes.from_scope = narrower(profile, object_key, scope, day.number);
            day.scopes.to_scope = Some(scope);
        }
        push_unique(&mut day.scopes.names, object.clone());
        add(&mut day.scopes, activity, increment);
        let first = first(profile, &day.scopes, shared, FirstKind::Scopes, day);
        features.push(Feature::Scope(first));
    }
    (key, sighting)
}

/// Whether views of this scope show records that are not the user's own.
fn is_wide(scope: Scope) -> bool {
    matches!(scope, Scope::Team | Scope::All)
}

/// Returns the widest scope below `scope` that the user had of the object before today.
fn narrower(profile: &Profile, object: u64, scope: Scope, day: i32) -> Option<Scope> {
    let was_used =
        |s: &Scope| profile.values.scopes.peek(names::pair(object, SCOPE_KEYS + *s as u64), day).days() >= ONE_DAY;
    Scope::ALL.iter().rev().copied().filter(|s| *s < scope).find(was_used)
}

/// Learns a report and, if it was exported, the export. Returns its key and how well it was known.
fn report(
    profile: &mut Profile,
    day: &mut Day,
    shared: &mut Shared,
    activity: &Activity,
    increment: &Increment,
    features: &mut Vec<Feature>,
) -> (u64, Sighting) {
    let Some(report) = activity.resource_id.as_ref().or(activity.resource_name.as_ref()) else {
        return (0, Sighting::Never);
    };
    let key = names::key(names::REPORT, report);
    let sighting = profile.values.reports.touch(key, day.number);
    establish(shared, sighting, key, day.number);
    shared.names.note_shown(key, sighting, activity.resource_name.as_ref(), report);
    let name = || activity.resource_name.as_ref().unwrap_or(report).clone();
    count(profile, day, shared, (ValueKind::Report, key), activity.id, name);
    if activity.is_report_export() {
        let exported = profile.values.exports.touch(key, day.number);
        let name = activity.resource_name.as_ref().unwrap_or(report);
        if exported == Sighting::Never {
            let (_, usual) = count_one(profile, day, shared, Counter::FirstExports);
            day.exports.usual = Some(usual);
            if day.exports.names.is_empty() {
                day.exports.key = key;
            }
            push_unique(&mut day.exports.names, name.clone());
        }
        let is_todays = day.exports.names.contains(name) && add(&mut day.exports, activity, increment);
        if is_reported(profile, &day.exports, exported, is_todays) {
            let first = first(profile, &day.exports, shared, FirstKind::Exports, day);
            features.push(Feature::Export(first));
        }
    }
    (key, sighting)
}

/// Whether a feature is added to the observation: for each first-time access, and for further rows of today's. While an
/// account is new nothing can be judged, so only the day's first one is reported, to be counted as unscoreable.
fn is_reported(profile: &Profile, firsts: &Firsts, sighting: Sighting, has_rows: bool) -> bool {
    if profile.days <= SETTLING_DAYS {
        return sighting == Sighting::Never && firsts.evidence.len() <= 1;
    }
    sighting == Sighting::Never || has_rows
}

/// Adds an activity to today's first-time accesses that it belongs to. Returns whether it read rows.
fn add(firsts: &mut Firsts, activity: &Activity, increment: &Increment) -> bool {
    push_unique(&mut firsts.evidence, activity.id);
    firsts.surface = firsts.surface.or(surface_of(activity.kind));
    if increment.has_rows {
        firsts.rows += increment.rows;
        firsts.requests += u32::from(increment.is_new);
    }
    increment.rows > 0.0
}

/// Describes today's first-time accesses of one kind as a feature.
fn first(profile: &Profile, today: &Firsts, shared: &Shared, kind: FirstKind, day: &Day) -> First {
    let counter = kind.counter();
    let count = day.counts.get(counter);
    First {
        name: today.names.first().cloned().unwrap_or_default(),
        today: count,
        names: today.names.clone(),
        usual: firsts::rate(profile, shared, kind, today, day.number),
        peer_share: shared.populations.share_knowing(today.key),
        peers: shared.populations.users(),
        rows: today.rows_a_request().map(|rows| rows as u64),
        request: firsts::request(profile, shared, kind, today.surface).unwrap_or_default(),
        from_views: today.from_views.clone(),
        to_view: today.to_view.clone(),
        from_scope: today.from_scope,
        to_scope: today.to_scope,
        evidence: today.evidence.clone(),
        peer_tail: shared.populations.count_tail(kind, count, &profile.signals.first_days),
        known_share: day.known_share(),
        surface: None,
    }
}

/// Returns the names of the user's best known views of an object that are narrower than `scope`, at most three.
fn views_of(profile: &Profile, names: &Names, object: u64, scope: Scope, day: i32) -> Vec<Text> {
    let views = profile.values.views.best(day).into_iter().filter_map(|key| names.view(key));
    let narrower = views.filter(|view| view.object == object && view.scope.is_some_and(|s| s < scope));
    narrower.take(3).map(|view| view.name.clone()).collect()
}

/// Reports to the population that the user has a value for the first time on `day`: ever, on a second day, or again.
pub(super) fn establish(shared: &mut Shared, sighting: Sighting, key: u64, day: i32) {
    if sighting == Sighting::Never {
        shared.populations.notice(key);
    } else if becomes_established(sighting) {
        shared.populations.establish(key, day);
    } else if let Sighting::Known { .. } = sighting {
        shared.populations.recur(key, day);
    }
}

/// Whether the user has the value for the second day, up to 90 days after the first.
pub(super) fn becomes_established(sighting: Sighting) -> bool {
    matches!(sighting, Sighting::Known { days } if (ONE_DAY..=1.0).contains(&days))
}
