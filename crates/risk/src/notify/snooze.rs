//! Decides whether the change of a snoozed incident is held back.

use model::{Change, ChangeKind, EndReason, Severity, Timestamp};

/// How an incident stands that somebody has snoozed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Snooze {
    /// Until when it is snoozed, or was.
    pub until: Timestamp,
    /// The time by the same clock.
    pub now: Timestamp,
    /// Whether nobody has resolved it, and it was neither absorbed nor withdrawn.
    pub is_unsettled: bool,
}

/// What to do about a change of an incident that was snoozed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// Deliver it.
    Send,
    /// Hold it back for so many milliseconds.
    Wait(i64),
    /// Never deliver it: it was made during the snooze, and the incident is settled.
    Drop,
}

/// Decides on a change that was published at a time, by the severities that the incident had at `earlier` revisions.
///
/// What settles an incident is delivered at once, and so is a severity that it never had before or that escalated: who
/// snoozed it wants to hear of worse.
pub fn hold(
    change: &Change,
    published_at: Timestamp,
    snooze: &Snooze,
    earlier: impl IntoIterator<Item = Severity>,
) -> Hold {
    if published_at >= snooze.until || settles(change) || is_graver(change, earlier) {
        return Hold::Send;
    }
    match snooze.until.since(snooze.now) {
        _ if !snooze.is_unsettled => Hold::Drop,
        left if left > 0 => Hold::Wait(left),
        _ => Hold::Send,
    }
}

fn settles(change: &Change) -> bool {
    change.kind == ChangeKind::Closed || matches!(change.end_reason, Some(EndReason::Absorbed | EndReason::Withdrawn))
}

fn is_graver(change: &Change, earlier: impl IntoIterator<Item = Severity>) -> bool {
    let asks = !matches!(change.kind, ChangeKind::Ended | ChangeKind::Updated);
    let highest = earlier.into_iter().max();
    asks && (change.kind == ChangeKind::Escalated || Some(change.incident.severity) > highest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::finding;
    use crate::{Decisions, Rulebook, Settings, incidents};
    use proptest::prelude::*;

    const UNTIL: Timestamp = Timestamp(1_000);

    fn change(kind: ChangeKind, severity: Severity) -> Change {
        let rules = Rulebook::new("hash".into(), Settings::default());
        let incident = incidents(vec![finding("row_spike", 1, 8.0, 0)], &rules, &Decisions::default()).remove(0);
        Change::new(model::Incident { severity, ..incident }, kind)
    }

    /// Decides on a change that was published at 0, of an incident that was high before.
    fn decide(change: &Change, now: i64, is_unsettled: bool) -> Hold {
        let snooze = Snooze { until: UNTIL, now: Timestamp(now), is_unsettled };
        hold(change, Timestamp(0), &snooze, [Severity::Medium, Severity::High])
    }

    #[test]
    fn a_change_waits_for_the_end_of_the_snooze_if_the_incident_is_open_by_then() {
        for kind in [ChangeKind::Resumed, ChangeKind::Reopened, ChangeKind::Ended, ChangeKind::Updated] {
            let change = change(kind, Severity::High);
            assert_eq!(decide(&change, 400, true), Hold::Wait(600), "{kind}");
            assert_eq!(decide(&change, 1_000, true), Hold::Send, "{kind}");
            assert_eq!(
                (decide(&change, 400, false), decide(&change, 2_000, false)),
                (Hold::Drop, Hold::Drop),
                "{kind}"
            );
        }
    }

    #[test]
    fn worse_and_settled_are_not_held_back() {
        let at_once = [
            change(ChangeKind::Escalated, Severity::High),
            change(ChangeKind::Resumed, Severity::Critical),
            change(ChangeKind::Reopened, Severity::Critical),
            change(ChangeKind::Closed, Severity::High),
            Change { end_reason: Some(EndReason::Absorbed), ..change(ChangeKind::Ended, Severity::High) },
            Change { end_reason: Some(EndReason::Withdrawn), ..change(ChangeKind::Ended, Severity::High) },
        ];
        for change in at_once {
            assert_eq!(decide(&change, 400, true), Hold::Send, "{}", change.kind);
            assert_eq!(decide(&change, 400, false), Hold::Send, "{}", change.kind);
        }
        let snooze = Snooze { until: UNTIL, now: Timestamp(10), is_unsettled: true };
        let opened = change(ChangeKind::Opened, Severity::Low);
        assert_eq!(hold(&opened, Timestamp(0), &snooze, []), Hold::Send, "nobody has heard of it");
    }

    proptest! {
        #[test]
        fn what_is_published_after_the_snooze_is_sent(
            kind in prop::sample::select(ChangeKind::ALL.to_vec()),
            late in 0i64..9_000,
            now in 0i64..9_000,
            is_unsettled: bool,
        ) {
            let snooze = Snooze { until: UNTIL, now: Timestamp(now), is_unsettled };
            let change = change(kind, Severity::High);
            prop_assert_eq!(hold(&change, UNTIL.plus(late), &snooze, [Severity::Critical]), Hold::Send);
        }
    }
}
