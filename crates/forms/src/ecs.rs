//! An incident as an alert of the Elastic Common Schema (ECS).

use crate::facts::Facts;
use crate::names::{EventName, title};
use crate::prune::prune;
use crate::{PRODUCT, PRODUCT_VERSION};
use serde_json::{Value, json};

/// The version of the schema.
pub const VERSION: &str = "9.4.0";

/// Returns the alert that says how an incident stands at its revision.
///
/// What the schema has no field for is below `orgwatch`. Nothing that orgwatch does not know is there.
pub fn alert(facts: &Facts<'_>) -> Value {
    let (incident, finding, leading) = (facts.incident(), facts.finding, &facts.leading);
    let category = facts.event_name().and_then(category);
    let risk = incident.risk_score.to_f64();
    let detectors: Vec<&str> = facts.counted.iter().map(|(finding, _)| finding.detector.as_str()).collect();
    let mut related_users = vec![incident.user_id.to_string()];
    related_users.extend(incident.username.as_ref().map(ToString::to_string));
    prune(json!({
        "@timestamp": incident.last_event_at,
        "ecs": {"version": VERSION},
        "message": facts.summary(),
        "event": {
            "kind": "alert",
            "category": category.map(|category| [category]),
            // Of all categories in use, `info` is the type that says no more than that something is known.
            "type": category.map(|_| ["info"]),
            "id": facts.event_id(),
            "code": finding.detector,
            "module": PRODUCT,
            "dataset": "orgwatch.incident",
            "provider": PRODUCT,
            "reason": facts.summary(),
            "start": incident.first_event_at,
            "end": incident.last_event_at,
            "risk_score": risk,
            "risk_score_norm": risk,
            "sequence": incident.revision,
            "url": facts.subject.link,
        },
        "observer": {"vendor": PRODUCT, "product": PRODUCT, "version": PRODUCT_VERSION},
        "organization": {"id": incident.org_id, "name": facts.subject.tenant_name},
        "related": {"ip": facts.addresses(), "user": related_users},
        "rule": {
            "id": finding.detector,
            "name": title(&finding.detector),
            "category": facts.event_name(),
            "ruleset": PRODUCT,
            "version": PRODUCT_VERSION,
        },
        "source": {"ip": facts.address()},
        "url": {"original": leading.uri},
        "user": {"id": incident.user_id, "name": incident.username},
        "user_agent": {"original": leading.user_agent},
        "orgwatch": {
            "incident_id": incident.incident_id,
            "status": facts.subject.status,
            "severity": incident.severity,
            "disposition": incident.disposition,
            "user_class": incident.user_class,
            "detectors": detectors,
            "anomaly_score": facts.anomaly_score(),
            "features": facts.features(),
            "receipt": facts.terms(),
            "objects": facts.objects(),
            "operation": leading.operation,
            "rows": leading.rows,
            "request_id": leading.request_id,
            "session_key": leading.session_key,
            "login_key": leading.login_key,
            "app": leading.app,
        },
    }))
}

/// Returns the allowed value of `event.category` for a kind of anomaly; `None` where the schema has none.
fn category(name: EventName) -> Option<&'static str> {
    Some(match name {
        EventName::Api => "api",
        EventName::Report | EventName::ListView | EventName::DataAccess | EventName::DataChange => "database",
        EventName::File => "file",
        EventName::RecordPage => "web",
        EventName::Login | EventName::LoginAs => "authentication",
        EventName::Session => "session",
        EventName::App | EventName::Permission => "iam",
        EventName::Setup => "configuration",
        EventName::ThreatDetection => "intrusion_detection",
        EventName::Source => return None,
    })
}
