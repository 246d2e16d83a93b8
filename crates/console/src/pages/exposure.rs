//! How much left the org, as far as findings know.

use model::{Evidence, Finding, Surface};
use std::collections::{BTreeMap, BTreeSet};

/// Returns the rows that findings of one incident say were read: of each surface, the most that one of them measured; where
/// none measured any, those of its activities. `None` if there are neither.
///
/// Findings of one surface mostly measure the same rows, so they are not added. They keep 12 activities at most, and may keep
/// one twice, as events of two channels: what is measured counts each once.
pub(super) fn rows<'a>(findings: impl Iterator<Item = &'a Finding>) -> Option<u64> {
    let mut measured: BTreeMap<Option<Surface>, u64> = BTreeMap::new();
    let mut activities = Vec::new();
    for finding in findings.filter(|finding| !finding.withdrawn) {
        for measure in finding.measures.iter().filter(|measure| &*measure.name == "rows" && measure.value >= 0.0) {
            let most = measured.entry(finding.surface).or_default();
            *most = (*most).max(measure.value as u64);
        }
        activities.extend(&finding.evidence);
    }
    let unmeasured = once(activities).filter(|activity| !measured.contains_key(&activity.surface));
    let seen: Vec<u64> = unmeasured.filter_map(|activity| activity.rows).filter(|rows| *rows > 0).collect();
    let total = measured.values().chain(&seen).fold(0u64, |sum, rows| sum.saturating_add(*rows));
    (!measured.is_empty() || !seen.is_empty()).then_some(total)
}

/// Returns activities, each once. The events of one run of a report or query repeat its rows, so one of them stands for it.
pub(super) fn once(activities: Vec<&Evidence>) -> impl Iterator<Item = &Evidence> {
    let (mut ids, mut runs) = (BTreeSet::new(), BTreeSet::new());
    activities.into_iter().filter(move |activity| {
        let is_new = ids.insert(activity.activity_id);
        is_new && activity.run.is_none_or(|run| runs.insert((run, activity.resource_id.clone())))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Activity, Channel, Kind, OrgId, Timestamp, UserId, Uuid};

    #[test]
    fn the_events_of_one_run_count_once() {
        let event = |id: u128, run: Option<u64>| {
            let (org, user) = (OrgId::new("00D1"), UserId::new("005A"));
            let at = Timestamp(id as i64);
            let of = Activity::new(Uuid::from_u128(id), org, user, at, Channel::Stream, Kind::Report);
            Evidence::of(&Activity { run, rows: Some(1_800), ..of })
        };
        let all = [event(1, Some(7)), event(2, Some(7)), event(3, Some(8)), event(4, None), event(4, None)];
        let kept: Vec<u128> = once(all.iter().collect()).map(|one| one.activity_id.as_u128()).collect();
        assert_eq!(kept, [1, 3, 4]);
    }
}
