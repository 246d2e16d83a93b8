//! What changed since the last checkpoint. Noting it costs the same however much there is, and nothing is gathered
//! where nobody takes the changes.

use crate::org::User;
use std::collections::BTreeMap;

/// What the next checkpoint writes of an org, but for what its parts know themselves.
#[derive(Clone, Debug, Default)]
pub(crate) struct Changes {
    /// Whether the changes are taken at all: from the first time on.
    pub(crate) is_taken: bool,
    /// Slots of the users whose profiles changed.
    pub(crate) users: Vec<u32>,
    /// Users in the pages of slots that were written.
    pub(crate) slots: usize,
    /// Hashes of what was written last under the keys of which there is one.
    pub(crate) singles: BTreeMap<String, u64>,
    /// Slots of the users with an open day whose profiles are still to be loaded, in order.
    pub(crate) wanted: Vec<u32>,
    /// Users whose profiles are not in memory.
    pub(crate) away: usize,
}

impl Changes {
    /// The user's profile changed.
    pub(crate) fn note(&mut self, slot: u32, user: &mut User) {
        if self.is_taken && !user.is_changed {
            user.is_changed = true;
            self.users.push(slot);
        }
    }
}

/// Shards of a map by hash.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Shards([u64; 4]);

impl Shards {
    /// The shard of a hash: its first byte.
    pub(crate) fn of(key: u64) -> u8 {
        key.to_be_bytes()[0]
    }

    pub(crate) fn mark(&mut self, key: u64) {
        let shard = Self::of(key);
        if let Some(bits) = self.0.get_mut(usize::from(shard >> 6)) {
            *bits |= 1 << (shard & 63);
        }
    }

    pub(crate) fn contains(&self, shard: u8) -> bool {
        self.0.get(usize::from(shard >> 6)).is_some_and(|bits| bits & (1 << (shard & 63)) != 0)
    }

    pub(crate) fn iter(self) -> impl Iterator<Item = u8> {
        (0..=u8::MAX).filter(move |shard| self.contains(*shard))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_is_marked_by_any_of_its_keys() {
        let mut shards = Shards::default();
        assert_eq!(shards.iter().count(), 0);
        [0, 1, 0x3f00_0000_0000_0007, 0x40ff_0000_0000_0000, u64::MAX].into_iter().for_each(|key| shards.mark(key));
        assert_eq!(shards.iter().collect::<Vec<_>>(), [0, 0x3f, 0x40, 0xff]);
    }
}
