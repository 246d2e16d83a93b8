//! Tells identical rows of one log file apart.

use model::id::derive;
use model::{Activity, Channel, Uuid};
use std::collections::HashMap;

/// Numbers the identical rows of one log file.
///
/// Rows of log files have no identity but their content. Two that are alike are two events, yet a file
/// that is issued again must not count twice: so the k-th of identical rows gets an id of its own,
/// made of content and k, and the same file gives the same ids. Rows are alike only if they carry one
/// request and millisecond, so twins are near each other and only the last 64 to 128 Ki ids are remembered.
#[derive(Debug, Default)]
pub struct Occurrences {
    recent: HashMap<Uuid, u32>,
    older: HashMap<Uuid, u32>,
}

const GENERATION: usize = 64 << 10;

impl Occurrences {
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives `activity` its own id. To be called in the order of the file; leaves alone what has an identifier of its own.
    pub fn number(&mut self, activity: &mut Activity) {
        let is_fingerprint =
            matches!(activity.channel, Channel::LogFile | Channel::LogObject) && activity.id.get_version_num() == 5;
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
    fn twins_both_count_and_a_file_issued_again_has_the_same_ids() {
        let first = ids(Channel::LogFile, &["a", "b", "a", "a"]);
        assert_eq!(first.iter().collect::<std::collections::HashSet<_>>().len(), 4);
        assert_eq!(ids(Channel::LogFile, &["a", "b", "a", "a"]), first);
        // A later issue that lists the rows in another order has the same set.
        let mut other = ids(Channel::LogFile, &["a", "a", "b", "a"]);
        let mut sorted = first.clone();
        other.sort();
        sorted.sort();
        assert_eq!(other, sorted);
    }

    #[test]
    fn real_time_events_are_left_alone() {
        let same = ids(Channel::Stored, &["a", "a"]);
        assert_eq!(same.first(), same.last());
    }

    #[test]
    fn memory_is_bounded_and_near_twins_are_still_told_apart() {
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
