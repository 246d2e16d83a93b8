//! Messages as CloudEvents 1.0 in JSON (structured mode).

use crate::message::{Content, Digest, Entry, Message, strongest, summary};
use model::{Change, ChangeKind, EndReason, Finding, Points, Severity, Term, Text, Timestamp, UserClass, Uuid};
use serde::Serialize;

/// The media type of [`encode`].
pub(crate) const CONTENT_TYPE: &str = "application/cloudevents+json; charset=utf-8";

/// Encodes a message as one line of JSON, without the line feed. NaN and infinities become `null`.
///
/// # Errors
/// None that the types allow.
pub(crate) fn encode(message: &Message) -> Result<Vec<u8>, serde_json::Error> {
    let attributes = |kind, org: Option<&str>, time| Attributes {
        specversion: "1.0",
        id: &message.id,
        source: org.map_or_else(|| "/orgwatch".to_owned(), |org| format!("/orgwatch/{org}")),
        kind,
        subject: None,
        time,
        datacontenttype: "application/json",
        traceparent: Some(message.traceparent.as_str()).filter(|traceparent| !traceparent.is_empty()),
    };
    match &message.content {
        Content::Change(change) => {
            let incident = &change.incident;
            let kind = format!("org.orgwatch.incident.{}", change.kind);
            let attributes = Attributes {
                subject: Some(incident.user_id.as_str()),
                ..attributes(kind, Some(incident.org_id.as_str()), incident.last_event_at)
            };
            serde_json::to_vec(&Envelope { attributes, data: compact(change, message) })
        }
        Content::Digest(digest) => {
            let org = digest.org_id.as_ref().map(|org| org.as_str());
            let attributes = attributes("org.orgwatch.digest".to_owned(), org, digest.last_event_at);
            serde_json::to_vec(&Envelope { attributes, data: compact_digest(digest, message) })
        }
    }
}

#[derive(Serialize)]
struct Envelope<'a, T> {
    #[serde(flatten)]
    attributes: Attributes<'a>,
    data: T,
}

#[derive(Serialize)]
struct Attributes<'a> {
    specversion: &'static str,
    id: &'a str,
    source: String,
    #[serde(rename = "type")]
    kind: String,
    /// Id of the user.
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'a str>,
    time: Timestamp,
    datacontenttype: &'static str,
    /// CloudEvents' distributed tracing extension.
    #[serde(skip_serializing_if = "Option::is_none")]
    traceparent: Option<&'a str>,
}

/// The part of an incident that receivers need; the console shows the rest.
#[derive(Serialize)]
struct Compact<'a> {
    incident_id: Uuid,
    revision: u64,
    change: ChangeKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_reason: Option<EndReason>,
    #[serde(skip_serializing_if = "Option::is_none")]
    merged_into: Option<Uuid>,
    /// Whether the change is old: do not page for it.
    catch_up: bool,
    org_id: &'a str,
    user_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<&'a str>,
    user_class: UserClass,
    severity: Severity,
    /// 0 to 100.
    risk_score: Points,
    /// Of the strongest finding, 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    confidence: Option<f64>,
    first_event_at: Timestamp,
    last_event_at: Timestamp,
    summary: String,
    /// What to do first about the strongest finding.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_step: Option<&'static str>,
    findings: Vec<CompactFinding<'a>>,
    /// The terms add up to `risk_score`.
    receipt: Vec<CompactTerm<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<&'a str>,
}

#[derive(Serialize)]
struct CompactFinding<'a> {
    detector: &'a str,
    severity: Severity,
    /// 0 to 10.
    score: f64,
    /// 0 to 1.
    confidence: f64,
    summary: &'a str,
    objects: &'a [Text],
    addresses: &'a [Text],
    /// The activities that it rests on, or the main ones of them.
    event_ids: &'a [Uuid],
    #[serde(skip_serializing_if = "Option::is_none")]
    next_step: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    runbook: Option<String>,
}

#[derive(Serialize)]
struct CompactTerm<'a> {
    name: &'a str,
    points: Points,
}

#[derive(Serialize)]
struct CompactDigest<'a> {
    changes: usize,
    /// Whether all changes are old: do not page for them.
    catch_up: bool,
    incidents: usize,
    incidents_by_severity: serde_json::Map<String, serde_json::Value>,
    first_event_at: Timestamp,
    last_event_at: Timestamp,
    /// Every incident that the digest stands for, those with the highest risks first.
    entries: Vec<CompactEntry<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<&'a str>,
}

#[derive(Serialize)]
struct CompactEntry<'a> {
    incident_id: Uuid,
    revision: u64,
    change: ChangeKind,
    catch_up: bool,
    org_id: &'a str,
    user_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<&'a str>,
    severity: Severity,
    /// 0 to 100.
    risk_score: Points,
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<&'a str>,
}

