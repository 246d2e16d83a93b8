//! Messages about changes, independent of the format that a destination wants.

use model::{Change, Incident, OrgId, Points, Severity, Text, Timestamp, UserId, Uuid};
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
    pub(crate) content: Content,
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
    /// The incidents with the highest risks, descending.
    pub(crate) highest: Vec<Entry>,
}

/// An incident in a digest.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Entry {
    pub(crate) incident_id: Uuid,
    pub(crate) revision: u64,
    pub(crate) org_id: OrgId,
    pub(crate) user_id: UserId,
    pub(crate) username: Option<Text>,
    pub(crate) severity: Severity,
    pub(crate) risk_score: Points,
    pub(crate) link: Option<String>,
}

/// The most incidents that a digest names: a choice that keeps it readable.
const HIGHEST: usize = 5;

impl Message {
    /// Creates the message of one change.
    pub(crate) fn of_change(change: Change, traceparent: Text, console_url: Option<&str>) -> Self {
        let Incident { incident_id, revision, .. } = change.incident;
        Self {
            id: format!("{incident_id}/{revision}"),
            traceparent,
            link: link(console_url, incident_id),
            content: Content::Change(Box::new(change)),
        }
    }

    /// Creates one message for several changes. Returns `None` without any.
    pub(crate) fn of_digest<'a>(
        changes: impl IntoIterator<Item = &'a Change>,
        console_url: Option<&str>,
    ) -> Option<Self> {
        let mut ids: Vec<String> = Vec::new();
        let mut latest: BTreeMap<Uuid, &Incident> = BTreeMap::new();
        for Change { incident, .. } in changes {
            ids.push(format!("{}/{}", incident.incident_id, incident.revision));
            let kept = latest.entry(incident.incident_id).or_insert(incident);
            if incident.revision > kept.revision {
                *kept = incident;
            }
        }
        let first_event_at = latest.values().map(|incident| incident.first_event_at).min()?;
        let last_event_at = latest.values().map(|incident| incident.last_event_at).max()?;
        let mut incidents = BTreeMap::new();
        latest.values().for_each(|incident| *incidents.entry(incident.severity).or_default() += 1);
        let mut by_risk: Vec<&Incident> = latest.into_values().collect();
        by_risk.sort_by_key(|incident| (std::cmp::Reverse(incident.risk_score), incident.incident_id));
        let org_id = by_risk.first().map(|incident| &incident.org_id)?;
        let is_one_org = by_risk.iter().all(|incident| incident.org_id == *org_id);
        ids.sort_unstable();
        let parts: Vec<&str> = std::iter::once("digest").chain(ids.iter().map(String::as_str)).collect();
        let digest = Digest {
            org_id: is_one_org.then(|| org_id.clone()),
            changes: ids.len(),
            incidents,
            first_event_at,
            last_event_at,
            highest: by_risk.into_iter().take(HIGHEST).map(|incident| entry(incident, console_url)).collect(),
        };
        Some(Self {
            id: format!("digest/{}", model::id::derive(&parts)),
            traceparent: Text::default(),
            link: console_url.map(|url| format!("{}/incidents", url.trim_end_matches('/'))),
            content: Content::Digest(digest),
        })
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

/// Returns the incident in one line: the user, the strongest finding, and the number of other findings.
pub(crate) fn summary(incident: &Incident) -> String {
    let name = display_name(&incident.username, &incident.user_id);
    let strongest = incident.findings.iter().reduce(
        |strongest, finding| {
            if finding.score > strongest.score { finding } else { strongest }
        },
    );
    let Some(strongest) = strongest else { return name.to_owned() };
    match incident.findings.len() - 1 {
        0 => format!("{name}: {}", strongest.summary),
        1 => format!("{name}: {} (and 1 more finding)", strongest.summary),
        more => format!("{name}: {} (and {more} more findings)", strongest.summary),
    }
}

fn entry(incident: &Incident, console_url: Option<&str>) -> Entry {
    Entry {
        incident_id: incident.incident_id,
        revision: incident.revision,
        org_id: incident.org_id.clone(),
        user_id: incident.user_id.clone(),
        username: incident.username.clone(),
        severity: incident.severity,
        risk_score: incident.risk_score,
        link: link(console_url, incident.incident_id),
    }
}

fn link(console_url: Option<&str>, incident_id: Uuid) -> Option<String> {
    Some(format!("{}/incidents/{incident_id}", console_url?.trim_end_matches('/')))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{change, change_of};
    use model::ChangeKind;

    #[test]
    fn a_digest_counts_incidents_at_their_latest_change_and_names_the_highest_risks() {
        let mut changes: Vec<Change> =
            (1..=9).map(|id| change_of(id, 1, ChangeKind::Opened, 50.0 + id as f64 * 5.0)).collect();
        changes.push(change_of(1, 2, ChangeKind::Escalated, 99.0));
        let message = Message::of_digest(&changes, Some("https://console.example.com")).unwrap();
        let Content::Digest(digest) = &message.content else { panic!("{message:?}") };
        assert_eq!((digest.changes, digest.incidents()), (10, 9));
        assert_eq!(digest.by_severity(), "5 critical, 4 high");
        let highest: Vec<(u128, u64, i32)> = digest
            .highest
            .iter()
            .map(|entry| (entry.incident_id.as_u128(), entry.revision, entry.risk_score.0))
            .collect();
        assert_eq!(highest, [(1, 2, 9_900), (9, 1, 9_500), (8, 1, 9_000), (7, 1, 8_500), (6, 1, 8_000)]);

        changes.reverse();
        assert_eq!(Message::of_digest(&changes, Some("https://console.example.com")), Some(message.clone()));
        changes.pop();
        assert_ne!(Message::of_digest(&changes, None).unwrap().id, message.id);
        assert_eq!(Message::of_digest([], None), None);
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
