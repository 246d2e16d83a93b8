//! The stored identities: for each hour its sealed records, and after them those of entries that came since. Their
//! numbers ascend and are never used again, so that sealing an hour replaces all its records at once.

use crate::org::identities::Identity;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// The stored and the unwritten identities of each hour.
#[derive(Clone, Debug, Default)]
pub(crate) struct IdentityLog {
    hours: BTreeMap<i64, Hour>,
    changed: BTreeSet<i64>,
    /// Forgotten hours with the numbers of their stored records, to be removed.
    forgotten: Vec<(i64, Range<u32>)>,
}

#[derive(Clone, Debug, Default)]
struct Hour {
    /// Numbers of the stored records.
    stored: Range<u32>,
    /// Whether the last stored record has the first entries of the tail. It is written again until it is full.
    is_tail_stored: bool,
    /// Whether the hour was sealed since it was last written.
    is_sealed: bool,
    /// Number of entries in all records, stored or not.
    entries: u32,
    /// The entries that are in no full record, in the order in which they came.
    tail: Vec<Identity>,
}

/// A record to write or to remove.
#[derive(Clone, Debug)]
pub(crate) struct Chunk {
    pub(crate) hour: i64,
    pub(crate) number: u32,
    pub(crate) content: Content,
}

/// What a record of identities holds.
#[derive(Clone, Debug)]
pub(crate) enum Content {
    /// Nothing: it is removed.
    Removed,
    /// Entries in the order in which they came.
    Entries(Vec<Identity>),
    /// The bytes of a sealed segment.
    Sealed(Vec<u8>),
}

impl IdentityLog {
    /// Entries from which on a record is full and not written again. A choice: 2 KB are written for one more activity.
    const FULL: usize = 256;
    /// The most entries of a record. A choice: 32 KB. A checkpoint of a busy org writes one record for many entries.
    const MOST: usize = 4_096;

    /// Appends an entry.
    pub(crate) fn note(&mut self, hour: i64, identity: Identity) {
        let of_hour = self.hours.entry(hour).or_default();
        of_hour.entries = of_hour.entries.saturating_add(1);
        of_hour.tail.push(identity);
        self.changed.insert(hour);
    }

    /// Replaces all records of an hour by sealed ones, which have so many entries.
    pub(crate) fn seal(&mut self, hour: i64, entries: usize) {
        let of_hour = self.hours.entry(hour).or_default();
        (of_hour.is_sealed, of_hour.entries) = (true, entries as u32);
        of_hour.tail = Vec::new();
        self.changed.insert(hour);
    }

