//! One account, read from a checkpoint without the rest of its org.

use super::StateError;
use super::bytes::decode;
use super::changes::Shards;
use super::record::RecordKind;
use super::restore::{names, read_head, read_names, read_profile};
use crate::calendar::LocalHour;
use crate::org::learned::{Learned, learned, named_keys};
use crate::org::names::Names;
use crate::org::population::Populations;
use crate::org::{DisposedDay, HeldDay, Org};
use crate::user::Profile;
use model::time::{DAY, HOUR};
use model::{Disposition, Timestamp, UserId};
use std::collections::BTreeMap;

/// An account as of a checkpoint: what was learned of it, and its held days, for previews of what people say of them.
#[derive(Debug)]
pub struct StoredAccount {
    profile: Profile,
    open: Option<LocalHour>,
}

impl StoredAccount {
    /// Returns the keys of the records that it is read from: the head of the org, and the account.
    pub fn keys(user: &UserId) -> [String; 2] {
        [RecordKind::Head.to_string(), Org::user_key(user)]
    }

    /// Reads them.
    ///
    /// # Errors
    /// If a record is damaged, or a later version has written it.
    pub fn read(user: &UserId, head: &[u8], profile: &[u8]) -> Result<Self, StateError> {
        let (head, _) = read_head(&RecordKind::Head.to_string(), head)?;
        Ok(Self { profile: read_profile(&Org::user_key(user), profile)?, open: head.open })
    }

    /// Reads an account from the records of its keys, as each partition has them. An org is in one partition; after a change of
    /// partitions, an earlier one may have an older state of the account.
    ///
    /// # Errors
    /// If a record is damaged, or a later version has written it.
    pub fn by_partition(
        user: &UserId,
        records: impl IntoIterator<Item = (i32, String, Vec<u8>)>,
    ) -> Result<BTreeMap<i32, Self>, StateError> {
        let [of_org, of_user] = Self::keys(user);
        let (mut heads, mut profiles) = (BTreeMap::new(), BTreeMap::new());
        for (partition, key, bytes) in records {
            if key == of_org {
                heads.insert(partition, bytes);
            } else if key == of_user {
                profiles.insert(partition, bytes);
            }
        }
        let whole =
            profiles.into_iter().filter_map(|(partition, profile)| Some((partition, heads.get(&partition)?, profile)));
        whole.map(|(partition, head, profile)| Ok((partition, Self::read(user, head, &profile)?))).collect()
    }

    /// Returns the event time up to which the hours of the org are closed; `None` before its first activity.
    pub fn clock(&self) -> Option<Timestamp> {
        self.open.map(|open| open.start)
    }

    /// Returns the keys of the further records that [`StoredAccount::learned`] takes: the populations, and the shards of the
    /// names that it lists.
    pub fn learned_keys(&self) -> Vec<String> {
        let mut shards = Shards::default();
        named_keys(self.judging(), self.today()).into_iter().for_each(|key| shards.mark(key));
        let names = shards.iter().map(|shard| RecordKind::Names(shard).to_string());
        std::iter::once(RecordKind::Populations.to_string()).chain(names).collect()
    }

    /// Returns what was learned of the account, with the days that were released. `records` are those of
    /// [`StoredAccount::learned_keys`] that exist.
    ///
    /// # Errors
    /// If a record is damaged, a later version has written it, or the populations are missing.
    pub fn learned<'a>(&self, records: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Result<Learned, StateError> {
        let (mut populations, mut all) = (None, Names::default());
        for (key, bytes) in records {
            match RecordKind::parse(key)? {
                RecordKind::Populations => populations = Some(decode::<Populations>(key, bytes)?),
                RecordKind::Names(_) => names(&mut all, read_names(key, bytes)?),
                _ => return Err(StateError::Key { key: key.to_owned() }),
            }
        }
        let missing = || StateError::Missing { key: RecordKind::Populations.to_string() };
        Ok(learned(self.judging(), &populations.ok_or_else(missing)?, &all, self.today()))
    }

    /// Returns the days that are held, in their order.
    pub fn held(&self) -> Vec<HeldDay> {
        self.profile.held()
    }

    /// Returns what a disposition of the time from `from` on and before `until` does, as [`Org::dispose`]; `None` takes
    /// back what was said.
    pub fn would_dispose(
        &self,
        from: Timestamp,
        until: Timestamp,
        disposition: Option<Disposition>,
    ) -> Vec<DisposedDay> {
        let today = self.open.map_or(i32::MIN, |open| open.day);
        self.profile.clone().disposed((from, until), disposition, today)
    }

    /// Returns the date of a day by its first moment, as days since 1970-01-01 in the org's calendar.
    pub fn date(&self, first: Timestamp) -> i32 {
        date(self.open, first)
    }

    /// Returns the profile that judges: together with the released days, if there are any.
    fn judging(&self) -> &Profile {
        self.profile.reserve.as_ref().and_then(|reserve| reserve.combined.as_deref()).unwrap_or(&self.profile)
    }

    fn today(&self) -> i32 {
        self.open.map_or(0, |open| open.day)
    }
}

fn date(open: Option<LocalHour>, first: Timestamp) -> i32 {
    // Noon is on the same date however the clock was changed since.
    let ahead = open.map_or(0, |open| i64::from(open.day) * DAY - open.day_start.0);
    first.plus(ahead + 12 * HOUR).0.div_euclid(DAY) as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_that_of_the_calendar_of_the_org() {
        let at = |text: &str| Timestamp::parse(text).unwrap();
        let check = |open: Option<(&str, &str)>, first: &str, expect: &str| {
            let open = open.map(|(first, date)| LocalHour {
                day_start: at(first),
                day: (at(date).0 / DAY) as i32,
                ..LocalHour::default()
            });
            assert_eq!(i64::from(date(open, at(first))) * DAY, at(expect).0, "{first}");
        };
        check(None, "2026-03-02T00:00:00Z", "2026-03-02");
        // Berlin after its clocks were changed, and Auckland.
        check(Some(("2026-03-31T22:00:00Z", "2026-04-01")), "2026-03-01T23:00:00Z", "2026-03-02");
        check(Some(("2026-03-31T11:00:00Z", "2026-04-01")), "2026-03-01T11:00:00Z", "2026-03-02");
        check(Some(("2026-04-01T10:00:00Z", "2026-04-01")), "2026-03-02T10:00:00Z", "2026-03-02");
    }
}
