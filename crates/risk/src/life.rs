//! The life of an incident: it opens, is updated, escalates, ends, resumes; people close it, and it reopens.
//!
//! | change | when | published |
//! |---|---|---|
//! | `opened` | findings form an incident that did not exist | yes |
//! | `updated` | its content changes, its severity does not rise, and it has not grown after its end | no, history only |
//! | `escalated` | its severity rises | yes |
//! | `ended` | it is not expected to grow any more, for an [`EndReason`] | yes |
//! | `resumed` | it has grown after its end | yes |
//! | `closed` | a person has said what it was | yes |
//! | `reopened` | a person had said what it was, and that no longer covers it, or was taken back | yes |
//!
//! An end is not a decision: the status of an incident that was passed stays open until a person says what it was.

use crate::{Decisions, Settings};
use model::{ChangeKind, EndReason, Incident, Points, Status, Text, Timestamp, UserClass, Uuid, id};
use std::collections::{BTreeMap, BTreeSet};

/// An incident as it was last written.
#[derive(Clone, Debug, PartialEq)]
pub struct KeptIncident {
    /// Content and revision of the last write.
    pub incident: Incident,
    /// Where it is in its life.
    pub status: Status,
    /// Whether it has ended, and not resumed since.
    pub ended: bool,
    /// Who works on it.
    pub work: Work,
}

/// Who works on an incident, and when.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Who acknowledged it last.
    pub assignee: Option<Text>,
    /// Until when it is of no concern, by the wall clock.
    pub snoozed_until: Option<Timestamp>,
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
    /// Why it ended; present exactly if `kind` is [`ChangeKind::Ended`].
    pub end_reason: Option<EndReason>,
    /// The incident that absorbed this one; present exactly if the status is `merged`.
    pub merged_into: Option<Uuid>,
    /// Whether it has ended, and not resumed since.
    pub ended: bool,
    /// Who works on it.
    pub work: Work,
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

/// What counts of a user's incidents besides those at hand.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OtherIncidents {
    /// Number of all incidents of the user that were not settled, those at hand included, as of the last merge.
    pub unsettled: u32,
    /// The highest risk score among the others that are not settled.
    pub risk_score: Option<Points>,
    /// The one of the others with the latest event.
    pub latest: Option<LatestIncident>,
}

/// The incident of a user with the latest event.
#[derive(Clone, Debug, PartialEq)]
pub struct LatestIncident {
    /// Its latest event.
    pub last_event_at: Timestamp,
    /// Its id: of two with an event at the same time, the one with the higher id is the latest.
    pub incident_id: Uuid,
    /// The user's name.
    pub username: Option<Text>,
    /// The user's class.
    pub user_class: UserClass,
}

impl KeptIncident {
    /// Whether nobody has resolved it, and it was neither absorbed nor withdrawn.
    pub fn is_unsettled(&self) -> bool {
        matches!(self.status, Status::Open | Status::Acknowledged)
    }
}

impl Transition {
    /// Whether the change is published. Updates go to the history only.
    pub fn is_published(&self) -> bool {
        self.kind != ChangeKind::Updated
    }
}

/// Ends an incident that its org has passed: `clock`, the event time up to which the org's hours are closed, is more than
/// the merge window past its last event. Returns `None` if it has ended already, is settled, or may still grow.
///
/// The status stays: people decide whether it is resolved.
pub fn end(kept: KeptIncident, clock: Timestamp, settings: &Settings) -> Option<Transition> {
    let is_past = clock.since(kept.incident.last_event_at) > settings.merge_window();
    if kept.ended || !kept.is_unsettled() || !is_past {
        return None;
    }
    let status = kept.status;
    Some(ended(kept, status, EndReason::Passed, None, &Text::default()))
}

/// Works out the risk of a user from the incidents at hand as they were kept, what changed since, and the others. Returns
/// `None` for a user without incidents.
pub fn user_risk(kept: Vec<KeptIncident>, transitions: &[Transition], others: OtherIncidents) -> Option<UserRisk> {
    let count = |incidents: &mut dyn Iterator<Item = &KeptIncident>| {
        u32::try_from(incidents.filter(|kept| kept.is_unsettled()).count()).unwrap_or(u32::MAX)
    };
    let elsewhere = others.unsettled.saturating_sub(count(&mut kept.iter()));
    let mut incidents: BTreeMap<Uuid, KeptIncident> =
        kept.into_iter().map(|kept| (kept.incident.incident_id, kept)).collect();
    for Transition { incident, status, ended, work, .. } in transitions {
        let kept = KeptIncident { incident: incident.clone(), status: *status, ended: *ended, work: work.clone() };
        incidents.insert(incident.incident_id, kept);
    }
    let at_hand = incidents.values().map(|KeptIncident { incident, .. }| LatestIncident {
        last_event_at: incident.last_event_at,
        incident_id: incident.incident_id,
        username: incident.username.clone(),
        user_class: incident.user_class,
    });
    let latest = at_hand.chain(others.latest).max_by_key(|latest| (latest.last_event_at, latest.incident_id))?;
    let scores = incidents.values().filter(|kept| kept.is_unsettled()).map(|kept| kept.incident.risk_score);
    Some(UserRisk {
        username: latest.username,
        user_class: latest.user_class,
        risk_score: scores.chain(others.risk_score).max().unwrap_or(Points(0)),
        incidents: elsewhere.saturating_add(count(&mut incidents.values())),
        last_event_at: latest.last_event_at,
    })
}

