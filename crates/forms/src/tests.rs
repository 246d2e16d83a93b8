//! Every form of a rich and a minimal incident, and what holds for all incidents.

use crate::testing::{bare, evidence, feature, finding, incident, minimal, rich, subject};
use crate::{ApiAnomalyEvent, Facts, Subject, TenantSecurityApiAnomaly, cef, ecs, event, ocsf, tenant};
use insta::{assert_json_snapshot, assert_snapshot};
use model::{Disposition, Finding, Incident, Status, UserClass};
use proptest::prelude::*;
use serde_json::Value;

#[test]
fn forms_of_a_rich_incident() {
    let (incident, evidence) = (rich(), evidence());
    let facts = Facts::of(subject(&incident, &evidence)).unwrap();
    assert_json_snapshot!("rich_tenant", TenantSecurityApiAnomaly::of(&facts));
    assert_json_snapshot!("rich_event", ApiAnomalyEvent::of(&facts, Some("4711-2".into())));
    assert_json_snapshot!("rich_ocsf", ocsf::detection_finding(&facts));
    assert_json_snapshot!("rich_ecs", ecs::alert(&facts));
    assert_snapshot!("rich_cef", cef::line(&facts));
}

#[test]
fn forms_of_a_minimal_incident() {
    let incident = minimal();
    let facts = bare(&incident);
    assert_json_snapshot!("minimal_tenant", TenantSecurityApiAnomaly::of(&facts));
    assert_json_snapshot!("minimal_event", ApiAnomalyEvent::of(&facts, None));
    assert_json_snapshot!("minimal_ocsf", ocsf::detection_finding(&facts));
    assert_json_snapshot!("minimal_ecs", ecs::alert(&facts));
    assert_snapshot!("minimal_cef", cef::line(&facts));
}

#[test]
fn an_incident_without_findings_has_no_form() {
    let incident = incident(vec![]);
    assert!(Facts::of(subject(&incident, &[])).is_none());
}

#[test]
fn an_incident_of_which_nothing_counts_is_named_after_its_strongest_finding() {
    let mut incident = incident(vec![(finding(1, "off_hours", 3.0), 0), (finding(2, "row_spike", 8.0), 0)]);
    incident.receipt.terms.clear();
    assert_eq!(TenantSecurityApiAnomaly::of(&bare(&incident)).metric_identifier, "row_spike");
}

#[test]
fn a_closed_incident_is_no_alert() {
    let guest = Incident { user_class: UserClass::Guest, disposition: Some(Disposition::Benign), ..minimal() };
    let closed = Subject { status: Status::Withdrawn, ..subject(&guest, &[]) };
    let form = ocsf::detection_finding(&Facts::of(closed).unwrap());
    assert_eq!((&form["activity_name"], &form["is_alert"]), (&Value::from("Close"), &Value::from(false)));
    assert_eq!((&form["status_id"], &form["status"]), (&Value::from(99), &Value::from("withdrawn")));
    assert_json_snapshot!("closed_ocsf", form);
}

#[test]
fn without_evidence_the_only_address_is_that_of_the_activity() {
    let source = |addresses: &[&str]| {
        let addresses = addresses.iter().map(|address| (*address).into()).collect();
        let incident = incident(vec![(Finding { addresses, ..finding(1, "row_spike", 8.0) }, 5_000)]);
        ApiAnomalyEvent::of(&bare(&incident), None).source_ip
    };
    assert_eq!(source(&["203.0.113.7"]).as_deref(), Some("203.0.113.7"));
    assert_eq!(source(&["203.0.113.7", "203.0.113.8"]), None);
}

#[test]
fn an_address_that_is_none_is_in_no_field_for_addresses() {
    let finding = Finding { addresses: vec!["Salesforce.com IP".into()], ..finding(1, "row_spike", 8.0) };
    let incident = incident(vec![(finding, 5_000)]);
    let facts = bare(&incident);
    assert_eq!(ecs::alert(&facts)["source"], Value::Null);
    assert!(!cef::line(&facts).contains("src="));
    assert_eq!(ApiAnomalyEvent::of(&facts, None).source_ip.as_deref(), Some("Salesforce.com IP"));
}

#[test]
fn the_same_feature_of_two_findings_is_listed_once() {
    let with = |id, detector, features| Finding { features, ..finding(id, detector, 5.0) };
    let first = with(1, "row_spike", vec![feature("dayOfWeek", "Sunday", 10_000)]);
    let second = with(2, "off_hours", vec![feature("dayOfWeek", "Sunday", 5_000), feature("hour", "3", 5_000)]);
    let incident = incident(vec![(first, 3_000), (second, 1_000)]);
    let features = bare(&incident).features();
    assert_eq!(features, [feature("dayOfWeek", "Sunday", 8_750), feature("hour", "3", 1_250)]);
}

#[test]
fn the_event_has_exactly_the_described_fields() {
    let incident = rich();
    let event = serde_json::to_value(ApiAnomalyEvent::of(&bare(&incident), Some("1-1".into()))).unwrap();
    let mut described: Vec<&str> = event::DESCRIPTION.fields.iter().map(|field| field.name).collect();
    described.sort_unstable();
    assert_eq!(event.as_object().unwrap().keys().collect::<Vec<_>>(), described);
}

#[test]
fn descriptions_have_the_names_of_salesforce() {
    let fields = serde_json::to_value(tenant::DESCRIPTION).unwrap()["fields"].clone();
    assert_json_snapshot!("describe", [&fields[0], &fields[5], &fields[8]]);
}

prop_compose! {
    fn any_finding()(
        id in any::<u128>(),
        detector in "row_spike|rare_network|from_the_future|\\PC{0,8}",
        score in 0.0..10.0,
        weights in prop::collection::vec((0usize..4, 0.0..9.0), 0..5),
        address in prop::option::of("203\\.0\\.113\\.[1-9]|2001:db8::[1-9]|\\PC{0,9}"),
    ) -> Finding {
        let shares = model::Contribution::shares(&weights.iter().map(|(_, weight)| *weight).collect::<Vec<_>>());
        let features = weights.iter().zip(shares).map(|((name, _), share)| feature(["a", "b", "c", "d"][*name], "1", share));
        let (features, addresses) = (features.collect(), address.into_iter().map(Into::into).collect());
        Finding { features, addresses, ..finding(id, &detector, score) }
    }
}

prop_compose! {
    pub(crate) fn any_incident()(
        findings in prop::collection::vec((any_finding(), -100..9_000i32), 1..6),
        username in prop::option::of(any::<String>()),
    ) -> Incident {
        Incident { username: username.map(Into::into), ..incident(findings) }
    }
}

proptest! {
    #[test]
    fn shares_add_up_to_the_whole(incident in any_incident()) {
        let facts = bare(&incident);
        let data = serde_json::to_value(TenantSecurityApiAnomaly::of(&facts)).unwrap()["SecurityEventData"].clone();
        let has_features = incident.findings.iter().any(|finding| !finding.features.is_empty());
        prop_assert_eq!(data.is_string(), has_features);
        if let Some(text) = data.as_str() {
            let features: Vec<model::Contribution> = serde_json::from_str(text).unwrap();
            prop_assert_eq!(features.iter().map(|feature| feature.share).sum::<u32>(), 10_000);
        }
    }

    #[test]
    fn records_are_as_described(incident in any_incident()) {
        let facts = bare(&incident);
        let record = TenantSecurityApiAnomaly::of(&facts);
        for field in tenant::Field::ALL {
            let is_null = record.value(*field).is_none();
            prop_assert!(!is_null || field.description().has(crate::Property::Nillable), "{:?} is null", field);
        }
    }
}
