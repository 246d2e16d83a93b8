//! What the fields of a form ask the API to decide.

use crate::pages::Fields;
use crate::problem::Problem;
use model::time::{DAY, HOUR};
use runtime::clock::now;
use serde_json::{Value, json};

/// How long an incident may be snoozed: the value of the field, and its name.
pub(super) const SNOOZES: [(&str, &str); 4] =
    [("4", "4 hours"), ("24", "a day"), ("72", "three days"), ("168", "a week")];

/// Returns the decision that fields ask for, as the API takes it.
///
/// # Errors
/// If a field is missing.
pub(super) fn asked(fields: &Fields, reason: &str) -> Result<Value, Problem> {
    let kind = fields.get("kind").unwrap_or("disposition");
    let needed = |key: &str| fields.get(key).ok_or_else(|| Problem::Invalid(format!("{key}: is missing")));
    let optional = |key: &str| fields.get(key).map(str::to_owned);
    let incident_ids: Vec<&str> = fields.all("incident").collect();
    let on_incidents = || match incident_ids.is_empty() {
        true => Err(Problem::Invalid("choose at least one incident".to_owned())),
        false => Ok(json!({ "kind": kind, "incident_ids": incident_ids })),
    };
    let ruling = match kind {
        "acknowledged" | "comment" | "reopened" => on_incidents()?,
        "snoozed" => with(on_incidents()?, json!({ "until": snoozed_until(fields)? })),
        "disposition" => {
            let effects = json!({
                "disposition": needed("disposition")?,
                "teach": fields.has("teach"),
                "precision": fields.has("precision"),
                "suppress": fields.has("suppress"),
            });
            with(on_incidents()?, effects)
        }
        "suppression" => json!({
            "kind": kind,
            "org_id": needed("org")?,
            "user_id": optional("user"),
            "scope": scope(fields),
            "until": until(fields)?,
        }),
        "watch" => json!({
            "kind": kind,
            "org_id": needed("org")?,
            "user_id": needed("user")?,
            "cause": needed("cause")?,
            "factor": needed("factor")?.parse::<f64>().map_err(|_| Problem::Invalid("factor: not a number".into()))?,
        }),
        "class" => json!({
            "kind": kind, "org_id": needed("org")?, "user_id": needed("user")?, "class": needed("class")?,
        }),
        "sensitivity" => json!({
            "kind": kind,
            "org_id": needed("org")?,
            "object": needed("object")?,
            "factor": needed("factor")?.parse::<f64>().map_err(|_| Problem::Invalid("factor: not a number".into()))?,
        }),
        "settings" => json!({ "kind": kind, "org_id": needed("org")?, "toml": needed("toml")? }),
        "ended" | "undone" => json!({ "kind": kind, "decision_id": needed("decision")? }),
        other => return Err(Problem::Invalid(format!("kind: {other:?} cannot be decided here"))),
    };
    Ok(json!({ "reason": reason, "ruling": ruling }))
}

/// Returns what a decision is called on its page.
pub(super) fn title(fields: &Fields) -> String {
    let kind = fields.get("kind").unwrap_or("disposition");
    match (kind, fields.get("disposition")) {
        ("disposition", Some(disposition)) => format!("Call it {}", disposition.replace('_', " ")),
        ("snoozed", _) => "Snooze".to_owned(),
        ("suppression", _) => "Suppress".to_owned(),
        ("comment", _) => "Comment".to_owned(),
        ("acknowledged", _) => "Acknowledge".to_owned(),
        ("reopened", _) => "Reopen".to_owned(),
        ("settings", _) => "Change the settings".to_owned(),
        ("ended", _) => "End a decision".to_owned(),
        ("undone", _) => "Take a decision back".to_owned(),
        (kind, _) => format!("Decide: {}", kind.replace('_', " ")),
    }
}

/// Returns the reason of decisions that need none of a person's words.
pub(super) fn usual_reason(fields: &Fields) -> &'static str {
    match fields.get("kind") {
        Some("acknowledged") => "Works on it.",
        Some("snoozed") => "Not now.",
        // The API says that there has to be one.
        _ => "",
    }
}

