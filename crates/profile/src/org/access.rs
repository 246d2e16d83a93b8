//! What is accessed: objects, how wide, which views and reports, and what of it is a first.

use super::Shared;
use super::close::SETTLING_DAYS;
use super::names::{self, Names};
use super::population::RowQuantity;
use super::rows::{Brought, count_one, expected, source_of};
use crate::estimate::{Moments, Sighting, usual};
use crate::user::{Counter, Day, FirstKind, Firsts, Profile, Role, note};
use model::{Activity, Feature, First, Kind, Rate, Scope, Surface, Text};

/// Learns what the activity accesses. Returns whether its view or report is known: to the user from an earlier
/// day, or to several others.
pub(super) fn learn(
    profile: &mut Profile,
    day: &mut Day,
    shared: &mut Shared,
    activity: &Activity,
    brought: &Brought,
    features: &mut Vec<Feature>,
) -> bool {
    if let Some(operation) = &activity.operation {
        profile.seen.operations.touch(names::key(names::OPERATION, operation), day.number);
    }
    if let Some(app) = activity.connected_app.as_ref().or(activity.application.as_ref()) {
        profile.seen.apps.touch(names::key(names::APP, app), day.number);
    }
    let object_key = objects(profile, day, shared, activity, brought, features);
    let (key, sighting) = match activity.kind {
        Kind::ListView => view(profile, day, shared, activity, object_key, brought, features),
        Kind::Report | Kind::ReportExport => report(profile, day, shared, activity, brought, features),
        _ => return false,
    };
    if profile.days >= Role::LEAST_DAYS {
        day.named_requests += 1;
        day.known_requests += u32::from(sighting.days() >= Role::KNOWN_DAYS);
    }
    sighting.days() >= 0.5 || shared.populations.is_rolled_out(key)
}

/// Learns the objects. Returns the key of the first, 0 if there is none.
fn objects(
    profile: &mut Profile,
    day: &mut Day,
    shared: &mut Shared,
    activity: &Activity,
    brought: &Brought,
    features: &mut Vec<Feature>,
) -> u64 {
    let mut first_key = None;
    for object in &activity.objects {
        let key = names::key(names::OBJECT, object);
        first_key.get_or_insert(key);
        let sighting = profile.seen.objects.touch(key, day.number);
        establish(shared, sighting, key);
        if sighting == Sighting::Never {
            day.counts.bump(Counter::FirstObjects);
            if day.objects.names.is_empty() {
                day.objects.key = key;
            }
            note(&mut day.objects.names, object.clone());
        }
        let is_todays = day.objects.names.contains(object) && add(&mut day.objects, activity, brought);
        if is_told(profile, &day.objects, sighting, is_todays) {
            let first = first(profile, &day.objects, shared, FirstKind::Objects, day);
            features.push(Feature::Object(first));
        }
    }
    first_key.unwrap_or(0)
}

/// A list view, and whether it is wider than what the user had of its object.
fn view(
    profile: &mut Profile,
    day: &mut Day,
    shared: &mut Shared,
    activity: &Activity,
    object_key: u64,
    brought: &Brought,
    features: &mut Vec<Feature>,
) -> (u64, Sighting) {
    let object = activity.objects.first();
    let Some(name) = activity.resource_name.as_ref().or(activity.resource_id.as_ref()) else {
        let default_view = names::pair(object_key, 0);
        return (default_view, profile.seen.views.touch(default_view, day.number));
    };
    let key = names::pair(object_key, names::key(names::VIEW, name));
    let sighting = profile.seen.views.touch(key, day.number);
    establish(shared, sighting, key);
    if sighting == Sighting::Never {
        shared.names.note_view(key, object_key, name, activity.scope);
    }
    let (Some(object), Some(scope)) = (object, activity.scope) else { return (key, sighting) };
    profile.seen.scopes.touch(names::pair(object_key, 100 + scope as u64), day.number);
    // A view stays on probation until it has recurred; an object that is new as a whole is told as such.
    let is_wider = is_wide(scope)
        && !sighting.is_established()
        && brought.is_new
        && profile.seen.objects.peek(object_key, day.number).days() >= 0.5;
    if is_wider {
        day.counts.bump(Counter::WiderScopes);
        if day.scopes.names.is_empty() {
            day.scopes.key = key;
            day.scopes.from_views = views_of(profile, &shared.names, object_key, scope, day.number);
            day.scopes.to_view = Some(name.to_ascii_lowercase());
            day.scopes.from_scope = narrower(profile, object_key, scope, day.number);
            day.scopes.to_scope = Some(scope);
        }
        note(&mut day.scopes.names, object.clone());
        add(&mut day.scopes, activity, brought);
        let first = first(profile, &day.scopes, shared, FirstKind::Scopes, day);
        features.push(Feature::Scope(first));
    }
    (key, sighting)
}

/// A view that shows what is not the user's own.
fn is_wide(scope: Scope) -> bool {
    matches!(scope, Scope::Team | Scope::All)
}

