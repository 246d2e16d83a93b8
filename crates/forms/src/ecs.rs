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
            "reason": finding.summary,
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
            "app": finding.app,
            "app_id": leading.app,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{bare, evidence, rich, subject};
    use crate::tests::any_incident;
    use model::Timestamp;
    use proptest::prelude::*;
    use std::net::IpAddr;

    /// Fields of the schema: name, type, whether it is a list, allowed values with the types that go with each category.
    const SCHEMA: &str = include_str!("../tests/ecs-9.4.0.tsv");

    /// Checks an alert against the schema; what is below `orgwatch` is outside of it.
    fn check(alert: &Value) {
        for (set, fields) in alert.as_object().unwrap() {
            match fields {
                _ if set == "orgwatch" => {}
                Value::Object(fields) => {
                    fields.iter().for_each(|(name, value)| check_field(&format!("{set}.{name}"), value))
                }
                value => check_field(set, value),
            }
        }
        let event = &alert["event"];
        if let Some(category) = event["category"][0].as_str() {
            let allowed =
                field("event.category").3.split(' ').find_map(|value| value.strip_prefix(category)?.strip_prefix(':'));
            let kind = event["type"][0].as_str().unwrap();
            assert!(allowed.unwrap().split('/').any(|allowed| allowed == kind), "{kind} is no type of {category}");
        }
    }

    fn check_field(name: &str, value: &Value) {
        let (_, kind, list, allowed) = field(name);
        assert_eq!(value.is_array(), list == "array", "{name}");
        for value in value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice) {
            let text = || value.as_str().unwrap_or_else(|| panic!("{name} is no text: {value}"));
            match kind {
                "keyword" | "match_only_text" => assert!(
                    allowed.is_empty() || allowed.split(' ').any(|one| one.split(':').next() == Some(text())),
                    "{name}: {value}"
                ),
                "date" => assert!(Timestamp::parse(text()).is_some(), "{name}: {value}"),
                "ip" => assert!(text().parse::<IpAddr>().is_ok(), "{name}: {value}"),
                "long" => assert!(value.is_u64(), "{name}: {value}"),
                "float" => assert!(value.is_number(), "{name}: {value}"),
                other => panic!("{name} has the type {other}"),
            }
        }
    }

    fn field(name: &str) -> (&str, &str, &str, &str) {
        let rows = SCHEMA.lines().filter_map(|line| {
            let mut cells = line.split('\t');
            Some((cells.next()?, cells.next()?, cells.next()?, cells.next()?))
        });
        let mut rows = rows.filter(|(field, ..)| *field == name);
        rows.next().unwrap_or_else(|| panic!("{name} is no field of the schema"))
    }

    #[test]
    fn alerts_keep_the_schema() {
        assert!(SCHEMA.starts_with(&format!("# Fields of ECS {VERSION}")));
        let (incident, evidence) = (rich(), evidence());
        check(&alert(&Facts::of(subject(&incident, &evidence)).unwrap()));
    }

    #[test]
    fn every_kind_of_anomaly_has_a_category_of_the_schema() {
        for name in EventName::ALL {
            let known = category(*name).map(|category| json!({"event": {"category": [category], "type": ["info"]}}));
            known.iter().for_each(check);
        }
    }

    proptest! {
        #[test]
        fn any_alert_keeps_the_schema(incident in any_incident()) {
            check(&alert(&bare(&incident)));
        }
    }
}
