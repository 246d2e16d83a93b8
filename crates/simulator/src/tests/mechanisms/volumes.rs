use std::collections::BTreeMap;

use super::{Org, median, org, spread, standard};
use crate::WorldKind;
use crate::event::Body;
use crate::mechanism::Mechanism;

/// Returns Hill's estimate of the tail index, from the largest values.
fn tail_index(mut values: Vec<f64>, count: usize) -> f64 {
    values.sort_by(|a, b| b.total_cmp(a));
    let least = values[count];
    count as f64 / values[..count].iter().map(|value| (value / least).ln()).sum::<f64>()
}

#[test]
fn one_off_exports_have_a_heavy_tail() {
    let exports = |org: &Org| -> Vec<f64> {
        let rows = org.people().filter_map(|(_, event)| match event.body {
            Body::Report { operation: "ReportExported", sequence: 1, rows, .. } => rows,
            _ => None,
        });
        rows.collect()
    };
    let bursty = tail_index(exports(&org(WorldKind::Bursty, Mechanism::OneOffs)), 40);
    let usual = tail_index(exports(&standard()), 40);
    assert!(bursty < 1.7 && usual > bursty, "{bursty}, {usual}");
}

#[test]
fn habits_widen_the_spread_of_days() {
    let width = |org: &Org| {
        let activity = org.activity();
        let days = activity.values().filter(|days| days.len() > 20);
        let spreads = days.map(|days| spread(&days.values().map(|count| count.ln()).collect::<Vec<_>>()));
        median(spreads.collect())
    };
    let (bursty, usual) = (width(&org(WorldKind::Bursty, Mechanism::Habits)), width(&standard()));
    assert!(bursty > 1.15 * usual, "{bursty}, {usual}");
}

#[test]
fn views_change_their_size() {
    let width = |org: &Org| {
        let mut rows: BTreeMap<(&str, &str), Vec<f64>> = BTreeMap::new();
        for (_, event) in org.people() {
            if let Body::ListView { view, rows: Some(count), .. } = &event.body
                && *count > 260.0
            {
                rows.entry((event.user_id(), &view.id)).or_default().push(count.ln());
            }
        }
        median(rows.values().filter(|rows| rows.len() > 10).map(|rows| spread(rows)).collect())
    };
    let (bursty, usual) = (width(&org(WorldKind::Bursty, Mechanism::Sizes)), width(&standard()));
    assert!(bursty > 0.25 && usual < 0.12, "{bursty}, {usual}");
}
