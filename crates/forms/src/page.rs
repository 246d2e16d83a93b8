//! Compares docs/forms.md with the forms.

use crate::testing::{bare, evidence, minimal, rich, subject};
use crate::{Description, EventName, Facts, MetricsType, cef, ecs, event, ocsf, tenant};
use model::{Evidence, Finding, Incident, Surface};
use serde_json::Value;
use std::collections::BTreeSet;

const PAGE: &str = include_str!("../../../docs/forms.md");

/// The rows of the tables below a heading, without those of headings below it.
fn rows(heading: &str) -> Vec<Vec<&'static str>> {
    let (_, below) = PAGE.split_once(&format!("\n{heading}\n")).unwrap_or_else(|| panic!("no heading {heading}"));
    let lines = below.lines().take_while(|line| !line.starts_with('#')).filter(|line| line.starts_with("| `"));
    lines.map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect()).collect()
}

/// The texts in backticks of a cell.
fn coded(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

fn check_fields(description: &Description) {
    let written: Vec<[String; 3]> = rows(&format!("## {}", description.name))
        .iter()
        .map(|row| [row[0].trim_matches('`').to_owned(), row[1].to_owned(), row[2].to_owned()])
        .collect();
    let described = description.fields.iter().map(|field| {
        let properties: Vec<&str> = field.properties.iter().map(|property| property.as_str()).collect();
        [field.name.to_owned(), field.kind.to_string(), properties.join(", ")]
    });
    assert_eq!(written, described.collect::<Vec<_>>());
}

#[test]
fn every_field_is_described_as_it_is() {
    check_fields(&tenant::DESCRIPTION);
    check_fields(&event::DESCRIPTION);
}

#[test]
fn fields_that_are_never_null_have_values_and_those_that_always_are_have_none() {
    let incident = minimal();
    let (least, most) = (bare(&incident), (rich(), evidence()));
    let most = Facts::of(subject(&most.0, &most.1)).unwrap();
    let json = |facts: &Facts<'_>| {
        let record = serde_json::to_value(crate::TenantSecurityApiAnomaly::of(facts)).unwrap();
        (record, serde_json::to_value(crate::ApiAnomalyEvent::of(facts, Some("1-1".into()))).unwrap())
    };
    let ((least_record, least_event), (most_record, most_event)) = (json(&least), json(&most));
    for (heading, least, most) in
        [("## TenantSecurityApiAnomaly", least_record, most_record), ("## ApiAnomalyEvent", least_event, most_event)]
    {
        for row in rows(heading) {
            let field = row[0].trim_matches('`');
            assert_eq!(most[field].is_null(), row[4] == "always", "{heading}: {field}");
            assert!(!least[field].is_null() || row[4] != "never", "{heading}: {field}");
        }
    }
}

#[test]
fn every_detector_has_its_name() {
    let names = rows("## Names");
    for row in &names {
        let detector = row[0].trim_matches('`');
        let name = EventName::of(detector, None).unwrap();
        let is_by_surface = EventName::of(detector, Some(Surface::File)) != Some(name);
        assert_eq!(row[1], if is_by_surface { "by surface" } else { name.as_str() }, "{detector}");
        assert_eq!(row[2], MetricsType::of(detector).as_str(), "{detector}");
    }
    let written: BTreeSet<&str> = names.iter().map(|row| row[0].trim_matches('`')).collect();
    let detectors = detect::DETECTORS.iter().map(|detector| detector.name()).chain(["blind_source"]);
    assert_eq!(written, detectors.collect());
}

/// Collects the paths of all values, without the positions in lists.
fn paths(value: &Value, path: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                // What is in these has keys of its own, as in SecurityEventData and the receipt.
                if name == "features" || name == "receipt" {
                    found.insert(path);
                } else {
                    paths(value, &path, found);
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| paths(item, path, found)),
        _ => {
            found.insert(path.to_owned());
        }
    }
}

fn check_mapping(heading: &str, form: impl Fn(&Facts<'_>) -> BTreeSet<String>) {
    let evidence = evidence();
    let mut written: BTreeSet<String> = BTreeSet::new();
    for row in rows(heading) {
        written.extend(coded(row[0]).map(str::to_owned));
    }
    let named = |finding| Finding { resource_id: Some("00Ohn000000AAAA".into()), ..finding };
    let incident = Incident { findings: rich().findings.into_iter().map(named).collect(), ..rich() };
    let mut used = form(&Facts::of(subject(&incident, &evidence)).unwrap());
    let over_ipv6 = evidence.iter().cloned().map(|one| Evidence { address: Some("2001:db8::9".into()), ..one });
    let over_ipv6: Vec<Evidence> = over_ipv6.collect();
    used.extend(form(&Facts::of(subject(&incident, &over_ipv6)).unwrap()));
    assert_eq!(written, used, "{heading}");
}

#[test]
fn every_mapping_is_described() {
    let paths_of = |value: Value| {
        let mut found = BTreeSet::new();
        paths(&value, "", &mut found);
        found
    };
    check_mapping("## OCSF", |facts| paths_of(ocsf::detection_finding(facts)));
    check_mapping("## ECS", |facts| paths_of(ecs::alert(facts)));
    check_mapping("## CEF", |facts| {
        let line = cef::line(facts);
        let words = line.rsplit_once('|').map_or("", |(_, extension)| extension).split(' ');
        words
            .filter_map(|word| word.split_once('=').filter(|(key, _)| !key.ends_with('\\')))
            .map(|(key, _)| key.to_owned())
            .collect()
    });
}
