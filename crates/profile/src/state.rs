//! The state of an org as records under text keys, so that a checkpoint writes only what changed, and an org that is
//! restored from them goes on bit for bit like one that never stopped.
//!
//! | key | what | changes with |
//! |---|---|---|
//! | `head` | the clock, who is active, today's counts, what is missing, and how much there is under the other keys | every activity |
//! | `populations`, `progress` | what is usual of all; the day factor | the close of an hour or day |
//! | `slots/<n>` | ids of users in the order in which they appeared, 1,024 a page | a new user: the last page |
//! | `known/<shard>`, `names/<shard>` | who knows which value, and names behind hashes, in 256 shards by hash | a new value |
//! | `seen/<hour>/<n>` | identities counted and what was told of each, 256 a chunk | every activity: the last chunk of its hour |
//! | `user/<id>` | one profile | the user's activities, hours and days |
//!
//! An account that was [erased](erase()) keeps its place among the slots, under a name that no account can have.
//!
//! A record is a version byte and then postcard. The head and identities are written in version 2, profiles in version
//! 3, and all are read in version 1 as well. Hash maps are written in the order of their keys: equal states have equal
//! records.

mod bytes;
mod changes;
mod erase;
mod record;
mod restore;
mod save;
mod seen;
#[cfg(test)]
mod tests;

use crate::org::{Member, Org, User};
use crate::settings::{Settings, SettingsError};
pub(crate) use bytes::{exact, sorted};
pub(crate) use changes::{Changes, Shards};
pub use erase::erase;
use model::{OrgId, Timestamp, UserId};
pub(crate) use seen::SeenLog;

/// One thing that a checkpoint writes: `None` removes the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub key: String,
    pub bytes: Option<Vec<u8>>,
}

/// Why an org cannot be stored or restored.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    #[error("state {key:?}: version {found} is not known")]
    Version { key: String, found: u8 },
    #[error("state {key:?}: cannot be decoded")]
    Undecodable { key: String, source: postcard::Error },
    #[error("state {key:?}: {extra} bytes beyond its end")]
    Trailing { key: String, extra: usize },
    #[error("state {key:?}: cannot be encoded")]
    Unencodable { key: String, source: postcard::Error },
    #[error("state {key:?}: no such key")]
    Key { key: String },
    #[error("state {key:?}: missing")]
    Missing { key: String },
    #[error("state: {found} {what} where \"head\" counts {expected}")]
    Incomplete { what: &'static str, expected: usize, found: usize },
    #[error("user {user} is not of org {org}")]
    UnknownUser { org: OrgId, user: UserId },
    #[error(transparent)]
    Settings(#[from] SettingsError),
}

impl Org {
    /// What changed since the last call, all of it the first time; in an order that depends on the state alone, no key
    /// twice. From the first call on, changes are noted.
    ///
    /// # Errors
    /// If something has no encoding, which no state is known to have. The org is then to be restored.
    pub fn take_changes(&mut self) -> Result<Vec<Record>, StateError> {
        save::changes(self)
    }

    /// An org from its records, those of users left out, in any order. `settings` are as in [`Org::new`]. Its users
    /// are away; those [`wanted`](Org::wanted) must be loaded first.
    ///
    /// # Errors
    /// If a record is damaged, of a version that is not known, or missing, or if the time zone is unknown.
    pub fn restore(
        id: OrgId,
        settings: &Settings,
        records: impl IntoIterator<Item = (String, Vec<u8>)>,
    ) -> Result<Self, StateError> {
        restore::org(id, settings, records)
    }

    /// Users whose profiles must be loaded before anything else is done: those with an open day. Until then every
    /// activity is [`Away`](crate::ActivityOutcome::Away), and no hour closes.
    pub fn wanted(&self) -> Vec<UserId> {
        let member = |slot: &u32| self.users.get(*slot as usize);
        self.changes.wanted.iter().filter_map(member).map(|member| member.id().clone()).collect()
    }

    /// Whether this user's profile is known but not in memory: it must be loaded before its next activity is observed.
    pub fn is_away(&self, user: &UserId) -> bool {
        self.slots.get(user).is_some_and(|slot| self.is_slot_away(*slot))
    }

    /// Loads a profile from the record under [`Org::user_key`]. One that is in memory is newer and stays.
    ///
    /// # Errors
    /// If the record is damaged or of a version that is not known, or if the org has no such user.
    pub fn load(&mut self, user: &UserId, bytes: &[u8]) -> Result<(), StateError> {
        let unknown = || StateError::UnknownUser { org: self.id().clone(), user: user.clone() };
        let slot = *self.slots.get(user).ok_or_else(unknown)?;
        let profile = restore::read_profile(&Self::user_key(user), bytes)?;
        let used = self.open.map_or(Timestamp(i64::MIN), |open| open.start);
        if let Some(member @ Member::Away(_)) = self.users.get_mut(slot as usize) {
            *member = Member::Here(Box::new(User { id: user.clone(), profile, used, is_changed: false }));
            self.changes.away = self.changes.away.saturating_sub(1);
            self.changes.wanted.retain(|wanted| *wanted != slot);
        }
        Ok(())
    }

    /// What the keys of users' records begin with.
    pub const USERS: &str = "user/";

    /// The key of a user's record.
    pub fn user_key(user: &UserId) -> String {
        format!("{}{user}", Self::USERS)
    }

    /// Drops profiles from memory beyond `limit`, longest idle first; never one with an open day or with changes that
    /// were not taken. Returns how many.
    pub fn evict(&mut self, limit: usize) -> usize {
        let excess = self.profiles_in_memory().saturating_sub(limit);
        if excess == 0 || !self.changes.is_taken {
            return 0;
        }
        let idle = |(slot, member): (usize, &Member)| match member {
            Member::Here(user) if user.profile.day.is_none() && !user.is_changed => Some((user.used, slot)),
            _ => None,
        };
        let mut idle: Vec<_> = self.users.iter().enumerate().filter_map(idle).collect();
        idle.sort_unstable();
        idle.truncate(excess);
        for (_, slot) in &idle {
            if let Some(member) = self.users.get_mut(*slot) {
                *member = Member::Away(member.id().clone());
            }
        }
        self.changes.away += idle.len();
        idle.len()
    }

    pub fn profiles_in_memory(&self) -> usize {
        self.users.len().saturating_sub(self.changes.away)
    }
}

impl Member {
    fn id(&self) -> &UserId {
        match self {
            Self::Here(user) => &user.id,
            Self::Away(id) => id,
        }
    }
}
