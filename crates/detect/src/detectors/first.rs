//! What `new_access`, `new_report_export` and `scope_increase` share: the judgement of first-time accesses.

use crate::{Settings, score, text};
use model::First;
use profile::tail;

/// The p-values of a day's first-time accesses.
pub(super) struct Evidence {
    /// Of the number and the rows together.
    pub(super) p: f64,
    /// Of the number of first-time accesses.
    pub(super) count: f64,
    /// Of the rows a request; 1 if no request says how many.
    pub(super) rows: f64,
}

/// Returns the p-values of the day's first-time accesses.
///
/// One of them alone proves nothing. Unusual is how many a day brings, against the account's own rate shrunk to its
/// population's, and how many rows each request brings, against what first-time accesses usually bring. Both are
/// combined by Fisher's method ([`tail::both`]). `mix` is the weight of the population's days, see [`mix`], and the
/// number is at least as likely as a change of role, see [`score::change_of_role`].
pub(super) fn evidence(first: &First, mix: f64) -> Evidence {
    let own = tail::count_at_least(&first.usual, f64::from(first.today));
    let count = score::with_peers(own, first.peer_tail, mix).max(score::change_of_role(first.known_share));
    let rows = first.rows.and_then(|rows| score::own_tail(&first.request, rows as f64));
    match rows {
        Some(rows) => Evidence { p: tail::both(count, rows), count, rows },
        None => Evidence { p: count, count, rows: 1.0 },
    }
}

/// Returns the probability that a day's first-time accesses are those of any user-day of the population: projects, new
/// tasks and changes of role make many at once. A hundred times `peer_mix`, a choice: 0.1 by default.
pub(super) fn mix(settings: &Settings) -> f64 {
    (settings.peer_mix * 100.0).min(1.0)
}

/// Returns the features of a finding: the number, under `name`, and the rows a request, each weighted by its surprise.
pub(super) fn features(name: &'static str, first: &First, evidence: &Evidence) -> Vec<(&'static str, String, f64)> {
    let mut features = vec![(name, first.today.to_string(), tail::surprise(evidence.count))];
    if let Some(rows) = first.rows {
        features.push(("rowsPerRequest", rows.to_string(), tail::surprise(evidence.rows)));
    }
    features
}

/// Words the rows a request for a summary, after a number or a name: ` with 250 rows a request (usually 5)`. Empty if
/// no request says how many.
pub(super) fn rows_clause(first: &First) -> String {
    let Some(rows) = first.rows else { return String::new() };
    let is_known = first.request.evidence > 0.0 || first.request.prior_weight > 0.0;
    let usually = if is_known {
        format!(" (usually {})", text::quantity(first.request.location.exp_m1().max(0.0)))
    } else {
        String::new()
    };
    format!(" with {} rows a request{usually}", text::count(rows as f64))
}

/// Returns the measures of a finding.
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
