//! Work in sessions that an administrator opened by LoginAs.

use super::rows::{Increment, surface_of};
use super::{Shared, names};
use crate::estimate::usual;
use crate::user::{Day, Delegation, Profile, find_or_push, push_unique};
use model::{Activity, Delegated, Feature, Kind, Text, Usual};

/// Counts what an activity does in a session opened by LoginAs, and reports the administrator's work so far. Does
/// nothing in other sessions.
pub(super) fn learn(
    profile: &Profile,
    day: &mut Day,
    shared: &Shared,
    activity: &Activity,
    increment: &Increment,
    features: &mut Vec<Feature>,
) {
    let exports = activity.is_report_export() || activity.kind == Kind::BulkApiResult;
    let takes_data = activity.effect.leaves() && (surface_of(activity.kind).is_some() || exports);
    if !takes_data {
        return;
    }
    let Some(delegate) = delegate(profile, activity) else { return };
    let begin = || Delegation { delegate: delegate.clone(), ..Delegation::default() };
    let Some(work) = find_or_push(&mut day.delegated, |known| known.delegate == *delegate, begin) else { return };
    work.requests += u32::from(increment.is_new);
    work.exports += u32::from(exports && increment.is_new);
    work.rows += increment.rows;
    push_unique(&mut work.evidence, activity.id);
    let (logs, plain) = &shared.populations.delegated;
    let usual = usual(logs, plain, None, 0.0).unwrap_or(DELEGATED);
    features.push(Feature::Delegated(Delegated {
        delegate: work.delegate.clone(),
        rows: work.rows,
        exports: work.exports,
        requests: work.requests,
        usual,
        evidence: work.evidence.clone(),
    }));
}

/// Returns the administrator who opened the session of an activity by LoginAs; `None` for other sessions.
pub(super) fn delegate<'a>(profile: &'a Profile, activity: &Activity) -> Option<&'a Text> {
    if !profile.sessions.has_delegates() {
        return None;
    }
    let session_key = activity.session_key.as_ref().map_or(0, |key| names::key(names::SESSION, key));
    let login_key = activity.login_key.as_ref().map_or(0, |key| names::key(names::LOGIN, key));
    profile.sessions.delegate(session_key, login_key)
}

/// What a LoginAs session reads in an org that had none yet: a look at some dozens of rows, 6 to 160 within one scale.
/// A choice.
const DELEGATED: Usual = Usual {
    location: 3.5,
    scale: 1.6,
    degrees: 6.0,
    shift: 0.0,
    mean: 0.0,
    deviation: 0.0,
    evidence: 0.0,
    prior_weight: 1.0,
};