/// Opens an incident, or resumes the absorbed one of the same id: a finding that held two incidents together may be
/// withdrawn.
pub(crate) fn open(
    incident: Incident,
    taken: &BTreeSet<Uuid>,
    absorbed: &[KeptIncident],
    decisions: &Decisions,
    traceparent: &Text,
) -> Transition {
    let mut incident_id = incident.incident_id;
    // The first finding may have opened an incident that now exists without it: the next id is derived from the last.
    while taken.contains(&incident_id) {
        incident_id = id::incident_id(&incident.org_id, &incident.user_id, incident_id);
    }
    let before = absorbed.iter().find(|kept| kept.incident.incident_id == incident_id);
    let revision = before.map_or(1, |kept| kept.incident.revision + 1);
    let work = decisions.work_on(&incident);
    Transition {
        // A decision may have been recorded before the findings that it covers came.
        status: standing(&incident, &work),
        incident: Incident { incident_id, revision, ..incident },
        kind: before.map_or(ChangeKind::Opened, |_| ChangeKind::Resumed),
        end_reason: None,
        merged_into: None,
        ended: false,
        work,
        traceparent: traceparent.clone(),
    }
}

/// Updates an incident under the id that it opened with. Returns `None` if nothing has changed.
///
/// It is resolved exactly if a person has said what it was. An incident that has ended resumes if it grows. What only
/// corrects it, such as one of its findings withdrawn, leaves it ended.
pub(crate) fn update(
    incident: Incident,
    kept: KeptIncident,
    decisions: &Decisions,
    traceparent: &Text,
) -> Option<Transition> {
    let before = kept.incident;
    let incident = Incident { incident_id: before.incident_id, revision: before.revision, ..incident };
    let work = decisions.work_on(&incident);
    let status = standing(&incident, &work);
    if incident == before && (status, &work) == (kept.status, &kept.work) {
        return None;
    }
    let has_grown = has_grown(&incident, &before);
    let kind = match (kept.status, status) {
        (Status::Withdrawn, _) => ChangeKind::Resumed,
        (Status::Resolved, Status::Resolved) => ChangeKind::Updated,
        (_, Status::Resolved) => ChangeKind::Closed,
        (Status::Resolved, _) => ChangeKind::Reopened,
        _ if kept.ended && has_grown => ChangeKind::Resumed,
        _ if incident.severity > before.severity => ChangeKind::Escalated,
        _ => ChangeKind::Updated,
    };
    Some(Transition {
        incident: Incident { revision: before.revision + 1, ..incident },
        status,
        kind,
        end_reason: None,
        merged_into: None,
        ended: kept.ended && matches!(kind, ChangeKind::Updated | ChangeKind::Closed),
        work,
        traceparent: traceparent.clone(),
    })
}

/// Returns where an incident is in its life by what people have decided.
fn standing(incident: &Incident, work: &Work) -> Status {
    match (&incident.disposition, &work.assignee) {
        (Some(_), _) => Status::Resolved,
        (None, Some(_)) => Status::Acknowledged,
        (None, None) => Status::Open,
    }
}

/// Ends an incident because another one, `by`, now has its findings.
pub(crate) fn absorb(kept: KeptIncident, by: Uuid, traceparent: &Text) -> Transition {
    ended(kept, Status::Merged, EndReason::Absorbed, Some(by), traceparent)
}

/// Ends an incident because none of its findings counts any more, for a reason. Returns `None` if it ended for this before.
pub(crate) fn withdraw(kept: KeptIncident, reason: EndReason, traceparent: &Text) -> Option<Transition> {
    (kept.status != Status::Withdrawn).then(|| ended(kept, Status::Withdrawn, reason, None, traceparent))
}

