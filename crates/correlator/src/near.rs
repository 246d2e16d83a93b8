//! What a merge needs of the stored findings and incidents of some users.

use crate::worker::User;
use crate::writes::{kept_finding, kept_incident, other_incidents};
use model::{Finding, Item, Uuid};
use risk::{Decisions, KeptFinding, KeptIncident, OtherIncidents, Reach};
use std::collections::{BTreeMap, BTreeSet};
use store::{Correlation, StoreError, StoredFinding, StoredIncident, UserSpan};

/// What is stored of one user within reach of new findings.
#[derive(Debug, Default)]
pub(crate) struct Near {
    pub(crate) findings: Vec<KeptFinding>,
    pub(crate) incidents: Vec<KeptIncident>,
    pub(crate) others: OtherIncidents,
}

impl Near {
    /// Reads what the new findings reach by the widest merge window, in milliseconds, and by decisions, by user.
    pub(crate) async fn read(
        correlation: &mut Correlation,
        new: &BTreeMap<User, Vec<Item<Finding>>>,
        decisions: &BTreeMap<User, Decisions>,
        window: i64,
    ) -> Result<BTreeMap<User, Self>, StoreError> {
        let ids: Vec<Uuid> = new.values().flatten().map(|new| new.value.finding_id).collect();
        let mut findings: BTreeMap<Uuid, StoredFinding> = by_id(correlation.findings(&ids, &[]).await?);
        let mut incidents: Vec<StoredIncident> = Vec::new();
        let mut kept: BTreeMap<User, Vec<KeptFinding>> = BTreeMap::new();
        for stored in findings.values().cloned() {
            kept.entry(user_of_finding(&stored)).or_default().push(kept_finding(stored));
        }
        let none = Decisions::default();
        let of_new = |(user, new): (&User, &Vec<Item<Finding>>)| {
            let kept = kept.get(user).map(Vec::as_slice).unwrap_or_default();
            (user.clone(), Reach::of(new, kept, window, decisions.get(user).unwrap_or(&none)))
        };
        let mut reach: Vec<(User, Reach)> = new.iter().map(of_new).collect();
        loop {
            let read: Vec<Uuid> = incidents.iter().map(|stored| stored.incident.incident_id).collect();
            let ids: Vec<Uuid> = reach.iter().flat_map(|(_, reach)| &reach.ids).copied().collect();
            let more = correlation.incidents(&spans(&reach), &ids, &read).await?;
            if more.is_empty() {
                break;
            }
            let ids: Vec<Uuid> = more.iter().map(|stored| stored.incident.incident_id).collect();
            let theirs = correlation.findings(&[], &ids).await?;
            reach = around(&more, &theirs);
            incidents.extend(more);
            findings.extend(by_id(theirs));
        }
        let mut near: BTreeMap<User, Self> = BTreeMap::new();
        let read: BTreeSet<Uuid> = incidents.iter().map(|stored| stored.incident.incident_id).collect();
        for other in correlation.other_incidents(&read.into_iter().collect::<Vec<_>>()).await? {
            let user = other.user.clone();
            near.entry(user).or_default().others = other_incidents(other);
        }
        for stored in incidents {
            near.entry(user_of_incident(&stored)).or_default().incidents.push(kept_incident(stored));
        }
        for stored in findings.into_values() {
            near.entry(user_of_finding(&stored)).or_default().findings.push(kept_finding(stored));
        }
        Ok(near)
    }
}

/// Returns what incidents and their findings reach, by user.
fn around(incidents: &[StoredIncident], findings: &[StoredFinding]) -> Vec<(User, Reach)> {
    let mut by_user: BTreeMap<User, (Vec<KeptIncident>, Vec<KeptFinding>)> = BTreeMap::new();
    for stored in incidents {
        by_user.entry(user_of_incident(stored)).or_default().0.push(kept_incident(stored.clone()));
    }
    for stored in findings {
        by_user.entry(user_of_finding(stored)).or_default().1.push(kept_finding(stored.clone()));
    }
    by_user.into_iter().map(|(user, (incidents, findings))| (user, Reach::around(&incidents, &findings))).collect()
}

fn spans(reach: &[(User, Reach)]) -> Vec<UserSpan> {
    let of_user = |(user, reach): &(User, Reach)| {
        reach.spans.iter().map(|(from, to)| UserSpan { user: user.clone(), from: *from, to: *to }).collect::<Vec<_>>()
    };
    reach.iter().flat_map(of_user).collect()
}

fn by_id(findings: Vec<StoredFinding>) -> BTreeMap<Uuid, StoredFinding> {
    findings.into_iter().map(|stored| (stored.finding.finding_id, stored)).collect()
}

fn user_of_finding(stored: &StoredFinding) -> User {
    (stored.finding.org_id.clone(), stored.finding.user_id.clone())
}

fn user_of_incident(stored: &StoredIncident) -> User {
    (stored.incident.org_id.clone(), stored.incident.user_id.clone())
}