    /// Returns the number of entries by hour.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (i64, u32)> {
        self.hours.iter().map(|(number, hour)| (*number, hour.entries))
    }

    /// Returns the number of stored records.
    pub(crate) fn rows(&self) -> u64 {
        self.hours.values().map(|hour| hour.stored.len() as u64).sum()
    }

    /// Restores a stored record of entries. Records may come in any order.
    pub(crate) fn restore(&mut self, hour: i64, number: u32, entries: &[Identity]) {
        let of_hour = self.restored(hour, number, entries.len());
        if entries.len() < Self::FULL {
            of_hour.tail.extend_from_slice(entries);
            of_hour.is_tail_stored = true;
        }
    }

    /// Restores a stored record that is sealed.
    pub(crate) fn restore_sealed(&mut self, hour: i64, number: u32, entries: usize) {
        self.restored(hour, number, entries);
    }

    /// Whether the restored records of an hour have so many entries.
    pub(crate) fn is_whole(&self, hour: i64, entries: u32) -> bool {
        self.hours.get(&hour).map_or(entries == 0, |hour| hour.entries == entries)
    }

    /// Forgets the hours before `first`.
    pub(crate) fn forget_before(&mut self, first: i64) {
        while let Some(hour) = self.hours.first_entry().filter(|hour| *hour.key() < first) {
            let (number, hour) = hour.remove_entry();
            self.changed.remove(&number);
            if !hour.stored.is_empty() {
                self.forgotten.push((number, hour.stored));
            }
        }
    }

    /// Returns the records to write since the last call, removals first. `sealed` returns the sealed records of an hour.
    pub(crate) fn take(&mut self, sealed: impl Fn(i64) -> Vec<Vec<u8>>) -> Vec<Chunk> {
        let mut chunks = Vec::new();
        let mut remove = |hour: i64, numbers: Range<u32>| {
            chunks.extend(numbers.map(|number| Chunk { hour, number, content: Content::Removed }));
        };
        for (hour, stored) in std::mem::take(&mut self.forgotten) {
            remove(hour, stored);
        }
        let changed = std::mem::take(&mut self.changed);
        for number in &changed {
            if let Some(hour) = self.hours.get_mut(number).filter(|hour| hour.is_sealed) {
                remove(*number, hour.stored.clone());
                hour.stored.start = hour.stored.end;
                hour.is_tail_stored = false;
            }
        }
        for number in changed {
            let Some(hour) = self.hours.get_mut(&number) else { continue };
            let segments = if std::mem::take(&mut hour.is_sealed) { sealed(number) } else { Vec::new() };
            let segments = segments.into_iter().map(Content::Sealed);
            if hour.is_tail_stored {
                hour.stored.end -= 1;
            }
            let entries = hour.tail.chunks(Self::MOST).map(|entries| Content::Entries(entries.to_vec()));
            for content in segments.chain(entries) {
                chunks.push(Chunk { hour: number, number: hour.stored.end, content });
                hour.stored.end += 1;
            }
            let full = if hour.tail.len() % Self::MOST < Self::FULL {
                hour.tail.len() / Self::MOST * Self::MOST
            } else {
                hour.tail.len()
            };
            hour.tail.drain(..full);
            hour.is_tail_stored = !hour.tail.is_empty();
        }
        chunks
    }

    fn restored(&mut self, hour: i64, number: u32, entries: usize) -> &mut Hour {
        let hour = self.hours.entry(hour).or_default();
        let end = number.saturating_add(1);
        hour.stored = match hour.stored.is_empty() {
            true => number..end,
            false => hour.stored.start.min(number)..hour.stored.end.max(end),
        };
        hour.entries = hour.entries.saturating_add(entries as u32);
        hour
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns hour, number and size of what is written: `None` if it is removed, 0 entries if it is sealed.
    fn written(log: &mut IdentityLog) -> Vec<(i64, u32, Option<usize>)> {
        let size = |content: &Content| match content {
            Content::Removed => None,
            Content::Entries(entries) => Some(entries.len()),
            Content::Sealed(_) => Some(0),
        };
        let sealed = |_| vec![vec![1], vec![2]];
        log.take(sealed).iter().map(|chunk| (chunk.hour, chunk.number, size(&chunk.content))).collect()
    }

    #[test]
    fn only_the_last_record_is_written_again() {
        let mut log = IdentityLog::default();
        (0..200).for_each(|n| log.note(7, Identity(n)));
        assert_eq!(written(&mut log), [(7, 0, Some(200))]);
        assert_eq!(written(&mut log), []);
        (200..5_000).for_each(|n| log.note(7, Identity(n)));
        log.note(8, Identity(1));
        assert_eq!(written(&mut log), [(7, 0, Some(4_096)), (7, 1, Some(904)), (8, 0, Some(1))]);
        log.note(7, Identity(600));
        assert_eq!(written(&mut log), [(7, 2, Some(1))]);
        log.note(7, Identity(601));
        assert_eq!(written(&mut log), [(7, 2, Some(2))]);
        assert!(log.is_whole(7, 5_002) && log.is_whole(8, 1) && log.is_whole(9, 0) && !log.is_whole(9, 1));
        assert_eq!(log.rows(), 4);
    }

    #[test]
    fn a_sealed_hour_replaces_its_records() {
        let mut log = IdentityLog::default();
        (0..300).for_each(|n| log.note(7, Identity(n)));
        written(&mut log);
        (0..20).for_each(|n| log.note(7, Identity(n)));
        written(&mut log);
        log.note(7, Identity(400));
        log.seal(7, 321);
        log.note(7, Identity(401));
        let first = [(7, 0, None), (7, 1, None), (7, 2, Some(0)), (7, 3, Some(0)), (7, 4, Some(1))];
        assert_eq!(written(&mut log), first);
        assert!(log.is_whole(7, 322) && log.rows() == 3);
        log.seal(7, 322);
        let again = [(7, 2, None), (7, 3, None), (7, 4, None), (7, 5, Some(0)), (7, 6, Some(0))];
        assert_eq!(written(&mut log), again);

        let mut restored = IdentityLog::default();
        restored.restore(7, 7, &[Identity(1)]);
        restored.restore_sealed(7, 6, 22);
        restored.restore_sealed(7, 5, 300);
        restored.note(7, Identity(2));
        assert_eq!(written(&mut restored), [(7, 7, Some(2))]);
        assert!(restored.is_whole(7, 324));
        restored.forget_before(8);
        assert_eq!(written(&mut restored), [(7, 5, None), (7, 6, None), (7, 7, None)]);
    }

    #[test]
    fn a_forgotten_hour_removes_all_its_records() {
        let mut log = IdentityLog::default();
        (0..5_000).for_each(|n| log.note(7, Identity(n)));
        assert_eq!(written(&mut log).len(), 2);
        log.note(8, Identity(1));
        log.forget_before(9);
        assert_eq!(written(&mut log), [(7, 0, None), (7, 1, None)]);
        assert_eq!(written(&mut log), []);
    }
}
