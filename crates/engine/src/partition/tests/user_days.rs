//! The rows of closed days in Postgres.

use super::*;

/// By org, account and day.
pub(super) type UserDays = BTreeMap<(OrgId, UserId, Timestamp), UserDay>;

/// Puts closed days into their table, as the store does.
pub(super) fn put(table: &mut UserDays, user_days: Vec<UserDay>) {
    table.extend(user_days.into_iter().map(|day| ((day.org_id.clone(), day.user_id.clone(), day.day), day)));
}

pub(super) fn assert_same(found: &UserDays, expected: &UserDays) {
    for (key, day) in expected {
        assert_eq!(found.get(key), Some(day));
    }
    assert_eq!(found.len(), expected.len());
}

/// Asserts that there is something to compare; `closed` are all days in the order in which they closed.
pub(super) fn assert_varied(user_days: &UserDays, closed: &[UserDay]) {
    let facts = || user_days.values().map(|day| &day.facts);
    assert!(facts().any(|facts| !facts.surprises.is_empty()), "no surprise");
    assert!(facts().any(|facts| facts.volumes.iter().any(|volume| volume.usual.is_some())), "nothing usual");
    let unjudged = facts().flat_map(|facts| facts.unjudged.iter().flatten());
    assert!(unjudged.filter(|one| one.reason.starts_with("no baseline")).count() > 0, "all could be judged");
    assert!(facts().any(|facts| facts.unjudged == Some(Vec::new())), "no day could be judged by all");
    assert!(facts().all(|facts| facts.hours.is_some_and(|hours| hours != 0)), "no hours");
    assert!(closed.len() > user_days.len(), "late activities close days once more");
}
