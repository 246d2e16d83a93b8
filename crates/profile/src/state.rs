//! The state of an org as records under text keys.
//!
//! A checkpoint writes only what changed. An org restored from its records continues bit for bit like one that was
//! never stopped.
//!
//! | key | content | changes with |
//! |---|---|---|
//! | `head` | the clock, active users, today's counts, missing kinds of events, and the sizes of the other records | every activity |
//! | `populations`, `progress` | statistics of populations; the day factor | the close of an hour or day |
//! | `signals` | what apps, silences, work, extremes, first times and use are in the org; how surprised tests are | the close of a day |
//! | `decisions` | what people decided: what waits, and what has taken effect; absent if nothing | a decision; each day while any is kept |
//! | `slots/<n>` | ids of users in the order in which they appeared, 1,024 a page | a new user: the last page |
//! | `known/<shard>`, `names/<shard>` | how many users know a value, and the names behind hashes, in 256 shards by hash | a new value, or a name that was not stored yet |
//! | `seen/<hour>/<n>` | identities of counted activities with the facets of each: up to 4,096 in the order in which they came, or up to 65,536 sorted and compressed | every activity: the last record of its hour; all of the hour when it is sealed |
//! | `user/<id>` | one profile | the user's activities, hours and days |
//!
//! An account that was [erased](erase()) leaves its slot in place, under a name that no account can have.
//!
//! A record is a version byte and then [postcard](https://postcard.jamesmunns.com/wire-format). Identities are written
//! in version 2, sealed ones in version 3, and the day factor in version 7. The head is written in version 3 and names in
//! version 2 if there are names that only people read, and in the version before otherwise. Profiles are written in version 10
//! if a detector could not judge a day, else in version 9 if a day has news, else in version 8 if they have held days, and in
//! version 7 otherwise. Earlier versions of all are also
//! read. Hash maps are written in the order of their keys, so equal states have equal records.

mod account;
mod bytes;
mod changes;
mod erase;
mod identity_log;
mod record;
mod restore;
mod save;
#[cfg(test)]
mod tests;

use crate::org::identities::IdentityUse;
use crate::org::{Member, Org, User};
use crate::settings::SettingsError;
pub use account::StoredAccount;
pub(crate) use bytes::{Fixed, THIRD, exact, sorted, split};
pub(crate) use changes::{Changes, Shards};
pub use erase::erase;
pub(crate) use identity_log::IdentityLog;
use model::{OrgId, Timestamp, UserId};
pub use restore::Restore;

/// One record that a checkpoint writes or removes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The key within the org, such as `user/005…`.
    pub key: String,
    /// The content; `None` removes the key.
    pub bytes: Option<Vec<u8>>,
}

/// Why an org cannot be stored or restored.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// A record of a version that this build does not read; a later build wrote it.
    #[error("state {key:?}: unknown version {found}; run the version of orgwatch that wrote it, or a later one")]
    Version {
        /// The record's key.
        key: String,
        /// The version byte found.
        found: u8,
    },
    /// A damaged record.
    #[error("state {key:?}: cannot be decoded")]
    Undecodable {
        /// The record's key.
        key: String,
        /// The cause.
        source: postcard::Error,
    },
    /// A record that is longer than its content.
    #[error("state {key:?}: {extra} bytes beyond its end")]
    Trailing {
        /// The record's key.
        key: String,
        /// The bytes that follow the content.
        extra: usize,
    },
    /// A value without an encoding.
    #[error("state {key:?}: cannot be encoded")]
    Unencodable {
        /// The record's key.
        key: String,
        /// The cause.
        source: postcard::Error,
    },
    /// A key that no record has.
    #[error("state {key:?}: no such key")]
    Key {
        /// The key found.
        key: String,
    },
    /// A record that every org has is absent.
    #[error("state {key:?}: missing")]
    Missing {
        /// The record's key.
        key: String,
    },
    /// Some records are absent or from another checkpoint.
    #[error("state: {found} {what} instead of the {expected} that \"head\" counts")]
    Incomplete {
        /// What was counted.
        what: &'static str,
        /// The number that the head gives.
        expected: usize,
        /// The number found.
        found: usize,
    },
    /// A profile was loaded for a user that the org does not have.
    #[error("user {user} does not belong to org {org}")]
    UnknownUser {
        /// The org.
        org: OrgId,
        /// The user.
        user: UserId,
    },
    /// Settings that no org can have.
    #[error(transparent)]
    Settings(#[from] SettingsError),
}

impl StateError {
    /// Whether the bytes of a record are damaged. A record of a later version is not.
    pub fn is_damage(&self) -> bool {
        matches!(self, Self::Undecodable { .. } | Self::Trailing { .. })
    }
}

impl Org {
    /// Returns the event time up to which hours are closed; `None` before the first activity.
    pub fn clock(&self) -> Option<Timestamp> {
        self.open.map(|open| open.start)
    }

