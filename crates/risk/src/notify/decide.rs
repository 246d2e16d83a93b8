//! Decides whether a destination is notified of a change.

use model::{Change, ChangeKind, Severity, Timestamp};

/// The changes that a destination wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// The lowest severity of an incident to notify of.
    pub min_severity: Severity,
    /// The kinds of change to notify of.
    pub kinds: Vec<ChangeKind>,
}

/// What to do about a change for one destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Notify the destination.
    Notify,
    /// Notify the destination if it was notified of an earlier change of the incident: see [`was_notified`].
    NotifyIfNotifiedBefore,
    /// Do not notify it.
    Skip(FilterReason),
}

/// Why a filter excludes a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FilterReason {
    /// The destination does not want this kind of change.
    Kind,
    /// The incident's severity is below the destination's minimum.
    Severity,
}

/// Decides by the kind of the change and the severity of the incident.
///
/// A severity that rises after the end of an incident is part of `resumed`: whoever wants `escalated` gets that, too.
pub fn decide(change: &Change, filter: &Filter) -> Decision {
    decide_on(change.kind, change.incident.severity, filter)
}

fn decide_on(kind: ChangeKind, severity: Severity, filter: &Filter) -> Decision {
    let names = |kind: ChangeKind| filter.kinds.contains(&kind);
    let is_wanted = names(kind) || kind == ChangeKind::Resumed && names(ChangeKind::Escalated);
    if !is_wanted {
        return Decision::Skip(FilterReason::Kind);
    }
    match kind {
        // The severity may have fallen since the destination was notified, so it does not decide about the end.
        ChangeKind::Ended | ChangeKind::Closed => Decision::NotifyIfNotifiedBefore,
        _ if severity >= filter.min_severity => Decision::Notify,
        // The destination may believe that the incident has ended.
        ChangeKind::Resumed => Decision::NotifyIfNotifiedBefore,
        _ => Decision::Skip(FilterReason::Severity),
    }
}

/// Whether the destination was notified of any of the `earlier` changes of an incident, each with the severity after it.
pub fn was_notified(earlier: impl IntoIterator<Item = (ChangeKind, Severity)>, filter: &Filter) -> bool {
    earlier.into_iter().any(|(kind, severity)| decide_on(kind, severity, filter) == Decision::Notify)
}

/// Whether a change needs a message of its own: no critical incident is gathered into a digest.
pub fn is_named_alone(change: &Change) -> bool {
    change.incident.severity == Severity::Critical
}

/// Whether a change is old when it is delivered: its last event is more than `limit` milliseconds before `now`. The
/// notifier or the whole system was away, or somebody has pushed a history.
///
/// An end is never a catch-up: it comes long after the last event by its nature.
pub fn is_catch_up(change: &Change, now: Timestamp, limit: i64) -> bool {
    asks_for_attention(change.kind) && now.since(change.incident.last_event_at) > limit
}

/// Whether a change is worth a page now: what ends, or is only caught up with, is not.
pub fn is_urgent(change: &Change, now: Timestamp, limit: i64) -> bool {
    asks_for_attention(change.kind) && !is_catch_up(change, now, limit)
}

fn asks_for_attention(kind: ChangeKind) -> bool {
    match kind {
        ChangeKind::Opened | ChangeKind::Escalated | ChangeKind::Resumed | ChangeKind::Reopened => true,
        ChangeKind::Updated | ChangeKind::Ended | ChangeKind::Closed => false,
    }
}

impl FilterReason {
    /// Returns the label of the reason in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Kind => "kind",
            Self::Severity => "severity",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Settings;
    use crate::testing::finding;
    use model::{Incident, Points};

    /// The notifier's defaults.
    fn high() -> Filter {
        let kinds = ChangeKind::ALL.iter().copied().filter(|kind| *kind != ChangeKind::Updated).collect();
        Filter { min_severity: Severity::High, kinds }
    }

