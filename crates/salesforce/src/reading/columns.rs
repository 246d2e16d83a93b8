//! Columns of log files that come and go with Salesforce's releases.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The columns of the latest file of each type.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Columns {
    types: BTreeMap<String, Latest>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Latest {
    columns: BTreeSet<String>,
    /// Number of the day on which a change was last reported. The stored JSON keeps its first name.
    #[serde(rename = "told")]
    reported: Option<i64>,
}

/// How the columns of a file differ from those of the file before.
#[derive(Debug, PartialEq, Eq)]
pub enum Change {
    /// Not at all.
    None,
    /// They are to be stored, and not reported: it is the first file of its type, or a change of the type was reported
    /// on this day already.
    Unreported,
    /// They are to be stored and reported.
    Report {
        /// Columns that the file before did not have.
        new: Vec<String>,
        /// Columns that this file does not have.
        gone: Vec<String>,
    },
}

impl Columns {
    /// Takes in the columns, separated by commas, of a file that is read on a day. A change is reported once per day
    /// and type.
    pub fn see(&mut self, event_type: &str, columns: &str, day: i64) -> Change {
        let columns: BTreeSet<String> = columns.split(',').map(|name| name.trim().to_owned()).collect();
        let Some(latest) = self.types.get_mut(event_type) else {
            self.types.insert(event_type.to_owned(), Latest { columns, reported: None });
            return Change::Unreported;
        };
        if latest.columns == columns {
            return Change::None;
        }
        let earlier = std::mem::replace(&mut latest.columns, columns);
        if latest.reported.replace(day) == Some(day) {
            return Change::Unreported;
        }
        let new = latest.columns.difference(&earlier).cloned().collect();
        Change::Report { new, gone: earlier.difference(&latest.columns).cloned().collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_reported_once_a_day() {
        let mut columns = Columns::default();
        assert_eq!(columns.see("Login", "EVENT_TYPE,USER_ID", 1), Change::Unreported);
        assert_eq!(columns.see("Login", "USER_ID,EVENT_TYPE", 1), Change::None);
        assert_eq!(columns.see("URI", "EVENT_TYPE", 1), Change::Unreported);
        let change = Change::Report { new: vec!["SECURE".to_owned()], gone: vec!["USER_ID".to_owned()] };
        assert_eq!(columns.see("Login", "EVENT_TYPE,SECURE", 1), change);
        assert_eq!(columns.see("Login", "EVENT_TYPE,USER_ID", 1), Change::Unreported);
        let again = Change::Report { new: vec!["SECURE".to_owned()], gone: Vec::new() };
        assert_eq!(columns.see("Login", "EVENT_TYPE,USER_ID,SECURE", 2), again);
    }

    #[test]
    fn the_stored_json_is_stable() {
        let stored = serde_json::json!({ "Login": { "columns": ["EVENT_TYPE"], "told": 7 } });
        let columns: Columns = serde_json::from_value(stored.clone()).unwrap();
        assert_eq!(serde_json::to_value(&columns).unwrap(), stored);
    }
}
