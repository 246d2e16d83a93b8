//! Which channel is told of which change.

use crate::channel::Channel;
use model::{Change, ChangeKind};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    Deliver,
    /// The end of an incident matters to those alone who were told of it.
    DeliverIfTold,
    Filtered(Reason),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    Kind,
    Severity,
}

pub(crate) fn decide(change: &Change, channel: &Channel) -> Decision {
    if !channel.kinds.contains(&change.kind) {
        return Decision::Filtered(Reason::Kind);
    }
    // Before it closed, an incident may have fallen below the severity that it was told for.
    if change.kind == ChangeKind::Closed {
        return Decision::DeliverIfTold;
    }
    if change.incident.severity < channel.min_severity {
        return Decision::Filtered(Reason::Severity);
    }
    Decision::Deliver
}

/// Whether any of the `earlier` changes of the same incident was for this channel.
pub(crate) fn was_told(earlier: impl IntoIterator<Item = Change>, channel: &Channel) -> bool {
    earlier.into_iter().any(|change| decide(&change, channel) == Decision::Deliver)
}

impl Reason {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Kind => "kind",
            Self::Severity => "severity",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{change, channel};
    use model::Severity;

    #[test]
    fn by_kind_and_severity() {
        let channel = channel("siem");
        let check = |kind, risk, expect| assert_eq!(decide(&change(1, kind, risk), &channel), expect, "{kind} {risk}");
        check(ChangeKind::Opened, 90.0, Decision::Deliver);
        check(ChangeKind::Opened, 60.0, Decision::Deliver);
        check(ChangeKind::Opened, 59.0, Decision::Filtered(Reason::Severity));
        check(ChangeKind::Reopened, 60.0, Decision::Deliver);
        check(ChangeKind::Updated, 99.0, Decision::Filtered(Reason::Kind));
        check(ChangeKind::Closed, 10.0, Decision::DeliverIfTold);
    }

    #[test]
    fn what_opened_low_is_told_when_it_escalates() {
        let channel = channel("siem");
        let opened = change(1, ChangeKind::Opened, 30.0);
        let escalated = change(2, ChangeKind::Escalated, 61.0);
        assert_eq!(decide(&opened, &channel), Decision::Filtered(Reason::Severity));
        assert_eq!(decide(&escalated, &channel), Decision::Deliver);
        assert!(!was_told([opened.clone()], &channel));
        assert!(was_told([opened, escalated], &channel));
    }

    #[test]
    fn a_channel_may_want_all() {
        let all = Channel { min_severity: Severity::Low, kinds: ChangeKind::ALL.to_vec(), ..channel("all") };
        assert_eq!(decide(&change(2, ChangeKind::Updated, 1.0), &all), Decision::Deliver);
        assert!(!was_told([change(2, ChangeKind::Closed, 1.0)], &all));
    }
}