    fn change(kind: ChangeKind, risk: f64) -> Change {
        let findings = vec![finding("row_spike", 1, 8.0, 0)];
        let incident = crate::incidents(
            findings,
            &crate::Rulebook::new("hash".into(), Settings::default()),
            &crate::Decisions::default(),
        )
        .remove(0);
        let risk_score = Points::from_f64(risk);
        Change::new(Incident { risk_score, severity: risk_score.severity(), ..incident }, kind)
    }

    #[test]
    fn kind_and_severity_decide() {
        let check = |kind, risk, expect| assert_eq!(decide(&change(kind, risk), &high()), expect, "{kind} {risk}");
        check(ChangeKind::Opened, 90.0, Decision::Notify);
        check(ChangeKind::Opened, 60.0, Decision::Notify);
        check(ChangeKind::Opened, 59.0, Decision::Skip(FilterReason::Severity));
        check(ChangeKind::Reopened, 60.0, Decision::Notify);
        check(ChangeKind::Updated, 99.0, Decision::Skip(FilterReason::Kind));
        check(ChangeKind::Closed, 10.0, Decision::NotifyIfNotifiedBefore);
        check(ChangeKind::Ended, 90.0, Decision::NotifyIfNotifiedBefore);
        check(ChangeKind::Resumed, 60.0, Decision::Notify);
        check(ChangeKind::Resumed, 59.0, Decision::NotifyIfNotifiedBefore);
    }

    #[test]
    fn what_grows_after_its_end_reaches_whoever_wants_escalations() {
        let resumed = change(ChangeKind::Resumed, 90.0);
        let only = |kind| Filter { min_severity: Severity::High, kinds: vec![kind] };
        assert_eq!(decide(&resumed, &only(ChangeKind::Escalated)), Decision::Notify);
        assert_eq!(decide(&resumed, &only(ChangeKind::Opened)), Decision::Skip(FilterReason::Kind));
    }

    #[test]
    fn an_incident_that_opened_low_is_notified_when_it_escalates() {
        let (opened, escalated) = (change(ChangeKind::Opened, 30.0), change(ChangeKind::Escalated, 61.0));
        assert_eq!(decide(&opened, &high()), Decision::Skip(FilterReason::Severity));
        assert_eq!(decide(&escalated, &high()), Decision::Notify);
        let earlier = |change: &Change| (change.kind, change.incident.severity);
        assert!(!was_notified([earlier(&opened)], &high()));
        assert!(was_notified([&opened, &escalated].map(earlier), &high()));
    }

    #[test]
    fn what_is_old_when_it_is_delivered_is_a_catch_up_and_not_urgent() {
        let limit = 24 * model::time::HOUR;
        let check = |kind, now, expect: (bool, bool)| {
            let change = change(kind, 90.0);
            let now = change.incident.last_event_at.plus(now);
            assert_eq!((is_catch_up(&change, now, limit), is_urgent(&change, now, limit)), expect, "{kind}");
        };
        for kind in [ChangeKind::Opened, ChangeKind::Escalated, ChangeKind::Resumed, ChangeKind::Reopened] {
            check(kind, limit, (false, true));
            check(kind, limit + 1, (true, false));
        }
        check(ChangeKind::Ended, limit + 1, (false, false));
    }

    #[test]
    fn only_critical_incidents_are_named_alone() {
        assert!(is_named_alone(&change(ChangeKind::Opened, 80.0)) && is_named_alone(&change(ChangeKind::Ended, 80.0)));
        assert!(!is_named_alone(&change(ChangeKind::Opened, 79.99)));
    }

    #[test]
    fn a_destination_may_want_all_changes() {
        let all = Filter { min_severity: Severity::Low, kinds: ChangeKind::ALL.to_vec() };
        assert_eq!(decide(&change(ChangeKind::Updated, 1.0), &all), Decision::Notify);
        assert!(!was_notified([(ChangeKind::Closed, Severity::Low)], &all));
    }
}
