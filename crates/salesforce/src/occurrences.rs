//! Distinguishes identical rows of one log file.

use model::id::derive;
use model::{Activity, Channel, Uuid};
use std::collections::HashMap;

/// Gives identical rows of one log file different ids.
///
/// Rows of log files have no identifier, so their id is derived from their content. Two identical rows are two events,
/// but a file that Salesforce issues again must not count twice. So the k-th of identical rows gets an id derived from
/// content and k, and the same file always gives the same ids. Identical rows have the same request and millisecond, so
/// they are close to each other: only the last 65,536 to 131,072 ids are remembered.
#[derive(Debug, Default)]
pub struct Occurrences {
    recent: HashMap<Uuid, u32>,
    older: HashMap<Uuid, u32>,
}

/// Ids in one of the two generations. A choice: about 6 MB for both.
const GENERATION: usize = 64 << 10;

impl Occurrences {
    /// Starts a file.
    pub fn new() -> Self {
        Self::default()
    }

    /// Changes the id of `activity` if an identical row came before. Call it in the order of the file.
    ///
    /// Activities with an identifier from Salesforce stay as they are.
    pub fn number(&mut self, activity: &mut Activity) {
        let is_fingerprint = matches!(activity.channel, Channel::LogFile | Channel::LogObject | Channel::Setup)
            && activity.id.get_version_num() == 5;
        if !is_fingerprint {
            return;
        }
        let content = activity.id;
        let earlier = self.recent.get(&content).or_else(|| self.older.get(&content)).copied().unwrap_or(0);
        if self.recent.len() >= GENERATION {
            self.older = std::mem::take(&mut self.recent);
        }
        self.recent.insert(content, earlier.saturating_add(1));
        if earlier > 0 {
            activity.id = derive(&["occurrence", &content.to_string(), &earlier.to_string()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Kind, OrgId, Timestamp, UserId};

    fn activity(channel: Channel, content: &str) -> Activity {
        let id = derive(&[content]);
        Activity::new(id, OrgId::new("00D"), UserId::new("005"), Timestamp(0), channel, Kind::Api)
    }

    fn ids(channel: Channel, contents: &[&str]) -> Vec<Uuid> {
        let mut occurrences = Occurrences::new();
        let number = |content: &&str| {
            let mut activity = activity(channel, content);
            occurrences.number(&mut activity);
            activity.id
        };
        contents.iter().map(number).collect()
    }

    #[test]
    fn identical_rows_get_different_ids_and_a_reissued_file_the_same_ones() {
        let first = ids(Channel::LogFile, &["a", "b", "a", "a"]);
        assert_eq!(first.iter().collect::<std::collections::HashSet<_>>().len(), 4);
        assert_eq!(ids(Channel::LogFile, &["a", "b", "a", "a"]), first);
        // A later issue with the rows in another order gives the same set.
        let mut other = ids(Channel::LogFile, &["a", "a", "b", "a"]);
        let mut sorted = first.clone();
        other.sort();
        sorted.sort();
        assert_eq!(other, sorted);
    }

    #[test]
    fn real_time_events_keep_their_ids() {
        let same = ids(Channel::Stored, &["a", "a"]);
        assert_eq!(same.first(), same.last());
    }

    #[test]
    fn memory_is_bounded_and_adjacent_rows_are_distinguished() {
        let mut occurrences = Occurrences::new();
        for i in 0..200_000 {
            let mut one = activity(Channel::LogFile, &i.to_string());
            let mut twin = one.clone();
            occurrences.number(&mut one);
            occurrences.number(&mut twin);
            assert_ne!(one.id, twin.id);
        }
        assert!(occurrences.recent.len() + occurrences.older.len() <= 2 * GENERATION);
    }
}
