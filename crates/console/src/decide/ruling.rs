//! Rulings in words.

use model::Ruling;
use model::decision::{Allowlist, Disposed, Scope};
use serde::Serialize;
use serde_json::Value;

/// Returns what was decided, as part of a sentence.
pub fn describe(ruling: &Ruling) -> String {
    match ruling {
        Ruling::Disposition(Disposed { incident_id, disposition, .. }) => {
            format!("incident {incident_id} was {}", disposition.as_str().replace('_', " "))
        }
        Ruling::Suppression { scope, .. } => format!("hide {}", scoped(scope)),
        Ruling::Allowlist { allowlist: expected } => format!("expect {}", allowlist(expected)),
        Ruling::Watch { cause, factor } => format!("watch ({cause}), odds × {factor}"),
        Ruling::Sensitivity { object, factor } => format!("sensitivity of {object}: odds × {factor}"),
        Ruling::Joined => "findings of this time belong together".to_owned(),
        Ruling::Class { class } => format!("class {class}"),
        Ruling::Settings { hash, .. } => format!("settings {hash}"),
        Ruling::Ended { decision_id } => format!("end of decision {decision_id}"),
        Ruling::Undone { decision_id } => format!("decision {decision_id} undone"),
        Ruling::Acknowledged { incident_id } => format!("at work on incident {incident_id}"),
        Ruling::Comment { incident_id } => format!("remark on incident {incident_id}"),
        Ruling::Snoozed { incident_id, until } => format!("nothing of incident {incident_id} until {until}"),
    }
}

/// Returns what an allowlist names.
fn allowlist(allowlist: &Allowlist) -> String {
    keys(allowlist).unwrap_or_else(|| "nothing in particular".to_owned())
}

fn scoped(scope: &Scope) -> String {
    keys(scope).map_or_else(|| "all findings".to_owned(), |keys| format!("findings with {keys}"))
}

/// Returns the keys that are given, with their values; `None` if none is.
fn keys(value: &impl Serialize) -> Option<String> {
    let Ok(Value::Object(keys)) = serde_json::to_value(value) else { return None };
    let texts: Vec<String> =
        keys.iter().map(|(key, value)| format!("{} {}", key.replace('_', " "), values(value))).collect();
    (!texts.is_empty()).then(|| texts.join(", "))
}

fn values(value: &Value) -> String {
    match value {
        Value::Array(values) => values.iter().map(self::values).collect::<Vec<_>>().join(" or "),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ruling_reads_as_a_sentence() {
        let check = |json: &str, expect: &str| {
            let ruling: Ruling = serde_json::from_str(json).unwrap();
            assert_eq!(describe(&ruling), expect);
        };
        check(r#"{"kind":"suppression","scope":{}}"#, "hide all findings");
        check(
            r#"{"kind":"suppression","scope":{"detectors":["row_spike","new_access"],"hours":"22-5"}}"#,
            "hide findings with detectors new_access or row_spike, hours 22-5",
        );
        check(
            r#"{"kind":"allowlist","allowlist":{"networks":["203.0.113.0/24"],"most_rows":500}}"#,
            "expect most rows 500, networks 203.0.113.0/24",
        );
        check(r#"{"kind":"watch","cause":"departing","factor":3.0}"#, "watch (departing), odds × 3");
        check(r#"{"kind":"class","class":"integration"}"#, "class integration");
        check(
            r#"{"kind":"disposition","incident_id":"00000000-0000-0000-0000-000000000001","disposition":"false_positive",
                "teaches":true,"user_class":"normal","severity":"high"}"#,
            "incident 00000000-0000-0000-0000-000000000001 was false positive",
        );
    }
}
