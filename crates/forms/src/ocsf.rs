//! An incident as a Detection Finding of the Open Cybersecurity Schema Framework (OCSF).

use crate::facts::Facts;
use crate::names::title;
use crate::prune::prune;
use crate::{PRODUCT, PRODUCT_VERSION};
use model::{Disposition, Severity, Status, Surface, UserClass};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::net::IpAddr;

/// The version of the schema: the latest that a published package carries.
pub const VERSION: &str = "1.8.0";

/// `class_uid` of a Detection Finding.
const DETECTION_FINDING: u32 = 2_004;
/// `category_uid` of the class: Findings.
const FINDINGS: u32 = 2;

/// A number of OCSF and its caption.
type Enumerated = (u32, &'static str);

/// Returns the Detection Finding that says how an incident stands at its revision.
///
/// What the schema has no field for is in `unmapped`. Nothing that orgwatch does not know is there.
pub fn detection_finding(facts: &Facts<'_>) -> Value {
    let (incident, finding) = (facts.incident(), facts.finding);
    let (activity_id, activity_name) = activity(facts);
    let (severity_id, severity) = severity(incident.severity);
    let (risk_level_id, risk_level) = risk_level(incident.severity);
    let (status_id, status) = status(facts.subject.status);
    let verdict = incident.disposition.map(verdict);
    let (first, last) = (incident.first_event_at.0, incident.last_event_at.0);
    prune(json!({
        "category_uid": FINDINGS,
        "category_name": "Findings",
        "class_uid": DETECTION_FINDING,
        "class_name": "Detection Finding",
        "activity_id": activity_id,
        "activity_name": activity_name,
        "type_uid": DETECTION_FINDING * 100 + activity_id,
        "type_name": format!("Detection Finding: {activity_name}"),
        "time": last,
        "start_time": first,
        "end_time": last,
        "severity_id": severity_id,
        "severity": severity,
        "status_id": status_id,
        "status": status,
        "is_alert": activity_id != CLOSE.0,
        "confidence_score": (100.0 * finding.confidence).round() as i64,
        "risk_score": incident.risk_score.to_f64().round() as i64,
        "risk_level_id": risk_level_id,
        "risk_level": risk_level,
        "verdict_id": verdict.map(|(id, _)| id),
        "verdict": verdict.map(|(_, caption)| caption),
        "message": facts.summary(),
        "metadata": {
            "version": VERSION,
            "uid": facts.event_id(),
            "correlation_uid": incident.incident_id,
            "event_code": finding.detector,
            "profiles": ["incident"],
            "sequence": incident.revision,
            "tenant_uid": incident.org_id,
            "product": {"name": PRODUCT, "vendor_name": PRODUCT, "version": PRODUCT_VERSION},
        },
        "finding_info": {
            "uid": incident.incident_id,
            "title": facts.title(),
            "desc": facts.summary(),
            "analytic": analytic(&finding.detector),
            "related_analytics": related_analytics(facts),
            "types": facts.event_name().map(|name| [name]),
            "first_seen_time": first,
            "last_seen_time": last,
            "src_url": facts.subject.link,
            "related_events": related_events(facts),
        },
        "evidences": evidences(facts),
        "resources": resources(facts),
        "observables": observables(facts),
        "unmapped": {
            "org_name": facts.subject.tenant_name,
            "anomaly_score": facts.anomaly_score(),
            "receipt": facts.terms(),
        },
    }))
}

const CREATE: Enumerated = (1, "Create");
const UPDATE: Enumerated = (2, "Update");
const CLOSE: Enumerated = (3, "Close");

fn activity(facts: &Facts<'_>) -> Enumerated {
    match (facts.subject.status, facts.incident().revision) {
        (Status::Resolved | Status::Merged | Status::Withdrawn, _) => CLOSE,
        (Status::Open | Status::Acknowledged, 1) => CREATE,
        (Status::Open | Status::Acknowledged, _) => UPDATE,
    }
}

fn severity(severity: Severity) -> Enumerated {
    match severity {
        Severity::Low => (2, "Low"),
        Severity::Medium => (3, "Medium"),
        Severity::High => (4, "High"),
        Severity::Critical => (5, "Critical"),
    }
}

fn risk_level(severity: Severity) -> Enumerated {
    match severity {
        Severity::Low => (1, "Low"),
        Severity::Medium => (2, "Medium"),
        Severity::High => (3, "High"),
        Severity::Critical => (4, "Critical"),
    }
}

/// No number of the schema means that findings went to another incident, or that later events explained them.
fn status(status: Status) -> Enumerated {
    match status {
        Status::Open => (1, "New"),
        Status::Acknowledged => (2, "In Progress"),
        Status::Resolved => (4, "Resolved"),
        Status::Merged | Status::Withdrawn => (99, status.as_str()),
    }
}

fn verdict(disposition: Disposition) -> Enumerated {
    match disposition {
        Disposition::FalsePositive => (1, "False Positive"),
        Disposition::Malicious => (2, "True Positive"),
        Disposition::Suspicious => (4, "Suspicious"),
        Disposition::Benign => (5, "Benign"),
    }
}

fn analytic(detector: &str) -> Value {
    json!({"uid": detector, "name": title(detector), "type_id": 2, "type": "Behavioral"})
}

fn related_analytics(facts: &Facts<'_>) -> Vec<Value> {
    let others = facts.counted.iter().map(|(finding, _)| finding.detector.as_str());
    let others: BTreeSet<&str> = others.filter(|detector| *detector != facts.finding.detector).collect();
    others.into_iter().map(analytic).collect()
}

fn related_events(facts: &Facts<'_>) -> Vec<Value> {
    let ids: BTreeSet<_> = facts.counted.iter().flat_map(|(finding, _)| &finding.event_ids).collect();
    ids.into_iter().map(|id| json!({"uid": id})).collect()
}

fn user(facts: &Facts<'_>) -> Value {
    let incident = facts.incident();
    let (type_id, kind) = match incident.user_class {
        UserClass::Normal | UserClass::Power => (1, "User"),
        UserClass::Admin => (2, "Admin"),
        UserClass::Integration => (4, "Service"),
        UserClass::Guest => (99, incident.user_class.as_str()),
    };
    json!({
        "uid": incident.user_id,
        "name": incident.username,
        "type_id": type_id,
        "type": kind,
        "org": {"uid": incident.org_id, "name": facts.subject.tenant_name},
    })
}

fn resources(facts: &Facts<'_>) -> Vec<Value> {
    let target = |kind: &str, name: Option<&str>, uid: Option<&str>| json!({"name": name, "uid": uid, "type": kind, "role_id": 1, "role": "Target"});
    let finding = facts.finding;
    let objects = facts.objects().into_iter().map(|object| target("object", Some(object), None));
    let (name, uid) = (finding.resource_name.as_deref(), finding.resource_id.as_deref());
    let kind = finding.surface.map_or("resource", Surface::as_str);
    let opened = (name.is_some() || uid.is_some()).then(|| target(kind, name, uid));
    objects.chain(opened).collect()
}

/// The leading activity, and every other address of the findings.
fn evidences(facts: &Facts<'_>) -> Vec<Value> {
    let leading = &facts.leading;
    let activity = json!({
        "actor": {
            "user": user(facts),
            "session": {"uid": leading.session_key, "uid_alt": leading.login_key},
            "app_uid": leading.app,
            "app_name": facts.finding.app,
        },
        "api": leading.operation.map(|operation| json!({
            "operation": operation,
            "request": leading.request_id.map(|id| json!({"uid": id})),
        })),
        "src_endpoint": {"ip": facts.address()},
        "http_request": {"user_agent": leading.user_agent},
        "data": {"rows": leading.rows, "features": facts.features()},
    });
    let others = other_addresses(facts).into_iter().map(|ip| json!({"src_endpoint": {"ip": ip}}));
    std::iter::once(activity).chain(others).collect()
}

/// Values that analysts search for, with the field that has each.
fn observables(facts: &Facts<'_>) -> Vec<Value> {
    let observable = |name: &str, (type_id, kind): Enumerated, value: String| json!({"name": name, "type_id": type_id, "type": kind, "value": value});
    let incident = facts.incident();
    let user = observable("evidences[0].actor.user.uid", (31, "User Object: uid"), incident.user_id.to_string());
    let name = incident.username.as_ref();
    let name = name.map(|name| observable("evidences[0].actor.user.name", (4, "User Name"), name.to_string()));
    let addresses = facts.address().map(|ip| (0, ip)).into_iter().chain((1..).zip(other_addresses(facts)));
    let addresses = addresses.map(|(evidence, ip)| {
        observable(&format!("evidences[{evidence}].src_endpoint.ip"), (2, "IP Address"), ip.to_string())
    });
    std::iter::once(user).chain(name).chain(addresses).collect()
}

fn other_addresses(facts: &Facts<'_>) -> Vec<IpAddr> {
    let own = facts.address();
    facts.addresses().into_iter().filter(|ip| Some(*ip) != own).collect()
}
