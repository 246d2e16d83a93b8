//! Messages about changes, independent of the format that a destination wants.

use crate::Settings;
use model::time::HOUR;
use model::{Change, ChangeKind, Finding, Incident, OrgId, Points, Severity, Text, Timestamp, UserId, Uuid};
use risk::notify::{is_catch_up, is_urgent};
use std::collections::BTreeMap;

/// A message to a destination.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Message {
    /// `<incident_id>/<revision>`, or `digest/<uuid>` derived from these of its changes: the same in every attempt.
    pub(crate) id: String,
    /// W3C trace context of the change; empty if there is none, and for digests.
    pub(crate) traceparent: Text,
    /// Link to the console.
    pub(crate) link: Option<String>,
    /// Whether all that it is about is old: see [`is_catch_up`].
    pub(crate) is_catch_up: bool,
    /// Whether it is worth a page now: see [`is_urgent`].
    pub(crate) is_urgent: bool,
    /// Base of the links to runbooks.
    pub(crate) runbook_url: Option<String>,
    pub(crate) content: Content,
}

/// What all messages of a deployment have in common.
#[derive(Clone, Debug, Default)]
pub(crate) struct Frame {
    pub(crate) console_url: Option<String>,
    pub(crate) runbook_url: Option<String>,
    /// Milliseconds after which a change is a catch-up.
    pub(crate) catch_up_after: i64,
}

/// What a message is about.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Content {
    Change(Box<Change>),
    Digest(Digest),
}

/// Many changes in one message.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Digest {
    /// The org, if all changes are of the same.
    pub(crate) org_id: Option<OrgId>,
    pub(crate) changes: usize,
    /// Incidents by severity, each at the latest of its changes; severities without incidents are left out.
    pub(crate) incidents: BTreeMap<Severity, usize>,
    pub(crate) first_event_at: Timestamp,
    pub(crate) last_event_at: Timestamp,
    /// All incidents, those with the highest risks first.
    pub(crate) entries: Vec<Entry>,
}

/// An incident in a digest.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    pub(crate) incident_id: Uuid,
    pub(crate) revision: u64,
    /// The latest of its changes.
    pub(crate) change: ChangeKind,
    pub(crate) is_catch_up: bool,
    pub(crate) org_id: OrgId,
    pub(crate) user_id: UserId,
    pub(crate) username: Option<Text>,
    pub(crate) severity: Severity,
    pub(crate) risk_score: Points,
    pub(crate) link: Option<String>,
}

impl Frame {
    pub(crate) fn of(settings: &Settings) -> Self {
        let catch_up_after = i64::from(settings.catch_up_hours) * HOUR;
        let Settings { console_url, runbook_url, .. } = settings;
        Self { console_url: console_url.clone(), runbook_url: runbook_url.clone(), catch_up_after }
    }

    fn link(&self, incident_id: Uuid) -> Option<String> {
        Some(format!("{}/{incident_id}", self.incidents()?))
    }

    fn incidents(&self) -> Option<String> {
        Some(format!("{}/incidents", self.console_url.as_deref()?.trim_end_matches('/')))
    }
}

impl Message {
    /// Creates the message of one change, which is delivered `now`.
    pub(crate) fn of_change(change: Change, traceparent: Text, frame: &Frame, now: Timestamp) -> Self {
        let Incident { incident_id, revision, .. } = change.incident;
        Self {
            id: format!("{incident_id}/{revision}"),
            traceparent,
            link: frame.link(incident_id),
            is_catch_up: is_catch_up(&change, now, frame.catch_up_after),
            is_urgent: is_urgent(&change, now, frame.catch_up_after),
            runbook_url: frame.runbook_url.clone(),
            content: Content::Change(Box::new(change)),
        }
    }

    /// Creates one message for several changes, which are delivered `now`. Returns `None` without any.
    pub(crate) fn of_digest<'a>(
        changes: impl IntoIterator<Item = &'a Change>,
        frame: &Frame,
        now: Timestamp,
    ) -> Option<Self> {
        let mut ids: Vec<String> = Vec::new();
        let mut latest: BTreeMap<Uuid, &Change> = BTreeMap::new();
        for change in changes {
            let incident = &change.incident;
            ids.push(format!("{}/{}", incident.incident_id, incident.revision));
            let kept = latest.entry(incident.incident_id).or_insert(change);
            if incident.revision > kept.incident.revision {
                *kept = change;
            }
        }
        let mut by_risk: Vec<&Change> = latest.into_values().collect();
        by_risk.sort_by_key(|change| (std::cmp::Reverse(change.incident.risk_score), change.incident.incident_id));
        let events = || by_risk.iter().map(|change| &change.incident);
        let first_event_at = events().map(|incident| incident.first_event_at).min()?;
        let last_event_at = events().map(|incident| incident.last_event_at).max()?;
        let mut incidents = BTreeMap::new();
        events().for_each(|incident| *incidents.entry(incident.severity).or_default() += 1);
        let org_id = events().next().map(|incident| &incident.org_id)?;
        let is_one_org = events().all(|incident| incident.org_id == *org_id);
        ids.sort_unstable();
        let parts: Vec<&str> = std::iter::once("digest").chain(ids.iter().map(String::as_str)).collect();
        let digest = Digest {
            org_id: is_one_org.then(|| org_id.clone()),
            changes: ids.len(),
            incidents,
            first_event_at,
            last_event_at,
            entries: by_risk.iter().map(|change| entry(change, frame, now)).collect(),
        };
        Some(Self {
            id: format!("digest/{}", model::id::derive(&parts)),
            traceparent: Text::default(),
            link: frame.incidents(),
            is_catch_up: digest.entries.iter().all(|entry| entry.is_catch_up),
            is_urgent: by_risk.iter().any(|change| is_urgent(change, now, frame.catch_up_after)),
            runbook_url: None,
            content: Content::Digest(digest),
        })
    }
}

