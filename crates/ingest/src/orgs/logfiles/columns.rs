//! Columns that come and go with Salesforce's releases.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The columns that the latest file of each type had.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Columns {
    types: BTreeMap<String, Seen>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Seen {
    columns: BTreeSet<String>,
    /// Number of the day on which a change was told last.
    told: Option<i64>,
}

/// How the columns of a file differ from those of the file before.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Change {
    None,
    /// Of the first file of a type, or told today already.
    Untold,
    ToTell {
        new: Vec<String>,
        gone: Vec<String>,
    },
}

impl Columns {
    /// Takes in the columns, with commas between, of a file that is read on a `day`. A change is told once a day and
    /// type.
    pub(super) fn see(&mut self, event_type: &str, columns: &str, day: i64) -> Change {
        let columns: BTreeSet<String> = columns.split(',').map(|name| name.trim().to_owned()).collect();
        let Some(seen) = self.types.get_mut(event_type) else {
            self.types.insert(event_type.to_owned(), Seen { columns, told: None });
            return Change::Untold;
        };
        if seen.columns == columns {
            return Change::None;
        }
        let earlier = std::mem::replace(&mut seen.columns, columns);
        if seen.told.replace(day) == Some(day) {
            return Change::Untold;
        }
        let new = seen.columns.difference(&earlier).cloned().collect();
        Change::ToTell { new, gone: earlier.difference(&seen.columns).cloned().collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_told_once_a_day() {
        let mut columns = Columns::default();
        assert_eq!(columns.see("Login", "EVENT_TYPE,USER_ID", 1), Change::Untold);
        assert_eq!(columns.see("Login", "USER_ID,EVENT_TYPE", 1), Change::None);
        assert_eq!(columns.see("URI", "EVENT_TYPE", 1), Change::Untold);
        let change = Change::ToTell { new: vec!["SECURE".to_owned()], gone: vec!["USER_ID".to_owned()] };
        assert_eq!(columns.see("Login", "EVENT_TYPE,SECURE", 1), change);
        assert_eq!(columns.see("Login", "EVENT_TYPE,USER_ID", 1), Change::Untold);
        let again = Change::ToTell { new: vec!["SECURE".to_owned()], gone: Vec::new() };
        assert_eq!(columns.see("Login", "EVENT_TYPE,USER_ID,SECURE", 2), again);
    }
}
