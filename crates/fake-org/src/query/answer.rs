//! Results of queries, serialized page by page.

use super::rows::Row;
use super::{Field, Object, Org};
use serde_json::{Map, Value};

/// The result of a query.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// The rows; `None` for `COUNT()`.
    content: Option<Content>,
    pub(crate) total: usize,
}

#[derive(Clone, Debug)]
struct Content {
    object: Object,
    columns: Vec<Field>,
    rows: Vec<Row>,
}

impl Answer {
    pub(super) fn new(object: Object, columns: Vec<Field>, rows: Vec<Row>) -> Self {
        Self { total: rows.len(), content: Some(Content { object, columns, rows }) }
    }

    pub(super) fn count(total: usize) -> Self {
        Self { total, content: None }
    }

    pub(crate) fn object(&self) -> Option<&Object> {
        self.content.as_ref().map(|content| &content.object)
    }

    /// Keeps at most `most` rows.
    pub(crate) fn truncate(&mut self, most: usize) {
        if let Some(content) = &mut self.content {
            content.rows.truncate(most);
            self.total = content.rows.len();
        }
    }

    /// Serializes the page of at most `size` rows from row `first` on. `next` is the path of the next page.
    pub(crate) fn page(&self, org: &Org, version: &str, first: usize, size: usize, next: Option<&str>) -> String {
        let mut out = format!("{{\"totalSize\":{},\"done\":{}", self.total, next.is_none());
        if let Some(next) = next {
            out.push_str(&member("nextRecordsUrl", Some(&next.into())));
        }
        out.push_str(",\"records\":[");
        if let Some(content) = &self.content {
            for (number, row) in content.rows.iter().skip(first).take(size).enumerate() {
                if number > 0 {
                    out.push(',');
                }
                content.push_record(org, version, row, &mut out);
            }
        }
        out.push_str("]}");
        out
    }
}

impl Content {
    fn push_record(&self, org: &Org, version: &str, row: &Row, out: &mut String) {
        let fields = row.fields(org, &self.object);
        let id = fields.get("Id").and_then(Value::as_str).unwrap_or_default();
        out.push_str(&attributes(version, &self.object.name, id));
        let mut parents = Vec::new();
        for column in &self.columns {
            match column.name.split_once('.') {
                None => out.push_str(&member(&column.name, fields.get(&column.name))),
                Some((parent, _)) if parents.contains(&parent) => {}
                Some((parent, _)) => {
                    parents.push(parent);
                    out.push_str(&format!(",\"{parent}\":{}", self.parent_record(version, parent, &fields)));
                }
            }
        }
        out.push('}');
    }

    /// Serializes the fields of a row's parent, such as `Profile.Name`; `null` if it has no parent.
    fn parent_record(&self, version: &str, parent: &str, fields: &Map<String, Value>) -> String {
        let Some(id) = fields.get(&format!("{parent}Id")).and_then(Value::as_str) else { return "null".to_owned() };
        let object = if parent == "Assignee" { "User" } else { parent };
        let mut out = attributes(version, object, id);
        for column in &self.columns {
            if let Some((of, name)) = column.name.split_once('.')
                && of == parent
            {
                out.push_str(&member(name, fields.get(&column.name)));
            }
        }
        out.push('}');
        out
    }
}

/// Serializes the start of a record, up to its attributes.
fn attributes(version: &str, object: &str, id: &str) -> String {
    format!("{{\"attributes\":{{\"type\":\"{object}\",\"url\":\"/services/data/{version}/sobjects/{object}/{id}\"}}")
}

fn member(name: &str, value: Option<&Value>) -> String {
    format!(",\"{name}\":{}", value.unwrap_or(&Value::Null))
}
