//! The audit trail: who did what, the latest first.

use super::shell::{Section, Shell};
use super::{Asker, Page, filters, links, render};
use crate::body::Action;
use crate::routes::operations;
use askama::Template;
use serde_json::Value;

#[derive(Template)]
#[template(path = "audit.html", whitespace = "minimize")]
struct Audit {
    shell: Shell,
    entries: Vec<Entry>,
    /// Whether the page is not the first one.
    is_later: bool,
    next: Option<String>,
}

/// An action with its details.
struct Entry {
    action: Action,
    detail: Vec<(String, String)>,
}

/// Serves the page.
pub(super) async fn page(asker: Asker) -> Page {
    let asked = asker.query.only(&["cursor", "limit"]);
    let page = operations::audit(asker.visitor().await?, Ok(asked.query()?)).await?.0;
    let entry = |action: Action| Entry { detail: pairs(&action.detail), action };
    render(&Audit {
        shell: Shell::of(&asker, Section::Audit),
        is_later: asked.get("cursor").is_some(),
        next: page.next_cursor.map(|cursor| links::with("/audit", "cursor", &cursor)),
        entries: page.items.into_iter().map(entry).collect(),
    })
}

/// Returns the keys of details with their values as text.
fn pairs(detail: &Value) -> Vec<(String, String)> {
    match detail {
        Value::Object(keys) => keys.iter().map(|(key, value)| (key.replace('_', " "), text(value))).collect(),
        Value::Null => Vec::new(),
        other => vec![("detail".to_owned(), text(other))],
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "–".to_owned(),
        Value::Array(values) => values.iter().map(text).collect::<Vec<_>>().join(", "),
        Value::Object(keys) => {
            keys.iter().map(|(key, value)| format!("{key}: {}", text(value))).collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn details_are_read_as_text() {
        let check = |detail: Value, expect: &[(&str, &str)]| {
            let expect: Vec<(String, String)> =
                expect.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
            assert_eq!(pairs(&detail), expect, "{detail}");
        };
        check(json!({}), &[]);
        check(json!(null), &[]);
        check(json!(["a", 1]), &[("detail", "a, 1")]);
        check(
            json!({ "session_id": "7", "roles": { "*": "viewer" }, "days": 30 }),
            &[("days", "30"), ("roles", "*: viewer"), ("session id", "7")],
        );
    }
}
