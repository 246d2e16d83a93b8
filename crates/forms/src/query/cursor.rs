//! Cursors: where the next answer starts.

use super::{Direction, QueryError, Sort, Value};
use crate::TenantSecurityApiAnomaly;
use crate::tenant::Field;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

/// The values that the last record of an answer has in the fields that sort it. The next answer starts after them, wherever
/// records were added or removed meanwhile.
#[derive(Clone, Debug, PartialEq)]
pub struct Cursor {
    /// A value for each field of the sort, in its order; `None` for null.
    pub after: Vec<Option<Value>>,
}

impl Cursor {
    /// Returns the text for the parameter `cursor`, after this record.
    pub fn encode(record: &TenantSecurityApiAnomaly, sort: &[Sort<Field>]) -> String {
        let after: Vec<_> = sort.iter().map(|sort| record.value(sort.key).map(|value| value.to_string())).collect();
        URL_SAFE_NO_PAD.encode(json!([names(sort), after]).to_string())
    }

    /// Decodes a text that an answer with the same sort gave.
    pub(super) fn decode(text: &str, sort: &[Sort<Field>]) -> Result<Self, QueryError> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| QueryError::Cursor)?;
        let (sorted, after): (Vec<String>, Vec<Option<String>>) =
            serde_json::from_slice(&bytes).map_err(|_| QueryError::Cursor)?;
        if sorted != names(sort) || after.len() != sort.len() {
            return Err(QueryError::Cursor);
        }
        let values = sort.iter().zip(after);
        let values = values.map(|(sort, text)| text.map(|text| Value::parse(sort.key, &text)).transpose());
        let after = values.collect::<Result<_, _>>().map_err(|_| QueryError::Cursor)?;
        Ok(Self { after })
    }
}

fn names(sort: &[Sort<Field>]) -> Vec<String> {
    let name = |sort: &Sort<Field>| match sort.direction {
        Direction::Ascending => sort.key.description().name.to_owned(),
        Direction::Descending => format!("-{}", sort.key.description().name),
    };
    sort.iter().map(name).collect()
}

impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Time(time) => time.fmt(f),
            // The shortest text that parses to the same number.
            Self::Number(number) => number.fmt(f),
            Self::Metrics(metrics) => metrics.fmt(f),
        }
    }
}
