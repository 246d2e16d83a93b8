//! The life of an incident: it opens, is updated, escalates, reopens, is absorbed, is withdrawn, and closes.
//!
//! | change | when | published |
//! |---|---|---|
//! | `opened` | findings form an incident that did not exist | yes |
//! | `updated` | its content changes, its severity does not rise | no, history only |
//! | `escalated` | its severity rises | yes |
//! | `reopened` | a resolved, withdrawn or absorbed incident has findings again | yes |
//! | `closed` | it is absorbed by another one, all its findings are withdrawn, or later incidents of its org have passed it | yes |

use crate::Settings;
use model::{ChangeKind, Incident, Points, Status, Text, Timestamp, UserClass, Uuid, id};
use std::collections::{BTreeMap, BTreeSet};

/// An incident as it was last written.
#[derive(Clone, Debug, PartialEq)]
pub struct KeptIncident {
    /// Content and revision of the last write.
    pub incident: Incident,
    /// Where it is in its life.
    pub status: Status,
    /// Whether it was closed because later incidents of its org have passed it.
    pub ended: bool,
}

/// A new state of an incident, to be written. Its revision is one above the last.
#[derive(Clone, Debug, PartialEq)]
pub struct Transition {
    /// The new content, with the new revision.
    pub incident: Incident,
    /// The new status.
    pub status: Status,
    /// What has changed.
    pub kind: ChangeKind,
    /// The incident that absorbed this one; present exactly if the status is `merged`.
    pub merged_into: Option<Uuid>,
    /// Whether it can grow no more, as far as is known now.
    pub ended: bool,
    /// W3C trace context of the finding that caused the transition; empty if there is none.
    pub traceparent: Text,
}

/// The risk of a user: that of the incident with the highest risk score among those that are not settled.
#[derive(Clone, Debug, PartialEq)]
pub struct UserRisk {
    /// As of the latest incident.
    pub username: Option<Text>,
    /// As of the latest incident.
    pub user_class: UserClass,
    /// 0 to 100; 0 if all incidents are settled.
    pub risk_score: Points,
    /// Number of incidents that are not settled.
    pub incidents: u32,
    /// The latest event of any of the user's incidents.
    pub last_event_at: Timestamp,
}

impl KeptIncident {
    /// Whether nobody has resolved it, and it was neither absorbed nor withdrawn.
    pub fn is_unsettled(&self) -> bool {
        matches!(self.status, Status::Open | Status::Acknowledged)
    }
}

impl Transition {
    /// Whether the change is published. Updates without a rise of severity go to the history only.
    pub fn is_published(&self) -> bool {
        self.kind != ChangeKind::Updated
    }
}

/// Closes an incident that can grow no more: `clock`, the latest event of any incident of the org, is more than the
/// merge window past its last event. Returns `None` if it is closed already, settled, or may still grow.
///
/// The status stays: people decide whether it is resolved.
pub fn close(kept: KeptIncident, clock: Timestamp, settings: &Settings) -> Option<Transition> {
    let is_past = clock.since(kept.incident.last_event_at) > settings.merge_window();
    if kept.ended || !kept.is_unsettled() || !is_past {
        return None;
    }
    let status = kept.status;
    Some(closed(kept, status, None, &Text::default()))
}

/// Works out the risk of a user from its incidents as they were kept, and what changed since. Returns `None` for a user
/// without incidents.
pub fn user_risk(kept: Vec<KeptIncident>, transitions: &[Transition]) -> Option<UserRisk> {
    let mut incidents: BTreeMap<Uuid, KeptIncident> =
        kept.into_iter().map(|kept| (kept.incident.incident_id, kept)).collect();
    for Transition { incident, status, ended, .. } in transitions {
        let kept = KeptIncident { incident: incident.clone(), status: *status, ended: *ended };
        incidents.insert(incident.incident_id, kept);
    }
    let latest = incidents.values().max_by_key(|kept| kept.incident.last_event_at)?;
    let unsettled = || incidents.values().filter(|kept| kept.is_unsettled());
    Some(UserRisk {
        username: latest.incident.username.clone(),
        user_class: latest.incident.user_class,
        risk_score: unsettled().map(|kept| kept.incident.risk_score).max().unwrap_or(Points(0)),
        incidents: u32::try_from(unsettled().count()).unwrap_or(u32::MAX),
        last_event_at: latest.incident.last_event_at,
    })
}

/// Opens an incident, or reopens the absorbed one of the same id: a finding that held two incidents together may be
/// withdrawn.
pub(crate) fn open(
    incident: Incident,
    taken: &BTreeSet<Uuid>,
    absorbed: &[KeptIncident],
    traceparent: &Text,
) -> Transition {
    let mut incident_id = incident.incident_id;
    // The first finding may have opened an incident that now exists without it: the next id is derived from the last.
    while taken.contains(&incident_id) {
        incident_id = id::incident_id(&incident.org_id, &incident.user_id, incident_id);
    }
    let before = absorbed.iter().find(|kept| kept.incident.incident_id == incident_id);
    let revision = before.map_or(1, |kept| kept.incident.revision + 1);
    Transition {
        incident: Incident { incident_id, revision, ..incident },
        status: Status::Open,
        kind: before.map_or(ChangeKind::Opened, |_| ChangeKind::Reopened),
        merged_into: None,
        ended: false,
        traceparent: traceparent.clone(),
    }
}

