//! What changed since the last checkpoint. Tracking a change takes constant time, and nothing is tracked until changes
//! are taken for the first time.

use crate::org::User;
use std::collections::BTreeMap;

/// What the next checkpoint writes of an org. Names, known values and identities track their own changes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Changes {
    /// Whether changes were ever taken.
    pub(crate) is_taken: bool,
    /// Slots of the users whose profiles changed.
    pub(crate) users: Vec<u32>,
    /// Number of users in the written pages of slots.
    pub(crate) slots: usize,
    /// Hashes of the content written last of the head, populations and progress, by key.
    pub(crate) singles: BTreeMap<String, u64>,
    /// Slots of the users with an open day and profiles still to be loaded, in ascending order.
    pub(crate) wanted: Vec<u32>,
    /// Number of users without a profile in memory.
    pub(crate) away: usize,
}

impl Changes {
    /// Marks a user's profile as changed.
    pub(crate) fn note(&mut self, slot: u32, user: &mut User) {
        if self.is_taken && !user.is_changed {
            user.is_changed = true;
            self.users.push(slot);
        }
    }
}

/// A set of the 256 shards of a map by hash.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Shards([u64; 4]);

impl Shards {
    /// Returns the shard of a hash: its first byte.
    pub(crate) fn of(key: u64) -> u8 {
        key.to_be_bytes()[0]
    }

    /// Adds the shard of a hash.
    pub(crate) fn mark(&mut self, key: u64) {
        let shard = Self::of(key);
        if let Some(bits) = self.0.get_mut(usize::from(shard >> 6)) {
            *bits |= 1 << (shard & 63);
        }
    }

    /// Whether the shard is in the set.
    pub(crate) fn contains(&self, shard: u8) -> bool {
        self.0.get(usize::from(shard >> 6)).is_some_and(|bits| bits & (1 << (shard & 63)) != 0)
    }

    /// Returns the shards in ascending order.
    pub(crate) fn iter(self) -> impl Iterator<Item = u8> {
        (0..=u8::MAX).filter(move |shard| self.contains(*shard))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_key_marks_its_shard() {
        let mut shards = Shards::default();
        assert_eq!(shards.iter().count(), 0);
        [0, 1, 0x3f00_0000_0000_0007, 0x40ff_0000_0000_0000, u64::MAX].into_iter().for_each(|key| shards.mark(key));
        assert_eq!(shards.iter().collect::<Vec<_>>(), [0, 0x3f, 0x40, 0xff]);
    }
}
