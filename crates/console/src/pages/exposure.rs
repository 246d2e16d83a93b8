//! How much left the org, as far as findings know.

use model::Finding;
use std::collections::{BTreeMap, BTreeSet};

/// Returns the rows that findings of one incident say were read: of each surface, the most that one of them measured, or
/// what its activities had where that is more. `None` if no finding measured rows.
///
/// Findings of one surface mostly measure the same rows, so they are not added; and they keep 12 activities at most, so
/// these may be fewer than there were.
pub(super) fn rows<'a>(findings: impl Iterator<Item = &'a Finding>) -> Option<u64> {
    let mut measured: BTreeMap<Option<&'static str>, u64> = BTreeMap::new();
    let mut seen: BTreeMap<Option<&'static str>, u64> = BTreeMap::new();
    let mut counted = BTreeSet::new();
    for finding in findings.filter(|finding| !finding.withdrawn) {
        for measure in finding.measures.iter().filter(|measure| &*measure.name == "rows" && measure.value >= 0.0) {
            let most = measured.entry(finding.surface.map(model::Surface::as_str)).or_default();
            *most = (*most).max(measure.value as u64);
        }
        for activity in finding.evidence.iter().filter(|activity| counted.insert(activity.activity_id)) {
            if let Some(rows) = activity.rows.filter(|rows| *rows > 0) {
                let sum = seen.entry(activity.surface.map(model::Surface::as_str)).or_default();
                *sum = sum.saturating_add(rows);
            }
        }
    }
    for (surface, rows) in seen {
        let most = measured.entry(surface).or_default();
        *most = (*most).max(rows);
    }
    let total = measured.values().fold(0u64, |sum, rows| sum.saturating_add(*rows));
    (!measured.is_empty()).then_some(total)
}
