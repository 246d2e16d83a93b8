//! What users have in common, by class and over the org: the priors of thin baselines.

use crate::estimate::{Moments, Pool, Prior};
use crate::state::{Shards, sorted};
use crate::user::{COUNTERS, Counter, FirstKind, Profile, Rhythm};
use model::{Surface, UserClass, Usual};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

/// The populations of an org.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Populations {
    all: Population,
    classes: [Population; UserClass::ALL.len()],
    /// Users that have established a value, and users that have it for the first time today.
    #[serde(skip)]
    pub(crate) known: FxHashMap<u64, u32>,
    #[serde(skip)]
    pub(crate) new_today: FxHashMap<u64, u32>,
    /// Shards of the two that changed since they were stored.
    #[serde(skip)]
    pub(crate) changed: Shards,
    /// What today's users did and were expected to do so far, by counter.
    #[serde(skip)]
    pub(crate) counts_today: [CountDay; Counter::COUNT],
    /// Users of each kind of client.
    #[serde(with = "sorted")]
    clients: FxHashMap<u64, u32>,
    /// Rows of a LoginAs session, ln(1 + x) and plain.
    pub(crate) delegated: (Moments, Moments),
}

/// One class of users, or all.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Population {
    users: u32,
    rows: [RowPools; Surface::ALL.len()],
    counts: [Pool; Counter::COUNT],
    first_rows: [Pool; FirstKind::COUNT],
    tails: [Tail; Counter::COUNT],
    rhythm: Rhythm,
}

#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct RowPools {
    day: Pool,
    hour: Pool,
    request: Pool,
    intensity: Pool,
}

/// Which quantity of a source a prior is for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum RowQuantity {
    Day,
    Hour,
    Request,
    Intensity,
}

/// A count over all users active today.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct CountDay {
    counted: f64,
    expected: f64,
}

/// How many user-days brought at least so many.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Tail {
    at_least: [f64; 17],
}

impl Populations {
    /// Known values beyond this are not told apart from unknown ones.
    const MOST_KNOWN: usize = 500_000;

    /// A user counts as a member of its class from here on.
    pub(crate) fn join(&mut self, class: UserClass) {
        self.all.users += 1;
        if let Some(population) = self.class_mut(class) {
            population.users += 1;
        }
    }

    /// The user's class has changed: its part moves along.
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

    /// The class if it has members enough, the org otherwise.
    pub(crate) fn row_prior(&self, class: UserClass, source: Surface, quantity: RowQuantity) -> Option<Prior> {
        let of = |population: &Population| population.row_pool(source, quantity).and_then(Pool::prior);
        self.class(class).and_then(of).or_else(|| of(&self.all))
    }

    /// The org's priors of daily rows, by source.
    pub(crate) fn org_rows(&self) -> [Option<Prior>; Surface::ALL.len()] {
        self.all.rows.map(|pools| pools.day.prior())
    }

    pub(crate) fn count_prior(&self, class: UserClass, counter: Counter) -> Option<Prior> {
        let of = |population: &Population| population.counts.get(counter as usize).and_then(Pool::prior);
        self.class(class).and_then(of).or_else(|| of(&self.all))
    }

    /// Rows a request of first-time accesses.
    pub(crate) fn first_rows_prior(&self, class: UserClass, kind: FirstKind) -> Option<Prior> {
        let of = |population: &Population| population.first_rows.get(kind as usize).and_then(Pool::prior);
        self.class(class).and_then(of).or_else(|| of(&self.all))
    }

    /// The day of a random member of the class: what is usual between users. Without evidence if unknown.
    pub(crate) fn peer_day(&self, class: UserClass, source: Surface, shift: f64) -> Usual {
        self.row_prior(class, source, RowQuantity::Day).map_or_else(Usual::default, |prior| Usual {
            location: prior.mean,
            scale: (prior.within + prior.within / prior.strength).max(0.01).sqrt(),
            degrees: prior.members.clamp(4.0, 60.0),
            shift,
            evidence: prior.members,
            prior_weight: 1.0,
            ..Usual::default()
        })
    }

