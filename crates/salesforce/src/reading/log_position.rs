//! How far the list of log files has been read.

use super::log_file::LogFile;
use model::Timestamp;
use model::time::DAY;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Files that were created before `cursor` are done: they were read, or are not wanted. `read` has the later ones that
/// were read.
///
/// The cursor is a time of creation, because a late file covers an earlier hour than files that were read long ago.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogPosition {
    /// The first cursor of the org.
    pub began: Timestamp,
    /// The cursor.
    pub cursor: Timestamp,
    read: BTreeSet<Issue>,
}

/// One issue of a file. Issued again, it has another date of creation or length, and often the same id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Issue {
    // The first field, so that issues are in order of creation.
    /// When it was created.
    pub created: Timestamp,
    /// The record id of the file.
    pub id: String,
    /// Bytes; 0 if not known.
    pub length: u64,
}

/// How far the cursor stays behind the latest file, in milliseconds.
///
/// A file becomes visible when its transaction commits, which may be after later files were listed. A choice: a day is
/// far more than a transaction takes, and costs little to keep, one issue per hour and type.
const OVERLAP: i64 = DAY;

impl LogPosition {
    /// Returns the position before any file was read; reading begins with files created at `cursor`.
    pub fn new(cursor: Timestamp) -> Self {
        Self { began: cursor, cursor, read: BTreeSet::new() }
    }

    /// Returns the wanted files that are not read yet, in reading order, from all files created since the cursor. Moves
    /// the cursor forward, but not past any of these files.
    pub fn pending(&mut self, listed: Vec<LogFile>, is_wanted: impl Fn(&LogFile) -> bool) -> Vec<LogFile> {
        let Some(latest) = listed.iter().map(|file| file.created).max() else { return Vec::new() };
        let is_pending = |file: &LogFile| is_wanted(file) && !self.read.contains(&file.issue());
        let mut pending: Vec<LogFile> = listed.into_iter().filter(is_pending).collect();
        pending.sort_by_key(|file| (file.log_date, file.issue()));
        let first = pending.iter().map(|file| file.created).min();
        let cursor = latest.plus(-OVERLAP).min(first.unwrap_or(latest));
        self.cursor = self.cursor.max(cursor);
        self.read.retain(|issue| issue.created >= self.cursor);
        pending
    }

    /// Records that all rows of a file are acknowledged.
    pub fn done(&mut self, issue: Issue) {
        self.read.insert(issue);
    }
}

#[cfg(test)]
mod tests {
    use super::super::log_file::tests::{at, file};
    use super::*;
    use model::time::{HOUR, MINUTE};
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn ids(files: &[LogFile]) -> Vec<&str> {
        files.iter().map(|file| file.id.as_str()).collect()
    }

    #[test]
    fn r2_cursor_is_created_date() {
        let mut position = LogPosition::new(at("2026-03-01"));
        let today = file("today", "Login", "2026-03-04T10:00:00Z", "2026-03-04T13:00:00Z");
        assert_eq!(ids(&position.pending(vec![today.clone()], |_| true)), ["today"]);
        position.done(today.issue());
        // Covers an hour of three days ago, and was created only now.
        let late = file("late", "Login", "2026-03-01T09:00:00Z", "2026-03-04T14:00:00Z");
        assert_eq!(ids(&position.pending(vec![today.clone(), late.clone()], |_| true)), ["late"]);
        position.done(late.issue());
        assert_eq!(position.cursor, at("2026-03-03T14:00:00Z"));
        assert!(position.pending(vec![today, late], |_| true).is_empty());
    }

    #[test]
    fn an_unread_file_holds_the_cursor_and_an_unwanted_one_does_not() {
        let mut position = LogPosition::new(at("2026-03-01"));
        let old = file("old", "Login", "2026-03-01T10:00:00Z", "2026-03-01T13:00:00Z");
        let new = file("new", "URI", "2026-03-04T10:00:00Z", "2026-03-04T13:00:00Z");
        let listed = vec![new.clone(), old.clone()];
        assert_eq!(ids(&position.pending(listed.clone(), |_| true)), ["old", "new"]);
        assert_eq!(position.cursor, old.created);
        assert_eq!(ids(&position.pending(listed, |file| file.event_type == "URI")), ["new"]);
        assert_eq!(position.cursor, at("2026-03-03T13:00:00Z"));
    }

