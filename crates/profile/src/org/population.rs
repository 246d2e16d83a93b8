//! Populations: statistics of each class of users and of the org, which are the priors of thin baselines.

mod known;

use super::count_tail::CountTail;
use crate::estimate::{Moments, Pool, Prior};
use crate::state::{Shards, sorted};
use crate::user::{COUNTERS, Counter, FirstDays, FirstKind, Profile, Rhythm};
pub(crate) use known::KnownBy;
use model::{Surface, UserClass, Usual};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

/// The populations of an org. The order of the fields is the encoding of the stored state.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Populations {
    /// The org as a whole.
    all: Population,
    /// By [`UserClass`].
    classes: [Population; UserClass::ALL.len()],
    /// The values that users have used on two days, by hash.
    #[serde(skip)]
    pub(crate) known: FxHashMap<u64, KnownBy>,
    /// Number of users that use a value for the first time today, by its hash.
    #[serde(skip)]
    pub(crate) new_today: FxHashMap<u64, u32>,
    /// Shards of the two that changed since they were stored.
    #[serde(skip)]
    pub(crate) changed: Shards,
    /// Today's counts of all active users with their usual counts, by counter.
    #[serde(skip)]
    pub(crate) counts_today: [CountDay; Counter::COUNT],
    /// Number of users of each kind of client.
    #[serde(with = "sorted")]
    clients: FxHashMap<u64, u32>,
    /// Rows of a LoginAs session, ln(1 + x) and plain.
    pub(crate) delegated: (Moments, Moments),
    /// Whether nothing is learned at present, see [`Shared::set_only_read`](super::Shared::set_only_read).
    #[serde(skip)]
    pub(super) only_read: bool,
}

/// One class of users, or all.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Population {
    users: u32,
    /// By [`Surface`].
    rows: [RowPools; Surface::ALL.len()],
    /// By [`Counter`].
    counts: [Pool; Counter::COUNT],
    /// ln(1 + rows a request) of first-time accesses, by [`FirstKind`].
    first_rows: [Pool; FirstKind::COUNT],
    /// By [`Counter`].
    tails: [CountTail; Counter::COUNT],
    /// Hours are counted from each member's center.
    rhythm: Rhythm,
}

/// The quantities of one surface, all of ln(1 + rows).
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct RowPools {
    day: Pool,
    hour: Pool,
    request: Pool,
    intensity: Pool,
}

/// A quantity of rows through one surface.
#[derive(Clone, Copy, Debug)]
pub(crate) enum RowQuantity {
    /// Rows of a day.
    Day,
    /// Rows of the largest clock hour of a day.
    Hour,
    /// Rows of one request.
    Request,
    /// Rows a request, averaged over a day.
    Intensity,
}

/// One counter over all users active today: the count, clipped by user, and the usual count.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct CountDay {
    counted: f64,
    expected: f64,
}

impl Populations {
    /// Members of a class from which on its rhythm is used instead of the org's, as [`Pool`] requires for its priors.
    const LEAST_USERS: u32 = 5;

    /// Adds a user to the org and to its class.
    pub(crate) fn join(&mut self, class: UserClass) {
        self.all.users += 1;
        if let Some(population) = self.class_mut(class) {
            population.users += 1;
        }
    }

    /// Moves a user's part from its present class to another.
    pub(crate) fn moved(&mut self, profile: &Profile, to: UserClass) {
        if let Some(population) = self.class_mut(profile.class) {
            population.users = population.users.saturating_sub(1);
            population.shift_all(profile, false);
        }
        if let Some(population) = self.class_mut(to) {
            population.users += 1;
            population.shift_all(profile, true);
        }
    }

    /// Returns the prior of rows: that of the class if it has enough members, otherwise the org's.
    pub(crate) fn row_prior(&self, class: UserClass, surface: Surface, quantity: RowQuantity) -> Option<Prior> {
        let of = |population: &Population| population.row_pool(surface, quantity).and_then(Pool::prior);
        self.class(class).and_then(of).or_else(|| of(&self.all))
    }

    /// Returns the prior of a daily count: that of the class if it has enough members, otherwise the org's.
    pub(crate) fn count_prior(&self, class: UserClass, counter: Counter) -> Option<Prior> {
        let of = |population: &Population| population.counts.get(counter as usize).and_then(Pool::prior);
        self.class(class).and_then(of).or_else(|| of(&self.all))
    }

    /// Returns the prior of ln(1 + rows a request) of first-time accesses.
    pub(crate) fn first_rows_prior(&self, class: UserClass, kind: FirstKind) -> Option<Prior> {
        let of = |population: &Population| population.first_rows.get(kind as usize).and_then(Pool::prior);
        self.class(class).and_then(of).or_else(|| of(&self.all))
    }

