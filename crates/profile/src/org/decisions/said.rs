//! What people said of the days of accounts. An account obeys it with its next activity, however long that takes, so it is
//! kept until then.

use super::precision::FADED;
use model::time::DAY;
use model::{Decision, Disposition, Ruling, Timestamp, UserId, Uuid};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Accounts of which it is kept what was said. A choice: 5 MB at most, and some 150 KB if one thing was said of each. Those
/// that have obeyed all make room first, then those of which something was said longest ago.
const MOST_ACCOUNTS: usize = 4_096;
/// What is kept of one account. A choice: what was recorded first makes room.
const MOST_OF_ACCOUNT: usize = 32;

/// What was said of days, by account; in the order in which it was recorded, so that the last that stands counts.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct SaidOfDays {
    accounts: BTreeMap<UserId, Vec<Said>>,
}

/// One disposition of an account's days.
#[derive(Clone, Debug, PartialEq)]
struct Said {
    /// When it was recorded, and its decision.
    order: (Timestamp, Uuid),
    from: Timestamp,
    until: Option<Timestamp>,
    disposition: Disposition,
    /// Whether it stands, or was taken back.
    stands: bool,
    /// The start of the hour with the close of which it took effect, or was taken back, or was reinstated.
    since: Timestamp,
    /// The day of the org's calendar of this hour.
    day: i32,
    /// Whether the account has obeyed since.
    is_obeyed: bool,
}

/// What was said of a day by the end of a day of the org's calendar.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Saying {
    /// The day of the org's calendar on which it took effect.
    pub(crate) day: i32,
    /// `None` if all was taken back.
    pub(crate) disposition: Option<Disposition>,
}

/// The encoding of one disposition. The order of the fields is that of [`Said`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct StoredSaid(i64, Uuid, i64, Option<i64>, Disposition, bool, i64, i32, bool);

impl SaidOfDays {
    /// Whether nothing is kept.
    pub(super) fn is_empty(&self) -> bool {
        self.accounts.is_empty()
    }

    /// Adds a decision that takes effect with the close of an hour of a day, if it is a disposition that teaches.
    pub(super) fn add(&mut self, decision: &Decision, (since, day): (Timestamp, i32)) {
        let (Ruling::Disposition(disposed), Some(user)) = (&decision.ruling, &decision.user_id) else { return };
        if !disposed.teaches {
            return;
        }
        let of_user = self.accounts.entry(user.clone()).or_default();
        of_user.push(Said {
            order: (decision.decided_at, decision.decision_id),
            from: decision.from,
            until: decision.until,
            disposition: disposed.disposition,
            stands: true,
            since,
            day,
            is_obeyed: false,
        });
        of_user.sort_by_key(|said| said.order);
    }

    /// Notes which dispositions stand from an hour of a day on.
    pub(super) fn update(&mut self, stands: impl Fn(Uuid) -> bool, (since, day): (Timestamp, i32)) {
        for said in self.accounts.values_mut().flatten() {
            let now = stands(said.order.1);
            if now != said.stands {
                (said.stands, said.since, said.day, said.is_obeyed) = (now, since, day, false);
            }
        }
    }

    /// Whether a decision is kept of an account.
    pub(super) fn has(&self, decision: &Decision) -> bool {
        let of_user = decision.user_id.as_ref().and_then(|user| self.accounts.get(user));
        of_user.is_some_and(|said| said.iter().any(|said| said.order.1 == decision.decision_id))
    }

    /// Returns the decisions that are kept.
    pub(super) fn ids(&self) -> BTreeSet<Uuid> {
        self.accounts.values().flatten().map(|said| said.order.1).collect()
    }

    /// Drops a disposition that was taken back, because what took it back is no longer kept.
    pub(super) fn drop_taken_back(&mut self, id: Uuid) {
        self.accounts.values_mut().for_each(|said| said.retain(|said| said.stands || said.order.1 != id));
        self.accounts.retain(|_, said| !said.is_empty());
    }

    /// Returns the accounts of which something else is said since the hour that began at `since`.
    pub(super) fn changed(&self, since: Timestamp) -> impl Iterator<Item = &UserId> {
        let has_changed = move |said: &Said| said.since >= since && !said.is_obeyed;
        self.accounts.iter().filter(move |(_, said)| said.iter().any(has_changed)).map(|(user, _)| user)
    }

    /// Returns what was said of a day of an account that lasted from `first` to `last`, the latest last: what the account
    /// has not obeyed yet, step by step; or, if it has obeyed all, what holds. Empty if nothing was said.
    pub(super) fn of(&self, user: &UserId, first: Timestamp, last: Timestamp) -> Vec<Saying> {
        let Some(of_user) = self.accounts.get(user) else { return Vec::new() };
        let is_meant = |said: &&Said| said.from <= last && said.until.is_none_or(|until| first < until);
        let meant: Vec<&Said> = of_user.iter().filter(is_meant).collect();
        let mut steps: BTreeMap<Timestamp, i32> =
            meant.iter().filter(|said| !said.is_obeyed).map(|said| (said.since, said.day)).collect();
        if steps.is_empty() {
            steps.extend(meant.iter().map(|said| (said.since, said.day)).max());
        }
        let saying = |(since, day): (Timestamp, i32)| {
            let by_then = |said: &&&Said| said.stands && (said.is_obeyed || said.since <= since);
            let disposition = meant.iter().rev().find(by_then).map(|said| said.disposition);
            Saying { day, disposition }
        };
        steps.into_iter().map(saying).collect()
    }

