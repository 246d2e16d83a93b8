//! The stored identities, in chunks by hour. The last chunk of an hour is written again until it is full. Facets that a
//! later copy adds follow as an entry of their own, so that no full chunk is written again.

use crate::org::identities::Identity;
use std::collections::{BTreeMap, BTreeSet};

/// The stored and the unwritten identities of each hour.
#[derive(Clone, Debug, Default)]
pub(crate) struct IdentityLog {
    hours: BTreeMap<i64, Hour>,
    changed: BTreeSet<i64>,
    /// Forgotten hours with the number of stored chunks of each, to be removed.
    forgotten: Vec<(i64, u32)>,
}

#[derive(Clone, Debug, Default)]
struct Hour {
    /// Number of full chunks stored.
    full: u32,
    /// Number of chunks stored.
    stored: u32,
    /// Number of entries, stored or not.
    entries: u32,
    /// The entries that are in no full chunk, in the order in which they came.
    tail: Vec<Identity>,
}

/// A chunk to write, or to remove if it has no entries.
#[derive(Clone, Debug)]
pub(crate) struct Chunk {
    pub(crate) hour: i64,
    pub(crate) number: u32,
    pub(crate) entries: Option<Vec<Identity>>,
}

impl IdentityLog {
    /// Entries in a full chunk. A choice: 2 KB are written for one more activity.
    pub(crate) const CHUNK: usize = 256;

    /// Appends an entry.
    pub(crate) fn note(&mut self, hour: i64, identity: Identity) {
        let of_hour = self.hours.entry(hour).or_default();
        of_hour.entries += 1;
        of_hour.tail.push(identity);
        self.changed.insert(hour);
    }

    /// Returns the number of entries by hour.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (i64, u32)> {
        self.hours.iter().map(|(number, hour)| (*number, hour.entries))
    }

    /// Restores a stored chunk. Chunks may come in any order.
    pub(crate) fn restore(&mut self, hour: i64, entries: &[Identity]) {
        let hour = self.hours.entry(hour).or_default();
        hour.stored += 1;
        hour.entries = hour.entries.saturating_add(entries.len() as u32);
        if entries.len() >= Self::CHUNK {
            hour.full += 1;
        } else {
            hour.tail.extend_from_slice(entries);
        }
    }

    /// Whether the restored chunks of an hour are all chunks of so many entries.
    pub(crate) fn is_whole(&self, hour: i64, entries: u32) -> bool {
        let chunks = entries.div_ceil(Self::CHUNK as u32);
        self.hours.get(&hour).map_or(entries == 0, |hour| hour.stored == chunks && hour.entries == entries)
    }

    /// Forgets the hours before `first`.
    pub(crate) fn forget_before(&mut self, first: i64) {
        while let Some(hour) = self.hours.first_entry().filter(|hour| *hour.key() < first) {
            let (number, hour) = hour.remove_entry();
            self.changed.remove(&number);
            if hour.stored > 0 {
                self.forgotten.push((number, hour.stored));
            }
        }
    }

    /// Returns the chunks to write since the last call, removals first.
    pub(crate) fn take(&mut self) -> Vec<Chunk> {
        let mut chunks = Vec::new();
        for (hour, stored) in std::mem::take(&mut self.forgotten) {
            chunks.extend((0..stored).map(|number| Chunk { hour, number, entries: None }));
        }
        for number in std::mem::take(&mut self.changed) {
            let Some(hour) = self.hours.get_mut(&number) else { continue };
            let numbered = (hour.full..).zip(hour.tail.chunks(Self::CHUNK));
            chunks.extend(numbered.map(|(n, chunk)| Chunk { hour: number, number: n, entries: Some(chunk.to_vec()) }));
            let full = hour.tail.len() / Self::CHUNK;
            hour.tail.drain(..full * Self::CHUNK);
            hour.full += full as u32;
            hour.stored = hour.full + u32::from(!hour.tail.is_empty());
        }
        chunks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(log: &mut IdentityLog) -> Vec<(i64, u32, Option<usize>)> {
        log.take().into_iter().map(|chunk| (chunk.hour, chunk.number, chunk.entries.map(|all| all.len()))).collect()
    }

    #[test]
    fn only_the_last_chunk_is_written_again() {
        let mut log = IdentityLog::default();
        (0..300).for_each(|n| log.note(7, Identity(n)));
        assert_eq!(written(&mut log), [(7, 0, Some(256)), (7, 1, Some(44))]);
        assert_eq!(written(&mut log), []);
        (300..512).for_each(|n| log.note(7, Identity(n)));
        log.note(8, Identity(1));
        assert_eq!(written(&mut log), [(7, 1, Some(256)), (8, 0, Some(1))]);
        log.note(7, Identity(600));
        assert_eq!(written(&mut log), [(7, 2, Some(1))]);
        assert!(log.is_whole(7, 513) && log.is_whole(8, 1) && log.is_whole(9, 0) && !log.is_whole(9, 1));
    }

    #[test]
    fn a_forgotten_hour_removes_all_its_chunks() {
        let mut log = IdentityLog::default();
        (0..300).for_each(|n| log.note(7, Identity(n)));
        assert_eq!(written(&mut log).len(), 2);
        log.note(8, Identity(1));
        log.forget_before(9);
        assert_eq!(written(&mut log), [(7, 0, None), (7, 1, None)]);
        assert_eq!(written(&mut log), []);
    }
}
