//! What the forms say of an incident, worked out once.

use crate::leading::Leading;
use crate::names::EventName;
use model::{Contribution, Evidence, Finding, Incident, Points, Status, Uuid, id};
use serde::{Serialize, Serializer};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::net::IpAddr;

/// An incident and what only its keeper knows of it.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The incident.
    pub incident: &'a Incident,
    /// Evidence of its [leading finding](leading_finding); empty where there is none. The findings of an incident have no
    /// evidence: it is in the finding that is stored for itself.
    pub evidence: &'a [Evidence],
    /// Where it is in its life.
    pub status: Status,
    /// Name of its org, where one is known.
    pub tenant_name: Option<&'a str>,
    /// Address of its page, where there is one.
    pub link: Option<&'a str>,
}

/// What all forms have in common.
#[derive(Clone, Debug)]
pub struct Facts<'a> {
    pub(crate) subject: Subject<'a>,
    /// Findings that count, most points first.
    pub(crate) counted: Vec<(&'a Finding, Points)>,
    /// The finding with the most points.
    pub(crate) finding: &'a Finding,
    /// The activity that stands for it.
    pub(crate) leading: Leading<'a>,
}

impl<'a> Facts<'a> {
    /// Works out what the forms say; `None` for an incident without findings, of which there is nothing to say.
    pub fn of(subject: Subject<'a>) -> Option<Self> {
        let counted = counted(subject.incident);
        let (finding, _) = *counted.first()?;
        Some(Self { subject, counted, finding, leading: Leading::of(subject.evidence) })
    }

    /// The incident.
    pub(crate) fn incident(&self) -> &'a Incident {
        self.subject.incident
    }

    /// The kind of anomaly, by the leading finding.
    pub(crate) fn event_name(&self) -> Option<EventName> {
        EventName::of(&self.finding.detector, self.finding.surface)
    }

    /// A title for people: the kind of anomaly, or the detector where its kind is not known.
    pub(crate) fn title(&self) -> String {
        self.event_name().map_or_else(|| crate::names::title(&self.finding.detector), |name| name.to_string())
    }

    /// Id of the message about this revision: the same whenever the form is written.
    pub(crate) fn event_id(&self) -> Uuid {
        let incident = self.incident();
        id::derive(&["anomaly event", &incident.incident_id.to_string(), &incident.revision.to_string()])
    }

    /// The largest score of the findings that count, 0 to 1.
    pub(crate) fn anomaly_score(&self) -> f64 {
        self.counted.iter().map(|(finding, _)| finding.anomaly_score).fold(0.0, f64::max)
    }

    /// What happened: the sentences of the findings that count, a line each, most points first.
    pub(crate) fn summary(&self) -> String {
        let lines: Vec<&str> = self.counted.iter().map(|(finding, _)| finding.summary.as_str()).collect();
        lines.join("\n")
    }

    /// Objects of the leading finding, and of its activity where the finding names none.
    pub(crate) fn objects(&self) -> Vec<&'a str> {
        let named: Vec<&str> = self.finding.objects.iter().map(|object| object.as_str()).collect();
        if named.is_empty() { self.leading.objects.clone() } else { named }
    }

    /// Terms of the receipt and their points, which add up to the risk score.
    pub(crate) fn terms(&self) -> Vec<Value> {
        let terms = self.incident().receipt.terms.iter();
        terms.map(|term| json!({"kind": term.kind, "name": term.name, "points": term.points})).collect()
    }

    /// The leading activity's address; without evidence, the leading finding's if that has one only. It may be a text that
    /// Salesforce wrote in its place.
    pub(crate) fn source(&self) -> Option<&'a str> {
        match (self.leading.address, self.finding.addresses.as_slice()) {
            (Some(address), _) => Some(address),
            (None, [only]) => Some(only),
            (None, _) => None,
        }
    }

    /// [`Facts::source`] where it is an address.
    pub(crate) fn address(&self) -> Option<IpAddr> {
        self.source()?.parse().ok()
    }

    /// The addresses of all findings that count, sorted.
    pub(crate) fn addresses(&self) -> BTreeSet<IpAddr> {
        let listed = self.counted.iter().flat_map(|(finding, _)| &finding.addresses);
        listed.filter_map(|address| address.parse().ok()).chain(self.address()).collect()
    }

    /// The features of the findings that count, largest share first; their shares add up to 10,000.
    ///
    /// A feature's weight is its share of its finding times the finding's points. One that several findings have with the
    /// same value is listed once.
    pub(crate) fn features(&self) -> Vec<Contribution> {
        let mut weighted: Vec<(&Contribution, f64)> = Vec::new();
        for (finding, points) in &self.counted {
            for feature in &finding.features {
                let weight = f64::from(points.0.max(0)) * f64::from(feature.share);
                match weighted
                    .iter_mut()
                    .find(|(known, _)| (&known.name, &known.value) == (&feature.name, &feature.value))
                {
                    Some((_, sum)) => *sum += weight,
                    None => weighted.push((feature, weight)),
                }
            }
        }
        let weights: Vec<f64> = weighted.iter().map(|(_, weight)| *weight).collect();
        let shares = Contribution::shares(&weights).into_iter();
        let mut features: Vec<Contribution> = weighted
            .into_iter()
            .zip(shares)
            .map(|((feature, _), share)| Contribution { share, ..feature.clone() })
            .collect();
        features.sort_by_key(|feature| std::cmp::Reverse(feature.share));
        features
    }

    /// [`Facts::features`] as `SecurityEventData`; `None` without features.
    pub(crate) fn security_event_data(&self) -> Option<SecurityEventData> {
        Some(self.features()).filter(|features| !features.is_empty()).map(SecurityEventData)
    }
}

/// Returns the finding after which the forms are named: the one with the most points in the receipt.
pub fn leading_finding(incident: &Incident) -> Option<&Finding> {
    counted(incident).first().map(|(finding, _)| *finding)
}

/// Returns the findings that count, most points first.
///
/// A finding counts if a term of the receipt names it. If none does, as with an incident of withdrawn findings, all count,
/// with no points.
fn counted(incident: &Incident) -> Vec<(&Finding, Points)> {
    let find = |id: Uuid| incident.findings.iter().find(|finding| finding.finding_id == id);
    let terms = incident.receipt.terms.iter();
    let mut counted: Vec<_> = terms.filter_map(|term| Some((find(term.finding_id?)?, term.points))).collect();
    if counted.is_empty() {
        counted.extend(incident.findings.iter().map(|finding| (finding, Points::default())));
    }
    // Stable: among equals the receipt's order holds.
    counted.sort_by(|(a, a_points), (b, b_points)| b_points.cmp(a_points).then(b.score.total_cmp(&a.score)));
    counted
}

/// Features and their shares. Salesforce's field is a text, so it is serialized as JSON within a text.
#[derive(Clone, Debug, PartialEq)]
pub struct SecurityEventData(pub Vec<Contribution>);

impl std::fmt::Display for SecurityEventData {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&serde_json::to_string(&self.0).map_err(|_| std::fmt::Error)?)
    }
}

impl Serialize for SecurityEventData {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