    /// Share of user-days that bring at least `count`, with half a day more than were seen.
    pub(crate) fn count_tail(&self, counter: Counter, count: u32) -> f64 {
        self.all.tails.get(counter as usize).map_or(1.0, |tail| tail.share(count))
    }

    /// Share of the org's users that know a value, other than the one who asks.
    pub(crate) fn share_knowing(&self, key: u64) -> f64 {
        (f64::from(self.knowing(key)) + 0.5) / (f64::from(self.all.users) + 1.0)
    }

    /// Whether several users have the value for the first time today: it was rolled out to them.
    pub(crate) fn is_rolled_out(&self, key: u64) -> bool {
        let users = self.new_today.get(&key).copied().unwrap_or(0);
        users >= 4 && f64::from(users) >= 0.02 * f64::from(self.all.users)
    }

    /// Users that know the value, leaving out one who has it for the first time today: the one who asks.
    fn knowing(&self, key: u64) -> u32 {
        let today = self.new_today.get(&key).copied().unwrap_or(0).saturating_sub(1);
        self.known.get(&key).copied().unwrap_or(0) + today
    }

    pub(crate) fn users(&self) -> u32 {
        self.all.users
    }

    /// A user had the value on a second day.
    pub(crate) fn establish(&mut self, key: u64) {
        if self.known.len() < Self::MOST_KNOWN || self.known.contains_key(&key) {
            *self.known.entry(key).or_default() += 1;
            self.changed.mark(key);
        }
    }

    /// A user had the client on a second day.
    pub(crate) fn establish_client(&mut self, key: u64) {
        *self.clients.entry(key).or_default() += 1;
    }

    /// Share of users' clients that are at most as common as this one: how odd it is among those that people take up.
    pub(crate) fn client_tail(&self, key: u64) -> f64 {
        let users = self.clients.get(&key).copied().unwrap_or(0);
        let all: u32 = self.clients.values().sum();
        let rarer: u32 = self.clients.values().filter(|other| **other <= users).sum();
        (f64::from(if users == 0 { 0 } else { rarer }) + 0.5) / (f64::from(all) + 1.0)
    }

    /// A user had the value for the first time.
    pub(crate) fn notice(&mut self, key: u64) {
        *self.new_today.entry(key).or_default() += 1;
        self.changed.mark(key);
    }

    /// A user who usually counts `mean` a day is active today.
    pub(crate) fn expect_today(&mut self, counter: Counter, mean: f64) {
        if let Some(today) = self.counts_today.get_mut(counter as usize) {
            today.expected += mean;
        }
    }

    /// A user counts one more; what lies beyond the user's own usual is not counted for others.
    pub(crate) fn count_today(&mut self, counter: Counter) {
        if let Some(today) = self.counts_today.get_mut(counter as usize) {
            today.counted += 1.0;
        }
    }

    /// How much more than expected the others do today, from 1: month ends make everybody export. `own` and `mean`
    /// are the part of the one who asks.
    pub(crate) fn count_factor(&self, counter: Counter, own: f64, mean: f64) -> f64 {
        /// Counts by which the factor is held back, and the most it is believed to be.
        const STRENGTH: f64 = 3.0;
        const MOST: f64 = 6.0;
        let Some(today) = self.counts_today.get(counter as usize) else { return 1.0 };
        let (counted, expected) = ((today.counted - own).max(0.0), (today.expected - mean).max(0.0));
        ((counted + STRENGTH) / (expected + STRENGTH)).clamp(1.0, MOST)
    }

    pub(crate) fn close_day(&mut self) {
        for (key, _) in self.new_today.drain() {
            self.changed.mark(key);
        }
        self.counts_today = Default::default();
    }

    pub(crate) fn rhythm(&self, class: UserClass) -> &Rhythm {
        match self.class(class) {
            Some(population) if population.users >= 5 => &population.rhythm,
            _ => &self.all.rhythm,
        }
    }

    pub(crate) fn learn_hours(&mut self, class: UserClass, is_weekend: bool, hours: u32) {
        /// User-days of each kind that a population remembers.
        const MEMORY: f32 = 100_000.0;
        self.both(class, |population| population.rhythm.learn(is_weekend, hours, MEMORY));
    }