/// Whether an incident has a higher risk, a later event or another finding than before.
fn has_grown(incident: &Incident, before: &Incident) -> bool {
    let known: BTreeSet<Uuid> = before.findings.iter().map(|finding| finding.finding_id).collect();
    incident.risk_score > before.risk_score
        || incident.last_event_at > before.last_event_at
        || incident.findings.iter().any(|finding| !known.contains(&finding.finding_id))
}

fn ended(
    kept: KeptIncident,
    status: Status,
    reason: EndReason,
    merged_into: Option<Uuid>,
    traceparent: &Text,
) -> Transition {
    Transition {
        incident: Incident { revision: kept.incident.revision + 1, ..kept.incident },
        status,
        kind: ChangeKind::Ended,
        end_reason: Some(reason),
        merged_into,
        ended: true,
        work: kept.work,
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
        let incident = crate::incidents(
            findings,
            &crate::Rulebook::new("hash".into(), Settings::default()),
            &Decisions::default(),
        )
        .remove(0);
        KeptIncident { incident, status, ended: false, work: Work::default() }
    }

    #[test]
    fn an_incident_ends_after_the_merge_window_and_once() {
        let settings = Settings::default();
        let open = kept(1, 0, Status::Open);
        assert_eq!(end(open.clone(), Timestamp(24 * HOUR), &settings), None);
        let clock = Timestamp(24 * HOUR + 1);
        let ended = end(open.clone(), clock, &settings).unwrap();
        assert_eq!((ended.kind, ended.end_reason), (ChangeKind::Ended, Some(EndReason::Passed)));
        assert_eq!((ended.status, ended.ended, ended.is_published()), (Status::Open, true, true));
        assert_eq!(ended.incident.revision, open.incident.revision + 1);
        assert_eq!(end(KeptIncident { ended: true, ..open }, clock, &settings), None);
    }

    #[test]
    fn a_settled_incident_does_not_end() {
        for status in [Status::Resolved, Status::Merged, Status::Withdrawn] {
            assert_eq!(end(kept(1, 0, status), Timestamp(100 * HOUR), &Settings::default()), None, "{status}");
        }
        assert!(end(kept(1, 0, Status::Acknowledged), Timestamp(100 * HOUR), &Settings::default()).is_some());
    }

    #[test]
    fn what_grows_after_its_end_resumes_and_what_is_corrected_stays_ended() {
        let before = KeptIncident { ended: true, ..kept(1, 1, Status::Acknowledged) };
        let change = |incident: Incident| {
            let changed = update(incident, before.clone(), &Decisions::default(), &Text::default()).unwrap();
            (changed.kind, changed.ended, changed.is_published())
        };
        let now = |change: &dyn Fn(&mut Incident)| {
            let mut incident = before.incident.clone();
            change(&mut incident);
            incident
        };
        let (resumed, corrected) = ((ChangeKind::Resumed, false, true), (ChangeKind::Updated, true, false));
        assert_eq!(change(now(&|now| now.last_event_at = Timestamp(2 * HOUR))), resumed);
        assert_eq!(change(now(&|now| now.risk_score = Points::MAX)), resumed);
        assert_eq!(change(now(&|now| now.findings.push(finding("view_burst", 2, 9.0, 0)))), resumed);
        assert_eq!(change(now(&|now| now.risk_score = Points(1))), corrected);
        assert_eq!(change(now(&|now| now.findings.clear())), corrected);
    }

    #[test]
    fn the_risk_of_a_user_is_that_of_the_gravest_unsettled_incident() {
        let (open, resolved) = (kept(1, 0, Status::Open), kept(2, 50, Status::Resolved));
        let all = OtherIncidents { unsettled: 1, ..OtherIncidents::default() };
        let risk = user_risk(vec![open.clone(), resolved.clone()], &[], all.clone()).unwrap();
        assert_eq!((risk.risk_score, risk.incidents), (open.incident.risk_score, 1));
        assert_eq!(risk.last_event_at, Timestamp(50 * HOUR));
        let absorbed = absorb(open.clone(), resolved.incident.incident_id, &Text::default());
        let risk = user_risk(vec![open, resolved], &[absorbed], all).unwrap();
        assert_eq!((risk.risk_score, risk.incidents), (Points(0), 0));
        assert_eq!(user_risk(Vec::new(), &[], OtherIncidents::default()), None);
    }

    #[test]
    fn updates_are_not_published() {
        let before = kept(1, 0, Status::Open);
        let moved = kept(1, 1, Status::Open).incident;
        let updated = update(moved, before.clone(), &Decisions::default(), &Text::default()).unwrap();
        assert_eq!((updated.kind, updated.is_published()), (ChangeKind::Updated, false));
        assert_eq!(update(before.incident.clone(), before, &Decisions::default(), &Text::default()), None);
    }
}
