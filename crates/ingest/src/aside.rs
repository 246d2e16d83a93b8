//! Records that a source could not read.

use bytes::Bytes;
use model::{OrgId, id};

/// A record that a source could not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    /// The org from which it was read.
    pub org: OrgId,
    /// Such as `stream/LoginEventStream`, `stored/LoginEvent`, `log_files/Login`.
    pub source: String,
    /// Where in the source it is, such as `replay_id=00000000000003e9`; empty if the source has no positions.
    pub position: String,
    /// Why it could not be read.
    pub reason: String,
    /// Its bytes as received; of rows of log files and log objects only the start.
    pub record: Bytes,
}

impl Unread {
    /// Returns the org, the source and the position as one text.
    pub(crate) fn origin(&self) -> String {
        format!("{}/{} {}", self.org, self.source, self.position).trim_end().to_owned()
    }

    /// Returns a hash of the position and the bytes: rows without a position differ by their bytes alone.
    pub(crate) fn identity(&self) -> u64 {
        id::hash(&[self.position.as_bytes(), &self.record].concat())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::ORG;

    #[test]
    fn records_differ_by_position_or_bytes() {
        let (source, reason) = ("log_objects/RestApiEventLog".to_owned(), "no time".to_owned());
        let record = Bytes::from_static(b"{}");
        let row = Unread { org: OrgId::new(ORG), source, position: String::new(), reason, record };
        assert_eq!(row.origin(), format!("{ORG}/log_objects/RestApiEventLog"));
        let other_row = Unread { record: Bytes::from_static(b"{ }"), ..row.clone() };
        let other_line = Unread { position: "line 2".to_owned(), ..row.clone() };
        assert_ne!(row.identity(), other_row.identity());
        assert_ne!(row.identity(), other_line.identity());
        assert_eq!(row.identity(), row.clone().identity());
    }
}
