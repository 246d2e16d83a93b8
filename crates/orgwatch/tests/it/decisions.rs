//! Decisions of people in a backtest, and what a simulated analyst changes.

use crate::support::{ORG, ORG_FOLDER, events, fail, file, json, succeed, text};
use serde_json::{Value, json as value};
use std::path::Path;

fn backtest(decisions: &[Value]) -> Vec<Value> {
    let lines: Vec<String> = decisions.iter().map(ToString::to_string).collect();
    let (_folder, path) = file("decisions.ndjson", &lines.join("\n"));
    let run = ["backtest", "--json", "--org", ORG, "--decisions", &text(&path), &events()];
    json(&succeed(&run)).get("incidents").and_then(Value::as_array).unwrap().clone()
}

/// A decision from the start of the year on.
fn decision(number: u32, user: Option<&Value>, ruling: Value) -> Value {
    value!({
        "decision_id": format!("00000000-0000-0000-0000-{number:012}"),
        "org_id": ORG,
        "user_id": user,
        "ruling": ruling,
        "from": "2026-01-01T00:00:00Z",
        "decided_by": "ana",
        "reason": "a test",
        "decided_at": format!("2026-03-01T00:00:{number:02}Z"),
    })
}

fn of_user<'a>(incidents: &'a [Value], user: &Value) -> Vec<&'a Value> {
    incidents.iter().filter(|incident| incident["user_id"] == *user).collect()
}

#[test]
fn decisions_say_how_incidents_stand() {
    let before = backtest(&[]);
    let (first, second) = (&before[0], before.iter().find(|other| other["user_id"] != before[0]["user_id"]).unwrap());
    let (hidden, watched) = (&first["user_id"], &second["user_id"]);
    let suppression = decision(1, Some(hidden), value!({"kind": "suppression", "scope": {}}));
    let watch = decision(2, Some(watched), value!({"kind": "watch", "cause": "departing", "factor": 3.0}));
    let disposed = value!({
        "kind": "disposition", "incident_id": second["incident_id"], "disposition": "malicious", "teaches": true,
        "credits": {}, "user_class": second["user_class"], "severity": "critical",
    });
    let after = backtest(&[suppression.clone(), watch, decision(3, Some(watched), disposed)]);
    assert!(of_user(&after, hidden).is_empty());
    let same = of_user(&after, watched);
    assert_eq!(same.len(), of_user(&before, watched).len());
    for (was, is) in of_user(&before, watched).into_iter().zip(&same) {
        assert!(is["risk_score"].as_f64() > was["risk_score"].as_f64());
        assert_eq!((&is["disposition"], &was["disposition"]), (&value!("malicious"), &Value::Null));
    }
    let undone = decision(4, Some(hidden), value!({"kind": "undone", "decision_id": suppression["decision_id"]}));
    assert_eq!(backtest(&[suppression, undone]), before);
}

#[test]
fn what_is_not_a_decision_is_named_by_its_line() {
    let good = decision(1, None, value!({"kind": "joined"}));
    for bad in [r#"{"kind":"joined"}"#, "{", &good.to_string().replace("joined", "forgiven")] {
        let (_folder, path) = file("decisions.ndjson", &format!("{good}\n\n{bad}\n"));
        let (code, error) = fail(&["backtest", "--decisions", &text(&path), "--org", ORG, &events()]);
        assert!(code == Some(1) && error.contains("line 3: not a decision"), "{error}");
    }
    let (code, error) = fail(&["backtest", "--decisions", "nowhere.ndjson", "--org", ORG, &events()]);
    assert!(code == Some(1) && error.contains("nowhere.ndjson: cannot be read"), "{error}");
}

#[test]
fn an_analyst_answers_week_by_week() {
    let labels = text(&Path::new(ORG_FOLDER.path()).join("labels.json"));
    let run = ["evaluate", "--json", "--labels", &labels, "--org", ORG, "--analyst", "0", &events()];
    let weeks = json(&succeed(&run))["weeks"].clone();
    let (alone, helped) = (weeks["alone"].as_array().unwrap(), weeks["with_analyst"].as_array().unwrap());
    assert!(alone.len() > 1 && alone.len() == helped.len());
    let sum = |weeks: &[Value], what: &str| weeks.iter().map(|week| week[what].as_u64().unwrap()).sum::<u64>();
    assert!(sum(alone, "attacks") > 0 && sum(alone, "attacks") == sum(helped, "attacks"));
    let (code, error) = fail(&["evaluate", "--labels", &labels, "--analyst", "2", &events()]);
    assert!(code == Some(2) && error.contains("must be from 0 to 1"), "{error}");
}