/// The widest scope below `scope` that the user had of the object before today.
fn narrower(profile: &Profile, object: u64, scope: Scope, day: i32) -> Option<Scope> {
    let had = |s: &Scope| profile.seen.scopes.peek(names::pair(object, 100 + *s as u64), day).days() >= 0.5;
    Scope::ALL.iter().rev().copied().filter(|s| *s < scope).find(had)
}

fn report(
    profile: &mut Profile,
    day: &mut Day,
    shared: &mut Shared,
    activity: &Activity,
    brought: &Brought,
    features: &mut Vec<Feature>,
) -> (u64, Sighting) {
    let Some(report) = activity.resource_id.as_ref().or(activity.resource_name.as_ref()) else {
        return (0, Sighting::Never);
    };
    let key = names::key(names::REPORT, report);
    let sighting = profile.seen.reports.touch(key, day.number);
    establish(shared, sighting, key);
    if activity.is_report_export() {
        let exported = profile.seen.exports.touch(key, day.number);
        let name = activity.resource_name.as_ref().unwrap_or(report);
        if exported == Sighting::Never {
            let (_, usual) = count_one(profile, day, shared, Counter::FirstExports);
            day.exports.usual = Some(usual);
            if day.exports.names.is_empty() {
                day.exports.key = key;
            }
            note(&mut day.exports.names, name.clone());
        }
        let is_todays = day.exports.names.contains(name) && add(&mut day.exports, activity, brought);
        if is_told(profile, &day.exports, exported, is_todays) {
            let first = first(profile, &day.exports, shared, FirstKind::Exports, day);
            features.push(Feature::Export(first));
        }
    }
    (key, sighting)
}

/// Whether there is news to judge. While an account settles nothing can be judged, which is told once a day.
fn is_told(profile: &Profile, firsts: &Firsts, sighting: Sighting, brought_rows: bool) -> bool {
    if profile.days <= SETTLING_DAYS {
        return sighting == Sighting::Never && firsts.evidence.len() <= 1;
    }
    sighting == Sighting::Never || brought_rows
}

/// Adds an activity to the firsts it belongs to. Returns whether it brought rows.
fn add(firsts: &mut Firsts, activity: &Activity, brought: &Brought) -> bool {
    note(&mut firsts.evidence, activity.id);
    firsts.source = firsts.source.or(source_of(activity.kind));
    if brought.has_rows {
        firsts.rows += brought.rows;
        firsts.requests += u32::from(brought.is_new);
    }
    brought.rows > 0.0
}

fn first(profile: &Profile, firsts: &Firsts, shared: &Shared, kind: FirstKind, day: &Day) -> First {
    let counter = kind.counter();
    let today = day.counts.get(counter);
    let own = profile.first_rows.get(kind as usize).copied().unwrap_or_default();
    let prior = shared.populations.first_rows_prior(profile.class, kind);
    // Where neither the user nor others had firsts enough, any request of the user is the measure.
    let known =
        if prior.is_some() || own.weight >= 3.0 { usual(&own, &Moments::default(), prior.as_ref(), 0.0) } else { None };
    let request = known.or_else(|| {
        let source = firsts.source.unwrap_or(Surface::ListView);
        let prior = shared.populations.row_prior(profile.class, source, RowQuantity::Request);
        profile.rows_of(source).and_then(|model| model.usual_request(prior.as_ref()))
    });
    First {
        name: firsts.names.first().cloned().unwrap_or_default(),
        today,
        names: firsts.names.clone(),
        usual: match firsts.usual {
            _ if profile.role.is_settling(day.number) => NEW_ROLE,
            Some(usual) => usual,
            None => expected(profile, shared, counter),
        },
        peer_share: shared.populations.share_knowing(firsts.key),
        peers: shared.populations.users(),
        rows: firsts.rows_a_request().map(|rows| rows as u64),
        request: request.unwrap_or_default(),
        from_views: firsts.from_views.clone(),
        to_view: firsts.to_view.clone(),
        from_scope: firsts.from_scope,
        to_scope: firsts.to_scope,
        evidence: firsts.evidence.clone(),
        peer_tail: shared.populations.count_tail(counter, today),
        known_share: day.known_share(),
    }
}

/// Firsts a day of an account that settles into a new role.
const NEW_ROLE: Rate = Rate { shape: 1.0, rate: 0.3, evidence: 1.0, prior_weight: 1.0 };

/// The user's own views of an object that are narrower than `scope`, best known first.
fn views_of(profile: &Profile, names: &Names, object: u64, scope: Scope, day: i32) -> Vec<Text> {
    let views = profile.seen.views.best(day).into_iter().filter_map(|key| names.view(key));
    let narrower = views.filter(|view| view.object == object && view.scope.is_some_and(|s| s < scope));
    narrower.take(3).map(|view| view.name.clone()).collect()
}

/// Tells the population of a value that the user has for the first or the second day.
pub(super) fn establish(shared: &mut Shared, sighting: Sighting, key: u64) {
    if sighting == Sighting::Never {
        shared.populations.notice(key);
    } else if becomes_established(sighting) {
        shared.populations.establish(key);
    }
}

/// Whether the value is had for the second day.
pub(super) fn becomes_established(sighting: Sighting) -> bool {
    matches!(sighting, Sighting::Known { days } if (0.5..=1.0).contains(&days))
}