impl Message {
    /// Returns the link to the runbook of a detector, if there is a base URL and a page.
    pub(crate) fn runbook(&self, detector: &str) -> Option<String> {
        let base = self.runbook_url.as_deref()?.trim_end_matches('/');
        detect::next_step(detector).map(|_| format!("{base}/{detector}.md#what-to-check-and-do"))
    }
}

impl Digest {
    /// Returns the numbers of incidents as text, such as `2 critical, 31 high`.
    pub(crate) fn by_severity(&self) -> String {
        let of_one: Vec<String> =
            self.incidents.iter().rev().map(|(severity, count)| format!("{count} {severity}")).collect();
        of_one.join(", ")
    }

    /// Returns the number of incidents.
    pub(crate) fn incidents(&self) -> usize {
        self.incidents.values().sum()
    }
}

/// Returns the username, or the user's id if it is unknown.
pub(crate) fn display_name<'a>(username: &'a Option<Text>, user_id: &'a UserId) -> &'a str {
    username.as_ref().map_or(user_id.as_str(), Text::as_str)
}

/// Returns the finding with the highest score, the first of several.
pub(crate) fn strongest(incident: &Incident) -> Option<&Finding> {
    incident.findings.iter().reduce(
        |strongest, finding| {
            if finding.score > strongest.score { finding } else { strongest }
        },
    )
}

/// Returns the incident in one line: the user, the strongest finding, and the number of other findings.
pub(crate) fn summary(incident: &Incident) -> String {
    let name = display_name(&incident.username, &incident.user_id);
    let Some(strongest) = strongest(incident) else { return name.to_owned() };
    match incident.findings.len() - 1 {
        0 => format!("{name}: {}", strongest.summary),
        1 => format!("{name}: {} (and 1 more finding)", strongest.summary),
        more => format!("{name}: {} (and {more} more findings)", strongest.summary),
    }
}

fn entry(change: &Change, frame: &Frame, now: Timestamp) -> Entry {
    let incident = &change.incident;
    Entry {
        incident_id: incident.incident_id,
        revision: incident.revision,
        change: change.kind,
        is_catch_up: is_catch_up(change, now, frame.catch_up_after),
        org_id: incident.org_id.clone(),
        user_id: incident.user_id.clone(),
        username: incident.username.clone(),
        severity: incident.severity,
        risk_score: incident.risk_score,
        link: frame.link(incident.incident_id),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{FRAME, LATER, NOW, change, change_of, console, digest, message};

    #[test]
    fn a_digest_has_every_incident_at_its_latest_change_by_risk() {
        let mut changes: Vec<Change> =
            (1..=9).map(|id| change_of(id, 1, ChangeKind::Opened, 50.0 + id as f64 * 5.0)).collect();
        changes.push(change_of(1, 2, ChangeKind::Escalated, 99.0));
        let message = Message::of_digest(&changes, &console(), NOW).unwrap();
        let Content::Digest(digest) = &message.content else { panic!("{message:?}") };
        assert_eq!((digest.changes, digest.incidents()), (10, 9));
        assert_eq!(digest.by_severity(), "5 critical, 4 high");
        let entries: Vec<(u128, u64, i32)> = digest
            .entries
            .iter()
            .map(|entry| (entry.incident_id.as_u128(), entry.revision, entry.risk_score.0))
            .collect();
        assert_eq!(entries[..4], [(1, 2, 9_900), (9, 1, 9_500), (8, 1, 9_000), (7, 1, 8_500)]);
        assert_eq!((entries.len(), entries[8]), (9, (2, 1, 6_000)));

        changes.reverse();
        assert_eq!(Message::of_digest(&changes, &console(), NOW), Some(message.clone()));
        changes.pop();
        assert_ne!(Message::of_digest(&changes, &FRAME, NOW).unwrap().id, message.id);
        assert_eq!(Message::of_digest([], &FRAME, NOW), None);
    }

    #[test]
    fn what_is_old_when_it_is_delivered_is_a_catch_up() {
        let (old, ended) = (change_of(1, 1, ChangeKind::Opened, 90.0), change_of(2, 3, ChangeKind::Ended, 90.0));
        let check = |message: Message, expect: (bool, bool)| {
            assert_eq!((message.is_catch_up, message.is_urgent), expect, "{message:?}");
        };
        check(message(old.clone()), (false, true));
        check(Message::of_change(old.clone(), Text::default(), &FRAME, LATER), (true, false));
        check(Message::of_change(ended.clone(), Text::default(), &FRAME, LATER), (false, false));
        check(Message::of_digest([&old], &FRAME, LATER).unwrap(), (true, false));
        check(Message::of_digest([&old, &ended], &FRAME, LATER).unwrap(), (false, false));
        check(digest(&[old, ended]), (false, true));
    }

    #[test]
    fn the_summary_has_the_strongest_finding() {
        let mut incident = change(1, ChangeKind::Opened, 90.0).incident;
        insta::assert_snapshot!(summary(&incident), @"emma.martin@example.com: 4,151 rows, usually 99 (and 2 more findings)");
        incident.findings.truncate(1);
        incident.username = None;
        insta::assert_snapshot!(summary(&incident), @"005hn00000EmmaMAAU: 4,151 rows, usually 99");
        incident.findings.clear();
        insta::assert_snapshot!(summary(&incident), @"005hn00000EmmaMAAU");
    }
}