fn compact<'a>(change: &'a Change, message: &'a Message) -> Compact<'a> {
    let incident = &change.incident;
    let finding = |finding: &'a Finding| CompactFinding {
        detector: &finding.detector,
        severity: finding.severity,
        score: finding.score,
        confidence: finding.confidence,
        summary: &finding.summary,
        objects: &finding.objects,
        addresses: &finding.addresses,
        event_ids: &finding.event_ids,
        next_step: detect::next_step(&finding.detector),
        runbook: message.runbook(&finding.detector),
    };
    let term = |term: &'a Term| CompactTerm { name: &term.name, points: term.points };
    Compact {
        incident_id: incident.incident_id,
        revision: incident.revision,
        change: change.kind,
        end_reason: change.end_reason,
        merged_into: change.merged_into,
        catch_up: message.is_catch_up,
        org_id: incident.org_id.as_str(),
        user_id: incident.user_id.as_str(),
        username: incident.username.as_deref(),
        user_class: incident.user_class,
        severity: incident.severity,
        risk_score: incident.risk_score,
        confidence: strongest(incident).map(|finding| finding.confidence),
        first_event_at: incident.first_event_at,
        last_event_at: incident.last_event_at,
        summary: summary(incident),
        next_step: strongest(incident).and_then(|finding| detect::next_step(&finding.detector)),
        findings: incident.findings.iter().map(finding).collect(),
        receipt: incident.receipt.terms.iter().map(term).collect(),
        trace_id: message.traceparent.split('-').nth(1),
        link: message.link.as_deref(),
    }
}

fn compact_digest<'a>(digest: &'a Digest, message: &'a Message) -> CompactDigest<'a> {
    let entry = |entry: &'a Entry| CompactEntry {
        incident_id: entry.incident_id,
        revision: entry.revision,
        change: entry.change,
        catch_up: entry.is_catch_up,
        org_id: entry.org_id.as_str(),
        user_id: entry.user_id.as_str(),
        username: entry.username.as_deref(),
        severity: entry.severity,
        risk_score: entry.risk_score,
        link: entry.link.as_deref(),
    };
    CompactDigest {
        changes: digest.changes,
        catch_up: message.is_catch_up,
        incidents: digest.incidents(),
        incidents_by_severity: digest
            .incidents
            .iter()
            .map(|(name, count)| (name.to_string(), (*count).into()))
            .collect(),
        first_event_at: digest.first_event_at,
        last_event_at: digest.last_event_at,
        entries: digest.entries.iter().map(entry).collect(),
        link: message.link.as_deref(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{LATER, NOW, TRACEPARENT, change, change_of, console, digest, message};

    fn shown(message: &Message) -> String {
        let line = encode(message).unwrap();
        assert!(!line.contains(&b'\n'));
        let value: serde_json::Value = serde_json::from_slice(&line).unwrap();
        serde_json::to_string_pretty(&value).unwrap()
    }

    #[test]
    fn a_change() {
        let change = change(3, ChangeKind::Escalated, 89.78);
        let message = Message::of_change(change, TRACEPARENT.into(), &console(), NOW);
        insta::assert_snapshot!(shown(&message));
    }

    #[test]
    fn absent_fields_are_left_out() {
        let mut change = change(1, ChangeKind::Opened, 61.0);
        change.incident.username = None;
        change.incident.findings.truncate(1);
        let message = message(change);
        let value: serde_json::Value = serde_json::from_slice(&encode(&message).unwrap()).unwrap();
        for absent in ["username", "trace_id", "link", "end_reason", "merged_into"] {
            assert!(value["data"].get(absent).is_none(), "{absent}");
        }
        assert!(value.get("traceparent").is_none());
        assert!(value["data"]["findings"][0].get("runbook").is_none());
    }

    #[test]
    fn a_digest() {
        let changes = [
            change_of(1, 1, ChangeKind::Opened, 61.0),
            change_of(1, 2, ChangeKind::Escalated, 75.0),
            change_of(2, 1, ChangeKind::Opened, 70.5),
        ];
        insta::assert_snapshot!(shown(&Message::of_digest(&changes, &console(), NOW).unwrap()));
    }

    #[test]
    fn a_digest_has_every_incident_with_severity_and_revision() {
        let changes: Vec<Change> = (1..=300).map(|id| change_of(id, 7, ChangeKind::Opened, 61.0)).collect();
        let message = Message::of_digest(&changes, &console(), LATER).unwrap();
        let value: serde_json::Value = serde_json::from_slice(&encode(&message).unwrap()).unwrap();
        let entries = value["data"]["entries"].as_array().unwrap();
        assert_eq!(entries.len(), 300);
        for (id, entry) in (1..).zip(entries) {
            assert_eq!(entry["incident_id"], Uuid::from_u128(id).to_string());
            assert_eq!((&entry["severity"], &entry["revision"]), (&"high".into(), &7.into()));
        }
        assert_eq!(value["data"]["catch_up"], true);
    }

    #[test]
    fn an_end_has_its_reason() {
        let end = change(4, ChangeKind::Ended, 61.0);
        let merged_into = Some(Uuid::from_u128(2));
        let message = message(Change { end_reason: Some(EndReason::Absorbed), merged_into, ..end });
        let value: serde_json::Value = serde_json::from_slice(&encode(&message).unwrap()).unwrap();
        assert_eq!(value["type"], "org.orgwatch.incident.ended");
        assert_eq!(value["data"]["end_reason"], "absorbed");
        assert_eq!(value["data"]["merged_into"], "00000000-0000-0000-0000-000000000002");
    }

    #[test]
    fn a_digest_of_many_orgs_names_none() {
        let mut changes = [change_of(1, 1, ChangeKind::Opened, 61.0), change_of(2, 1, ChangeKind::Opened, 70.5)];
        changes[1].incident.org_id = model::OrgId::new("00Dhn0000099999EAA");
        let message = digest(&changes);
        let value: serde_json::Value = serde_json::from_slice(&encode(&message).unwrap()).unwrap();
        assert_eq!(value["source"], "/orgwatch");
    }
}