/// Updates an incident under the id that it opened with. Returns `None` if nothing has changed.
pub(crate) fn update(incident: Incident, kept: KeptIncident, traceparent: &Text) -> Option<Transition> {
    let before = kept.incident;
    let incident = Incident { incident_id: before.incident_id, revision: before.revision, ..incident };
    if incident == before && kept.status != Status::Withdrawn {
        return None;
    }
    let (status, kind) = match kept.status {
        Status::Resolved | Status::Withdrawn => (Status::Open, ChangeKind::Reopened),
        status if incident.severity > before.severity => (status, ChangeKind::Escalated),
        status => (status, ChangeKind::Updated),
    };
    let incident = Incident { revision: before.revision + 1, ..incident };
    Some(Transition { incident, status, kind, merged_into: None, ended: false, traceparent: traceparent.clone() })
}

/// Closes an incident because another one, `by`, now has its findings.
pub(crate) fn absorb(kept: KeptIncident, by: Uuid, traceparent: &Text) -> Transition {
    closed(kept, Status::Merged, Some(by), traceparent)
}

/// Closes an incident because all its findings are withdrawn. Returns `None` if it was closed for this before.
pub(crate) fn withdraw(kept: KeptIncident, traceparent: &Text) -> Option<Transition> {
    (kept.status != Status::Withdrawn).then(|| closed(kept, Status::Withdrawn, None, traceparent))
}

fn closed(kept: KeptIncident, status: Status, merged_into: Option<Uuid>, traceparent: &Text) -> Transition {
    Transition {
        incident: Incident { revision: kept.incident.revision + 1, ..kept.incident },
        status,
        kind: ChangeKind::Closed,
        merged_into,
        ended: true,
        traceparent: traceparent.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::finding;
    use model::time::HOUR;

    fn kept(id: u128, hour: i64, status: Status) -> KeptIncident {
        let findings = vec![finding("row_spike", id, 10.0, hour * HOUR)];
        let incident = crate::incidents(findings, &Settings::default(), &"hash".into()).remove(0);
        KeptIncident { incident, status, ended: false }
    }

    #[test]
    fn an_incident_closes_after_the_merge_window_and_once() {
        let settings = Settings::default();
        let open = kept(1, 0, Status::Open);
        assert_eq!(close(open.clone(), Timestamp(24 * HOUR), &settings), None);
        let clock = Timestamp(24 * HOUR + 1);
        let closed = close(open.clone(), clock, &settings).unwrap();
        assert_eq!((closed.kind, closed.status, closed.ended), (ChangeKind::Closed, Status::Open, true));
        assert_eq!(closed.incident.revision, open.incident.revision + 1);
        assert_eq!(close(KeptIncident { ended: true, ..open }, clock, &settings), None);
    }

    #[test]
    fn a_settled_incident_does_not_close() {
        for status in [Status::Resolved, Status::Merged, Status::Withdrawn] {
            assert_eq!(close(kept(1, 0, status), Timestamp(100 * HOUR), &Settings::default()), None, "{status}");
        }
        assert!(close(kept(1, 0, Status::Acknowledged), Timestamp(100 * HOUR), &Settings::default()).is_some());
    }

    #[test]
    fn the_risk_of_a_user_is_that_of_the_gravest_unsettled_incident() {
        let (open, resolved) = (kept(1, 0, Status::Open), kept(2, 50, Status::Resolved));
        let risk = user_risk(vec![open.clone(), resolved.clone()], &[]).unwrap();
        assert_eq!((risk.risk_score, risk.incidents), (open.incident.risk_score, 1));
        assert_eq!(risk.last_event_at, Timestamp(50 * HOUR));
        let absorbed = absorb(open.clone(), resolved.incident.incident_id, &Text::default());
        let risk = user_risk(vec![open, resolved], &[absorbed]).unwrap();
        assert_eq!((risk.risk_score, risk.incidents), (Points(0), 0));
        assert_eq!(user_risk(Vec::new(), &[]), None);
    }

    #[test]
    fn updates_are_not_published() {
        let before = kept(1, 0, Status::Open);
        let moved = kept(1, 1, Status::Open).incident;
        let updated = update(moved, before.clone(), &Text::default()).unwrap();
        assert_eq!((updated.kind, updated.is_published()), (ChangeKind::Updated, false));
        assert_eq!(update(before.incident.clone(), before, &Text::default()), None);
    }
}