    #[test]
    fn r3_files_of_one_timestamp_and_issues_of_one_id_are_told_apart() {
        let mut position = LogPosition::new(at("2026-03-01"));
        let one = file("one", "Login", "2026-03-02", "2026-03-03T04:00:00Z");
        let other = LogFile { id: "other".to_owned(), ..one.clone() };
        let longer = LogFile { length: 30_000, ..one.clone() };
        let again = LogFile { created: at("2026-03-03T05:00:00Z"), ..one.clone() };
        position.done(one.issue());
        let listed = vec![one, longer, other, again];
        assert_eq!(position.pending(listed.clone(), |_| true), listed[1..]);
    }

    #[test]
    fn the_stored_json_is_stable() {
        let mut position = LogPosition::new(at("2026-03-01"));
        position.done(file("1", "Login", "2026-03-02", "2026-03-03T04:00:00Z").issue());
        let kept = serde_json::to_value(&position).unwrap();
        assert_eq!(
            kept,
            serde_json::json!({
                "began": "2026-03-01T00:00:00.000Z",
                "cursor": "2026-03-01T00:00:00.000Z",
                "read": [{ "created": "2026-03-03T04:00:00.000Z", "id": "1", "length": 20_000 }],
            })
        );
        assert_eq!(serde_json::from_value::<LogPosition>(kept).unwrap(), position);
    }

    /// A file, and how long after its creation it becomes visible: less than the overlap.
    fn any_file() -> impl Strategy<Value = (LogFile, i64)> {
        // Few ids and times, so that some issues share an id and some files share a time.
        (0..20_u8, 0..72_i64, 0..80_i64, 1..3_u64, 0..OVERLAP).prop_map(|(id, created, age, length, unseen)| {
            let created = at("2026-03-01").plus(created * HOUR);
            let log_date = created.plus(-age * HOUR);
            let (id, event_type) = (id.to_string(), "Login".to_owned());
            (LogFile { id, event_type, log_date, created, length, columns: None }, unseen)
        })
    }

    proptest! {
        /// Lists repeatedly, with some reads failing, and restores the position from its JSON each time.
        #[test]
        fn every_issue_is_read_exactly_once(
            files in prop::collection::vec(any_file(), 0..60),
            rounds in prop::collection::vec((0..6 * HOUR, 0..8_usize), 1..60),
        ) {
            let files: BTreeMap<Issue, (LogFile, i64)> =
                files.into_iter().map(|(file, unseen)| (file.issue(), (file, unseen))).collect();
            let mut position = LogPosition::new(at("2026-03-01"));
            let mut read = Vec::new();
            let mut now = at("2026-03-01");
            let until_all_is_seen = std::iter::repeat_n((12 * HOUR, usize::MAX), 12);
            for (pause, reads) in rounds.into_iter().chain(until_all_is_seen) {
                now = now.plus(pause + MINUTE);
                let is_seen = |(file, unseen): &(LogFile, i64)| file.created.plus(*unseen) <= now;
                let since = files.values().filter(|(file, _)| file.created >= position.cursor);
                let listed: Vec<LogFile> = since.filter(|file| is_seen(file)).map(|(file, _)| file.clone()).collect();
                for file in position.pending(listed, |_| true).into_iter().take(reads) {
                    read.push(file.issue());
                    position.done(file.issue());
                }
                position = serde_json::from_value(serde_json::to_value(&position).unwrap()).unwrap();
                prop_assert!(position.read.iter().all(|issue| issue.created >= position.cursor));
            }
            read.sort();
            prop_assert_eq!(read, files.into_keys().collect::<Vec<_>>());
        }
    }
}
