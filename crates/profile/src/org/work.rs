//! The work of all people of an org, and the class that each account has in comparison.

use super::{Shared, composition, extremes, names};
use crate::user::{Belief, Candidates, Day, Profile, QUANTITIES, classify, has_habits};
use model::{Delegate, UserClass, UserId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What the people of an org consume, and who works as others. Programs and guests do not count.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct OrgWork {
    people: f64,
    /// Sums of the people's means, by quantity.
    sums: [f64; QUANTITIES],
    squares: [f64; QUANTITIES],
    /// Days on which an account worked as another user, by the hash of its id or username. At most
    /// [`OrgWork::MOST_DELEGATES`].
    delegates: BTreeMap<u64, Delegations>,
}

/// Days on which an account worked as another user, as of the last of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Delegations {
    days: f32,
    last_day: i32,
}

impl OrgWork {
    /// Accounts that are remembered for work as others. A choice: some 100 KB; few orgs have as many administrators.
    const MOST_DELEGATES: usize = 4_096;
    /// Days after which a day of such work counts half: about as long as [`Work`](crate::user::Work) remembers. A choice.
    const HALF_LIFE: f32 = 60.0;
    /// People below which nobody consumes more than most. A choice.
    const LEAST_PEOPLE: f64 = 10.0;

    /// Notes that the delegate works as another user on `day`.
    pub(super) fn note_delegate(&mut self, delegate: &Delegate, day: i32) {
        let Some(name) = delegate.user_id.as_ref().or(delegate.username.as_ref()) else { return };
        let key = names::key(names::DELEGATE, name);
        if self.delegates.len() >= Self::MOST_DELEGATES && !self.delegates.contains_key(&key) {
            let oldest = self.delegates.iter().min_by_key(|(key, known)| (known.last_day, **key)).map(|(key, _)| *key);
            oldest.and_then(|oldest| self.delegates.remove(&oldest));
        }
        let known = self.delegates.entry(key).or_insert(Delegations { days: 0.0, last_day: i32::MIN });
        if known.last_day < day {
            known.days = known.on(day) + 1.0;
            known.last_day = day;
        }
    }

    /// Returns the days on which an account worked as others, decayed until `day`.
    fn delegated_days(&self, user: &UserId, username: Option<&str>, day: i32) -> f32 {
        let of = |name: &str| self.delegates.get(&names::key(names::DELEGATE, name)).map_or(0.0, |known| known.on(day));
        if self.delegates.is_empty() { 0.0 } else { of(user.as_str()).max(username.map_or(0.0, of)) }
    }

    /// Returns how far an account consumes more than the org's people: the mean over quantities of the deviations above
    /// theirs. `None` if the org has too few people.
    fn consumption(&self, consumed: &[f32; QUANTITIES]) -> Option<f64> {
        /// Least variance between people of a mean of ln(1 + x). A choice: a deviation of 10 %.
        const LEAST_VARIANCE: f64 = 0.01;
        if self.people < Self::LEAST_PEOPLE {
            return None;
        }
        let of_all = self.sums.iter().zip(&self.squares).zip(consumed).map(|((sum, squares), own)| {
            let mean = sum / self.people;
            let variance = (squares / self.people - mean * mean).max(LEAST_VARIANCE);
            (f64::from(*own) - mean) / variance.sqrt()
        });
        Some(of_all.sum::<f64>() / QUANTITIES as f64)
    }

    /// Replaces the part of one account.
    fn replace(&mut self, before: Option<&[f32; QUANTITIES]>, after: Option<&[f32; QUANTITIES]>) {
        let mut shift = |means: &[f32; QUANTITIES], sign: f64| {
            self.people += sign;
            for ((sum, squares), mean) in self.sums.iter_mut().zip(&mut self.squares).zip(means) {
                let mean = f64::from(*mean);
                *sum += sign * mean;
                *squares += sign * mean * mean;
            }
        };
        before.into_iter().for_each(|means| shift(means, -1.0));
        after.into_iter().for_each(|means| shift(means, 1.0));
    }
}

impl Delegations {
    fn on(&self, day: i32) -> f32 {
        let age = day.saturating_sub(self.last_day).max(0) as f32;
        self.days * (-age / OrgWork::HALF_LIFE).exp2()
    }
}

/// Learns the work of a closed day, and classifies the account again, unless people have decided its class.
pub(super) fn learn(user: &UserId, profile: &mut Profile, shared: &mut Shared, day: &mut Day) {
    profile.signals.work.learn(day, shared.memory_days);
    let work = &shared.signals.work;
    let compared = Candidates {
        delegated_days: work.delegated_days(user, profile.username.as_deref(), day.number),
        consumption: work.consumption(&profile.signals.work.consumed),
    };
    let (class, belief) = match shared.decisions.class_of(user) {
        Some(class) => (class, Belief::DECIDED),
        None => classify(profile, &compared),
    };
    put(profile, shared, class, belief);
}

/// Gives an account the class that people have decided, if they have.
pub(super) fn obey(user: &UserId, profile: &mut Profile, shared: &mut Shared) {
    let Some(class) = shared.decisions.class_of(user) else { return };
    if (profile.class, profile.signals.work.belief) != (class, Belief::DECIDED) {
        put(profile, shared, class, Belief::DECIDED);
    }
}

/// Gives an account a class. Its part moves between populations if that is another one.
fn put(profile: &mut Profile, shared: &mut Shared, class: UserClass, belief: Belief) {
    profile.signals.work.belief = belief;
    if class != profile.class && !shared.is_only_read() {
        shared.populations.moved(profile, class);
        extremes::moved(profile, shared, class);
        composition::moved(profile, &mut shared.signals.used, class);
    }
    profile.class = class;
    let is_person = !matches!(class, UserClass::Integration | UserClass::Guest);
    let is_counted = is_person && has_habits(profile);
    let work = &mut profile.signals.work;
    let part = is_counted.then_some(work.consumed);
    if !shared.is_only_read() {
        shared.signals.work.replace(work.counted.as_ref(), part.as_ref());
    }
    work.counted = part;
}