    pub(crate) fn learn_count(&mut self, class: UserClass, counter: Counter, before: &Moments, after: &Moments) {
        self.both(class, |population| {
            if let Some(pool) = population.counts.get_mut(counter as usize) {
                pool.replace(before, after);
            }
        });
    }

    pub(crate) fn learn_first_rows(&mut self, class: UserClass, kind: FirstKind, before: &Moments, after: &Moments) {
        self.both(class, |population| {
            if let Some(pool) = population.first_rows.get_mut(kind as usize) {
                pool.replace(before, after);
            }
        });
    }

    pub(crate) fn learn_tail(&mut self, counter: Counter, count: u32) {
        if let Some(tail) = self.all.tails.get_mut(counter as usize) {
            tail.add(count);
        }
    }

    pub(crate) fn learn_rows(
        &mut self,
        class: UserClass,
        source: Surface,
        quantity: RowQuantity,
        before: &Moments,
        after: &Moments,
    ) {
        self.both(class, |population| {
            if let Some(pool) = population.row_pool_mut(source, quantity) {
                pool.replace(before, after);
            }
        });
    }

    fn both(&mut self, class: UserClass, mut learn: impl FnMut(&mut Population)) {
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
    fn row_pool(&self, source: Surface, quantity: RowQuantity) -> Option<&Pool> {
        let pools = self.rows.get(source as usize)?;
        Some(match quantity {
            RowQuantity::Day => &pools.day,
            RowQuantity::Hour => &pools.hour,
            RowQuantity::Request => &pools.request,
            RowQuantity::Intensity => &pools.intensity,
        })
    }

    fn row_pool_mut(&mut self, source: Surface, quantity: RowQuantity) -> Option<&mut Pool> {
        let pools = self.rows.get_mut(source as usize)?;
        Some(match quantity {
            RowQuantity::Day => &mut pools.day,
            RowQuantity::Hour => &mut pools.hour,
            RowQuantity::Request => &mut pools.request,
            RowQuantity::Intensity => &mut pools.intensity,
        })
    }

    /// Adds or removes all that a member contributes.
    fn shift_all(&mut self, profile: &Profile, joins: bool) {
        let nothing = Moments::default();
        let put = |pool: &mut Pool, moments: &Moments| {
            if joins { pool.replace(&nothing, moments) } else { pool.replace(moments, &nothing) }
        };
        for source in Surface::ALL {
            if let (Some(model), Some(pools)) = (profile.rows_of(*source), self.rows.get_mut(*source as usize)) {
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

impl Tail {
    fn add(&mut self, count: u32) {
        let reached = (count as usize).min(self.at_least.len() - 1);
        self.at_least.iter_mut().take(reached + 1).for_each(|days| *days += 1.0);
    }

    fn share(&self, count: u32) -> f64 {
        let days = self.at_least.first().copied().unwrap_or(0.0);
        let reached = self.at_least.get((count as usize).min(self.at_least.len() - 1)).copied().unwrap_or(0.0);
        (reached + 0.5) / (days + 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_counts_days_at_or_above() {
        let mut tail = Tail::default();
        [0, 0, 1, 3, 40].into_iter().for_each(|count| tail.add(count));
        assert_eq!(tail.share(0), 5.5 / 6.0);
        assert_eq!(tail.share(1), 3.5 / 6.0);
        assert_eq!(tail.share(4), 1.5 / 6.0);
        assert_eq!(tail.share(1_000), 1.5 / 6.0);
    }

    #[test]
    fn a_value_that_several_have_for_the_first_time_is_rolled_out() {
        let mut populations = Populations::default();
        (0..50).for_each(|_| populations.join(UserClass::Normal));
        (0..3).for_each(|_| populations.notice(7));
        assert!(!populations.is_rolled_out(7));
        populations.notice(7);
        assert!(populations.is_rolled_out(7) && populations.share_knowing(7) > 0.05);
        populations.close_day();
        assert!(!populations.is_rolled_out(7));
    }
}