    /// Returns the distribution of a day of a random member of the class; without evidence if it has too few.
    ///
    /// Its variance is that within members plus that between them, at least 0.01 as for one account. Its degrees of
    /// freedom are the members, held between 4 (a finite variance, with margin) and 60 (nearly normal).
    pub(crate) fn peer_day(&self, class: UserClass, surface: Surface, shift: f64) -> Usual {
        self.row_prior(class, surface, RowQuantity::Day).map_or_else(Usual::default, |prior| Usual {
            location: prior.mean,
            scale: (prior.within + prior.within / prior.strength).max(0.01).sqrt(),
            degrees: prior.members.clamp(4.0, 60.0),
            shift,
            evidence: prior.members,
            prior_weight: 1.0,
            ..Usual::default()
        })
    }

    /// Returns the number of the org's closed user-days, by a counter that an account's first days have, too.
    pub(crate) fn user_days(&self) -> f64 {
        self.all.tails.get(Counter::LoginFailures as usize).map_or(0.0, CountTail::days)
    }

    /// Returns the share of the user-days of others with at least `count` first-time accesses. `own` are the user's.
    pub(crate) fn count_tail(&self, kind: FirstKind, count: u32, own: &FirstDays) -> f64 {
        let tail = self.all.tails.get(kind.counter() as usize);
        tail.map_or(1.0, |tail| tail.share(count, (own.at_least(kind, count), own.at_least(kind, 0))))
    }

    /// Returns the share of the org's other users that know a value, with Jeffreys' prior of a proportion.
    pub(crate) fn share_knowing(&self, key: u64) -> f64 {
        (f64::from(self.knowing(key)) + 0.5) / (f64::from(self.all.users) + 1.0)
    }

    /// Whether so many users have the value for the first time today that it was probably rolled out to them.
    pub(crate) fn is_rolled_out(&self, key: u64) -> bool {
        /// Users at least, and their share of the org's users. Choices: a handful of accomplices is not enough in an
        /// org of more than 200 users.
        const LEAST_USERS: u32 = 4;
        const LEAST_SHARE: f64 = 0.02;
        let users = self.new_today.get(&key).copied().unwrap_or(0);
        users >= LEAST_USERS && f64::from(users) >= LEAST_SHARE * f64::from(self.all.users)
    }

    /// Returns the number of users that know the value, without the one who has it for the first time today and is
    /// being judged.
    fn knowing(&self, key: u64) -> u32 {
        let today = self.new_today.get(&key).copied().unwrap_or(0).saturating_sub(1);
        self.known.get(&key).map_or(0, |known| known.users) + today
    }

    /// Returns the number of the org's users.
    pub(crate) fn users(&self) -> u32 {
        self.all.users
    }

    /// Counts a user who has used the client on a second day.
    pub(crate) fn establish_client(&mut self, key: u64) {
        if self.only_read {
            return;
        }
        *self.clients.entry(key).or_default() += 1;
    }

    /// Returns the share of the users' clients that are at most as common as this one: its p-value by rank among the
    /// clients that people start to use.
    pub(crate) fn client_tail(&self, key: u64) -> f64 {
        let users = self.clients.get(&key).copied().unwrap_or(0);
        let all: u32 = self.clients.values().sum();
        let rarer: u32 = self.clients.values().filter(|other| **other <= users).sum();
        (f64::from(if users == 0 { 0 } else { rarer }) + 0.5) / (f64::from(all) + 1.0)
    }

    /// Adds a user who is active today and usually has `mean` of a count.
    pub(crate) fn expect_today(&mut self, counter: Counter, mean: f64) {
        if let Some(today) = self.counts_today.get_mut(counter as usize).filter(|_| !self.only_read) {
            today.expected += mean;
        }
    }

    /// Adds one to today's count. Callers leave out what lies beyond a user's own usual, so that one user cannot make a
    /// day look busy.
    pub(crate) fn count_today(&mut self, counter: Counter) {
        if let Some(today) = self.counts_today.get_mut(counter as usize).filter(|_| !self.only_read) {
            today.counted += 1.0;
        }
    }

    /// Returns the factor by which the others exceed their usual count today, from 1 to 6: at the end of a month
    /// everybody exports. `own` and `mean` are the judged user's part of the count and of the usual count.
    pub(crate) fn count_factor(&self, counter: Counter, own: f64, mean: f64) -> f64 {
        /// Pseudo-count that shrinks the factor to 1. A choice.
        const STRENGTH: f64 = 3.0;
        /// Largest factor. A choice that bounds what many colluding accounts can hide.
        const MOST: f64 = 6.0;
        let Some(today) = self.counts_today.get(counter as usize) else { return 1.0 };
        let (counted, expected) = ((today.counted - own).max(0.0), (today.expected - mean).max(0.0));
        ((counted + STRENGTH) / (expected + STRENGTH)).clamp(1.0, MOST)
    }

