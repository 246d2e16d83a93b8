//! Decides whether a destination is notified of a change.

use model::{Change, ChangeKind, Severity};

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
pub fn decide(change: &Change, filter: &Filter) -> Decision {
    if !filter.kinds.contains(&change.kind) {
        return Decision::Skip(FilterReason::Kind);
    }
    // The severity may have fallen since the destination was notified, so it does not decide about the end.
    if change.kind == ChangeKind::Closed {
        return Decision::NotifyIfNotifiedBefore;
    }
    if change.incident.severity < filter.min_severity {
        return Decision::Skip(FilterReason::Severity);
    }
    Decision::Notify
}

/// Whether the destination was notified of any of the `earlier` changes of an incident.
pub fn was_notified(earlier: impl IntoIterator<Item = Change>, filter: &Filter) -> bool {
    earlier.into_iter().any(|change| decide(&change, filter) == Decision::Notify)
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
        let kinds = vec![ChangeKind::Opened, ChangeKind::Escalated, ChangeKind::Reopened, ChangeKind::Closed];
        Filter { min_severity: Severity::High, kinds }
    }

    fn change(kind: ChangeKind, risk: f64) -> Change {
        let findings = vec![finding("row_spike", 1, 8.0, 0)];
        let incident = crate::incidents(findings, &Settings::default(), &"hash".into()).remove(0);
        let risk_score = Points::from_f64(risk);
        Change { incident: Incident { risk_score, severity: risk_score.severity(), ..incident }, kind }
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
    }

    #[test]
    fn an_incident_that_opened_low_is_notified_when_it_escalates() {
        let (opened, escalated) = (change(ChangeKind::Opened, 30.0), change(ChangeKind::Escalated, 61.0));
        assert_eq!(decide(&opened, &high()), Decision::Skip(FilterReason::Severity));
        assert_eq!(decide(&escalated, &high()), Decision::Notify);
        assert!(!was_notified([opened.clone()], &high()));
        assert!(was_notified([opened, escalated], &high()));
    }

    #[test]
    fn a_destination_may_want_all_changes() {
        let all = Filter { min_severity: Severity::Low, kinds: ChangeKind::ALL.to_vec() };
        assert_eq!(decide(&change(ChangeKind::Updated, 1.0), &all), Decision::Notify);
        assert!(!was_notified([change(ChangeKind::Closed, 1.0)], &all));
    }
}
