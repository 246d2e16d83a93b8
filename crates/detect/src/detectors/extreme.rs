//! What the detectors of a day's extremes share: its largest request, and its record pages.

use crate::{Settings, score};
use profile::tail;

/// Degrees of freedom of Student's t for deviations of cube roots. A choice: on simulated orgs with heavy tails, days beyond
/// a surprise of 4 then come at most about ten times as often as promised; with the degrees of the evidence, 250 times.
const DEGREES: f64 = 5.0;

/// Returns the p-value of a value that lies so many scales above the account's usual and above that of its peers, and that
/// recurred on earlier days.
///
/// Peers weigh [`Settings::peer_mix`], and a day that recurs is at least as probable as its rank among `days`.
pub(super) fn p(deviations: f64, peer_deviations: f64, recurrences: u32, days: f64, settings: &Settings) -> f64 {
    let of = |deviations: f64| tail::student_t(deviations, DEGREES);
    let recurs = score::recurrence(recurrences, days);
    score::with_peers(of(deviations), of(peer_deviations), settings.peer_mix).max(recurs)
}

/// Days of an account's own below which it is not judged. A choice, half a working week.
pub(super) const LEAST_DAYS: f64 = 3.0;
