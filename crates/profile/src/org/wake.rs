//! Accounts that are active again after a long silence, and what is new about them.

use super::adoption::Lately;
use super::network::Network;
use super::{Shared, names};
use crate::estimate::KnownValues;
use crate::user::{Day, Profile, WakeDay};
use model::{Activity, Feature, Kind, Outcome, UserClass, Wake};
use serde::{Deserialize, Serialize};

/// Silences of an org's accounts. The order of the fields is the encoding of the stored state.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Silences {
    /// The latest day on which an account was active, and the number of such days.
    latest: i32,
    active_days: u32,
    /// By [`UserClass`].
    classes: [Returns; UserClass::ALL.len()],
    /// Returns after a long silence; those with a network that the account never used, with such a client, and with both.
    news: [f64; 4],
    /// Accounts that have returned lately.
    lately: Lately,
}

/// Active days, and how many of them followed a silence of at least so many days.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Returns {
    days: f64,
    /// By [`BOUNDS`].
    after: [f64; BOUNDS.len()],
}

/// The silences of one account. The order of the fields is the encoding of the stored state.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct OwnSilences {
    /// The latest day on which the account was active: failed logins do not count. `None` before the first one.
    last: Option<i32>,
    /// The org's active days by then.
    org_days: u32,
    /// The longest silence, in days of the calendar.
    longest: u32,
    /// Silences of at least so many days, by [`BOUNDS`].
    after: [u8; BOUNDS.len()],
}

/// Lengths of silences that are counted, in days on which the org was active. Choices.
const BOUNDS: [u32; 7] = [8, 14, 21, 30, 45, 65, 95];
/// The shortest silence that is reported: leave of two to three weeks is ordinary. A choice.
const LEAST: u32 = 21;

/// Learns that the account is active. The first activity after a long silence becomes a feature, and on its day the first one
/// from a network or with a client that the account never used.
///
/// Silence is counted in days on which the org was active, so that a company's holidays and gaps in its events are none.
pub(super) fn learn(
    profile: &mut Profile,
    day: &mut Day,
    shared: &mut Shared,
    activity: &Activity,
    features: &mut Vec<Feature>,
) {
    let is_known_day = profile.signals.silences.last.is_some_and(|last| last >= day.number);
    if is_known_day && day.signals.wake.is_none() || !is_of_account(activity) {
        return;
    }
    let mut is_due = false;
    if !is_known_day {
        day.signals.wake = begin(profile, shared, day.number);
        is_due = true;
    }
    let (values, number) = (&profile.values, day.number);
    let Some(wake) = &mut day.signals.wake else { return };
    let before = wake.news();
    if let Some(network) =
        Network::of(activity, &shared.anonymizers).filter(|network| is_never(&values.networks, network.key, number))
    {
        wake.network.get_or_insert_with(|| network.name());
    }
    if let Some(client) = &activity.client
        && is_never(&values.clients, names::key(names::CLIENT, client), number)
    {
        wake.client.get_or_insert_with(|| client.clone());
    }
    let after = wake.news();
    if is_due || after != before {
        let is_shared = !shared.is_only_read();
        let silences = &mut shared.signals.silences;
        let novelty = silences.novelty(after);
        if is_shared {
            silences.learn_news(if is_due { 0 } else { before }, after, is_due);
        }
        features.push(Feature::Wake(Wake {
            silent_days: wake.silent_days,
            longest_days: wake.longest_days,
            chance: wake.chance,
            new_network: wake.network.clone(),
            new_client: wake.client.clone(),
            novelty,
            many: silences.lately.are_many(number, shared.populations.users()),
            days: profile.days,
        }));
    }
}

/// Whether the activity shows that somebody uses the account: failed logins, ends of sessions, and what Salesforce finds
/// do not.
fn is_of_account(activity: &Activity) -> bool {
    activity.outcome != Outcome::Failure && activity.kind != Kind::Logout && activity.native.is_none()
}

/// Whether the account never used a value before the day, although it used others.
fn is_never(values: &KnownValues, key: u64, day: i32) -> bool {
    let is_earlier = |key: &u64| values.peek(*key, day).days() > 0.0;
    !is_earlier(&key) && values.best(day).iter().any(is_earlier)
}