    /// Forgets today's counts and new values.
    pub(crate) fn close_day(&mut self) {
        for (key, _) in self.new_today.drain() {
            self.changed.mark(key);
        }
        self.counts_today = Default::default();
    }

    /// Returns the rhythm of the class if it has enough members, otherwise the org's.
    pub(crate) fn rhythm(&self, class: UserClass) -> &Rhythm {
        match self.class(class) {
            Some(population) if population.users >= Self::LEAST_USERS => &population.rhythm,
            _ => &self.all.rhythm,
        }
    }

    /// Learns a member's day. Bit 0 of `hours` is the member's center.
    pub(crate) fn learn_hours(&mut self, class: UserClass, is_weekend: bool, hours: u32) {
        /// User-days of each kind that a population remembers. A choice: 100 days of 1,000 users.
        const MEMORY: f32 = 100_000.0;
        self.both(class, |population| population.rhythm.learn(is_weekend, hours, MEMORY));
    }

    /// Replaces a member's part of a daily count.
    pub(crate) fn learn_count(&mut self, class: UserClass, counter: Counter, before: &Moments, after: &Moments) {
        self.both(class, |population| {
            if let Some(pool) = population.counts.get_mut(counter as usize) {
                pool.replace(before, after);
            }
        });
    }

    /// Replaces a member's part of the rows a request of first-time accesses.
    pub(crate) fn learn_first_rows(&mut self, class: UserClass, kind: FirstKind, before: &Moments, after: &Moments) {
        self.both(class, |population| {
            if let Some(pool) = population.first_rows.get_mut(kind as usize) {
                pool.replace(before, after);
            }
        });
    }

    /// Learns the count of one user-day.
    pub(crate) fn learn_tail(&mut self, counter: Counter, count: u32) {
        if let Some(tail) = self.all.tails.get_mut(counter as usize).filter(|_| !self.only_read) {
            tail.add(count);
        }
    }

    /// Replaces a member's part of a quantity of rows.
    pub(crate) fn learn_rows(
        &mut self,
        class: UserClass,
        surface: Surface,
        quantity: RowQuantity,
        before: &Moments,
        after: &Moments,
    ) {
        self.both(class, |population| {
            if let Some(pool) = population.row_pool_mut(surface, quantity) {
                pool.replace(before, after);
            }
        });
    }

    /// Applies `learn` to the org and to the class.
    fn both(&mut self, class: UserClass, mut learn: impl FnMut(&mut Population)) {
        if self.only_read {
            return;
        }
        learn(&mut self.all);
        if let Some(population) = self.class_mut(class) {
            learn(population);
        }
    }

    fn class(&self, class: UserClass) -> Option<&Population> {
        self.classes.get(class as usize)
    }

    fn class_mut(&mut self, class: UserClass) -> Option<&mut Population> {
        self.classes.get_mut(class as usize)
    }
}

impl Population {
    fn row_pool(&self, surface: Surface, quantity: RowQuantity) -> Option<&Pool> {
        let pools = self.rows.get(surface as usize)?;
        Some(match quantity {
            RowQuantity::Day => &pools.day,
            RowQuantity::Hour => &pools.hour,
            RowQuantity::Request => &pools.request,
            RowQuantity::Intensity => &pools.intensity,
        })
    }

    fn row_pool_mut(&mut self, surface: Surface, quantity: RowQuantity) -> Option<&mut Pool> {
        let pools = self.rows.get_mut(surface as usize)?;
        Some(match quantity {
            RowQuantity::Day => &mut pools.day,
            RowQuantity::Hour => &mut pools.hour,
            RowQuantity::Request => &mut pools.request,
            RowQuantity::Intensity => &mut pools.intensity,
        })
    }

    /// Adds or removes a member's part of all quantities.
    fn shift_all(&mut self, profile: &Profile, joins: bool) {
        let nothing = Moments::default();
        let put = |pool: &mut Pool, moments: &Moments| {
            if joins { pool.replace(&nothing, moments) } else { pool.replace(moments, &nothing) }
        };
        for surface in Surface::ALL {
            if let (Some(model), Some(pools)) = (profile.rows_of(*surface), self.rows.get_mut(*surface as usize)) {
                put(&mut pools.day, &model.day);
                put(&mut pools.hour, &model.hour);
                put(&mut pools.request, &model.request);
                put(&mut pools.intensity, &model.intensity);
            }
        }
        for (pool, moments) in self.first_rows.iter_mut().zip(&profile.first_rows) {
            put(pool, moments);
        }
        for counter in COUNTERS {
            if let Some(pool) = self.counts.get_mut(counter as usize) {
                put(pool, &profile.counts.get(counter));
            }
        }
    }
}

#[cfg(test)]
mod tests;