    /// Returns the decision by which a day of an account is malicious, if that was said last and has not been obeyed yet.
    pub(super) fn malicious(&self, user: &UserId, first: Timestamp, last: Timestamp) -> Option<Uuid> {
        let is_meant = |said: &&Said| said.from <= last && said.until.is_none_or(|until| first < until);
        let said = self.accounts.get(user)?.iter().rev().filter(is_meant).find(|said| said.stands)?;
        (said.disposition == Disposition::Malicious && !said.is_obeyed).then_some(said.order.1)
    }

    /// Notes that an account has obeyed all that was said of it. What took effect 90 days before `now` goes. Returns whether
    /// anything has changed.
    pub(super) fn obeyed(&mut self, user: &UserId, now: Timestamp) -> bool {
        let Some(of_user) = self.accounts.get_mut(user) else { return false };
        let is_new = of_user.iter().any(|said| !said.is_obeyed);
        of_user.iter_mut().for_each(|said| said.is_obeyed = true);
        let has_gone = forget_old(of_user, now);
        if of_user.is_empty() {
            self.accounts.remove(user);
        }
        is_new || has_gone
    }

    /// Drops what accounts have obeyed and took effect 90 days before `now`, and what is too much.
    pub(super) fn forget(&mut self, now: Timestamp) {
        self.accounts.retain(|_, said| {
            forget_old(said, now);
            said.drain(..said.len().saturating_sub(MOST_OF_ACCOUNT));
            !said.is_empty()
        });
        let excess = self.accounts.len().saturating_sub(MOST_ACCOUNTS);
        if excess > 0 {
            let is_awaited = |said: &[Said]| said.iter().any(|said| !said.is_obeyed);
            let latest = |said: &[Said]| said.iter().map(|said| said.since).max();
            let all = self.accounts.iter().map(|(user, said)| (is_awaited(said), latest(said), user.clone()));
            let mut all: Vec<(bool, Option<Timestamp>, UserId)> = all.collect();
            all.sort_unstable();
            all.into_iter().take(excess).for_each(|(.., user)| drop(self.accounts.remove(&user)));
        }
    }

    /// Erases an account. Returns whether anything was said of it.
    pub(super) fn erase(&mut self, user: &UserId) -> bool {
        self.accounts.remove(user).is_some()
    }

    pub(super) fn stored(&self) -> Vec<(UserId, Vec<StoredSaid>)> {
        let stored = |said: &Said| {
            let Said { order: (decided_at, id), from, until, disposition, stands, since, day, is_obeyed } = *said;
            let until = until.map(|until| until.0);
            StoredSaid(decided_at.0, id, from.0, until, disposition, stands, since.0, day, is_obeyed)
        };
        self.accounts.iter().map(|(user, said)| (user.clone(), said.iter().map(stored).collect())).collect()
    }

    pub(super) fn restored(stored: Vec<(UserId, Vec<StoredSaid>)>) -> Self {
        let restored = |StoredSaid(decided_at, id, from, until, disposition, stands, since, day, is_obeyed)| Said {
            order: (Timestamp(decided_at), id),
            from: Timestamp(from),
            until: until.map(Timestamp),
            disposition,
            stands,
            since: Timestamp(since),
            day,
            is_obeyed,
        };
        let of_user = |(user, said): (UserId, Vec<StoredSaid>)| (user, said.into_iter().map(restored).collect());
        Self { accounts: stored.into_iter().map(of_user).collect() }
    }

    /// Returns what stands, by account.
    #[cfg(test)]
    pub(super) fn standing(&self) -> Vec<(UserId, Uuid)> {
        let all = self.accounts.iter().flat_map(|(user, said)| said.iter().map(move |said| (user, said)));
        all.filter(|(_, said)| said.stands).map(|(user, said)| (user.clone(), said.order.1)).collect()
    }

    #[cfg(test)]
    pub(super) fn accounts(&self) -> usize {
        self.accounts.len()
    }
}

/// Drops what was obeyed and took effect 90 days before `now`; nothing that was recorded before something that stays, or
/// that would count again. Returns whether anything has gone.
fn forget_old(said: &mut Vec<Said>, now: Timestamp) -> bool {
    let oldest = now.plus(-FADED * DAY);
    let gone = said.iter().take_while(|said| said.is_obeyed && said.since <= oldest).count();
    said.drain(..gone);
    gone > 0
}
