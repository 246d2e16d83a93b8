//! What the three detectors of first-time access have in common.

use crate::{Settings, score};
use model::First;
use profile::tail;

/// What speaks for a first: how many a day brings, and how much one of them brought.
pub(super) struct Evidence {
    /// p-value of both together.
    pub(super) p: f64,
    pub(super) count: f64,
    pub(super) rows: f64,
}

/// A first of its own is no news; how many of them a day brings is, against the account's own shrunk rate, and so
/// is how many rows each of them brings, against what first-time accesses usually bring.
///
/// Anybody's day may bring as many firsts as others' days do, with the weight of `mix`.
pub(super) fn evidence(first: &First, mix: f64) -> Evidence {
    let own = tail::count_at_least(&first.usual, f64::from(first.today));
    let count = score::with_peers(own, first.peer_tail, mix).max(score::change_of_role(first.known_share));
    let rows = first.rows.and_then(|rows| score::own_tail(&first.request, rows as f64));
    match rows {
        Some(rows) => Evidence { p: tail::both(count, rows), count, rows },
        None => Evidence { p: count, count, rows: 1.0 },
    }
}

/// Part of a day's firsts that are as likely as anybody's: projects, new tasks, changes of role.
pub(super) fn mix(settings: &Settings) -> f64 {
    (settings.peer_mix * 100.0).min(1.0)
}

/// The feature list of a first: the count's name, and the rows each brought.
pub(super) fn features(name: &'static str, first: &First, evidence: &Evidence) -> Vec<(&'static str, String, f64)> {
    let mut features = vec![(name, first.today.to_string(), tail::surprise(evidence.count))];
    if let Some(rows) = first.rows {
        features.push(("rowsPerRequest", rows.to_string(), tail::surprise(evidence.rows)));
    }
    features
}

pub(super) fn measures(first: &First) -> Vec<(&'static str, f64)> {
    let mut measures = vec![
        ("firsts_today", f64::from(first.today)),
        ("firsts_a_day", first.usual.mean()),
        ("baseline_days", first.usual.evidence),
        ("peer_share", first.peer_share),
        ("peer_tail", first.peer_tail),
    ];
    if let Some(rows) = first.rows {
        measures.push(("rows_a_request", rows as f64));
        measures.push(("usual_rows_a_request", first.request.location.exp_m1()));
    }
    measures
}