/// Returns what an incident would do, in words.
pub(super) fn becomes(word: &str) -> &str {
    match word {
        "vanishes" => "vanish",
        "closes" => "close",
        "falls" => "fall",
        "merges" => "merge into another one",
        "stays" => "stay",
        "rises" => "rise",
        "reopens" => "reopen",
        "appears" => "appear",
        other => other,
    }
}

fn with(mut ruling: Value, more: Value) -> Value {
    if let (Some(ruling), Value::Object(more)) = (ruling.as_object_mut(), more) {
        ruling.extend(more);
    }
    ruling
}

/// Returns the end of a snooze, by the wall clock.
fn snoozed_until(fields: &Fields) -> Result<String, Problem> {
    let hours: i64 = match fields.get("hours").unwrap_or("24").parse() {
        Ok(hours @ 1..=8_760) => hours,
        _ => return Err(Problem::Invalid("hours: 1 to 8,760".to_owned())),
    };
    Ok(now().plus(hours * HOUR).to_string())
}

/// Returns the end of a suppression, in event time; `None`: as the API has it.
fn until(fields: &Fields) -> Result<Option<String>, Problem> {
    let Some(days) = fields.get("days") else { return Ok(None) };
    match (days.parse(), fields.get("clock").map(model::Timestamp::parse)) {
        (Ok(days @ 1..=3_650_i64), Some(Some(clock))) => Ok(Some(clock.plus(days * DAY).to_string())),
        (Ok(1..=3_650), None) => Ok(None),
        _ => Err(Problem::Invalid("days: 1 to 3,650".to_owned())),
    }
}

/// Returns the findings that a suppression is about.
fn scope(fields: &Fields) -> Value {
    let mut scope = serde_json::Map::new();
    for (field, key) in [
        ("detector", "detectors"),
        ("object", "objects"),
        ("resource", "resources"),
        ("network", "networks"),
        ("client", "clients"),
        ("app", "apps"),
        ("class", "classes"),
    ] {
        let values: Vec<&str> = fields.all(field).flat_map(|text| text.split(',')).map(str::trim).collect();
        let values: Vec<&str> = values.into_iter().filter(|value| !value.is_empty()).collect();
        if !values.is_empty() {
            scope.insert(key.to_owned(), json!(values));
        }
    }
    if let Some(hours) = fields.get("scope_hours") {
        scope.insert("hours".to_owned(), json!(hours));
    }
    Value::Object(scope)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::AskedDecision;

    fn check(form: &str, expect: &str) {
        let found = asked(&Fields::of(form), "why").map_err(|problem| problem.in_words().2);
        let found = found.map_or_else(|detail| detail, |value| value["ruling"].to_string());
        assert_eq!(found, expect, "{form}");
        if found.starts_with('{') {
            let value = asked(&Fields::of(form), "why").unwrap();
            serde_json::from_value::<AskedDecision>(value).unwrap();
        }
    }

    #[test]
    fn forms_become_decisions_of_the_api() {
        let id = "3b5d0f2e-6a48-4c8e-9d0e-0f0d6b3c1a11";
        check(
            &format!("incident={id}&disposition=benign&teach=on"),
            &format!(
                r#"{{"disposition":"benign","incident_ids":["{id}"],"kind":"disposition","precision":false,"suppress":false,"teach":true}}"#
            ),
        );
        check("disposition=benign", "choose at least one incident");
        check(&format!("incident={id}"), "disposition: is missing");
        check(
            "kind=suppression&org=00D1&detector=row_spike,off_hours&network=192.0.2.0/24&days=7&clock=2026-03-01T00:00:00Z",
            r#"{"kind":"suppression","org_id":"00D1","scope":{"detectors":["row_spike","off_hours"],"networks":["192.0.2.0/24"]},"until":"2026-03-08T00:00:00.000Z","user_id":null}"#,
        );
        check("kind=suppression&org=00D1&days=0", "days: 1 to 3,650");
        check("kind=joined", "kind: \"joined\" cannot be decided here");
        check("kind=watch&org=00D1&user=005A&cause=leaver&factor=x", "factor: not a number");
    }
}
