//! Settings as tables of keys: one file over another, and what differs between two.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use toml::{Table, Value};

/// A changed key. It is displayed as `key: old → new`.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Change {
    /// The key with its sections, such as `detect.raise_at`.
    pub key: String,
    /// The old value as TOML; `None` if the key was not set.
    pub old: Option<String>,
    /// The new value as TOML; `None` if the key is no longer set.
    pub new: Option<String>,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "unset".to_owned());
        write!(f, "{}: {} → {}", self.key, shown(&self.old), shown(&self.new))
    }
}

/// Returns the keys that differ, in order.
pub(crate) fn between(old: &Table, new: &Table) -> Vec<Change> {
    let (mut olds, mut news) = (BTreeMap::new(), BTreeMap::new());
    flatten("", old, &mut olds);
    flatten("", new, &mut news);
    let keys: BTreeSet<&String> = olds.keys().chain(news.keys()).collect();
    let change = |key: &String| Change { key: key.clone(), old: olds.get(key).cloned(), new: news.get(key).cloned() };
    keys.into_iter().map(change).filter(|change| change.old != change.new).collect()
}

/// Whether no key has a value.
pub(crate) fn is_empty(table: &Table) -> bool {
    table.values().all(|value| value.as_table().is_some_and(is_empty))
}

/// Sets the keys of `over` in `table`; tables are joined, other values replaced.
pub(crate) fn put(table: &mut Table, over: Table) {
    for (key, value) in over {
        match (table.get_mut(&key), value) {
            (Some(Value::Table(below)), Value::Table(over)) => put(below, over),
            (_, value) => {
                table.insert(key, value);
            }
        }
    }
}

fn flatten(prefix: &str, table: &Table, into: &mut BTreeMap<String, String>) {
    for (key, value) in table {
        let key = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        match value {
            Value::Table(below) => flatten(&key, below, into),
            value => drop(into.insert(key, value.to_string())),
        }
    }
}