/// Learns the first day after a silence. Returns the silence if it is a long one.
fn begin(profile: &mut Profile, shared: &mut Shared, day: i32) -> Option<Box<WakeDay>> {
    let is_shared = !shared.is_only_read();
    let silences = &mut shared.signals.silences;
    let is_next = silences.active_days == 0 || day > silences.latest;
    let active_days = silences.active_days + u32::from(is_next);
    if is_next && is_shared {
        (silences.latest, silences.active_days) = (day, active_days);
    }
    let own = &mut profile.signals.silences;
    let org_days = std::mem::replace(&mut own.org_days, active_days);
    // Before version 7 of the record, only the last day was kept.
    let last = own.last.replace(day).or(profile.last_day)?;
    // An account of which events come late may be active on days that the org has counted already.
    let calendar = (day - last - 1).max(0) as u32;
    let silent = active_days.saturating_sub(org_days + 1).min(calendar);
    let long = BOUNDS.iter().take_while(|bound| silent >= **bound).count();
    let chance = long.checked_sub(1).map(|bound| silences.chance(own, bound, profile.class, profile.days));
    let longest_days = own.longest;
    own.longest = longest_days.max(calendar);
    own.after.iter_mut().take(long).for_each(|count| *count = count.saturating_add(1));
    if let Some(of_class) = silences.classes.get_mut(profile.class as usize).filter(|_| is_shared) {
        of_class.add(long);
    }
    let chance = chance.filter(|_| silent >= LEAST)?;
    if is_shared {
        silences.lately.add(day);
    }
    let wake = WakeDay { silent_days: calendar, longest_days, chance, network: None, client: None };
    Some(Box::new(wake))
}

impl Silences {
    /// Days of a class that its own share of returns weighs against the org's, days that the prior of the org weighs, and
    /// days that the share of the class weighs against an account's own. Choices.
    const OF_ORG: f64 = 500.0;
    const OF_PRIOR: f64 = 1_000.0;
    const OF_CLASS: f64 = 30.0;

    /// Returns the probability that an active day follows a silence of at least the length of a bound: the account's share
    /// of such days, shrunk to its class and to the org.
    fn chance(&self, own: &OwnSilences, bound: usize, class: UserClass, days: f64) -> f64 {
        let after = |returns: &Returns| returns.after.get(bound).copied().unwrap_or(0.0);
        let all: f64 = self.classes.iter().map(|returns| returns.days).sum();
        let of_all: f64 = self.classes.iter().map(after).sum();
        let of_org = (of_all + prior(bound) * Self::OF_PRIOR) / (all + Self::OF_PRIOR);
        let class = self.classes.get(class as usize).copied().unwrap_or_default();
        let of_class = (after(&class) + of_org * Self::OF_ORG) / (class.days + Self::OF_ORG);
        let of_account = own.after.get(bound).copied().unwrap_or(0).into();
        (of_class * Self::OF_CLASS + of_account) / (days.max(of_account) + Self::OF_CLASS)
    }

    /// Returns the share of returns with as much that is new, shrunk to a choice: people come back with another computer,
    /// or from elsewhere, and seldom both.
    fn novelty(&self, news: usize) -> f64 {
        /// Returns that the choice weighs.
        const WEIGHT: f64 = 8.0;
        const PRIOR: [f64; 4] = [1.0, 0.3, 0.25, 0.1];
        let [prior, returns] = [PRIOR.get(news), self.news.first()].map(|value| value.copied().unwrap_or(1.0));
        let with = self.news.get(news).copied().unwrap_or(0.0);
        (with + prior * WEIGHT) / (returns + WEIGHT)
    }

    /// Learns what is new at a return, beyond what was learned of it before.
    fn learn_news(&mut self, before: usize, after: usize, is_return: bool) {
        let has = |news: usize| [true, news & 1 != 0, news & 2 != 0, news == 3];
        let (had, has) = (if is_return { [false; 4] } else { has(before) }, has(after));
        for (count, (had, has)) in self.news.iter_mut().zip(had.into_iter().zip(has)) {
            *count += f64::from(u8::from(has && !had));
        }
    }
}

impl Returns {
    /// Adds an active day that follows a silence of at least the first `long` lengths. Halves the past when there are many.
    fn add(&mut self, long: usize) {
        /// Active days of a class that are remembered. A choice: 100 days of 1,000 accounts.
        const MEMORY: f64 = 100_000.0;
        self.days += 1.0;
        self.after.iter_mut().take(long).for_each(|count| *count += 1.0);
        if self.days > MEMORY {
            self.days /= 2.0;
            self.after.iter_mut().for_each(|count| *count /= 2.0);
        }
    }
}

/// Returns the probability that an active day of an account of which nothing is known follows a silence of at least so many
/// days: one in 500 for two weeks, and less for longer ones by the power of 1.5. A choice.
fn prior(bound: usize) -> f64 {
    let days = BOUNDS.get(bound).copied().unwrap_or(1);
    0.002 * (14.0 / f64::from(days)).powf(1.5)
}

#[cfg(test)]
mod tests;