    /// Returns the records that changed since the last call, or all of them at the first call, which starts the
    /// tracking of changes. Their order depends on the state alone, and no key comes twice.
    ///
    /// # Errors
    /// If a value has no encoding, which no known state has. The org must then be restored from its last checkpoint.
    pub fn take_changes(&mut self) -> Result<Vec<Record>, StateError> {
        save::changes(self)
    }

    /// Returns the users with an open or changed day whose profiles must be loaded before anything else. Until then every activity
    /// is [`Away`](crate::ActivityOutcome::Away), and no hour closes.
    pub fn wanted(&self) -> Vec<UserId> {
        let member = |slot: &u32| self.users.get(*slot as usize);
        self.changes.wanted.iter().filter_map(member).map(|member| member.id().clone()).collect()
    }

    /// Whether the user is known and the profile is not in memory. It must be loaded before the user's next activity.
    pub fn is_away(&self, user: &UserId) -> bool {
        self.slots.get(user).is_some_and(|slot| self.is_slot_away(*slot))
    }

    /// Loads a profile from the record under [`Org::user_key`]. A profile that is already in memory is newer and stays.
    ///
    /// # Errors
    /// If the record is damaged or of an unknown version, or if the org has no such user.
    pub fn load(&mut self, user: &UserId, bytes: &[u8]) -> Result<(), StateError> {
        let unknown = || StateError::UnknownUser { org: self.id().clone(), user: user.clone() };
        let slot = *self.slots.get(user).ok_or_else(unknown)?;
        let profile = restore::read_profile(&Self::user_key(user), bytes)?;
        let used = self.open.map_or(Timestamp(i64::MIN), |open| open.start);
        self.hold(slot, User { id: user.clone(), profile, used, is_changed: false });
        Ok(())
    }

    /// The prefix of the keys of users' records.
    pub const USERS: &str = "user/";

    /// The prefix of the keys of identities.
    pub const IDENTITIES: &str = "seen/";

    /// Returns the key of a user's record.
    pub fn user_key(user: &UserId) -> String {
        format!("{}{user}", Self::USERS)
    }

    /// Gives the user a new profile in place of one that cannot be read. Nothing happens if it is in memory. Its revisions
    /// begin at the org's clock in milliseconds, above those of the lost profile, or its findings would count as old.
    pub fn renew(&mut self, user: &UserId) {
        let Some(slot) = self.slots.get(user).copied().filter(|slot| self.is_slot_away(*slot)) else { return };
        let used = self.open.map_or(Timestamp(i64::MIN), |open| open.start);
        let mut profile = crate::Profile::new();
        profile.revision = u64::try_from(used.0).unwrap_or(0);
        let mut new = User { id: user.clone(), profile, used, is_changed: false };
        self.changes.note(slot, &mut new);
        self.hold(slot, new);
    }

    /// Returns how many identities of counted activities are kept, and what they take.
    pub fn identities(&self) -> IdentityUse {
        self.identities.usage()
    }

    /// Drops profiles from memory until at most `limit` remain, the longest idle first. Profiles with an open day, with
    /// a closed one that late activities have changed, or with changes that were not taken stay. Returns the number dropped.
    pub fn evict(&mut self, limit: usize) -> usize {
        let excess = self.profiles_in_memory().saturating_sub(limit);
        if excess == 0 || !self.changes.is_taken {
            return 0;
        }
        let idle = |(slot, member): (usize, &Member)| match member {
            Member::InMemory(user) if user.is_idle() && !user.is_changed => Some((user.used, slot)),
            _ => None,
        };
        let mut idle: Vec<_> = self.users.iter().enumerate().filter_map(idle).collect();
        idle.sort_unstable();
        idle.truncate(excess);
        for (_, slot) in &idle {
            if let Some(member) = self.users.get_mut(*slot) {
                *member = Member::Stored(member.id().clone());
            }
        }
        self.changes.away += idle.len();
        idle.len()
    }

    /// Returns the number of accounts, with profiles in memory or not.
    pub fn accounts(&self) -> usize {
        self.users.len()
    }

    /// Returns the number of profiles in memory.
    pub fn profiles_in_memory(&self) -> usize {
        self.users.len().saturating_sub(self.changes.away)
    }

    /// Keeps a profile in memory that is not there yet.
    fn hold(&mut self, slot: u32, user: User) {
        if let Some(member @ Member::Stored(_)) = self.users.get_mut(slot as usize) {
            *member = Member::InMemory(Box::new(user));
            self.changes.away = self.changes.away.saturating_sub(1);
            self.changes.wanted.retain(|wanted| *wanted != slot);
        }
    }
}

impl User {
    /// Whether no close of an hour or day concerns the account.
    fn is_idle(&self) -> bool {
        self.profile.day.is_none() && !self.profile.is_amended()
    }
}

impl Member {
    fn id(&self) -> &UserId {
        match self {
            Self::InMemory(user) => &user.id,
            Self::Stored(id) => id,
        }
    }
}
